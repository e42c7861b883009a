"""Intervals for means over two crossed axes of chance: which groups of frames were tested, and the seed of a training.

Both axes are resampled, each on its own and as a whole (the pigeonhole bootstrap of Owen, "The pigeonhole bootstrap",
Annals of Applied Statistics 2007, which is conservative for such means). Groups are sequences or subjects; frames are
never resampled, since neighbouring frames of a sequence are nearly the same picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from ..errors import ShapeError
from .statistics import interval, or_none, skill_and_difference


@dataclass(frozen=True)
class Estimate:
    """A number with its interval and what it stands on.

    Attributes:
        value: None where no frame has all its values, or where a skill has a baseline without error.
        low, high: percentile interval; None where ``value`` is, and with fewer than two groups.
        frames, groups, seeds: how many of each.
    """

    value: float | None
    low: float | None
    high: float | None
    frames: int
    groups: int
    seeds: int


def crossed_estimate(
    errors: np.ndarray,
    other: np.ndarray,
    group: np.ndarray,
    *,
    of: Literal["skill", "difference"],
    resamples: int,
    confidence: float,
    seed: int,
) -> Estimate:
    """``1 - E(errors) / E(other)`` or ``E(errors) - E(other)``, E being the mean over seeds and frames.

    A frame counts where it has a value for every seed of both sides, so that each seed and side stands on the same
    frames.

    Args:
        errors: float ``(S, F)``, one row a seed, lower is better; NaN where there is no value.
        other: float ``(S, F)``, the same seeds in the same order, or ``(1, F)`` for something without a seed.
        group: int ``(F,)``, which sequence or subject each frame belongs to.
        of: which of the two.
        resamples, confidence, seed: of the interval.

    Raises:
        ShapeError: the shapes do not belong together.
    """
    seeds, frames = errors.shape
    if other.shape not in ((seeds, frames), (1, frames)) or group.shape != (frames,):
        raise ShapeError(
            f"errors (seeds, frames), other (seeds or 1, frames) and group (frames,) must belong together; got "
            f"{errors.shape}, {other.shape}, {group.shape}"
        )
    shared = ~(np.isnan(errors).any(axis=0) | np.isnan(other).any(axis=0))  # (F,)
    _, group = np.unique(group[shared], return_inverse=True)
    groups = int(group.max()) + 1 if len(group) else 0
    counts = np.bincount(group, minlength=groups)  # (G,)
    own, others = (_sums(values[:, shared], group, groups) for values in (errors, other))  # (S, G), (S or 1, G)
    which = 0 if of == "skill" else 1
    value = skill_and_difference(np.stack([own.mean(0).sum(), others.mean(0).sum()]), counts.sum())[which]
    low = high = None
    if groups > 1:
        of_groups, of_seeds = _draws(groups, seeds, resamples, seed)  # (R, G), (R, S)
        drawn = [np.einsum("rg,rg->r", _weighted(of_seeds, values), of_groups) for values in (own, others)]  # (R,) each
        low, high = interval(skill_and_difference(np.stack(drawn), of_groups @ counts)[which], confidence)
    return Estimate(or_none(value), low, high, int(shared.sum()), groups, seeds)


@lru_cache(maxsize=2)
def _draws(groups: int, seeds: int, resamples: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """How often each group is drawn ``(R, G)``, and the weight of each seed ``(R, S)``: the same for every metric."""
    rng = np.random.default_rng(seed)
    of_groups = rng.multinomial(groups, np.full(groups, 1 / groups), size=resamples).astype(np.float64)
    of_seeds = rng.multinomial(seeds, np.full(seeds, 1 / seeds), size=resamples) / seeds
    return of_groups, of_seeds


def _sums(values: np.ndarray, group: np.ndarray, groups: int) -> np.ndarray:
    return np.stack([np.bincount(group, weights=row, minlength=groups) for row in values])


def _weighted(of_seeds: np.ndarray, sums: np.ndarray) -> np.ndarray:
    """Sums of the drawn seeds' mean ``(R, G)``; something without a seed is the same in every draw."""
    return of_seeds @ sums if len(sums) > 1 else np.broadcast_to(sums, (len(of_seeds), sums.shape[1]))
