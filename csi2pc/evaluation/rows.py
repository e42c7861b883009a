"""Per-frame results as a CSV file, plain or gzipped: one row a frame, one column a method and metric.

Everything later on, summaries and figures, is made from these rows and from nothing held in memory, so that a run
folder can be judged again without the model. An empty cell is a missing value and becomes NaN, never 0.

Text in the rows comes from folder and file names. The csv module quotes commas, quotes and line breaks; text that a
spreadsheet would run as a formula is written behind an apostrophe, which reading takes off again.
"""

from __future__ import annotations

import csv
import gzip
import io
import math
import re
import zlib
from array import array
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TextIO

import numpy as np

from ..data.atomic import replacing
from ..errors import ConfigError, DataError, ShapeError
from ..types import FrameId

#: The method that is judged; every other method in the rows is a blind baseline.
MODEL = "model"
#: The model itself, fed the CSI of other frames.
SHUFFLED = "shuffled_csi"
#: The methods of a full evaluation, in the order of the columns.
METHODS = (
    MODEL,
    SHUFFLED,
    "mean_cloud",
    "constant_cloud",
    "constant_cloud_l2",
    "constant_cloud_emd",
    "nearest_action_time",
    "nearest_scene",
)

FRAME_COLUMNS = ("sequence", "index", "time", "scene", "subject", "action", "points", "distance")
#: Files of the first version have no distance.
FIRST_COLUMNS = FRAME_COLUMNS[:-1]
#: Most characters of a line, and of a gzipped table when unpacked: a row of 8 methods and 15 metrics takes about 2,400,
#: the 64,152 test frames of MM-Fi 150 million. A crafted file of a few kilobytes unpacks to any size.
LONGEST_LINE, LARGEST_TABLE = 2**20, 2**29
#: Metres from the sensor to a target at most: further than any radio that senses people reaches.
FURTHEST = 1e6
COLUMN_NAME = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+")
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "'")


@dataclass(frozen=True, eq=False)
class FrameRows:
    """The scores of every method on every frame.

    Attributes:
        frames: one :class:`~csi2pc.types.FrameId` a row.
        points: int64 ``(F,)``, number of points of each target.
        values: ``"<method>/<metric>"`` to float64 ``(F,)``; NaN where a method has no value for a frame.
        distance: float64 ``(F,)`` metres, from the sensor to the centroid of each target; NaN where it is not known,
            as on every frame by default.
    """

    frames: tuple[FrameId, ...]
    points: np.ndarray
    values: dict[str, np.ndarray]
    distance: np.ndarray = None  # type: ignore[assignment]  # filled below

    def __post_init__(self) -> None:
        if self.distance is None:
            object.__setattr__(self, "distance", np.full(len(self.frames), np.nan))
        for name in ("points", "distance"):
            if (shape := getattr(self, name).shape) != (len(self.frames),):
                raise ShapeError(f"{name} must be ({len(self.frames)},), one a frame; got {shape}")
        for column, values in self.values.items():
            if values.shape != (len(self.frames),):
                raise ShapeError(f"column {column!r} must be ({len(self.frames)},), one a frame; got {values.shape}")
            if not COLUMN_NAME.fullmatch(column):
                raise DataError(
                    f"columns must be <method>/<metric>, in letters, digits and _ . -; got {column!r:.80}; rename it"
                )

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def methods(self) -> tuple[str, ...]:
        """Methods in the order of their first column."""
        return tuple(dict.fromkeys(column.split("/")[0] for column in self.values))

    @property
    def metrics(self) -> tuple[str, ...]:
        """Metrics in the order of their first column."""
        return tuple(dict.fromkeys(column.split("/")[1] for column in self.values))

    def column(self, method: str, metric: str) -> np.ndarray:
        """float64 ``(F,)``: what ``method`` scored, all NaN where it has no such column."""
        missing = np.full(len(self), np.nan)
        return self.values.get(f"{method}/{metric}", missing)

    def take(self, which: np.ndarray) -> FrameRows:
        """The rows at the positions ``which`` (int), or where the mask ``which`` (bool ``(F,)``) is true."""
        positions = np.arange(len(self))[which]
        return FrameRows(
            tuple(self.frames[position] for position in positions),
            self.points[positions],
            {column: values[positions] for column, values in self.values.items()},
            self.distance[positions],
        )


def make_rows(
    frames: Sequence[FrameId],
    points: Sequence[int],
    scores: Mapping[str, Sequence[Mapping[str, float] | None]],
    *,
    distance: Sequence[float] | None = None,
) -> FrameRows:
    """Put the results of an evaluation together.

    Args:
        frames: the frames that were scored.
        points: number of points of each target.
        scores: method to one ``frame_metrics`` result a frame; None where the method has no cloud for the frame. A
            method that is given without any result keeps its columns, empty.
        distance: metres from the sensor to the centroid of each target, where known.

    Raises:
        ShapeError: a method has not exactly one result a frame, or ``points`` or ``distance`` not one number.
    """
    for method, results in scores.items():
        if len(results) != len(frames):
            raise ShapeError(f"{method} must have one result a frame, {len(frames)}; got {len(results)}")
    given = [result for results in scores.values() for result in results if result is not None]
    metrics = dict.fromkeys(name for result in given for name in result)
    values = {
        f"{method}/{metric}": np.array([(result or {}).get(metric, math.nan) for result in results], dtype=np.float64)
        for method, results in scores.items()
        for metric in metrics
    }
    metres = None if distance is None else np.array(distance, dtype=np.float64).reshape(-1)
    return FrameRows(tuple(frames), np.array(points, dtype=np.int64).reshape(-1), values, metres)


