"""APML, the adaptive probabilistic matching loss (Sharifipour et al., NeurIPS 2025, arXiv 2509.08104).

With C the Euclidean distances between N predicted and M target points::

    row softmin      R_ij = softmax_j(-T_i (C_ij - min_j C_ij)),   T_i = ln((M - 1) / (1 - p)) / gap_i
    column softmin   S_ij = the same along i, with N in place of M
    kernel           K    = (R + S) / 2
    plan             P    = diag(u) K diag(v), by Sinkhorn's iteration
    loss                  = sum_ij P_ij C_ij,  in which P carries no gradient

``gap_i`` is how much farther than the nearest the second nearest is, so that the nearest gets a probability of at
least p: no temperature is left to tune.

The default departs from the released code where that code departs from matching (``docs/losses.md`` has the numbers):
distances are exact, ties share, rows and columns of P sum to 1/N and 1/M (so the loss is a mean, in metres), and
Sinkhorn runs until they do, instead of for 20 rounds. R, S and K are in :mod:`csi2pc.losses.apml_kernel`, the iteration
in :mod:`csi2pc.losses.scaling`, and the released code's versions of all of them in
:mod:`csi2pc.losses.apml_published`, which is the shortest to read beside the paper.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import ConfigError
from .apml_implicit import through_plan
from .apml_kernel import DENSE_PAIRS, MatrixKernel, MatrixPlan
from .apml_neighbours import SparsePlan, scale_on_neighbours
from .apml_published import official_plan, sparse_official_plan
from .clouds import PairLoss, check_choice, check_integer, check_range, per_cloud
from .gradient import transport_cost, with_gradient
from .scaling import scale

VARIANTS = ("default", "official", "sparse_official")
PATHS = ("auto", "dense", "blocked", "sparse")

#: Constant, so that Python's default filter shows it once for a line of a program and not once for a step of training.
MISSED = (
    "a plan of apml misses its marginals by more than the tolerance: pass a list as convergence to see by how much; "
    "a larger max_rounds, or path='blocked' for large clouds, brings it nearer"
)


@dataclass(frozen=True)
class Convergence:
    """How far the plan of one pair of clouds got.

    Attributes:
        error: largest relative error of a row or column sum.
        rounds: rounds of scaling (of the last widening, on the sparse path).
        path: ``"dense"``, ``"blocked"`` or ``"sparse"``.
        neighbours: on the sparse path, how many of each point were held in the end; 0: all pairs.
    """

    error: float
    rounds: int
    path: str
    neighbours: int = 0


def apml(
    pred: Tensor,
    target: Tensor,
    pred_mask: Tensor | None = None,
    target_mask: Tensor | None = None,
    *,
    variant: str = "default",
    p_min: float = 0.8,
    tolerance: float = 0.02,
    max_rounds: int = 1000,
    path: str = "auto",
    neighbours: int = 8,
    threshold: float = 1e-10,
    detach_plan: bool = True,
    pred_weights: Tensor | None = None,
    target_weights: Tensor | None = None,
    convergence: list[Convergence] | None = None,
) -> Tensor:
    """APML of every pair of a batch.

    Args:
        pred, target: ``(B, N, 3)``, ``(B, M, 3)`` metres.
        pred_mask, target_mask: bool ``(B, N)``, ``(B, M)``, True where a point is real.
        variant: ``"default"`` as above. ``"official"``: the released dense code, and ``"sparse_official"``: the
            released CUDA code, each before what it does to the batch (mean and sum): a sum over the M target points.
        p_min: probability of the nearest point before scaling, in (0, 1). 0.8 is the paper's.
        tolerance: largest relative error of a row or column sum of the default's plan. Where it is not met, on any
            path, a UserWarning says so; ``convergence`` tells what was reached.
        max_rounds: rounds after which the default's plan is taken as it is.
        path: of the default. ``"dense"`` keeps N x M matrices, ``"blocked"`` recomputes them in row blocks and equals
            dense, ``"sparse"`` holds near neighbours alone; ``"auto"``: dense up to 4096 x 4096, else sparse.
        neighbours: on the sparse path, how many of each point are held at first; points that coincide count as one. Far
            pairs are added and the number doubles until the marginals are met, or until all pairs (up to 4096 x 4096)
            or 32 neighbours (above) are held.
        threshold: ``sparse_official``: similarities up to this are dropped; 1e-10 is the released wrapper's.
        detach_plan: of the default. False differentiates through the converged plan as well, exactly (dense only);
            the value is the same.
        pred_weights, target_weights: non-negative ``(B, N)``, ``(B, M)``: the default's marginals, instead of uniform.
        convergence: a list to which the default adds one :class:`Convergence` a pair.

    Returns:
        ``(B,)``, not negative. One point on a side is matched with everything. At equality it is not 0 but small,
        since up to 1 - p of a point's mass goes to its neighbours; ``docs/losses.md`` has the number.

    Raises:
        ShapeError, DataError: as :func:`csi2pc.losses.clouds.per_cloud`.
        ConfigError: an option outside its range, or options that do not go with the variant.
    """
    _check_options(variant, p_min, tolerance, max_rounds, path, neighbours, threshold)
    if variant != "default" and (pred_weights is not None or target_weights is not None):
        raise ConfigError(f"variant {variant!r} knows no weights: leave them out, or take variant 'default'")
    if variant != "default" and (path != "auto" or not detach_plan):
        raise ConfigError(f"variant {variant!r} is dense with a detached plan: leave out path and detach_plan")
    if not detach_plan and path not in ("auto", "dense"):
        raise ConfigError(f"differentiating through the plan needs the dense path; got path={path!r}")

    reached: list[Convergence] = []
    if variant == "default":
        pair = _default(p_min, tolerance, max_rounds, path, neighbours, detach_plan, reached)
    else:
        pair = _published(variant, p_min, threshold)
    losses = per_cloud(
        pair, pred, target, pred_mask, target_mask, pred_weights=pred_weights, target_weights=target_weights
    )
    if any(plan.error > tolerance for plan in reached):
        warnings.warn(MISSED, stacklevel=2)
    if convergence is not None:
        convergence.extend(reached)
    return losses


def _default(
    p_min: float,
    tolerance: float,
    max_rounds: int,
    path: str,
    neighbours: int,
    detach_plan: bool,
    reached: list[Convergence],
) -> PairLoss:
    through = not detach_plan and torch.is_grad_enabled()

    def pair(x: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Tensor:
        with torch.no_grad():
            centre = y.mean(0)  # far from the origin the gradient, a difference of products, would lose digits
            plan, convergence = converged_plan(x - centre, y - centre, a, b)
            reached.append(convergence)
            if not through:
                loss, x_gradient, y_gradient = plan.transport()
        return through_plan(x, y, plan, p_min) if through else with_gradient(loss, (x, x_gradient), (y, y_gradient))

    def converged_plan(x: Tensor, y: Tensor, a: Tensor, b: Tensor) -> tuple[MatrixPlan | SparsePlan, Convergence]:
        large = len(x) * len(y) > DENSE_PAIRS and detach_plan
        chosen = ("sparse" if large else "dense") if path == "auto" else path
        if chosen == "sparse":
            plan, scaling, held = scale_on_neighbours(
                x, y, a, b, p_min=p_min, neighbours=neighbours, tolerance=tolerance, max_rounds=max_rounds
            )
            return plan, Convergence(scaling.error, scaling.rounds, chosen, held)
        kernel = MatrixKernel(x, y, p_min, keep=chosen == "dense")
        scaling = scale(kernel, a, b, tolerance=tolerance, max_rounds=max_rounds)
        return kernel.plan(scaling.f, scaling.g), Convergence(scaling.error, scaling.rounds, chosen)

    return pair


def _published(variant: str, p_min: float, threshold: float) -> PairLoss:
    def pair(x: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Tensor:
        with torch.no_grad():
            if variant == "official":
                cost, plan = official_plan(x, y, p_min)
            else:
                cost, plan = sparse_official_plan(x, y, p_min, threshold)
            result = transport_cost(x.float(), y.float(), cost, plan)
            loss, x_gradient, y_gradient = (values.to(x.dtype) for values in result)
        return with_gradient(loss, (x, x_gradient), (y, y_gradient))

    return pair


def _check_options(
    variant: str, p_min: float, tolerance: float, max_rounds: int, path: str, neighbours: int, threshold: float
) -> None:
    check_choice("variant", variant, VARIANTS)
    check_choice("path", path, PATHS)
    check_range("p_min", p_min, 0, 1)
    check_range("tolerance", tolerance, 0)
    check_integer("max_rounds", max_rounds, 1)
    check_integer("neighbours", neighbours, 2)
    check_range("threshold", threshold, 0, 1, ends="[)")
