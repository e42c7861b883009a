"""Low-pass filters in time that leave no delay: local polynomials, and Butterworth forwards and backwards.

Both are linear, so they take real values (amplitudes) and complex ones alike. Complex CSI must repeat from packet to
packet for that, that is, have its phase line taken out: the mean of random phases is 0.
"""

from __future__ import annotations

from math import ceil, log

import numpy as np

from ..errors import ConfigError


def savitzky_golay(values: np.ndarray, valid: np.ndarray, *, window: int = 11, order: int = 2) -> np.ndarray:
    """Each value becomes that of the polynomial through its neighbours in time (Savitzky & Golay 1964).

    The polynomial is fitted by least squares to the measured values of the window, so a missing one only makes the
    fit rest on fewer; at the ends the window is what is there of it. Entries are taken to be equally spaced in time.

    Args:
        values: real or complex ``(T, ...)``; each entry behind the first axis is a series of its own.
        valid: bool ``(T, ...)``; unmeasured entries are not used, and stay as they are. So does a measured one whose
            window has no more measured values than ``order``, too few for a fit.
        window: entries in the window, odd. It may be longer than the series.
        order: of the polynomial, from 0 to ``window - 1``.

    Returns:
        an array of the shape and dtype of ``values``.

    Raises:
        ConfigError: an even window, or an order that it cannot carry.
    """
    check_savitzky_golay(window, order)
    half = window // 2
    wide = np.result_type(values, np.float64)
    powers = (np.arange(-half, half + 1) / max(half, 1))[:, None] ** np.arange(order + 1)  # (W, order + 1)
    centre = np.linalg.pinv(powers)[0]  # (W,) weights of a complete window
    length = len(values)
    padded = np.zeros((length + 2 * half, *values.shape[1:]), wide)
    padded[half : half + length] = np.where(valid, values, 0)
    there = np.zeros(padded.shape, dtype=bool)
    there[half : half + length] = valid
    smooth, count = np.zeros(values.shape, wide), np.zeros(values.shape, dtype=np.int64)
    for shift, weight in enumerate(centre):
        smooth += weight * padded[shift : shift + length]
        count += there[shift : shift + length]
    partly = np.nonzero(valid & (count < window) & (count > order))
    rows = partly[0][:, None] + np.arange(window)  # (E, W)
    rest = tuple(index[:, None] for index in partly[1:])
    smooth[partly] = _fit_at_centre(padded[(rows, *rest)], there[(rows, *rest)], powers)
    return np.where(valid & (count > order), smooth, values).astype(values.dtype)


def check_savitzky_golay(window: int, order: int) -> None:
    """Raise ConfigError for an even window, or an order that it cannot carry."""
    if window < 1 or window % 2 == 0:
        raise ConfigError(f"a Savitzky-Golay window must be odd, to have a middle; got {window}: take {window + 1}")
    if not 0 <= order < window:
        raise ConfigError(f"the Savitzky-Golay order must be 0 to window - 1 = {window - 1}; got {order}: 2 is usual")


def _fit_at_centre(values: np.ndarray, there: np.ndarray, powers: np.ndarray) -> np.ndarray:
    """Value at 0 of the polynomial fitted to what is ``there`` of each row of ``values`` ``(E, W)``."""
    normal = np.einsum("ew,wi,wj->eij", there.astype(np.float64), powers, powers)  # (E, order + 1, order + 1)
    right = np.einsum("ew,wi->ei", values, powers)  # 0 where not there
    return np.linalg.solve(normal, right[..., None])[:, 0, 0]


def butterworth(
    values: np.ndarray, valid: np.ndarray, *, rate: float, cutoff: float, order: int = 4
) -> np.ndarray:
    """Butterworth low-pass, once forwards and once backwards: no delay, twice the attenuation (6 dB at the cut-off).

    A recursive filter cannot leave entries out, so each stretch of measured ones is filtered by itself; resampling
    first bridges short holes. The ends of a stretch are continued by an odd reflection of 3 (order + 1) samples
    (scipy's ``sosfiltfilt``), fewer where it is shorter.

    Args:
        values: real or complex ``(T, ...)``, equally spaced in time, without a gap; each entry behind the first axis
            is a series of its own.
        valid: bool ``(T, ...)``; unmeasured entries stay as they are.
        rate: entries a second.
        cutoff: hertz, more than 0 and less than half the rate.
        order: of one pass, at least 1.

    Returns:
        an array of the shape and dtype of ``values``.

    Raises:
        ConfigError: cut-off or order out of range.
    """
    from scipy.signal import sosfiltfilt  # a slow import, and not needed to read CSI

    sections = _sections(rate, cutoff, order)
    if not values.size:
        return values.copy()
    smooth = values.reshape(len(values), -1).astype(np.result_type(values, np.float64))  # (T, N), a copy
    patterns, pattern = np.unique(valid.reshape(smooth.shape), axis=1, return_inverse=True)
    for number, measured in enumerate(patterns.T):
        series = np.flatnonzero(pattern.reshape(-1) == number)
        edges = np.flatnonzero(np.diff(measured, prepend=False, append=False))
        for start, stop in edges.reshape(-1, 2):
            if stop - start > 1:
                ends = min(3 * (order + 1), stop - start - 1)
                part = smooth[start:stop, series]
                smooth[start:stop, series] = sosfiltfilt(sections, part, axis=0, padlen=ends)
    return smooth.reshape(values.shape).astype(values.dtype)


def check_butterworth(rate: float, cutoff: float, order: int) -> None:
    """Raise ConfigError for a cut-off that is not between 0 and half the rate, or an order below 1."""
    if not 0 < cutoff < rate / 2:
        raise ConfigError(
            f"the Butterworth cut-off must be above 0 and below half the rate, {rate / 2:g} Hz; got {cutoff:g} Hz: "
            "lower it, or raise the rate"
        )
    if order < 1:
        raise ConfigError(f"the Butterworth order must be at least 1; got {order}: 4 is usual")


def butterworth_memory(*, rate: float, cutoff: float, order: int, accuracy: float = 1e-6) -> int:
    """After how many entries what came before has faded to ``accuracy`` of itself: the reach of the filter each way.

    Args, errors: as :func:`butterworth`; ``accuracy`` is about float32's.
    """
    from scipy.signal import sos2zpk

    slowest = np.abs(sos2zpk(_sections(rate, cutoff, order))[1]).max()
    return max(1, ceil(log(accuracy) / log(slowest))) if slowest > 0 else 1


def _sections(rate: float, cutoff: float, order: int) -> np.ndarray:
    from scipy.signal import butter

    check_butterworth(rate, cutoff, order)
    return butter(order, cutoff, fs=rate, output="sos")
