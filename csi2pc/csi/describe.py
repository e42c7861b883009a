"""What a capture is, in numbers: for people (``csi2pc inspect``), for programs (JSON) and for figures."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..types import Capture
from .layouts import describe_indices
from .phase import sanitise

#: A gap is an interval longer than this many times the median one.
GAP = 5.0
#: Packets turned at a time, so that memory does not grow with the capture.
BLOCK = 4096
#: Amplitudes are described from this many packets at most, spread evenly.
SAMPLED = 2000


def describe(capture: Capture) -> dict[str, Any]:
    """Everything about a capture that fits on a page; JSON can hold it, None stands for what is not known.

    Returns:
        ``device``, ``source``, ``synthetic``, ``timing``, ``packets``, ``rx``, ``tx``, ``links``; ``subcarriers``
        (``count``, ``indices`` as text); ``center_frequency_hz``, ``bandwidth_hz``, ``channel`` (as recorded, where
        it is the same in all packets); ``time`` (see :func:`describe_times`); ``measured`` (share of entries);
        ``rssi_dbm``, ``noise_floor_dbm``, ``agc_db``, ``rssi_antennas`` (each ``lowest``, ``median``, ``highest``,
        and the share of packets that have one); ``amplitude`` (quantiles 5, 50 and 95 % of measured entries, linear,
        in the unit of the device, over :data:`SAMPLED` packets at most); ``phase_spread_rad`` (see
        :func:`phase_spread`); ``fields`` (names); ``read``, ``skipped`` (count by reason), ``notes``.
    """
    return {
        "device": capture.device,
        "source": capture.source,
        "synthetic": capture.synthetic,
        "timing": capture.timing,
        "packets": len(capture),
        "rx": capture.rx,
        "tx": capture.tx,
        "links": capture.rx * capture.tx,
        "subcarriers": {"count": len(capture.subcarriers), "indices": describe_indices(capture.subcarriers)},
        "center_frequency_hz": _number(capture.center_frequency),
        "bandwidth_hz": _number(capture.bandwidth),
        "channel": _constant(capture.fields.get("channel")),
        "time": describe_times(capture.timestamps),
        "measured": _number(capture.valid.mean()) if capture.valid.size else None,
        "rssi_dbm": _range(capture.rssi),
        "noise_floor_dbm": _range(capture.noise_floor),
        "agc_db": _range(capture.agc),
        "rssi_antennas": _range(capture.rssi_antennas),
        "amplitude": _amplitudes(capture),
        "phase_spread_rad": phase_spread(capture),
        "fields": sorted(capture.fields),
        "read": capture.report.read,
        "skipped": capture.report.counts,
        "notes": list(capture.report.notes),
    }


def describe_times(timestamps: np.ndarray) -> dict[str, Any]:
    """When packets came.

    Args:
        timestamps: float64 ``(T,)`` seconds, not decreasing.

    Returns:
        ``first_s``, ``duration_s``; ``mean_rate_hz``, over all of it; ``rate_hz``, one over the median interval (equal
        times left out); ``interval_s`` with its quantiles ``p5``, ``median``, ``p95``; ``gaps``: ``count``,
        ``longest_s``, ``limit_s``.
    """
    steps = np.diff(timestamps)
    limit, starts, ends = gaps(timestamps)
    low, middle, high = np.quantile(steps, [0.05, 0.5, 0.95]) if len(steps) else (None, None, None)
    duration = float(timestamps[-1] - timestamps[0]) if len(timestamps) else 0.0
    longest = _number(max(ends - starts, default=0.0))
    return {
        "first_s": _number(timestamps[0]) if len(timestamps) else None,
        "duration_s": duration,
        "mean_rate_hz": _number(len(steps) / duration) if duration > 0 else None,
        "rate_hz": None if limit is None else _number(GAP / limit),
        "interval_s": {"p5": _number(low), "median": _number(middle), "p95": _number(high)},
        "gaps": {"count": len(starts), "longest_s": longest, "limit_s": _number(limit)},
    }


def gaps(timestamps: np.ndarray) -> tuple[float | None, np.ndarray, np.ndarray]:
    """Where nothing was received: intervals longer than :data:`GAP` times the median of those above 0.

    Returns:
        That limit (seconds; None where no time passes), and the times before and after each gap.
    """
    steps = np.diff(timestamps)
    passing = steps[steps > 0]
    if not len(passing):
        return None, np.empty(0), np.empty(0)
    limit = GAP * float(np.median(passing))
    at = np.flatnonzero(steps > limit)
    return limit, timestamps[at], timestamps[at + 1]


def phase_spread(capture: Capture) -> dict[str, float | None]:
    """How much the phase varies from packet to packet, raw and sanitised.

    The circular standard deviation over all packets of the capture, ``sqrt(-2 ln |mean exp(j phase)|)`` (Mardia and
    Jupp, Directional Statistics, 2000), of each link and subcarrier; the median of these. Phases without any order
    give ``sqrt(ln T)`` or more. Of somebody walking the sanitised phase varies too: that is what is wanted.

    Returns:
        ``raw`` and ``sanitised`` in radians, and their ratio; None where it cannot be told.
    """
    count = capture.valid.sum(0)
    raw, clean = (np.zeros(capture.csi.shape[1:], dtype=np.complex128) for _ in range(2))
    for start in range(0, len(capture), BLOCK):
        csi, valid = capture.csi[start : start + BLOCK], capture.valid[start : start + BLOCK]
        raw += _directions(csi, valid).sum(0)
        clean += _directions(sanitise(csi, capture.subcarriers, valid), valid).sum(0)
    enough = count >= 2
    if not enough.any():
        return {"raw": None, "sanitised": None, "ratio": None}
    spreads = [_spread(np.abs(total[enough]) / count[enough]) for total in (raw, clean)]
    return {
        "raw": _number(spreads[0]),
        "sanitised": _number(spreads[1]),
        "ratio": _number(spreads[0] / spreads[1]) if spreads[1] > 0 else None,
    }


def _directions(csi: np.ndarray, valid: np.ndarray) -> np.ndarray:
    return np.where(valid, np.exp(1j * np.angle(csi)), 0)


def _spread(resultant: np.ndarray) -> float:
    return float(np.median(np.sqrt(-2 * np.log(np.clip(resultant, 1e-12, 1.0)))))


def _amplitudes(capture: Capture) -> dict[str, float] | None:
    chosen = np.unique(np.linspace(0, len(capture) - 1, min(len(capture), SAMPLED)).astype(int))
    amplitudes = np.abs(capture.csi[chosen])[capture.valid[chosen]]
    if not len(amplitudes):
        return None
    return dict(zip(("p5", "median", "p95"), map(float, np.quantile(amplitudes, [0.05, 0.5, 0.95])), strict=True))


def _range(values: np.ndarray | None) -> dict[str, float] | None:
    if values is None or not np.isfinite(values).any():
        return None
    known = np.asarray(values, dtype=np.float64)[np.isfinite(values)]
    return {
        "lowest": float(known.min()),
        "median": float(np.median(known)),
        "highest": float(known.max()),
        "known": len(known) / values.size,
    }


def _constant(values: np.ndarray | None) -> int | None:
    if values is None or values.ndim != 1 or values.dtype.kind not in "iu" or not len(values):
        return None
    return int(values[0]) if np.all(values == values[0]) else None


def _number(value: Any) -> float | None:
    return None if value is None or not np.isfinite(value) else float(value)
