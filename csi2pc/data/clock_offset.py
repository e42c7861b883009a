"""A constant offset between two clocks, found where two curves of motion agree best, and how far to believe it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import DataError
from .motion_energy import Energy, ranks

#: Seconds: the step of the common clock, and the time over which curves are averaged around each step, about as long as
#: a movement takes to begin or end.
STEP, SMOOTH = 0.1, 0.6
#: Share of the shorter curve that must overlap with the other at an offset that is considered.
OVERLAP = 0.5
#: Steps at least: fewer pairs of values agree by chance.
FEWEST = 30
#: Seconds around the peak that belong to it: a person's movements last about as long.
LOBE = 2.0
#: What makes an offset trustworthy: the peak's height, the second peak over it, and its height above the correlations
#: at all other offsets, in their standard deviations; and seconds of overlap, since in a shorter time more curves agree
#: by chance. Of 400 pairs of unrelated curves none passed (benchmarks/clock_offsets.py --pairs 100).
PEAK, SECOND, SIGMA, LONG = 0.3, 0.6, 4.5, 25.0


@dataclass(frozen=True)
class OffsetEstimate:
    """An estimate of how much one clock is behind another.

    Attributes:
        offset: seconds to add to the second curve's times.
        peak: rank correlation of the curves there, -1 to 1.
        second: the highest correlation farther than :data:`LOBE` from it.
        sigma: how far the peak stands above the correlations at all other offsets, that is, after shifting one curve
            against the other by as much, in their standard deviations.
        overlap: seconds that the curves have in common there.
    """

    offset: float
    peak: float
    second: float
    sigma: float
    overlap: float

    @property
    def confident(self) -> bool:
        """Whether the peak stands out: see :data:`PEAK`, :data:`SECOND`, :data:`SIGMA` and :data:`LONG`."""
        stands_out = self.peak >= PEAK and self.second <= SECOND * self.peak and self.sigma >= SIGMA
        return stands_out and self.overlap >= LONG


def estimate_offset(reference: Energy, other: Energy) -> OffsetEstimate:
    """Find the constant offset by which ``other``'s clock has to be moved to agree with ``reference``.

    Both curves are averaged at equal steps and brought to ranks, since CSI and clouds measure motion in different
    ways that only grow together. Their correlation is taken at every offset at which half of the shorter one
    overlaps. It is weighted by the square root of the overlap, since with fewer values more agree by chance. A
    parabola through the peak gives the fraction of a step.

    Args:
        reference, other: the curves.

    Raises:
        DataError: they are too short, or one does not change at all.
    """
    (start, one), (begin, two) = (_even(energy) for energy in (reference, other))
    measured = min(np.isfinite(one).sum(), np.isfinite(two).sum())
    if measured < FEWEST:
        raise DataError(f"too little to compare: {measured} steps of {STEP:g} s, at least {FEWEST} are needed")
    correlation, count = _correlations(one, two)  # at lags -(len(two) - 1) .. len(one) - 1
    usable = (count >= max(FEWEST, OVERLAP * measured)) & np.isfinite(correlation)
    if not usable.any():
        raise DataError("the curves never overlap by half, or one of them does not change")
    score = np.where(usable, correlation * np.sqrt(count / count.max()), -np.inf)
    best = int(score.argmax())
    lags = np.arange(len(score)) - (len(two) - 1)
    elsewhere = usable & (np.abs(lags - lags[best]) * STEP > LOBE)
    rest = score[elsewhere]
    if len(rest) < FEWEST:
        raise DataError(f"too short to see whether another offset would do: nearly all is within {LOBE:g} s")
    spread = float(rest.std())
    return OffsetEstimate(
        offset=float(start - begin + (lags[best] + _vertex(score, best)) * STEP),
        peak=float(correlation[best]),
        second=float(rest.max()),
        sigma=float((score[best] - rest.mean()) / spread) if spread > 0 else 0.0,
        overlap=float(count[best] * STEP),
    )


def _even(energy: Energy) -> tuple[float, np.ndarray]:
    """The first time, and ranks at equal steps from there on; NaN where nothing was measured around."""
    if not len(energy.times):
        return 0.0, np.empty(0)
    times = np.arange(energy.times[0], energy.times[-1] + STEP / 2, STEP)
    sums = np.r_[0.0, np.cumsum(energy.values)]
    first, last = (np.searchsorted(energy.times, times + shift) for shift in (-SMOOTH / 2, SMOOTH / 2))
    some = last > first
    values = np.full(len(times), np.nan)
    values[some] = ranks((sums[last] - sums[first])[some] / (last - first)[some])
    return float(energy.times[0]), values


def _correlations(one: np.ndarray, two: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pearson's correlation of the steps that both have, and their number, for every lag of ``two`` against ``one``."""
    from scipy.signal import fftconvolve

    here, there = np.isfinite(one), np.isfinite(two)
    x, y = np.where(here, one - 0.5, 0.0), np.where(there, two - 0.5, 0.0)

    def at_lags(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return fftconvolve(a.astype(np.float64), b[::-1].astype(np.float64))

    count = np.rint(at_lags(here, there))
    some = np.maximum(count, 1)
    mean_x, mean_y = at_lags(x, there) / some, at_lags(here, y) / some
    spread = (at_lags(x * x, there) / some - mean_x**2) * (at_lags(here, y * y) / some - mean_y**2)
    covariance = at_lags(x, y) / some - mean_x * mean_y
    return np.where(spread > 1e-12, covariance / np.sqrt(np.maximum(spread, 1e-12)), np.nan), count


def _vertex(score: np.ndarray, best: int) -> float:
    """Where between the neighbours of the highest value a parabola has its vertex, -0.5 to 0.5."""
    if not 0 < best < len(score) - 1 or not np.isfinite(score[best - 1 : best + 2]).all():
        return 0.0
    left, here, right = score[best - 1 : best + 2]
    curvature = left - 2 * here + right
    return float(np.clip(0.5 * (left - right) / curvature, -0.5, 0.5)) if curvature < 0 else 0.0
