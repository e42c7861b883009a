"""The glossary: every array that travels between the parts of this project, with its axes and units.

========  =====================================================================================
axis      meaning
========  =====================================================================================
``T``     time: packets of a capture, or packets of one window
``A``     antenna links, ``rx x tx`` with rx fastest: link ``a`` is rx ``a % rx``, tx ``a // rx``
``S``     subcarriers, named by their true integer indices (40 MHz 802.11n: -58..-2, 2..58)
``C``     channels of the model's input, for example (amplitude, phase)
``B``     batch
``N``     points of a cloud, padded to the longest of the batch and masked
========  =====================================================================================

CSI is complex64, linear amplitude and radians. Points are float32 metres in the project's frame:
x right, y **down**, z forward (as MM-Fi's ``ground_truth.npy``). Times are float64 seconds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from .errors import ShapeError

if TYPE_CHECKING:  # reading CSI needs numpy alone
    import torch


@dataclass(frozen=True)
class Skipped:
    """One thing that was left out, and why: ``where`` names a file, a line or a frame."""

    where: str
    reason: str


@dataclass
class Report:
    """What a reader or loader took in and what it left out. Nothing is ever skipped without a row here."""

    read: int = 0
    skipped: list[Skipped] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def skip(self, where: str, reason: str) -> None:
        """Add one skipped thing."""
        self.skipped.append(Skipped(where, reason))

    def merge(self, other: Report) -> None:
        """Add everything that ``other`` counted."""
        self.read += other.read
        self.skipped.extend(other.skipped)
        self.notes.extend(other.notes)

    @property
    def counts(self) -> dict[str, int]:
        """How often each reason occurred, most frequent first."""
        return dict(Counter(s.reason for s in self.skipped).most_common())

    def summary(self) -> str:
        """One line, for example ``2000 read, 3 skipped (truncated line: 3)``."""
        line = f"{self.read} read, {len(self.skipped)} skipped"
        if self.skipped:
            line += " (" + ", ".join(f"{reason}: {n}" for reason, n in self.counts.items()) + ")"
        return line


@dataclass(frozen=True, eq=False)
class Capture:
    """CSI as one receiver measured it, packet by packet.

    Attributes:
        csi: complex64 ``(T, A, S)``; the 802.11n 40 MHz rotation, where the hardware leaves it in, is undone.
        valid: bool ``(T, A, S)``: which entries were measured. Entries that are not valid hold 0 until a
            repair step fills them, and stay marked afterwards.
        timestamps: float64 ``(T,)``, seconds, not decreasing.
        subcarriers: int64 ``(S,)``, strictly increasing true indices.
        rx, tx: numbers of receive and transmit antennas, ``rx * tx == A``.
        device: what recorded it, for example ``"esp32"``, ``"mmfi"``.
        source: where it was read from, as the user named it.
        center_frequency, bandwidth: hertz, or None where the format does not say.
        rssi, noise_floor: float32 ``(T,)`` dBm, or None where not recorded.
        agc: float32 ``(T,)`` dB, the receiver's gain as recorded, or None.
        rssi_antennas: float32 ``(T, rx)``, received power of each antenna in the unit of the device (its reader says
            which), NaN where an antenna reported none; or None.
        fields: whatever else was recorded packet by packet, by name, each with first axis ``T``: for example
            ``"sequence"`` or ``"rate"``.
        timing: ``"recorded"``, or ``"nominal"`` where the format has no clock and a constant rate is assumed.
        synthetic: True when it was simulated.
        report: packets read and skipped.
    """

    csi: np.ndarray
    valid: np.ndarray
    timestamps: np.ndarray
    subcarriers: np.ndarray
    rx: int = 1
    tx: int = 1
    device: str = "unknown"
    source: str = ""
    center_frequency: float | None = None
    bandwidth: float | None = None
    rssi: np.ndarray | None = None
    noise_floor: np.ndarray | None = None
    agc: np.ndarray | None = None
    rssi_antennas: np.ndarray | None = None
    fields: dict[str, np.ndarray] = field(default_factory=dict)
    timing: str = "recorded"
    synthetic: bool = False
    report: Report = field(default_factory=Report)

    def __post_init__(self) -> None:
        if self.csi.ndim != 3 or self.csi.dtype != np.complex64:
            raise ShapeError(
                f"csi must be complex64 (packets, links, subcarriers); got {self.csi.dtype} {self.csi.shape}"
            )
        packets, links, tones = self.csi.shape
        if self.valid.shape != self.csi.shape or self.valid.dtype != np.bool_:
            raise ShapeError(f"valid must be bool {self.csi.shape} like csi; got {self.valid.dtype} {self.valid.shape}")
        if self.timestamps.shape != (packets,):
            raise ShapeError(f"timestamps must be ({packets},), one a packet; got {self.timestamps.shape}")
        if np.any(np.diff(self.timestamps) < 0):
            raise ShapeError("timestamps must not decrease; sort the packets by time first")
        if self.subcarriers.shape != (tones,) or np.any(np.diff(self.subcarriers) <= 0):
            raise ShapeError(f"subcarriers must be {tones} strictly increasing indices; got {self.subcarriers}")
        if self.rx * self.tx != links:
            raise ShapeError(f"rx * tx must be the number of links {links}; got {self.rx} * {self.tx}")
        for name in ("rssi", "noise_floor", "agc"):
            values = getattr(self, name)
            if values is not None and values.shape != (packets,):
                raise ShapeError(f"{name} must be ({packets},), one a packet; got {values.shape}")
        if self.rssi_antennas is not None and self.rssi_antennas.shape != (packets, self.rx):
            raise ShapeError(f"rssi_antennas must be ({packets}, {self.rx}); got {self.rssi_antennas.shape}")
        for name, values in self.fields.items():
            if values.shape[:1] != (packets,):
                raise ShapeError(f"field {name!r} must have {packets} entries, one a packet; got shape {values.shape}")

    def __len__(self) -> int:
        return len(self.csi)

    def __repr__(self) -> str:
        packets, links, tones = self.csi.shape
        return (
            f"Capture({self.device}: {packets} packets x {links} links x {tones} subcarriers, "
            f"{self.duration:.2f} s {self.timing}, {self.valid.mean() if self.valid.size else 0:.1%} measured)"
        )

    @property
    def duration(self) -> float:
        """Seconds from the first packet to the last."""
        return float(self.timestamps[-1] - self.timestamps[0]) if len(self) else 0.0

    def select(self, packets: np.ndarray | slice) -> Capture:
        """Some of the packets, in increasing order: a slice, an int array of positions, or a bool mask ``(T,)``."""
        own = ("csi", "valid", "timestamps", "rssi", "noise_floor", "agc", "rssi_antennas")
        chosen = {name: getattr(self, name) for name in own}
        return replace(
            self,
            **{name: None if values is None else values[packets] for name, values in chosen.items()},
            fields={name: values[packets] for name, values in self.fields.items()},
        )

    def with_csi(self, csi: np.ndarray, valid: np.ndarray | None = None) -> Capture:
        """The same packets with other CSI values (and mask, where given)."""
        return replace(self, csi=csi.astype(np.complex64, copy=False), valid=self.valid if valid is None else valid)


@dataclass(frozen=True, order=True)
class FrameId:
    """Which frame of which sequence. Splits go by ``sequence``: its frames never stand on both sides.

    Attributes:
        sequence: for example ``"E01/S03/A12"`` (MM-Fi) or ``"room3/v18/capture1"`` (own recordings).
        index: MM-Fi's frame number (from 1), or the number of the window (from 0).
        time: seconds on the sequence's own clock.
        scene, subject, action: labels, empty where they are not known.
    """

    sequence: str
    index: int
    time: float = 0.0
    scene: str = ""
    subject: str = ""
    action: str = ""

    def __str__(self) -> str:
        return f"{self.sequence}#{self.index}"


@dataclass(frozen=True, eq=False)
class Sample:
    """One training or test frame: a prepared window of CSI and the cloud that was measured with it.

    Attributes:
        features: float32 ``(A, S, C, T)``, what the model reads.
        valid: bool ``(A, S, T)``: which entries were measured.
        points: float32 ``(N, 3)`` metres, ragged, never padded.
        frame: which frame this is.
    """

    features: np.ndarray
    valid: np.ndarray
    points: np.ndarray
    frame: FrameId


@dataclass(frozen=True, eq=False)
class Batch:
    """Samples stacked for the model.

    Attributes:
        features: float32 ``(B, A, S, C, T)``.
        valid: bool ``(B, A, S, T)``.
        points: float32 ``(B, N, 3)`` metres, zero where padded.
        mask: bool ``(B, N)``, True where a point is real.
        frames: one :class:`FrameId` a sample.
    """

    features: torch.Tensor
    valid: torch.Tensor
    points: torch.Tensor
    mask: torch.Tensor
    frames: Sequence[FrameId]

    def __len__(self) -> int:
        return len(self.frames)

    def to(self, device: torch.device | str) -> Batch:
        """The same batch on another device."""
        return Batch(
            features=self.features.to(device, non_blocking=True),
            valid=self.valid.to(device, non_blocking=True),
            points=self.points.to(device, non_blocking=True),
            mask=self.mask.to(device, non_blocking=True),
            frames=self.frames,
        )
