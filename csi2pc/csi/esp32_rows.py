"""The rows of an ESP32 log as numbers, and the lines of a file or stream that they are parsed from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from ..errors import DataError
from ..types import Report

#: Bytes of text parsed at a time.
BLOCK = 1 << 20

#: The longest line that is looked at, in bytes; rows have up to about 4,000.
LONGEST_LINE = 1 << 16

#: Where a log does not have a column.
UNKNOWN = -(1 << 62)

#: Fields read as integers, in the order of ``Rows.fields``. ``secondary_channel``: 0 none, 1 above, 2 below.
INTEGERS = (
    "rssi", "sig_mode", "bandwidth", "stbc", "noise_floor", "channel", "secondary_channel", "local_timestamp", "len",
    "rate", "id", "agc_gain", "fft_gain",
)  # fmt: skip


@dataclass
class Rows:
    """Well-formed rows of a log, in the order of the file.

    Attributes:
        line: int ``(n,)``, line numbers from 1.
        mac: bytes ``(n,)``, the transmitter, in capitals; empty where the log does not name it.
        receiver: bytes ``(n,)``, which receiver of several in one log; empty where the log is of one.
        host_time: float64 ``(n,)``, seconds on the clock of the computer that logged; NaN where not logged.
        fields: int64 ``(n, len(INTEGERS))``, :data:`UNKNOWN` where the log lacks the column.
        first_word_invalid: bool ``(n,)``: the first four bytes are no CSI. ESP32-CSI-Tool does not say, so True.
        data: int16, the values of all rows one after another: imaginary and real part of bin after bin.
        start, stored: int64 ``(n,)``: where in ``data`` the values of a row begin, and how many it has.
    """

    line: np.ndarray
    mac: np.ndarray
    receiver: np.ndarray
    host_time: np.ndarray
    fields: np.ndarray
    first_word_invalid: np.ndarray
    data: np.ndarray
    start: np.ndarray
    stored: np.ndarray

    def __len__(self) -> int:
        return len(self.line)

    def column(self, name: str) -> np.ndarray:
        """int64 ``(n,)``: one of :data:`INTEGERS`."""
        return self.fields[:, INTEGERS.index(name)]

    def values(self, rows: np.ndarray) -> np.ndarray:
        """int16 ``(len(rows), stored)`` of some rows, by their positions; all must have stored as many."""
        return np.lib.stride_tricks.sliding_window_view(self.data, self.stored[rows[0]])[self.start[rows]]

    def select(self, keep: np.ndarray) -> Rows:
        """The rows where the bool ``(n,)`` mask ``keep`` is True, or at the positions ``keep``."""
        chosen = {f.name: getattr(self, f.name) for f in fields(self)}
        return Rows(**{name: values if name == "data" else values[keep] for name, values in chosen.items()})


#: Parses lines without their ends, of which the first has the given number in the file or stream; what is no row goes
#: to the report under the given name.
Parse = Callable[[list[bytes], int, str, Report], Rows]


def rows_of(
    *, line: list[int], mac: list[bytes], receiver: list[bytes], host_time: list[float], fields: np.ndarray,
    first_word: list[bool], data: np.ndarray, stored: np.ndarray,
) -> Rows:  # fmt: skip
    """Rows from what was parsed of each, and their values one after another."""
    return Rows(
        line=np.array(line, dtype=np.int64),
        mac=np.array(mac, dtype="S17"),
        receiver=np.array(receiver, dtype="S17"),
        host_time=np.array(host_time, dtype=np.float64),
        fields=fields,
        first_word_invalid=np.array(first_word, dtype=bool),
        data=data,
        start=np.cumsum(stored) - stored,
        stored=stored,
    )


def read_rows(path: Path, report: Report, parse: Parse) -> Rows:
    """All rows of the file; what is no row goes to ``report``.

    Raises:
        DataError: the file cannot be opened or is empty, or ``parse`` says that it is no such log.
    """
    parts, number = [], 1
    try:
        for lines in blocks_of_lines(path):
            parts.append(parse(lines, number, str(path), report))
            number += len(lines)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    if not parts:
        raise DataError(f"{path}: empty file (zero bytes): nothing was captured, or the copy failed")
    return joined(parts)


def blocks_of_lines(path: Path) -> Iterator[list[bytes]]:
    """The lines of a file, block by block; the last one may be cut off."""
    splitter = LineSplitter()
    with path.open("rb") as file:
        for chunk in iter(lambda: file.read(BLOCK), b""):
            if lines := splitter.feed(chunk):
                yield lines
    if rest := splitter.rest():
        yield rest


def joined(parts: list[Rows]) -> Rows:
    """Rows of several blocks as one."""
    offsets = np.cumsum([0, *(len(part.data) for part in parts)])
    arrays = {f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Rows)}
    arrays["start"] = np.concatenate([part.start + offset for part, offset in zip(parts, offsets, strict=False)])
    return Rows(**arrays)


class LineSplitter:
    """Whole lines out of pieces of text. A line is never kept beyond :data:`LONGEST_LINE`, whatever comes."""

    def __init__(self) -> None:
        self._open = b""

    def feed(self, piece: bytes) -> list[bytes]:
        """The lines that ``piece`` ends, without their ends; what follows the last end waits for its own."""
        lines = (self._open + piece).split(b"\n")
        # One byte more than allowed is kept, so that the parser sees that the line was too long.
        self._open = lines.pop()[: LONGEST_LINE + 1]
        return lines

    def rest(self) -> list[bytes]:
        """The line that no end came for, if there is one."""
        rest, self._open = self._open, b""
        return [rest] if rest else []
