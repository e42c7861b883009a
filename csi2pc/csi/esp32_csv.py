"""The text of an ESP32 CSI log (CSV) as numbers; whatever is no whole, well-formed row is listed and skipped.

Three layouts, with or without a header row. ESP32-CSI-Tool (Hernandez and Bulut, WoWMoM 2020) writes 25 fields and
then the data in brackets, separated by spaces; Espressif's esp-csi writes 24 fields (14 on ESP32-C5, C6 and C61) and
the data in quoted brackets, separated by commas. Where there is a header row, columns are found by their names.

Log lines of the firmware may stand in between; text before the row (a monitor's time, a column of the logging
computer) and columns after the data are passed over. esp-csi may print values beyond one byte: those of 12 bits, and
those it multiplied by its gain compensation.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np

from ..errors import DataError
from ..types import Report
from .esp32_numbers import parse_integers
from .esp32_rows import INTEGERS, LONGEST_LINE, UNKNOWN, Rows, rows_of

_RADIO = (
    "mac", "rssi", "rate", "sig_mode", "mcs", "bandwidth", "smoothing", "not_sounding", "aggregation", "stbc",
    "fec_coding", "sgi", "noise_floor", "ampdu_cnt", "channel", "secondary_channel", "local_timestamp", "ant",
    "sig_len", "rx_state",
)  # fmt: skip
#: Number of fields before the data -> their names, for files without a header row.
LAYOUTS = {
    25: ("type", "role", *_RADIO, "real_time_set", "real_timestamp", "len"),
    24: ("type", "id", *_RADIO, "len", "first_word"),
    14: ("type", "id", "mac", "rssi", "rate", "noise_floor", "fft_gain", "agc_gain", "channel", "local_timestamp",
         "sig_len", "rx_state", "len", "first_word"),
}  # fmt: skip
#: What logs call a column -> what it is called here.
_ALIASES = {"cwb": "bandwidth", "seq": "id", "first_word_invalid": "first_word"}
#: Columns without which a row is of no use.
_NEEDED = ("local_timestamp", "len")
_MAC = re.compile(rb"(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}")
_MARK = re.compile(rb'"?CSI_DATA"?\s*,')



class Columns(NamedTuple):
    """Where the fields of a row stand.

    Attributes:
        mac, first_word: their columns, None where there is none.
        integers: columns of the integers that there are; ``known`` says which of ``INTEGERS`` these are.
        limit: values lie from ``-limit`` to ``limit - 1``.
    """

    mac: int | None
    first_word: int | None
    integers: tuple[int, ...]
    known: tuple[int, ...]
    limit: int


class Row(NamedTuple):
    """What is parsed of a row before its values; ``numbers`` are the integers that ``columns`` knows."""

    mac: bytes
    numbers: list[int]
    first_word: bool
    data: bytes
    columns: Columns


class CsvLines:
    """Parses lines of a log, following its header rows. One object a file or stream."""

    def __init__(self) -> None:
        self._columns = {count: _columns(names) for count, names in LAYOUTS.items()}

    def __call__(self, lines: list[bytes], first: int, source: str, report: Report) -> Rows:
        """Rows of the lines; see :data:`csi2pc.csi.esp32_rows.Parse`."""
        number, parsed = [], []
        for n, line in enumerate(lines, first):
            row = self._parse(line, source)
            if isinstance(row, Row):
                number.append(n)
                parsed.append(row)
            elif row:
                report.skip(f"{source} line {n}", row)
        limits = np.array([row.columns.limit for row in parsed], dtype=np.int64)
        values, counts, reasons = parse_integers([row.data for row in parsed], limits)
        for n, reason in zip(number, reasons, strict=True):
            if reason:
                report.skip(f"{source} line {n}", reason)
        rows = rows_of(
            line=number, mac=[row.mac for row in parsed], receiver=[b""] * len(parsed),
            host_time=[np.nan] * len(parsed), fields=_fields(parsed),
            first_word=[row.first_word for row in parsed], data=values, stored=counts,
        )  # fmt: skip
        return rows.select(np.array([not reason for reason in reasons], dtype=bool))

    def _parse(self, line: bytes, source: str) -> Row | str:
        """A row; or why it is none (empty: nothing worth listing)."""
        if len(line) > LONGEST_LINE:
            return f"a line of more than {LONGEST_LINE} bytes"
        mark = _MARK.search(line)
        if mark is None:
            return self._other_line(line, source)
        head, _, rest = line[mark.start() :].partition(b"[")
        data, close, tail = rest.partition(b"]")
        if not close:
            return "truncated line (no closing bracket)"
        parts = head.split(b",")
        beside = tail.strip().removeprefix(b'"').lstrip()
        if parts.pop().strip() not in (b"", b'"') or (beside and not beside.startswith(b",")) or b"CSI_DATA" in tail:
            return "malformed line (something beside the brackets)"
        if len(parts) not in self._columns:
            return f"{len(parts)} fields before the data, a layout that is not known"
        return _row(parts, data, self._columns[len(parts)])

    def _other_line(self, line: bytes, source: str) -> str:
        if not line.strip():
            return ""
        names = header_names(line)
        if names is None:
            return "no CSI_DATA line"
        missing = [name for name in _NEEDED if name not in names]
        if missing:
            raise DataError(
                f"{source}: the header row must name {', '.join(_NEEDED)}; {', '.join(missing)} missing: "
                "only the ESP32-CSI-Tool and esp-csi layouts are known"
            )
        self._columns = {len(names): _columns(names)}
        return ""


def header_names(line: bytes) -> tuple[str, ...] | None:
    """The column names before the data, from ``type`` on, if ``line`` is a header row."""
    names = [part.strip().strip(b'"').decode("ascii", "replace").lower() for part in line.split(b",")]
    # Text may stand before the row: the first column's name ends in "type" then.
    begin = next((i for i, name in enumerate(names) if re.fullmatch(r"(.*\W)?type", name)), None)
    if begin is None or "local_timestamp" not in names or len(names) - begin < 3:
        return None
    names[begin] = "type"
    data = next((i for i, name in enumerate(names) if i > begin and name in ("data", "csi_data")), len(names) - 1)
    return tuple(_ALIASES.get(name, name) for name in names[begin:data])


def looks_like_row(line: bytes) -> bool:
    """Whether a line is a CSI_DATA row or the header row of one; with text before it, it must have its data too."""
    mark = _MARK.search(line)
    if mark is None:
        return header_names(line) is not None
    return mark.start() == 0 or (line.count(b",", mark.start()) > min(LAYOUTS) and b"[" in line[mark.start() :])


def _columns(names: tuple[str, ...]) -> Columns:
    where = {name: i for i, name in reversed(list(enumerate(names)))}
    known = tuple(i for i, name in enumerate(INTEGERS) if name in where)
    # ESP32-CSI-Tool, whose rows begin with a role, prints bytes as they are.
    limit = 128 if "role" in where else 32768
    return Columns(where.get("mac"), where.get("first_word"), tuple(where[INTEGERS[i]] for i in known), known, limit)


def _row(parts: list[bytes], data: bytes, columns: Columns) -> Row | str:
    address = b"" if columns.mac is None else parts[columns.mac].strip(b' "')
    if columns.mac is not None and not _MAC.fullmatch(address):
        return "no MAC address in its column"
    try:
        numbers = [int(parts[i]) for i in columns.integers]
        flag = columns.first_word is None or int(parts[columns.first_word]) != 0
    except ValueError:
        return "a field that must be an integer is none"
    if max(numbers) >= 1 << 32 or min(numbers) < -(1 << 31):
        return "a field is out of the range of 32 bits"
    return Row(address.upper(), numbers, flag, data, columns)


def _fields(parsed: list[Row]) -> np.ndarray:
    """int64 ``(n, len(INTEGERS))``, rows of one layout at a time."""
    fields = np.full((len(parsed), len(INTEGERS)), UNKNOWN, dtype=np.int64)
    members: dict[int, list[int]] = {}
    for i, row in enumerate(parsed):
        members.setdefault(id(row.columns), []).append(i)
    for rows in members.values():
        fields[np.ix_(rows, parsed[rows[0]].columns.known)] = [parsed[i].numbers for i in rows]
    return fields
