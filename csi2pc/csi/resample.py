"""From packets as they came to equally spaced instants; gaps stay gaps."""

from __future__ import annotations

import numpy as np

from ..errors import ConfigError, ShapeError
from .repair import measured_around

#: Seconds by which rounding may part an instant from a packet (receivers' clocks tick in microseconds).
ROUNDING = 1e-6


def gapless_runs(timestamps: np.ndarray, *, max_gap: float) -> list[slice]:
    """The stretches of packets between which no two are more than ``max_gap`` seconds apart.

    Args:
        timestamps: float ``(T,)`` seconds, not decreasing.
        max_gap: seconds, more than 0.

    Returns:
        slices that together cover all packets in order; none for no packets.

    Raises:
        ConfigError: ``max_gap`` is not positive.
    """
    if not max_gap > 0:
        raise ConfigError(f"max_gap must be more than 0 seconds; got {max_gap}: 0.1 is the default of preparing")
    if not len(timestamps):
        return []
    breaks = np.flatnonzero(np.diff(timestamps) > max_gap + ROUNDING) + 1
    edges = [0, *breaks.tolist(), len(timestamps)]
    return [slice(start, stop) for start, stop in zip(edges[:-1], edges[1:], strict=True)]


def uniform_instants(timestamps: np.ndarray, *, rate: float, max_gap: float) -> np.ndarray:
    """The instants ``(k + 1/2) / rate``, k an integer, that lie within a gapless run of packets.

    They hang on the clock's zero and not on the first packet, so that blocks of one capture share them. On MM-Fi's
    nominal clock at 100 Hz they are its packets.

    Args:
        timestamps: float ``(T,)`` seconds, not decreasing.
        rate: instants a second, more than 0.
        max_gap: as :func:`gapless_runs`.

    Returns:
        float64, increasing: never more than ``rate * max_gap + 1`` an interval between packets.

    Raises:
        ConfigError: rate or max_gap is not positive.
    """
    if not 0 < rate < float("inf"):
        raise ConfigError(f"rate must be more than 0 instants a second; got {rate}: 100 is usual")
    runs = gapless_runs(np.asarray(timestamps, dtype=np.float64), max_gap=max_gap)
    if not runs:
        return np.empty(0)
    first = timestamps[[run.start for run in runs]]
    last = timestamps[[run.stop - 1 for run in runs]]
    lowest = np.ceil((first - ROUNDING) * rate - 0.5)
    count = np.maximum(np.floor((last + ROUNDING) * rate - 0.5) - lowest + 1, 0).astype(np.int64)
    within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    instants = (np.repeat(lowest, count) + within + 0.5) / rate
    return instants.clip(np.repeat(first, count), np.repeat(last, count))


def resample(
    values: np.ndarray, valid: np.ndarray, timestamps: np.ndarray, instants: np.ndarray, *, max_gap: float
) -> tuple[np.ndarray, np.ndarray]:
    """Values at given instants, linear in time between the measured entries before and after.

    Each entry behind the first axis is a series of its own: where a packet did not measure it, the next ones that
    did are taken, if they are no more than ``max_gap`` apart. There is no protection against aliasing: choose a rate
    not below the packets'.

    Args:
        values: real or complex ``(T, ...)``; complex CSI with its phase line taken out, else packets do not compare.
        valid: bool ``(T, ...)``; unmeasured entries are not used.
        timestamps: float ``(T,)`` seconds, not decreasing.
        instants: float ``(F,)`` seconds.
        max_gap: seconds, more than 0.

    Returns:
        values ``(F, ...)`` of the same dtype and valid ``(F, ...)``: 0 and not valid before the first, after the
        last, and within a gap of the series. An instant at which a packet was measured keeps its value.

    Raises:
        ShapeError: ``timestamps`` are not one a packet, or decrease.
        ConfigError: max_gap is not positive.
    """
    if timestamps.shape != values.shape[:1] or np.any(np.diff(timestamps) < 0):
        raise ShapeError(
            f"timestamps must be ({len(values)},), one a packet, not decreasing; got shape {timestamps.shape}"
        )
    if not max_gap > 0:
        raise ConfigError(f"max_gap must be more than 0 seconds; got {max_gap}: 0.1 is the default of preparing")
    shape = (len(instants), *values.shape[1:])
    if not len(values):
        return np.zeros(shape, values.dtype), np.zeros(shape, bool)
    flat, there = values.reshape(len(values), -1), valid.reshape(len(values), -1)  # (T, N)
    before, after = _around(there, timestamps, instants)  # (F, N) or (F, 1)
    exists = (before >= 0) & (after < len(values))
    before, after = np.where(exists, before, 0), np.where(exists, after, 0)
    interval = timestamps[after] - timestamps[before]
    measured = np.broadcast_to(exists & (interval <= max_gap + ROUNDING), (len(instants), flat.shape[1]))
    share = (instants[:, None] - timestamps[before]) / np.where(interval > 0, interval, 1.0)
    share = np.where(interval > 0, share, 0.0)
    series = np.arange(flat.shape[1])
    between = (1 - share) * flat[before, series] + share * flat[after, series]
    return np.where(measured, between, 0).astype(values.dtype).reshape(shape), measured.reshape(shape)


def _around(there: np.ndarray, timestamps: np.ndarray, instants: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Measured packets at or before (-1: none) and at or after (T: none) each instant, series by series."""
    before = np.searchsorted(timestamps, instants, side="right") - 1  # (F,)
    after = np.searchsorted(timestamps, instants, side="left")
    if there.all():
        return before[:, None], after[:, None]
    earlier, later = (np.moveaxis(at, -1, 0) for at in measured_around(np.moveaxis(there, 0, -1)))  # (T, N)
    length = len(timestamps)
    earlier = np.where(before[:, None] >= 0, earlier[before.clip(0)], -1)
    later = np.where(after[:, None] < length, later[after.clip(0, length - 1)], length)
    return earlier, later
