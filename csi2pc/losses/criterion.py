"""A weighted sum of named losses that also tells each term by itself."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import ConfigError
from .apml import apml
from .chamfer import chamfer_l1, chamfer_l2
from .dcd import dcd
from .emd import emd
from .hyper_cd import hyper_cd
from .info_cd import info_cd
from .sinkhorn import sinkhorn
from .sliced_wasserstein import sliced_wasserstein

#: Every loss by its name. All have the signature
#: ``loss(pred, target, pred_mask=None, target_mask=None, *, pred_weights=None, target_weights=None, ...) -> (B,)``.
LOSSES: dict[str, Callable[..., Tensor]] = {
    "apml": apml,
    "chamfer_l1": chamfer_l1,
    "chamfer_l2": chamfer_l2,
    "hyper_cd": hyper_cd,
    "info_cd": info_cd,
    "dcd": dcd,
    "emd": emd,
    "sinkhorn": sinkhorn,
    "sliced_wasserstein": sliced_wasserstein,
}

#: Keyword arguments that belong to a call and are no options of a configuration.
_NOT_OPTIONS = {"pred_weights", "target_weights", "convergence"}


@dataclass(frozen=True)
class TermConfig:
    """One term of a criterion.

    Attributes:
        name: key of :data:`LOSSES`.
        weight: factor in the total, finite and not negative; 0 reports the term without training on it.
        options: keyword arguments of the loss, for example ``{"variant": "official"}``.
    """

    name: str
    weight: float = 1.0
    options: dict[str, Any] = field(default_factory=dict)


class Criterion(nn.Module):
    """Named loss terms, unweighted, and their weighted total.

    Args:
        terms: at least one. A loss that occurs again is called ``name_2``, ``name_3`` and so on.

    Raises:
        ConfigError: no terms, an unknown name, an option or value the loss does not know, or a bad weight.
    """

    def __init__(self, terms: Sequence[TermConfig]) -> None:
        super().__init__()
        if not terms:
            raise ConfigError(f"a criterion needs at least one term; names: {', '.join(LOSSES)}")
        self.terms: dict[str, TermConfig] = {}
        for term in terms:
            _check(term)
            occurrence = 1 + sum(known.name == term.name for known in self.terms.values())
            self.terms[term.name if occurrence == 1 else f"{term.name}_{occurrence}"] = term

    def forward(
        self,
        pred: Tensor,
        target: Tensor,
        pred_mask: Tensor | None = None,
        target_mask: Tensor | None = None,
        *,
        pred_weights: Tensor | None = None,
        target_weights: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Every term, unweighted: name to ``(B,)``; one of weight 0 has no gradient. Arguments as for the losses."""
        values = {}
        for name, term in self.terms.items():
            with torch.set_grad_enabled(torch.is_grad_enabled() and term.weight != 0):
                values[name] = LOSSES[term.name](
                    pred,
                    target,
                    pred_mask,
                    target_mask,
                    pred_weights=pred_weights,
                    target_weights=target_weights,
                    **term.options,
                )
        return values

    def total(self, terms: Mapping[str, Tensor]) -> Tensor:
        """Weighted sum ``(B,)`` of what :meth:`forward` returned; terms of weight 0 stay out, whatever they are."""
        nothing = torch.zeros_like(next(iter(terms.values())))
        return sum((term.weight * terms[name] for name, term in self.terms.items() if term.weight != 0), nothing)

    def extra_repr(self) -> str:
        return " + ".join(f"{term.weight:g} * {name}" for name, term in self.terms.items())


def options_of(name: str) -> dict[str, Any]:
    """Names and defaults of the options that loss ``name`` takes."""
    parameters = inspect.signature(LOSSES[name]).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY and p.name not in _NOT_OPTIONS}


def _check(term: TermConfig) -> None:
    if term.name not in LOSSES:
        raise ConfigError(f"the name of a term must be one of {', '.join(LOSSES)}; got {term.name!r}")
    if not isinstance(term.weight, (int, float)) or not (math.isfinite(term.weight) and term.weight >= 0):
        raise ConfigError(f"the weight of {term.name} must be finite and not negative; got {term.weight!r}")
    allowed = options_of(term.name)
    for option in term.options:
        if option not in allowed:
            raise ConfigError(f"options of {term.name} are {', '.join(allowed) or 'none'}; got {option!r}")
    # Wrong values are told now rather than after an epoch of preparation: a loss checks its options when it is called.
    two_points = torch.eye(3)[None, :2]
    partial(LOSSES[term.name], **term.options)(two_points, two_points)
