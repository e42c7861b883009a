"""Per-frame results as a CSV file: one row a frame, one column a method and metric.

Everything later on, summaries and figures, is made from these rows and from nothing held in memory, so that a run
folder can be judged again without the model. An empty cell is a missing value and becomes NaN, never 0.

Text in the rows comes from folder and file names. The csv module quotes commas, quotes and line breaks; text that a
spreadsheet would run as a formula is written behind an apostrophe, which reading takes off again.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..data.atomic import replacing
from ..errors import DataError, ShapeError
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

FRAME_COLUMNS = ("sequence", "index", "time", "scene", "subject", "action", "points")
COLUMN_NAME = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+")
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "'")


@dataclass(frozen=True, eq=False)
class FrameRows:
    """The scores of every method on every frame.

    Attributes:
        frames: one :class:`~csi2pc.types.FrameId` a row.
        points: int64 ``(F,)``, number of points of each target.
        values: ``"<method>/<metric>"`` to float64 ``(F,)``; NaN where a method has no value for a frame.
    """

    frames: tuple[FrameId, ...]
    points: np.ndarray
    values: dict[str, np.ndarray]

    def __post_init__(self) -> None:
        if self.points.shape != (len(self.frames),):
            raise ShapeError(f"points must be ({len(self.frames)},), one a frame; got {self.points.shape}")
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


def make_rows(
    frames: Sequence[FrameId],
    points: Sequence[int],
    scores: Mapping[str, Sequence[Mapping[str, float] | None]],
) -> FrameRows:
    """Put the results of an evaluation together.

    Args:
        frames: the frames that were scored.
        points: number of points of each target.
        scores: method to one ``frame_metrics`` result a frame; None where the method has no cloud for the frame. A
            method that is given without any result keeps its columns, empty.

    Raises:
        ShapeError: a method has not exactly one result a frame.
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
    return FrameRows(tuple(frames), np.array(points, dtype=np.int64).reshape(-1), values)


def write_rows(path: str | Path, rows: FrameRows) -> None:
    """Write ``rows`` as CSV, atomically. Numbers are written so that reading gives back the same bits.

    Raises:
        DataError: the file cannot be written; what stood there before is untouched.
    """
    with replacing(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*FRAME_COLUMNS, *rows.values])
        for row, frame in enumerate(rows.frames):
            labels = [_as_text(label) for label in (frame.scene, frame.subject, frame.action)]
            numbers = ["" if math.isnan(column[row]) else repr(float(column[row])) for column in rows.values.values()]
            writer.writerow(
                [_as_text(frame.sequence), frame.index, repr(float(frame.time)), *labels, rows.points[row], *numbers]
            )


def read_rows(path: str | Path) -> FrameRows:
    """Read what :func:`write_rows` wrote.

    Raises:
        DataError: the file is missing, is no such table, or a cell is not what its column holds.
    """
    path = Path(path)
    try:
        with open(path, encoding="utf-8", newline="") as file:
            table = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"per-frame rows must be readable as CSV; {path}: {error}; evaluate again") from error
    width = len(FRAME_COLUMNS)
    if not table or tuple(table[0][:width]) != FRAME_COLUMNS or len(set(table[0])) < len(table[0]):
        raise DataError(
            f"per-frame rows must start with the columns {', '.join(FRAME_COLUMNS)}; {path} does not; evaluate again"
        )
    frames, points, numbers = [], [], []
    for line, row in enumerate(table[1:], 2):
        try:
            if len(row) != len(table[0]):
                raise ValueError(f"{len(row)} cells")
            sequence, index, time, scene, subject, action, count = row[:width]
            labels = [_from_text(label) for label in (scene, subject, action)]
            frames.append(FrameId(_from_text(sequence), int(index), float(time), *labels))
            points.append(int(count))
            numbers.append([float(cell) if cell else math.nan for cell in row[width:]])
        except ValueError as error:
            raise DataError(
                f"every row must hold {len(table[0])} cells with numbers from column {width + 1} on; "
                f"{path}, row {line}: {error}; evaluate the run again"
            ) from error
    columns = np.array(numbers, dtype=np.float64).reshape(len(frames), len(table[0]) - width).T
    return FrameRows(tuple(frames), np.array(points, dtype=np.int64), dict(zip(table[0][width:], columns, strict=True)))


def _as_text(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _from_text(cell: str) -> str:
    return cell[1:] if cell.startswith("'") else cell
