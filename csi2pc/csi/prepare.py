"""From CSI as recorded to CSI that can be compared from packet to packet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..errors import DataError
from ..types import Capture, Report
from .in_time import filter_in_time
from .interpolate import interpolate_subcarriers, measured_between
from .layouts import describe_indices, positions
from .level import level_by_agc, level_packets, level_to_power, level_together
from .phase import sanitise, sanitise_joint, sanitise_two_point
from .prepare_config import REFERRED, PrepareConfig
from .references import antenna_ratio, conjugate_product
from .repair import repair

#: Entries (links x subcarriers) of packets prepared at a time, so that double precision is needed for a block only,
#: never for the whole capture: 4,096 packets of MM-Fi.
BLOCK = 4096 * 342

#: What must be recorded for a kind of level, and how to do without.
RECORDED = {"rssi": ("rssi",), "snr": ("rssi", "noise_floor"), "agc": ("agc",)}


def prepare(capture: Capture, config: PrepareConfig) -> Capture:
    """Repair, phase, level and choice of subcarriers packet by packet, then the filters in time.

    Args:
        capture: as a reader returned it.
        config: what to do.

    Returns:
        A capture with prepared CSI: of the same packets, or of equally spaced instants where ``config.rate`` is set.
        Repaired entries hold a value and stay marked in ``valid``; where a packet's link could not be repaired they
        hold 0. ``rx`` is one less where an antenna served as the reference.

    Raises:
        DataError: the capture lacks what ``config`` asks for: subcarriers, receive antennas, recorded levels, or two
            packets within ``max_gap``.
    """
    prepared = filter_in_time(prepare_packets(capture, config), config)
    if len(capture) and not len(prepared):
        interval = float(np.median(np.diff(capture.timestamps))) if len(capture) > 1 else float("inf")
        raise DataError(
            f"{_name(capture)}: no instant at {config.rate:g} Hz lies between packets at most {config.max_gap:g} s "
            f"apart; its {len(capture)} packets are {interval:g} s apart (median) over "
            f"{capture.duration:g} s: raise prepare.max_gap, or prepare.rate where that is shorter than a step"
        )
    return prepared


def prepare_packets(capture: Capture, config: PrepareConfig) -> Capture:
    """The steps that look at one packet at a time: repair, phase, level and choice of subcarriers.

    Args, errors: as :func:`prepare`.

    Returns:
        A capture of the same packets.
    """
    wanted = _wanted(capture, config)
    rx = _receivers(capture, config)
    decibels, report = _decibels(capture, config)
    packets, links, tones = capture.csi.shape
    csi = np.empty((packets, rx * capture.tx, len(wanted)), dtype=np.complex64)
    valid = np.empty(csi.shape, dtype=bool)
    together = max(1, BLOCK // (links * tones))
    for start in range(0, packets, together):
        block = slice(start, start + together)
        known = None if decibels is None else decibels[block]
        csi[block], valid[block] = _packets(capture, capture.csi[block], capture.valid[block], known, wanted, config)
    antennas = capture.rssi_antennas
    if antennas is not None and rx < capture.rx:
        antennas = np.delete(antennas, config.reference_antenna, axis=1)
    return replace(
        capture, csi=csi, valid=valid, subcarriers=wanted, rx=rx, rssi_antennas=antennas, report=report
    )


def keep_subcarriers(capture: Capture, wanted: Sequence[int]) -> Capture:
    """The same packets with some of their subcarriers, as recorded.

    What :func:`prepare` makes of a subcarrier depends on all that it is given, since phase and level are fitted over
    them: captures of several layouts are comparable once they have the same subcarriers.

    Args:
        capture: as a reader returned it.
        wanted: true indices, increasing.

    Raises:
        DataError: the capture lacks one of them.
    """
    keep = positions(wanted, capture.subcarriers, source=_name(capture))
    return replace(
        capture, csi=capture.csi[..., keep], valid=capture.valid[..., keep], subcarriers=capture.subcarriers[keep]
    )


def _packets(
    capture: Capture, csi: np.ndarray, valid: np.ndarray, decibels: np.ndarray | None, wanted: np.ndarray,
    config: PrepareConfig,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Some packets of a capture, from csi and valid as recorded to those of the wanted subcarriers."""
    csi = repair(csi, valid, capture.subcarriers)
    if decibels is not None:
        known = np.isfinite(decibels)[:, None, None]
        csi, valid, decibels = csi * known, valid & known, np.where(known[:, 0, 0], decibels, 0)
        csi = level_by_agc(csi, decibels) if config.level == "agc" else level_to_power(csi, valid, decibels)
    csi, valid = _phase(capture, csi, valid, config)
    if config.level == "packet_antenna":
        csi = level_packets(csi, valid)
    elif config.level == "packet":
        csi = level_together(csi, valid)
    if not config.interpolate:
        keep = np.searchsorted(capture.subcarriers, wanted)
        return csi[..., keep], valid[..., keep]
    csi, _ = interpolate_subcarriers(csi, valid | (csi != 0), capture.subcarriers, wanted)  # repaired ones too
    return csi, measured_between(valid, capture.subcarriers, wanted)


