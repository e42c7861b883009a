"""Intervals for means over two crossed axes of chance: which groups of frames were tested, and the seed of a training.

Groups are sequences or subjects, and there are many: how much a mean owes to them is found by drawing them with
repetition (the bootstrap; frames are never drawn, since neighbouring frames of a sequence are nearly the same picture).
Seeds are few, often three, and no drawing among three numbers tells how far a fourth may lie: how much a mean owes to
its seeds is taken from the spread of the seeds' own means. Each axis alone has an interval by Student's distribution
with its own degrees of freedom, and the squares of the two half widths add up (Zou and Donner, "Construction of
confidence limits about effect measures: a general approach", Statistics in Medicine 2008). Where seeds decide, this is
the t test over seeds. What a seed does to single groups is counted in both axes, so that intervals are rather too wide
than too narrow.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from scipy.stats import t as student

from ..errors import ShapeError
from .statistics import check_draws, or_none, skill_and_difference


@dataclass(frozen=True)
class Estimate:
    """A number with its interval and what it stands on.

    Attributes:
        value: None where no frame has all its values, or where a skill has a baseline without error.
        low, high: interval; None where ``value`` is, and with fewer than two groups. With one seed it does not hold
            what the seed of a training does.
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
        DataError: more draws than :func:`csi2pc.evaluation.statistics.check_draws` allows.
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

    def statistic(first: np.ndarray, second: np.ndarray, count: np.ndarray) -> np.ndarray:
        return skill_and_difference(np.stack([first, second]), count)[0 if of == "skill" else 1]

    value = statistic(own.mean(axis=0).sum(), others.mean(axis=0).sum(), counts.sum())
    low = high = None
    if groups > 1 and math.isfinite(value):
        of_seeds = statistic(own.sum(axis=1), np.broadcast_to(others.sum(axis=1), (seeds,)), counts.sum())  # (S,)
        drawn = _draws(groups, resamples, seed)  # (R, G)
        of_groups = statistic(drawn @ own.mean(axis=0), drawn @ others.mean(axis=0), drawn @ counts)  # (R,)
        half = _half_width(of_seeds, of_groups, groups, confidence)
        low, high = or_none(value - half), or_none(value + half)
    return Estimate(or_none(value), low, high, int(shared.sum()), groups, seeds)


def _half_width(of_seeds: np.ndarray, of_groups: np.ndarray, groups: int, confidence: float) -> float:
    """Half of the interval, from the value of each seed ``(S,)`` and of each draw of the groups ``(R,)``."""
    seeds = len(of_seeds)
    share = (1 + confidence) / 2
    by_groups = float(of_groups.var()) * groups / (groups - 1)  # draws of G groups vary by (G - 1) / G too little
    squared = student.ppf(share, groups - 1) ** 2 * by_groups
    if seeds > 1:
        squared += student.ppf(share, seeds - 1) ** 2 * float(of_seeds.var(ddof=1)) / seeds
    return math.sqrt(squared)


@lru_cache(maxsize=2)
def _draws(groups: int, resamples: int, seed: int) -> np.ndarray:
    """How often each group is drawn, float64 ``(R, G)``: the same for every metric."""
    check_draws(groups, resamples)
    drawn = np.random.default_rng(seed).multinomial(groups, np.full(groups, 1 / groups), size=resamples)
    return drawn.astype(np.float64)


def _sums(values: np.ndarray, group: np.ndarray, groups: int) -> np.ndarray:
    return np.stack([np.bincount(group, weights=row, minlength=groups) for row in values])
