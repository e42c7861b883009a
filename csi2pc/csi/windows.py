"""Windows of packets on the target's clock, and a clock of their own where there is no target."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..errors import ConfigError, ShapeError
from ..types import Capture, Report
from .features import CHANNELS, channels
from .prepare_config import PrepareConfig
from .repair import nearest_measured
from .resample import ROUNDING

#: Packets whose interval says how far before the first packet the first window starts: as many as a live stream,
#: whose windows must be the same, can wait for.
BEGINNING = 64


@dataclass(frozen=True, eq=False)
class Windows:
    """Windows cut from one capture.

    Attributes:
        features: float32 ``(K, A, S, C, T)``, what the model reads.
        valid: bool ``(K, A, S, T)``: which entries were measured in their own slot.
        kept: int64 ``(K,)``, increasing: which of the requested times the windows belong to.
        report: windows cut, and those rejected with the reason.
    """

    features: np.ndarray
    valid: np.ndarray
    kept: np.ndarray
    report: Report = field(default_factory=Report)

    def __len__(self) -> int:
        return len(self.kept)


def windows_at(capture: Capture, times: np.ndarray, config: PrepareConfig) -> Windows:
    """Cut one window around each time.

    The window at ``t`` covers ``t - duration / 2`` to ``t + duration / 2`` with ``config.window`` equally spaced slot
    instants. A slot takes the packet nearest to its instant, at most ``config.tolerance`` slots away; without one it
    is not measured, and its value is that of the nearest measured slot of the window (the earlier of two). The same
    holds link by link where a packet measured nothing usable on a link.

    Args:
        capture: prepared by :func:`csi2pc.csi.prepare.prepare` under the same ``config``.
        times: float ``(F,)``, seconds on the clock of the capture: centres of the windows, in any order.
        config: window, duration, tolerance, channels, max_unmeasured.

    Returns:
        The ``K <= F`` windows that are measured well enough; the others are listed in the report.

    Raises:
        ShapeError: ``times`` is not one-dimensional or not finite.
    """
    times = np.asarray(times, dtype=np.float64)
    if times.ndim != 1 or not np.isfinite(times).all():
        raise ShapeError(f"times must be a 1-d array of finite seconds; got shape {times.shape}: drop NaN and inf")
    _, links, tones = capture.csi.shape
    report = Report()
    if len(capture):
        packet, near = _nearest_packets(capture.timestamps, _slots(times, config), config)  # (F, T)
        measured = near[..., None] & _usable_links(capture)[packet]  # (F, T, A)
        share = _measured_share(capture, packet, measured)
    else:
        share = np.zeros(len(times))
    good = share >= max(1 - config.max_unmeasured - 1e-9, np.finfo(float).tiny)
    for time in times[~good]:
        where = f"{capture.source or 'capture'} window at {time:.3f} s"
        report.skip(where, f"more than {config.max_unmeasured:.0%} of the window unmeasured")
    kept = np.flatnonzero(good)
    report.read = len(kept)
    if not len(kept):
        shape = (0, links, tones, CHANNELS[config.channels], config.window)
        return Windows(np.empty(shape, np.float32), np.empty((0, links, tones, config.window), bool), kept, report)
    features, valid = _gather(capture, packet[kept], measured[kept], config)
    return Windows(features, valid, kept, report)


def clock(capture: Capture, *, rate: float) -> np.ndarray:
    """Centres of consecutive windows over the whole capture, for inference, where no target gives the times.

    The first window starts half a packet interval (the median of the first :data:`BEGINNING` packets) before the
    first packet, so that on a nominal clock windows and frames coincide.

    Args:
        capture: any capture, prepared or not.
        rate: windows a second, more than 0.

    Returns:
        float64 ``(F,)`` seconds; a capture shorter than one window still gives one, an empty one none.

    Raises:
        ConfigError: ``rate`` is not positive.
    """
    if not 0 < rate < float("inf"):
        raise ConfigError(f"rate must be more than 0 windows a second; got {rate}: MM-Fi's targets come at 10")
    if not len(capture):
        return np.empty(0)
    start, half = clock_start(capture.timestamps)
    count = max(1, clock_count(start, float(capture.timestamps[-1]) + half, rate))
    return start + (np.arange(count) + 0.5) / rate


def clock_start(timestamps: np.ndarray) -> tuple[float, float]:
    """When the first window of :func:`clock` begins, and half a packet interval, in seconds.

    Args:
        timestamps: float ``(T,)`` seconds of a capture's first packets, at least one; those behind the first
            :data:`BEGINNING` do not count.
    """
    intervals = np.diff(timestamps[:BEGINNING])
    half = 0.5 * float(np.median(intervals)) if len(intervals) else 0.0
    return float(timestamps[0]) - half, half


def clock_count(start: float, end: float, rate: float) -> int:
    """How many whole windows, ``rate`` a second, there are from ``start`` to ``end`` (seconds)."""
    return int(np.floor((end - start) * rate + 1e-6))


def _slots(times: np.ndarray, config: PrepareConfig) -> np.ndarray:
    offsets = ((np.arange(config.window) + 0.5) / config.window - 0.5) * config.duration
    return times[:, None] + offsets  # (F, T)


def _nearest_packets(
    timestamps: np.ndarray, slots: np.ndarray, config: PrepareConfig
) -> tuple[np.ndarray, np.ndarray]:
    """The packet nearest to each slot (the earlier of two), and whether it is near enough; both ``slots.shape``."""
    after = np.searchsorted(timestamps, slots).clip(0, len(timestamps) - 1)
    before = (after - 1).clip(0)
    packet = np.where(np.abs(slots - timestamps[before]) <= np.abs(slots - timestamps[after]), before, after)
    limit = config.tolerance * config.duration / config.window + ROUNDING
    return packet, np.abs(slots - timestamps[packet]) <= limit


def _usable_links(capture: Capture) -> np.ndarray:
    """bool ``(packets, A)``: the link measured something, and no unmeasured tone was left unrepaired."""
    left_open = (~capture.valid & (capture.csi == 0)).any(-1)
    return capture.valid.any(-1) & ~left_open


def _measured_share(capture: Capture, packet: np.ndarray, measured: np.ndarray) -> np.ndarray:
    tones = capture.valid.sum(-1)  # (packets, A)
    return (tones[packet] * measured).sum((1, 2)) / (packet.shape[1] * capture.valid[0].size)  # (F,)


def _gather(
    capture: Capture, packet: np.ndarray, measured: np.ndarray, config: PrepareConfig
) -> tuple[np.ndarray, np.ndarray]:
    earlier, later = nearest_measured(np.moveaxis(measured, 1, -1))  # (K, A, T) each
    slot = np.arange(config.window)
    nearest = np.where(np.abs(slot - earlier) <= np.abs(later - slot), earlier, later)  # (K, A, T)
    chosen = np.take_along_axis(packet[:, None, :], nearest, axis=-1)  # (K, A, T)
    link = np.arange(measured.shape[-1])[:, None]
    values = capture.csi[chosen, link]  # (K, A, T, S)
    values *= measured.any(1)[:, :, None, None]
    valid = capture.valid[chosen, link] & np.moveaxis(measured, 1, -1)[..., None]  # (K, A, T, S)
    features = np.transpose(channels(values, config.channels), (1, 2, 4, 0, 3))  # (C, K, A, T, S) -> (K, A, S, C, T)
    return np.ascontiguousarray(features), np.ascontiguousarray(np.swapaxes(valid, -1, -2))
