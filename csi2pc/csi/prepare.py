"""From CSI as recorded to CSI that can be compared from packet to packet, and the configuration of that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from ..errors import ConfigError
from ..types import Capture
from .layouts import positions
from .level import level_packets
from .phase import sanitise
from .repair import repair

PhaseKind = Literal["none", "per_antenna"]
LevelKind = Literal["none", "packet_antenna"]
ChannelsKind = Literal["amplitude_phase", "log_amplitude_sin_cos"]

#: Packets prepared at a time, so that double precision is needed for a block only, never for the whole capture.
BLOCK = 4096


@dataclass(frozen=True)
class PrepareConfig:
    """How CSI is prepared and cut into windows. Saved with the model: inference prepares as training did.

    Attributes:
        window: packets in a window, at least 1. MM-Fi has 10 in a frame.
        duration: seconds a window spans, more than 0. MM-Fi's frames are 0.1 s apart.
        subcarriers: true indices to keep, in increasing order; None keeps all. Chosen after repair, phase and level,
            so that these use every tone there is.
        phase: ``"per_antenna"`` takes a line out of each packet's and link's phase; ``"none"`` leaves it raw, that
            is, random from packet to packet.
        level: ``"packet_antenna"`` sets each packet's and link's root mean square amplitude to 1 (AGC jumps from
            packet to packet); ``"none"`` keeps the recorded amplitudes.
        channels: ``"log_amplitude_sin_cos"`` (3 channels) or ``"amplitude_phase"`` (2, as CSI2PC was published).
        max_unmeasured: a window with a larger share of unmeasured entries is rejected and listed, 0 to 1. Half is
            this project's choice.
        tolerance: how far from its instant a slot of a window may take its packet, in slots (``duration / window``
            seconds), above 0 and at most 1. At 0.5 every instant belongs to exactly one slot.
    """

    window: int = 10
    duration: float = 0.1
    subcarriers: list[int] | None = None
    phase: PhaseKind = "per_antenna"
    level: LevelKind = "packet_antenna"
    channels: ChannelsKind = "log_amplitude_sin_cos"
    max_unmeasured: float = 0.5
    tolerance: float = 0.5

    def __post_init__(self) -> None:
        if self.window < 1:
            raise ConfigError(f"window must be at least 1 packet; got {self.window}: MM-Fi's frames have 10")
        if not 0 < self.duration < float("inf"):
            raise ConfigError(f"duration must be more than 0 seconds; got {self.duration}: MM-Fi's frames last 0.1")
        if not 0 <= self.max_unmeasured <= 1:
            raise ConfigError(f"max_unmeasured is a share, 0 to 1; got {self.max_unmeasured}: 0.5 allows half")
        if not 0 < self.tolerance <= 1:
            raise ConfigError(f"tolerance must be above 0 and at most 1 slot; got {self.tolerance}: 0.5 is usual")
        if self.subcarriers is not None and (not self.subcarriers or np.any(np.diff(self.subcarriers) <= 0)):
            raise ConfigError(
                f"subcarriers must be strictly increasing indices; got {list(self.subcarriers)}: "
                "sort them, name each once, or use null to keep all"
            )
        for name, allowed in (("phase", PhaseKind), ("level", LevelKind), ("channels", ChannelsKind)):
            if getattr(self, name) not in get_args(allowed):
                choices = ", ".join(get_args(allowed))
                raise ConfigError(f"{name} must be one of {choices}; got {getattr(self, name)!r}: choose one of them")


def prepare(capture: Capture, config: PrepareConfig) -> Capture:
    """Repair, phase, level, then selection of subcarriers, packet by packet.

    Args:
        capture: as a reader returned it.
        config: what to do.

    Returns:
        A capture of the same packets with prepared CSI. Repaired entries hold a value and stay marked in ``valid``;
        where a packet's link could not be repaired they hold 0.

    Raises:
        DataError: the capture lacks subcarriers that ``config`` asks for.
    """
    wanted = capture.subcarriers if config.subcarriers is None else config.subcarriers
    keep = positions(wanted, capture.subcarriers, source=capture.source or "this capture")
    packets, links, _ = capture.csi.shape
    csi = np.empty((packets, links, len(keep)), dtype=np.complex64)
    for start in range(0, packets, BLOCK):
        block = slice(start, start + BLOCK)
        csi[block] = _prepare_packets(capture.csi[block], capture.valid[block], capture.subcarriers, config)[..., keep]
    return replace(capture, csi=csi, valid=capture.valid[..., keep], subcarriers=capture.subcarriers[keep])


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
    keep = positions(wanted, capture.subcarriers, source=capture.source or "this capture")
    return replace(
        capture, csi=capture.csi[..., keep], valid=capture.valid[..., keep], subcarriers=capture.subcarriers[keep]
    )


def _prepare_packets(
    csi: np.ndarray, valid: np.ndarray, subcarriers: np.ndarray, config: PrepareConfig
) -> np.ndarray:
    csi = repair(csi, valid, subcarriers)
    if config.phase == "per_antenna":
        csi = sanitise(csi, subcarriers, valid)
    if config.level == "packet_antenna":
        csi = level_packets(csi, valid)
    return csi
