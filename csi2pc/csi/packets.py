"""From decoded packets to captures: the part of reading that is the same for every binary format."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..errors import DataError
from ..types import Capture, Report
from .layouts import describe_indices
from .packet_times import BACKWARDS, OUT_OF_LINE, REPEATED, in_order, repeated


@dataclass(frozen=True, eq=False)
class Packets:
    """Packets of one layout (same antennas, subcarriers, channel), in the order of the file.

    Attributes:
        csi: complex64 ``(n, A, S)``, links rx x tx with rx fastest, the 40 or 80 MHz rotation undone.
        valid: bool ``(n, A, S)``; where it is False ``csi`` is 0.
        seconds: float64 ``(n,)`` on the receiver's clock, wrap-arounds undone, in the order of arrival.
        where: int ``(n,)``: number of each packet in the file, from 1, for the report.
        subcarriers: int64 ``(S,)``, strictly increasing true indices.
        rx, tx: numbers of antennas.
        center_frequency, bandwidth: hertz, or None where the format does not say.
        rssi, noise_floor, agc, rssi_antennas, fields: as in :class:`~csi2pc.types.Capture`.
        notes: what a reader of the report should know of this layout.
    """

    csi: np.ndarray
    valid: np.ndarray
    seconds: np.ndarray
    where: np.ndarray
    subcarriers: np.ndarray
    rx: int
    tx: int
    center_frequency: float | None = None
    bandwidth: float | None = None
    rssi: np.ndarray | None = None
    noise_floor: np.ndarray | None = None
    agc: np.ndarray | None = None
    rssi_antennas: np.ndarray | None = None
    fields: dict[str, np.ndarray] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.csi)

    @property
    def layout(self) -> str:
        """For example ``"3 x 1 antennas, 20 MHz, subcarriers -28..-2 step 2, -1, 1..27 step 2, 28"``."""
        width = "" if self.bandwidth is None else f"{self.bandwidth / 1e6:g} MHz, "
        return f"{self.rx} x {self.tx} antennas, {width}subcarriers {describe_indices(self.subcarriers)}"


def captures_of(
    groups: list[Packets], path: str | Path, report: Report, *, device: str, unit: str = "packet"
) -> list[Capture]:
    """One capture a layout, the one with most packets first.

    Packets that repeat the one before them (same time, same CSI), lie out of line in time, or belong to a shorter run
    of a clock that ran backwards are skipped and counted, as :mod:`~csi2pc.csi.packet_times` says. So are packets
    whose CSI is not finite.

    Args:
        groups: decoded packets by layout; packets of two groups may be interleaved in the file.
        path: the file, for messages.
        report: what the reader skipped so far. Each capture gets all of it, plus what its own layout lost here.
        device: name of what recorded it.
        unit: what ``where`` counts, for the report: ``"packet"`` or ``"line"``.

    Raises:
        DataError: no packet is left; the message counts the reasons.
    """
    everywhere, usable = Report(skipped=list(report.skipped), notes=list(report.notes)), []
    for group in groups:
        own = Report(notes=list(group.notes))
        keep = _usable(group, f"{path} {unit}", own)
        if keep.any():
            usable.append((group, keep, own))
        else:
            everywhere.merge(own)
    if not usable:
        raise DataError(
            f"{path}: no usable {device} packet: {everywhere.summary()}. The file is damaged or of another kind"
        )
    captures = [_capture(group, keep, path, own, device) for group, keep, own in usable]
    captures.sort(key=len, reverse=True)
    if len(captures) > 1:
        listed = "; ".join(f"layout={i}: {len(c)} packets, {_layout(c)}" for i, c in enumerate(captures))
        everywhere.notes.append(f"{len(captures)} layouts in one file, read one at a time ({listed})")
    for capture in captures:
        capture.report.merge(everywhere)
    return captures


def _layout(capture: Capture) -> str:
    width = "" if capture.bandwidth is None else f", {capture.bandwidth / 1e6:g} MHz"
    return f"{capture.rx} x {capture.tx} antennas, {len(capture.subcarriers)} subcarriers{width}"


def _usable(group: Packets, source: str, report: Report) -> np.ndarray:
    """bool ``(n,)``; whatever goes is listed in ``report``."""
    keep = np.isfinite(group.csi).all((1, 2)) & np.isfinite(group.seconds)
    _skip(group.where[~keep], "CSI or time is not finite", source, report)
    inside = np.flatnonzero(keep)
    if not len(inside):
        return keep
    twice = repeated(
        group.seconds[inside], lambda i, j: np.array_equal(group.csi[inside[i]], group.csi[inside[j]])
    )
    _skip(group.where[inside[twice]], REPEATED, source, report)
    inside = inside[~twice]
    kept, odd = in_order(group.seconds[inside])
    _skip(group.where[inside[odd]], OUT_OF_LINE, source, report)
    _skip(group.where[inside[~kept & ~odd]], BACKWARDS, source, report)
    keep = np.zeros(len(group), dtype=bool)
    keep[inside[kept]] = True
    return keep


def _skip(numbers: np.ndarray, reason: str, source: str, report: Report) -> None:
    for number in numbers.tolist():
        report.skip(f"{source} {number}", reason)


def _capture(group: Packets, keep: np.ndarray, path: str | Path, report: Report, device: str) -> Capture:
    report.read = int(keep.sum())
    chosen = slice(None) if keep.all() else keep
    per_packet = {
        name: None if values is None else values[chosen]
        for name, values in (
            ("rssi", group.rssi), ("noise_floor", group.noise_floor), ("agc", group.agc),
            ("rssi_antennas", group.rssi_antennas),
        )
    }  # fmt: skip
    return Capture(
        csi=group.csi[chosen], valid=group.valid[chosen], timestamps=group.seconds[chosen],
        subcarriers=group.subcarriers, rx=group.rx, tx=group.tx, device=device, source=str(path),
        center_frequency=group.center_frequency, bandwidth=group.bandwidth, **per_packet,
        fields={name: values[chosen] for name, values in group.fields.items()}, report=report,
    )  # fmt: skip
