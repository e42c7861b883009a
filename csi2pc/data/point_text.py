"""Points as text: CSV tables with a header, and the records that a TI mmWave radar's ROS driver prints."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..errors import DataError
from ..types import Report

#: Seconds in a unit of time, by the suffix that names it in a header or in a file name.
SECONDS = {"": 1.0, "_s": 1.0, "_ms": 1e-3, "_us": 1e-6, "_ns": 1e-9}
_RECORD = re.compile(r"^\s*([A-Za-z_]+):\s*(\S+)\s*$", re.MULTILINE)
#: Fields that a point of a radar log must have.
_RADAR = ("secs", "nsecs", "point_id", "x", "y", "z")


def read_point_csv(path: str | Path) -> np.ndarray:
    """Read one cloud: a CSV file whose header names x, y, z (further columns do not matter): ``(N, 3)`` float64.

    A header alone is a frame without points.

    Raises:
        DataError: missing, without these columns, or with a row that lacks one of the numbers.
    """
    return _columns(path, *read_table(path), ("x", "y", "z"))


def read_frames_csv(path: str | Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Read a recording in one CSV file: a row a point, with x, y, z and the time of its frame.

    Args:
        path: the file; its header has x, y, z and one of time, time_s, time_ms, time_us, time_ns.

    Returns:
        points ``(P, 3)`` float64; times ``(F,)`` seconds; lengths ``(F,)`` int64. Rows that follow one another with
        the same time are one frame.

    Raises:
        DataError: missing, without these columns or any row, or a row lacks one of the numbers.
    """
    header, rows = read_table(path)
    name, unit = time_column(path, header)
    values = _columns(path, header, rows, (name, "x", "y", "z"))  # (P, 4)
    if not len(values):
        raise DataError(f"{path} must have a row a point; it has a header alone")
    starts = np.flatnonzero(np.r_[True, np.diff(values[:, 0]) != 0])
    return values[:, 1:], values[starts, 0] * unit, np.diff(np.r_[starts, len(values)])


def read_radar_log(path: str | Path, report: Report) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Read the text of a TI mmWave radar's ROS topic, as the RadHAR data set has it: records divided by ``---``.

    A record is a point: ``secs`` and ``nsecs`` of its stamp, ``point_id`` counted from 0 in each frame, and ``x``,
    ``y``, ``z`` in metres. A frame's time is the stamp of its first point.

    Args:
        path: the file.
        report: receives the records that lack a number, as the last one of a log that was cut off.

    Returns:
        points ``(P, 3)`` float64 metres; times ``(F,)`` seconds; lengths ``(F,)`` int64.

    Raises:
        DataError: missing, or without any whole record.
    """
    kept = []
    for number, record in enumerate(_text(path).split("---")):
        if not record.strip():
            continue
        found = dict(_RECORD.findall(record))
        try:
            row = [float(found[name]) for name in _RADAR]
            if not np.isfinite(row).all():
                raise ValueError
            kept.append(row)
        except (KeyError, ValueError):
            report.skip(f"{path} record {number}", "radar record without time, point_id, x, y or z")
    if not kept:
        raise DataError(f"{path} must be records of secs, nsecs, point_id, x, y, z divided by ---; it has no whole one")
    rows = np.array(kept)  # (P, 6)
    starts = np.flatnonzero(np.r_[True, np.diff(rows[:, 2]) <= 0])
    return rows[:, 3:], rows[starts, 0] + rows[starts, 1] * 1e-9, np.diff(np.r_[starts, len(rows)])


def read_table(path: str | Path) -> tuple[list[str], list[dict[str, str]]]:
    """The header of a CSV file, and its rows by the names in it, spaces around names and entries taken off.

    Raises:
        DataError: missing, empty, no text, or a row has more or fewer entries than the header.
    """
    try:
        lines = [line for line in csv.reader(_text(path).splitlines(), skipinitialspace=True) if line]
    except csv.Error as error:
        raise DataError(f"{path} is not a readable CSV file: {error}") from error
    if not lines:
        raise DataError(f"{path} is empty; a CSV file begins with a header")
    header = [name.strip() for name in lines[0]]
    for number, line in enumerate(lines[1:], 2):
        if len(line) != len(header):
            raise DataError(f"{path} row {number} has {len(line)} entries, its header names {len(header)}")
    return header, [dict(zip(header, map(str.strip, line), strict=True)) for line in lines[1:]]


def time_column(path: str | Path, header: Sequence[str]) -> tuple[str, float]:
    """The column of a table that holds times, and its unit in seconds.

    Raises:
        DataError: there is none, or several.
    """
    names = [f"time{suffix}" for suffix in SECONDS]
    found = [name for name in names if name in header]
    if len(found) != 1:
        raise DataError(f"{path} must have a header with one of {', '.join(names)}; got {', '.join(header)}")
    return found[0], SECONDS[found[0].removeprefix("time")]


def _columns(
    path: str | Path, header: Sequence[str], rows: Sequence[dict[str, str]], names: Sequence[str]
) -> np.ndarray:
    if not set(names) <= set(header):
        raise DataError(f"{path} must have a header with {', '.join(names)}; got {', '.join(header)}"[:300])
    values = np.empty((len(rows), len(names)))
    for number, row in enumerate(rows):
        try:
            values[number] = [float(row[name]) for name in names]
        except ValueError as error:
            raise DataError(f"{path} row {number + 2}: {error}; {', '.join(names)} must be numbers") from error
    return values


def _text(path: str | Path) -> str:
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not a text file: {error}") from error