def joined(*tables: FrameRows) -> FrameRows:
    """Several methods' rows of the same frames as one table.

    Raises:
        DataError: the tables are of different frames.
    """
    first = tables[0]
    if any(table.frames != first.frames or not np.array_equal(table.points, first.points) for table in tables[1:]):
        raise DataError("rows are put together frame by frame; got tables of different frames: evaluate again")
    return replace(first, values={name: column for table in tables for name, column in table.values.items()})


def write_rows(path: str | Path, rows: FrameRows, *, digits: int | None = None) -> None:
    """Write ``rows`` as CSV, gzipped where the name ends in ``.gz``, atomically.

    The same rows give the same bytes, gzipped as well (on one version of zlib).

    Args:
        path: where to write.
        rows: what to write.
        digits: significant digits of distances and metrics, at least 1. None writes numbers so that reading gives back
            the same bits.

    Raises:
        DataError: the file cannot be written; what stood there before is untouched.
        ConfigError: ``digits`` below 1.
    """
    if digits is not None and digits < 1:
        raise ConfigError(f"digits must be at least 1, or None for exact numbers; got {digits}")

    def number(value: float) -> str:
        if math.isnan(value):
            return ""
        return repr(float(value)) if digits is None else f"{value:.{digits}g}"

    with _written(Path(path)) as file:
        writer = csv.writer(file)
        writer.writerow([*FRAME_COLUMNS, *rows.values])
        for row, frame in enumerate(rows.frames):
            labels = [_as_text(label) for label in (frame.scene, frame.subject, frame.action)]
            named = [_as_text(frame.sequence), frame.index, repr(float(frame.time)), *labels, rows.points[row]]
            numbers = [rows.distance[row], *(column[row] for column in rows.values.values())]
            writer.writerow([*named, *map(number, numbers)])


def read_rows(path: str | Path) -> FrameRows:
    """Read what :func:`write_rows` wrote, now or before there were distances.

    Raises:
        DataError: the file is missing, is no such table, a cell is not what its column holds, a target is further away
            than :data:`FURTHEST`, or the file is gzipped and larger than :data:`LARGEST_TABLE` when unpacked.
    """
    path = Path(path)
    try:
        with _opened(path) as file:
            return _parsed(csv.reader(_lines(file, path)), path)
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"per-frame rows must be readable as CSV; {path}: {error}; evaluate again") from error


@contextmanager
def _written(path: Path) -> Iterator[TextIO]:
    """A text file to write to, gzipped without a name and a time in it where ``path`` says so."""
    with replacing(path) as temporary, open(temporary, "wb") as file:
        if path.suffix == ".gz":
            with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed:
                with io.TextIOWrapper(packed, encoding="utf-8", newline="") as text:
                    yield text
        else:
            with io.TextIOWrapper(file, encoding="utf-8", newline="") as text:
                yield text


def _opened(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8", newline="")
    return open(path, encoding="utf-8", newline="")


def _lines(file: TextIO, path: Path) -> Iterator[str]:
    """The lines of a table, counted while they come, so that no file fills the memory unseen."""
    total = 0
    while line := file.readline(LONGEST_LINE + 1):
        total += len(line)
        if len(line) > LONGEST_LINE:
            raise DataError(
                f"a row may have {LONGEST_LINE:,} characters at most; {path} has a longer one; evaluate the run again"
            )
        if total > LARGEST_TABLE and path.suffix == ".gz":
            raise DataError(
                f"gzipped rows may hold {LARGEST_TABLE:,} characters at most; {path} holds more; if that is as it "
                "should be, unpack the file and read it as .csv"
            )
        yield line


def _parsed(table: Iterator[list[str]], path: Path) -> FrameRows:
    header = next(table, [])
    known = next((names for names in (FRAME_COLUMNS, FIRST_COLUMNS) if tuple(header[: len(names)]) == names), ())
    if not known or len(set(header)) < len(header):
        raise DataError(
            f"per-frame rows must start with the columns {', '.join(FRAME_COLUMNS)}; {path} does not; evaluate again"
        )
    width, columns = len(FIRST_COLUMNS), header[len(known) :]
    frames, points, numbers = [], array("q"), array("d")  # arrays, since lists of numbers take four times the memory
    for line, row in enumerate(table, 2):
        try:
            if len(row) != len(header):
                raise ValueError(f"{len(row)} cells")
            sequence, index, time, scene, subject, action, count = row[:width]
            labels = [_from_text(label) for label in (scene, subject, action)]
            frames.append(FrameId(_from_text(sequence), int(index), float(time), *labels))
            points.append(int(count))
            numbers.extend(float(cell) if cell else math.nan for cell in row[width:])
        except (ValueError, OverflowError) as error:
            raise DataError(
                f"every row must hold {len(header)} cells with numbers from column {width + 1} on; "
                f"{path}, row {line}: {error}; evaluate the run again"
            ) from error
    cells = np.array(numbers, dtype=np.float64).reshape(len(frames), len(header) - width).T
    distance, values = (cells[0], cells[1:]) if known == FRAME_COLUMNS else (None, cells)
    if distance is not None and (beyond := np.flatnonzero(np.abs(distance) > FURTHEST)).size:
        raise DataError(
            f"distances must be metres, {FURTHEST:g} at most; {path}, row {beyond[0] + 2}, has "
            f"{distance[beyond[0]]:g}; evaluate the run again"
        )
    return FrameRows(tuple(frames), np.array(points, dtype=np.int64), dict(zip(columns, values, strict=True)), distance)


def _as_text(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _from_text(cell: str) -> str:
    return cell[1:] if cell.startswith("'") else cell
