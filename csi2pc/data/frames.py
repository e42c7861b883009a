"""What any data set must offer to be trained on: samples and clouds by frame, and a reason where there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..errors import DataError
from ..types import FrameId, Sample


class FrameError(DataError):
    """One frame cannot be used.

    Attributes:
        reason: a few words that many frames may share, for counting, such as ``"unreadable depth file"``; the
            message itself has the details.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason

    def __reduce__(self) -> tuple:
        return type(self), (self.reason, str(self))


@dataclass(frozen=True)
class Layout:
    """What all captures of a data set have in common, and a capture must have to be used with what was trained on it.

    Attributes:
        subcarriers: true indices, in increasing order, as prepared.
        captured: true indices of the captures before the preparation chose among them; phase and level are fitted over
            these. Empty where captures differ.
        rx, tx: numbers of receive and transmit antennas, as captured.
        device: what recorded it, for example ``"mmfi"``, ``"esp32"``.
    """

    subcarriers: tuple[int, ...]
    captured: tuple[int, ...]
    rx: int
    tx: int
    device: str


class FrameSource(Protocol):
    """A data set read frame by frame. Must be picklable, since worker processes read from it too."""

    def sample(self, frame: FrameId) -> Sample:
        """The prepared window of CSI and the cloud of a frame. Raises :class:`FrameError` where there is none."""

    def points(self, frame: FrameId) -> np.ndarray:
        """The cloud alone, ``(N, 3)`` float32 metres, without reading CSI. Raises :class:`FrameError`."""