def _phase(
    capture: Capture, csi: np.ndarray, valid: np.ndarray, config: PrepareConfig
) -> tuple[np.ndarray, np.ndarray]:
    tones, reference = capture.subcarriers, config.reference_antenna
    if config.phase == "per_antenna":
        return sanitise(csi, tones, valid), valid
    if config.phase == "two_point":
        return sanitise_two_point(csi, tones, valid), valid
    if config.phase in ("joint", "joint_slope"):
        slope_only = config.phase == "joint_slope"
        return sanitise_joint(csi, tones, valid, reference=reference, keep_offset=slope_only)
    if config.phase == "none":
        return csi, valid
    relate = conjugate_product if config.phase == "conjugate_product" else antenna_ratio
    csi, valid = relate(csi, valid, rx=capture.rx, reference=reference)
    return repair(csi, valid, tones), valid


def _wanted(capture: Capture, config: PrepareConfig) -> np.ndarray:
    if config.subcarriers is None:
        return capture.subcarriers
    wanted = np.asarray(config.subcarriers, dtype=np.int64)
    if not config.interpolate:
        return capture.subcarriers[positions(wanted, capture.subcarriers, source=_name(capture))]
    if not len(capture.subcarriers) or wanted[0] < capture.subcarriers[0] or wanted[-1] > capture.subcarriers[-1]:
        raise DataError(
            f"{_name(capture)} measures the subcarriers {describe_indices(capture.subcarriers)}; those asked for, "
            f"{describe_indices(wanted)}, go beyond them, where nothing can be interpolated: choose a narrower set"
        )
    return wanted


def _receivers(capture: Capture, config: PrepareConfig) -> int:
    refers = config.phase in (*REFERRED, "joint")
    if (refers and config.reference_antenna >= capture.rx) or (config.phase in REFERRED and capture.rx < 2):
        raise DataError(
            f"{_name(capture)} has {capture.rx} receive antennas; phase: {config.phase} needs "
            f"{'at least 2, and ' if config.phase in REFERRED else ''}reference_antenna below their number, got "
            f"{config.reference_antenna}: choose another reference_antenna, or phase: per_antenna"
        )
    return config.receivers(capture.rx)


def _decibels(capture: Capture, config: PrepareConfig) -> tuple[np.ndarray | None, Report]:
    """What each packet is scaled by or to, dB (NaN: not known), where the level is a recorded one; and the report."""
    if config.level not in RECORDED:
        return None, capture.report
    missing = [name for name in RECORDED[config.level] if getattr(capture, name) is None]
    if missing:
        raise DataError(
            f"{_name(capture)} ({capture.device}) has no recorded {' and '.join(missing)}, which level: {config.level} "
            "needs: use level: packet_antenna, or packet where one gain serves all antennas"
        )
    first, *subtracted = [getattr(capture, name).astype(np.float64) for name in RECORDED[config.level]]
    decibels = first - (config.level_dbm if config.level == "rssi" else sum(subtracted, np.zeros(len(capture))))
    unknown = int((~np.isfinite(decibels)).sum())
    if not unknown:
        return decibels, capture.report
    report = Report(capture.report.read, list(capture.report.skipped), list(capture.report.notes))
    report.notes.append(f"{unknown} packets without a finite {' or '.join(RECORDED[config.level])} count as unmeasured")
    return decibels, report


def _name(capture: Capture) -> str:
    return capture.source or "this capture"
