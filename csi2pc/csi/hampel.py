"""The Hampel filter: values far from the median of their neighbours in time are replaced by it, and said to be."""

from __future__ import annotations

import numpy as np

from ..errors import ConfigError

#: Median absolute deviation to standard deviation of a normal distribution, 1 / 0.6745.
MAD_TO_SIGMA = 1.4826
#: A deviation below this share of the median is rounding (float32), also where the neighbours are all equal.
ROUNDING = 1e-6
#: With fewer measured values than this around it, an entry is not judged.
FEWEST = 3


def hampel(
    values: np.ndarray, valid: np.ndarray, *, half: int, threshold: float = 3.0
) -> tuple[np.ndarray, np.ndarray]:
    """Replace outliers in time by the median of their window.

    An entry is an outlier if it lies more than ``threshold * 1.4826 * MAD`` off the median of the measured values at
    most ``half`` packets before and after it (itself among them); MAD is the median of their absolute deviations
    from that median (Hampel 1974; Pearson 2002, who takes 3). At the ends the window is what is there of it.

    Args:
        values: real ``(T, ...)``, for example amplitudes; each entry behind the first axis is a series of its own.
        valid: bool ``(T, ...)``; unmeasured entries are neither judged nor used, and stay as they are.
        half: packets on each side, at least 1.
        threshold: in standard deviations, more than 0.

    Returns:
        values, of the same dtype, and valid, in which outliers are no longer measured.

    Raises:
        ConfigError: ``half`` or ``threshold`` is out of range.
    """
    if half < 1 or not threshold > 0:
        raise ConfigError(f"hampel needs half >= 1 and threshold > 0; got {half} and {threshold}: 5 and 3 are usual")
    around = _windows(np.where(valid, values, np.nan), half)  # (2 half + 1, T, ...)
    count = np.isfinite(around).sum(0)  # (T, ...)
    middle = _median(around, count)
    deviation = np.abs(around - middle)
    limit = threshold * MAD_TO_SIGMA * _median(deviation, count)
    limit = np.maximum(limit, ROUNDING * np.abs(middle))
    outlier = valid & (count >= FEWEST) & (deviation[half] > limit)
    return np.where(outlier, middle, values).astype(values.dtype), valid & ~outlier


def _windows(values: np.ndarray, half: int) -> np.ndarray:
    """The values from ``half`` before to ``half`` after each, NaN beyond the ends: ``(2 half + 1, T, ...)``."""
    length = len(values)
    padded = np.full((length + 2 * half, *values.shape[1:]), np.nan, values.dtype)
    padded[half : half + length] = values
    return np.stack([padded[shift : shift + length] for shift in range(2 * half + 1)])


def _median(windows: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Median over the first axis of the ``count`` values that are not NaN (which sort to the end); NaN of none."""
    ordered = np.sort(windows, axis=0)
    low, high = np.maximum(count - 1, 0) // 2, np.minimum(count // 2, len(windows) - 1)
    return 0.5 * (np.take_along_axis(ordered, low[None], 0) + np.take_along_axis(ordered, high[None], 0))[0]
