"""The text of an ESP32 CSI log as numbers, row by row; whatever is no whole, well-formed row is listed and skipped.

Two layouts, with or without a header row. ESP32-CSI-Tool (Hernandez and Bulut, WoWMoM 2020) writes 25 fields and
then the data in brackets, separated by spaces; Espressif's esp-csi writes 24 fields and the data in quoted brackets,
separated by commas. Log lines of the firmware may stand in between.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import DataError
from ..types import Report

#: Bytes of text parsed at a time.
BLOCK = 1 << 22

#: Fields read as integers, in the order of ``Rows.fields``. ``secondary_channel``: 0 none, 1 above, 2 below.
INTEGERS = (
    "rssi", "sig_mode", "bandwidth", "stbc", "noise_floor", "channel", "secondary_channel", "local_timestamp", "len",
)  # fmt: skip
_COMMON = (
    "mac", "rssi", "rate", "sig_mode", "mcs", "bandwidth", "smoothing", "not_sounding", "aggregation", "stbc",
    "fec_coding", "sgi", "noise_floor", "ampdu_cnt", "channel", "secondary_channel", "local_timestamp", "ant",
    "sig_len", "rx_state",
)  # fmt: skip
#: Number of fields before the data -> their names, for files without a header row.
LAYOUTS = {
    25: ("type", "role", *_COMMON, "real_time_set", "real_timestamp", "len"),
    24: ("type", "id", *_COMMON, "len", "first_word"),
}
_MAC = re.compile(rb"(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}")


@dataclass
class Rows:
    """Well-formed rows of a log, in the order of the file.

    Attributes:
        line: int ``(n,)``, line numbers from 1.
        mac: str ``(n,)``, the transmitter, in capitals.
        fields: int64 ``(n, len(INTEGERS))``.
        first_word_invalid: bool ``(n,)``: the first four values are no CSI. ESP32-CSI-Tool does not say, so True.
        data: int8, the values of all rows one after another: imaginary and real part of bin after bin.
        start, stored: int64 ``(n,)``: where in ``data`` the values of a row begin, and how many it has.
    """

    line: np.ndarray
    mac: np.ndarray
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
        """int8 ``(len(rows), stored)`` of some rows, by their positions; all must have stored as many."""
        return np.lib.stride_tricks.sliding_window_view(self.data, self.stored[rows[0]])[self.start[rows]]

    def select(self, keep: np.ndarray) -> Rows:
        """The rows where the bool ``(n,)`` mask ``keep`` is True."""
        return Rows(
            self.line[keep], self.mac[keep], self.fields[keep], self.first_word_invalid[keep],
            self.data, self.start[keep], self.stored[keep],
        )  # fmt: skip


class _Columns:
    """Where the fields stand: as the last header row said, or, without one, by how many there are."""

    def __init__(self) -> None:
        self._places = {count: _places(names) for count, names in LAYOUTS.items()}

    def follow(self, names: tuple[str, ...]) -> None:
        """From here on rows are as this header row says."""
        self._places = {len(names): _places(names)}

    def places(self, count: int) -> tuple[int, list[int], int | None] | None:
        """Columns of the MAC, of the integers and of the first-word flag in rows of ``count`` fields."""
        return self._places.get(count)


def _places(names: tuple[str, ...]) -> tuple[int, list[int], int | None]:
    first_word = names.index("first_word") if "first_word" in names else None
    return names.index("mac"), [names.index(name) for name in INTEGERS], first_word


def read_rows(path: Path, report: Report) -> Rows:
    """All rows of the file; what is no row goes to ``report``.

    Raises:
        DataError: the file cannot be opened, or its header row lacks columns that are needed.
    """
    columns, parts, number = _Columns(), [], 1
    try:
        with path.open("rb") as file:
            for lines in iter(lambda: file.readlines(BLOCK), []):
                parts.append(_parse_block(lines, number, columns, path, report))
                number += len(lines)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    if not parts:
        raise DataError(f"{path}: empty file (zero bytes): nothing was captured, or the copy failed")
    return _joined(parts)


def _joined(parts: list[Rows]) -> Rows:
    offsets = np.cumsum([0, *(len(part.data) for part in parts)])
    return Rows(
        line=np.concatenate([part.line for part in parts]),
        mac=np.concatenate([part.mac for part in parts]),
        fields=np.concatenate([part.fields for part in parts]),
        first_word_invalid=np.concatenate([part.first_word_invalid for part in parts]),
        data=np.concatenate([part.data for part in parts]),
        start=np.concatenate([part.start + offset for part, offset in zip(parts, offsets, strict=False)]),
        stored=np.concatenate([part.stored for part in parts]),
    )


def header_names(line: bytes) -> tuple[str, ...] | None:
    """The column names before the data, if ``line`` is a header row."""
    names = tuple(part.strip().strip(b'"').decode("ascii", "replace").lower() for part in line.split(b","))
    if len(names) < 3 or names[0] != "type" or "local_timestamp" not in names:
        return None
    return tuple("bandwidth" if name == "cwb" else name for name in names[:-1])


def _parse_block(lines: list[bytes], first: int, columns: _Columns, path: Path, report: Report) -> Rows:
    number, mac, fields, first_word, data = [], [], [], [], []
    for n, line in enumerate(lines, first):
        parsed = _parse_line(line, columns, path)
        if isinstance(parsed, str):
            if parsed:
                report.skip(f"{path} line {n}", parsed)
            continue
        number.append(n)
        for part, into in zip(parsed, (mac, fields, first_word, data), strict=True):
            into.append(part)
    values, counts, reasons = parse_int8(data)
    for n, reason in zip(number, reasons, strict=True):
        if reason:
            report.skip(f"{path} line {n}", reason)
    rows = Rows(
        line=np.array(number, dtype=np.int64),
        mac=np.array(mac, dtype="U17"),
        fields=np.array(fields, dtype=np.int64).reshape(-1, len(INTEGERS)),
        first_word_invalid=np.array(first_word, dtype=bool),
        data=values,
        start=np.cumsum(counts) - counts,
        stored=counts,
    )
    return rows.select(np.array([not reason for reason in reasons], dtype=bool))


def _parse_line(line: bytes, columns: _Columns, path: Path) -> tuple[str, list[int], bool, bytes] | str:
    """MAC, integers, first-word flag and data text of a row; or why it is none (empty: nothing worth listing)."""
    if not line.startswith((b"CSI_DATA,", b'"CSI_DATA",')):
        return _other_line(line, columns, path)
    head, _, rest = line.partition(b"[")
    data, close, tail = rest.partition(b"]")
    if not close:
        return "truncated line (no closing bracket)"
    parts = head.split(b",")
    if tail.strip() not in (b"", b'"') or parts.pop() not in (b"", b'"'):
        return "malformed line (something beside the brackets)"
    where = columns.places(len(parts))
    if where is None:
        return f"{len(parts)} fields before the data, a layout that is not known"
    mac, integers, first_word = where
    address = parts[mac].strip(b'"')
    if not _MAC.fullmatch(address):
        return "no MAC address in its column"
    try:
        numbers = [int(parts[i]) for i in integers]
        flag = True if first_word is None else int(parts[first_word]) != 0
    except ValueError:
        return "a field that must be an integer is none"
    if max(numbers) >= 1 << 32 or min(numbers) < -(1 << 31):
        return "a field is out of the range of 32 bits"
    return address.decode().upper(), numbers, flag, data


def _other_line(line: bytes, columns: _Columns, path: Path) -> str:
    if not line.strip():
        return ""
    names = header_names(line)
    if names is None:
        return "no CSI_DATA line"
    missing = sorted({"mac", *INTEGERS} - set(names))
    if missing:
        raise DataError(
            f"{path}: the header row must name {', '.join(sorted({'mac', *INTEGERS}))}; {', '.join(missing)} missing: "
            "only the ESP32-CSI-Tool and esp-csi layouts of ESP32, S2, S3 and C3 are known"
        )
    columns.follow(names)
    return ""


def parse_int8(texts: list[bytes]) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Integers from texts such as ``b"1 -2 3 "`` or ``b"1,-2,3"``, all texts at once.

    Args:
        texts: one a row; numbers are separated by spaces or commas.

    Returns:
        The int8 values of all texts one after another, the number of values of each text, int64, and for each text
        why its values must not be used, empty where they may.
    """
    if not texts:
        return np.empty(0, dtype=np.int8), np.empty(0, dtype=np.int64), []
    ends = np.cumsum([len(text) + 1 for text in texts])
    buffer = np.frombuffer(b" ".join(texts) + b" ", dtype=np.uint8)
    space = (buffer == ord(" ")) | (buffer == ord(","))
    edges = np.flatnonzero(np.diff(space, prepend=True))  # tokens begin and end in turn
    start, stop = edges[0::2], edges[1::2]
    row_of_token = np.searchsorted(ends, start, side="right")
    value, good = _token_values(buffer, start, stop)

    size = len(texts)
    malformed = np.bincount(row_of_token[~good], minlength=size)
    outside = np.bincount(row_of_token[good & (np.abs(value * 2 + 1) > 255)], minlength=size)
    counts = np.bincount(row_of_token, minlength=size)
    reasons = [
        "a value that is no integer of one to three digits" if m else "a value outside -128..127" if o else ""
        for m, o in zip(malformed.tolist(), outside.tolist(), strict=True)
    ]
    return value.astype(np.int8), counts, reasons


def _token_values(buffer: np.ndarray, start: np.ndarray, stop: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Value of each token (int16), and whether it is an integer of one to three digits."""
    negative = buffer[start] == ord("-")
    digits = stop - start - negative
    good = (digits >= 1) & (digits <= 3)
    value = np.zeros(len(start), dtype=np.int16)
    for place, weight in enumerate((1, 10, 100)):
        # uint8 wraps, so that everything but the ten digits is 10 or more.
        digit = buffer[np.maximum(stop - 1 - place, 0)] - np.uint8(ord("0"))
        there = digits > place
        good &= ~there | (digit < 10)
        value += np.where(there & (digit < 10), digit, 0).astype(np.int16) * np.int16(weight)
    return np.where(negative, -value, value), good


def rows_in(head: bytes) -> Iterator[bytes]:
    """The lines of the beginning of a file that are CSI rows or a header row of one."""
    for line in head.splitlines():
        if line.startswith((b"CSI_DATA,", b'"CSI_DATA",')) or header_names(line):
            yield line
