"""ESP32 packets as their lines come: what a reader makes of the finished log, without the end being known."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from ..errors import DataError
from ..types import Capture, Report
from .esp32 import layouts_of, packets_of, skip_lines
from .esp32_csv import CsvLines
from .esp32_fields import Place, TrainingField
from .esp32_jsonl import parse_json_lines
from .esp32_layouts import PacketKind, locate
from .esp32_rows import UNKNOWN, LineSplitter, Rows, joined
from .packet_times import OUT_OF_LINE, REPEATED, clock_turns, out_of_line, repeated
from .packets import Packets

#: After so many packets in a row on other channels than the first one's, the stream has moved to another channel.
MOVED = 100


@dataclass(frozen=True, eq=False)
class Piece:
    """Packets that follow one another.

    Attributes:
        capture: the packets, in the order of their times.
        restarted: the receiver's clock began anew (or another channel was taken) before the first of them.
    """

    capture: Capture
    restarted: bool


class Esp32Stream:
    """Takes in text as it comes, CSV or JSON lines, and returns packets as soon as their place in time is clear.

    A packet is held back until the next one is there, which shows whether its time is out of line. Where the clock
    runs backwards for good the receiver restarted: packets go on, with a :class:`Piece` that says so (a reader of the
    finished log keeps its longest run alone). Channel and, of several, the receiver are those of the first packet.

    Args:
        source: what messages call the stream.
        field: the training field to read.
        mac: the transmitter to listen to; None takes all.
        receiver: of JSON lines, the receiver; None takes the first one.
    """

    def __init__(
        self, source: str, field: TrainingField, *, mac: str | None = None, receiver: str | None = None
    ) -> None:
        self.source, self.field = source, field
        self._mac = None if mac is None else mac.upper().encode()
        self._receiver = None if receiver is None else str(receiver).encode()
        self._splitter, self._csv = LineSplitter(), CsvLines()
        self._number = 1
        self._layouts: dict[PacketKind, dict[TrainingField, Place]] = {}
        self._channel: tuple[int, int] | None = None
        self._elsewhere = 0
        self._moved = False
        self._clock: tuple[int, int] | None = None  # the last packet's ticks, and turns of the counter so far
        self._held: Packets | None = None  # up to two packets for comparison, then the one that waits
        self._time = -np.inf

    def feed(self, text: bytes, report: Report) -> list[Piece]:
        """Packets that the text completes; what is no packet goes to ``report``, a repeated part too."""
        return self._pieces(self._splitter.feed(text), report)

    def finish(self, report: Report) -> list[Piece]:
        """The packets that are still held back; nothing more will come."""
        pieces = self._pieces(self._splitter.rest(), report)
        if self._held is not None:
            pieces += self._released(self._held, len(self._held) - 1, len(self._held), report)
            self._held = None
        return pieces

    def _pieces(self, lines: list[bytes], report: Report) -> list[Piece]:
        rows = self._chosen(self._rows(lines, report), report)
        if not len(rows):
            return []
        pieces = []
        for part in self._on_channel(rows, report):
            restarted, self._moved = self._moved, False
            if restarted:
                if self._held is not None:
                    pieces += self._released(self._held, len(self._held) - 1, len(self._held), report)
                self._held, self._time = None, np.inf  # whatever comes is before that: a restart
            pieces += self._in_time(part, report)
        return pieces

    def _rows(self, lines: list[bytes], report: Report) -> Rows:
        parts = []
        for is_json, group in itertools.groupby(lines, key=lambda line: line.lstrip()[:1] == b"{"):
            group = list(group)
            parts.append((parse_json_lines if is_json else self._csv_rows)(group, self._number, self.source, report))
            self._number += len(group)
        return joined(parts) if parts else self._csv([], 1, self.source, report)

    def _csv_rows(self, lines: list[bytes], first: int, source: str, report: Report) -> Rows:
        tried = Report()
        try:
            rows = self._csv(lines, first, source, tried)
        except DataError as error:  # a header row that lacks columns must not stop the stream
            if len(lines) == 1:
                report.skip(f"{source} line {first}", str(error).removeprefix(f"{source}: "))
                return self._csv([], first, source, report)
            half = len(lines) // 2
            parts = ((lines[:half], first), (lines[half:], first + half))
            return joined([self._csv_rows(part, number, source, report) for part, number in parts])
        report.merge(tried)
        return rows

    def _chosen(self, rows: Rows, report: Report) -> Rows:
        """Those of the transmitter and the receiver, with a known layout that has the training field."""
        if self._mac is not None:
            rows = self._only(rows, rows.mac == self._mac, "another transmitter", report)
        if self._receiver is None and len(rows):
            self._receiver = rows.receiver[0]
        rows = self._only(rows, rows.receiver == self._receiver, "another receiver", report)
        if not len(rows):
            return rows
        layouts, layout_of = layouts_of(rows, self._locate)
        known = np.array([bool(layout) for layout in layouts])[layout_of]
        having = np.array([self.field in layout for layout in layouts])[layout_of]
        skip_lines(rows.line[~known], "values that fit no known layout of their packet", self.source, report)
        skip_lines(rows.line[known & ~having], f"packet without {self.field.name}", self.source, report)
        return rows.select(having)

    def _only(self, rows: Rows, keep: np.ndarray, reason: str, report: Report) -> Rows:
        skip_lines(rows.line[~keep], reason, self.source, report)
        return rows.select(keep)

    def _locate(self, kind: PacketKind, values: np.ndarray) -> dict[TrainingField, Place]:
        """As the first packets of a kind showed it."""
        if not self._layouts.get(kind):
            self._layouts[kind] = locate(kind, values)
        return self._layouts[kind]

    def _on_channel(self, rows: Rows, report: Report) -> Iterator[Rows]:
        """The rows on the stream's channel; where it has moved, those before and those after."""
        pairs = list(zip(rows.column("channel").tolist(), rows.column("secondary_channel").tolist(), strict=True))
        chosen: list[int] = []
        for i, pair in enumerate(pairs):
            self._channel = self._channel or pair
            if pair == self._channel:
                chosen.append(i)
                self._elsewhere = 0
                continue
            self._elsewhere += 1
            report.skip(f"{self.source} line {rows.line[i]}", "on another channel than the packets before")
            if self._elsewhere >= MOVED:
                yield rows.select(np.array(chosen, dtype=np.int64))
                chosen, self._channel, self._elsewhere, self._moved = [], pair, 0, True
        yield rows.select(np.array(chosen, dtype=np.int64))

    def _in_time(self, rows: Rows, report: Report) -> list[Piece]:
        rows, seconds = self._seconds(rows, report)
        if not len(rows):
            return []
        layouts, layout_of = layouts_of(rows, self._locate)
        new = packets_of(rows, self.field, [layouts[i] for i in layout_of], seconds)
        before = 0 if self._held is None else len(self._held)
        packets = new if self._held is None else _following(self._held, new)
        twice = repeated(packets.seconds, lambda i, j: np.array_equal(packets.csi[i], packets.csi[j]))
        twice[:before] = False
        skip_lines(packets.where[twice], REPEATED, self.source, report)
        packets = _some(packets, ~twice)
        pieces = self._released(packets, max(0, before - 1), len(packets) - 1, report)
        self._held = _some(packets, slice(-3, None))
        return pieces

    def _seconds(self, rows: Rows, report: Report) -> tuple[Rows, np.ndarray]:
        """By the receiver's own clock, or by the computer's where the first packet does not have the other."""
        if not len(rows):
            return rows, np.empty(0)
        if self._clock is None:
            self._clock = int(rows.column("local_timestamp")[0]), 0
        last, turns = self._clock
        if last == UNKNOWN:
            rows = self._only(rows, np.isfinite(rows.host_time), "without the computer's clock", report)
            return rows, rows.host_time
        rows = self._only(rows, rows.column("local_timestamp") != UNKNOWN, "without the receiver's own clock", report)
        ticks = rows.column("local_timestamp")
        turned = turns + clock_turns(np.concatenate([[last], ticks]))
        if len(rows):
            self._clock = int(ticks[-1]), int(turned[-1])
        return rows, (ticks % _PERIOD + turned[1:] * _PERIOD) * 1e-6

    def _released(self, packets: Packets, start: int, stop: int, report: Report) -> list[Piece]:
        """Packets ``start`` to ``stop``, which those around them show to be in line, as captures."""
        odd = out_of_line(packets.seconds)
        ready = np.arange(start, max(start, stop))
        skip_lines(packets.where[ready[odd[ready]]], OUT_OF_LINE, self.source, report)
        ready = ready[~odd[ready]]
        if not len(ready):
            return []
        seconds = packets.seconds[ready]
        borders = np.flatnonzero(np.diff(seconds, prepend=self._time) < 0)
        self._time = float(seconds[-1])
        edges = sorted({0, *borders.tolist(), len(ready)})
        return [
            Piece(self._capture(_some(packets, ready[a:b])), restarted=a in borders)
            for a, b in itertools.pairwise(edges)
        ]  # fmt: skip

    def _capture(self, packets: Packets) -> Capture:
        return Capture(
            csi=packets.csi, valid=packets.valid, timestamps=packets.seconds, subcarriers=packets.subcarriers,
            device="esp32", source=self.source, center_frequency=packets.center_frequency,
            bandwidth=packets.bandwidth, rssi=packets.rssi, noise_floor=packets.noise_floor,
            report=Report(read=len(packets)),
        )  # fmt: skip


#: Ticks of one turn of the receiver's counter.
_PERIOD = 1 << 32

#: What is kept of packets, where there is.
_KEPT = ("csi", "valid", "seconds", "where", "rssi", "noise_floor")


def _arrays(packets: Packets) -> dict[str, np.ndarray]:
    return {name: getattr(packets, name) for name in _KEPT if getattr(packets, name) is not None}


def _some(packets: Packets, chosen: np.ndarray | slice) -> Packets:
    return replace(packets, fields={}, **{name: values[chosen] for name, values in _arrays(packets).items()})


def _following(before: Packets, after: Packets) -> Packets:
    old, new = _arrays(before), _arrays(after)
    lost = {name: None for name in ("rssi", "noise_floor") if name not in old or name not in new}
    both = {name: np.concatenate([old[name], new[name]]) for name in old if name in new}
    return replace(after, fields={}, **{**lost, **both})
