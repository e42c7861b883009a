"""From the text of a stream to windows for a model, over restarts of the receiver."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass

import numpy as np

from ..checkpoint import Checkpoint
from ..csi.esp32 import checked_choice
from ..csi.esp32_fields import FIELDS, TrainingField
from ..csi.esp32_stream import Esp32Stream, Piece
from ..csi.layouts import describe_indices
from ..csi.window_stream import CutWindows, WindowStream
from ..errors import ConfigError, DataError
from ..types import Report
from .follow_report import Tally
from .infer import fitted


@dataclass(frozen=True, eq=False)
class Window:
    """A window that became complete.

    Attributes:
        features: float32 ``(A, S, C, T)``.
        valid: bool ``(A, S, T)``.
        time: its centre, seconds on the receiver's clock.
        session: how often that clock had begun anew before.
        arrived: when its last packet was there, monotonic seconds.
    """

    features: np.ndarray
    valid: np.ndarray
    time: float
    session: int
    arrived: float


class Follower:
    """From text to windows, over restarts of the receiver."""

    def __init__(self, trained: Checkpoint, stream: Esp32Stream, rate: float) -> None:
        self.tally, self.rate = Tally(), rate
        self._trained, self._stream = trained, stream
        self._windows = WindowStream(trained.prepare, rate=rate)
        self._before = time.monotonic()
        self._arrivals: deque[tuple[float, float]] = deque()  # a packet's time, and when it was there

    def feed(self, text: bytes, arrived: float) -> list[Window]:
        """Windows that the text completes."""
        report = Report()
        pieces = self._stream.feed(text, report)
        self.tally.add(report)
        # A packet is let go when the one after it is there: a single one came with the text before.
        alone = sum(len(piece.capture) for piece in pieces) == 1
        windows = self._pieces(pieces, self._before if alone else arrived)
        self._before = arrived
        return windows

    def finish(self) -> list[Window]:
        """The windows of what is left."""
        report, now = Report(), time.monotonic()
        windows = self._pieces(self._stream.finish(report), now)
        self.tally.add(report)
        return windows + self._cut(self._windows.finish(), now)

    def _pieces(self, pieces: list[Piece], arrived: float) -> list[Window]:
        windows = []
        for piece in pieces:
            if piece.restarted:
                windows += self._cut(self._windows.finish(), arrived)
                self._windows = WindowStream(self._trained.prepare, rate=self.rate)
                self._arrivals.clear()
                self.tally.restarts += 1
                self.tally.tell(f"the receiver's clock or channel began anew after {self.tally.packets} packets")
            capture = fitted(piece.capture, self._trained)
            self.tally.packets += len(capture)
            self._arrivals.append((float(capture.timestamps[-1]), arrived))
            windows += self._cut(self._windows.push(capture), arrived)
        return windows

    def _cut(self, parts: list[CutWindows], arrived: float) -> list[Window]:
        windows = []
        for part in parts:
            self.tally.rejected += part.rejected
            for features, valid, centre in zip(part.features, part.valid, part.times.tolist(), strict=True):
                there = self._arrived(centre + self._trained.prepare.duration / 2, arrived)
                windows.append(Window(features, valid, centre, self.tally.restarts, there))
        return windows

    def _arrived(self, end: float, default: float) -> float:
        """When the last packet before ``end`` was there; windows are asked for in the order of their times."""
        while len(self._arrivals) > 1 and self._arrivals[1][0] <= end:
            self._arrivals.popleft()
        return self._arrivals[0][1] if self._arrivals else default


def stream_for(source: str, trained: Checkpoint, reader: dict[str, str]) -> Esp32Stream:
    """What reads packets that fit the model.

    Args:
        source: what messages call the stream.
        trained: the model.
        reader: ``mac``, ``receiver``, ``training_field``.

    Raises:
        ConfigError: an option is none.
        DataError: no ESP32 packet fits the model.
    """
    reader = dict(reader)
    choice = reader.pop("training_field", "auto")
    checked_choice(choice)
    options = {name: reader.pop(name) for name in ("mac", "receiver") if name in reader}
    if reader:
        raise ConfigError(
            f"a stream's reader has no option {', '.join(sorted(reader))}; it has mac, receiver, training_field: "
            "leave the others out"
        )
    return Esp32Stream(source, _field(trained, choice), **options)


def _field(trained: Checkpoint, choice: str) -> TrainingField:
    """The smallest training field with all subcarriers that the model was trained on."""
    layout = trained.layout
    needed = np.asarray(layout["captured"] or layout["subcarriers"])
    between = trained.prepare.interpolate
    fitting = [
        candidate
        for candidate in FIELDS
        if (choice == "auto" or candidate.name.startswith(choice))
        and (np.isin(needed, candidate.subcarriers).all() or (between and _spans(candidate.subcarriers, needed)))
    ]
    if (layout["rx"], layout["tx"]) != (1, 1) or not fitting:
        wanted = "" if choice == "auto" else f" in the training field {choice}"
        raise DataError(
            f"a stream of ESP32 packets{wanted} does not fit the model, which needs {layout['rx']} x {layout['tx']} "
            f"antennas and subcarriers {describe_indices(needed)} (trained on {layout['device']} captures): ESP32 "
            "packets have 1 x 1; use a model trained on ESP32 captures of that field"
        )
    return min(fitting, key=lambda candidate: len(candidate.subcarriers))


def _spans(subcarriers: np.ndarray, needed: np.ndarray) -> bool:
    return bool(subcarriers[0] <= needed[0] and needed[-1] <= subcarriers[-1])
