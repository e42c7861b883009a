"""A target stream that was found on disk: its frames' times on the session's clock, and their clouds on demand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..csi.packet_times import in_order
from ..errors import DataError
from ..types import Report
from .arrays import load_array
from .file_names import filled, find_placeholder, matching, seconds_of
from .frames import FrameError
from .missing import missing
from .point_text import read_frames_csv, read_radar_log, read_table, time_column
from .stream_clouds import ArrayReader, FileReader, FrameFile
from .streams import FILE_A_FRAME, Stream

#: Why a frame of a stream was left out on account of its time.
REPEATED = "target frame at the same time as the one before it"
BACKWARDS = "target clock ran backwards; only the longest run of frames is kept"
OUT_OF_LINE = "target time out of line with the frames before and after"


@dataclass(frozen=True, eq=False)
class StreamFrames:
    """The frames of a stream.

    Attributes:
        name: of the stream, in the manifest.
        stream: what the manifest says of it.
        times: float64 ``(F,)`` seconds on the session's clock, strictly increasing.
        numbers: int64 ``(F,)``, increasing: the number in the file name where it counts frames, else the place in
            the recording, from 0.
        names: file (and frame) of each, for messages and to tell whether two sessions share one.
        report: what was left out on account of its name or its time.
    """

    name: str
    stream: Stream
    times: np.ndarray
    numbers: np.ndarray
    names: list[str]
    report: Report = field(default_factory=Report)
    _read: Callable[[int], np.ndarray] | None = None
    _positions: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.times)

    def points(self, position: int) -> np.ndarray:
        """Frame ``position`` (0 to F - 1): ``(N, 3)`` float64 metres in the project's frame.

        Raises:
            FrameError: its file is missing, damaged, or impossible under the declared unit.
        """
        try:
            return self.stream.extrinsics.apply(self._read(int(self._positions[position])))
        except DataError as error:
            raise FrameError("unreadable cloud", str(error)) from error


def open_stream(name: str, stream: Stream, root: Path) -> StreamFrames:
    """Find the frames of a stream and their times. Files of single frames are not opened yet.

    A file that holds a whole recording is read. If it is damaged, the stream has no frames, and the report says why.

    Raises:
        DataError: no file fits, or the CSV file of times is missing or wrong.
        ConfigError: the pattern is absolute or malformed.
    """
    report = Report()
    if stream.format in FILE_A_FRAME:
        files = read_times(root, stream.times) if stream.times else _named(stream, root, report)
        return from_files(name, stream, files, report)
    path = root / stream.file
    if not path.is_file():
        raise DataError(f"stream {name}: {missing(path)}; file must name the recording, relative to the data root")
    try:
        points, times, lengths = _whole(path, stream, report)
    except DataError as error:
        report.skip(f"stream {name}: {error}", "unreadable target recording")
        points, times, lengths = np.empty((0, 3)), np.empty(0), np.empty(0, dtype=np.int64)
    reader = ArrayReader(stream, path, points, np.r_[0, np.cumsum(lengths)].astype(np.int64))
    names = [f"{path} frame {number}" for number in range(len(times))]
    return _timed(name, stream, times, np.arange(len(times)), names, reader, report)


def from_files(
    name: str,
    stream: Stream,
    files: Sequence[FrameFile],
    report: Report | None = None,
    *,
    voxel_size: float | None = None,
) -> StreamFrames:
    """A stream whose files and times are known, in the order of recording."""
    times, numbers = (np.array([getattr(file, of) for file in files]) for of in ("time", "number"))
    names = [str(file.path) for file in files]
    return _timed(name, stream, times, numbers, names, FileReader(stream, files, voxel_size), report or Report())


def read_times(root: Path, name: str) -> list[FrameFile]:
    """Read a CSV file of frames, ``root / name``: columns file (or cloud) and time, time_ms ..., and mask if there are
    masks; its paths are relative to its own folder.

    Raises:
        DataError: missing, another header, no row, or a time that is no finite number.
    """
    path = root / name
    header, rows = read_table(path)
    column = next((column for column in ("file", "cloud") if column in header), None)
    if column is None:
        raise DataError(f"{path} must have a header with file and time (or cloud and time); got {', '.join(header)}")
    time, unit = time_column(path, header)
    files = []
    for number, row in enumerate(rows):
        try:
            seconds = float(row[time]) * unit
        except ValueError:
            seconds = np.nan
        if not np.isfinite(seconds) or not row[column]:
            raise DataError(
                f"{path} row {number + 2} must name a file and a finite time; got {row[column]!r}, {row[time]!r}"
            )
        mask = path.parent / row["mask"] if row.get("mask") else None
        files.append(FrameFile(path.parent / row[column], seconds, number, mask))
    if not files:
        raise DataError(f"{path} must list at least one file with its time; it has a header alone")
    return files


def _named(stream: Stream, root: Path, report: Report) -> list[FrameFile]:
    """The files of a pattern in the order of their times, which their names tell."""
    placeholder = find_placeholder(stream.files)
    found = []
    for path, text in matching(root, stream.files):
        if text is None:
            report.skip(str(path), f"file name without the number that {{{placeholder}}} stands for")
            continue
        if placeholder == "index":
            time = (stream.start or 0.0) + int(text) / stream.rate
        else:
            time = seconds_of(placeholder, text)
        found.append((time, path, root / filled(stream.masks, text) if stream.masks else None, text))
    if not found:
        odd = f" ({report.skipped[0].where}: {report.skipped[0].reason})" if report.skipped else ""
        raise DataError(f"no file fits {stream.files!r} under {root}{odd}: check the data root and the pattern")
    found.sort(key=lambda entry: entry[:2])
    counted = placeholder == "index"
    return [
        FrameFile(path, time, int(text) if counted else place, mask)
        for place, (time, path, mask, text) in enumerate(found)
    ]


def _whole(path: Path, stream: Stream, report: Report) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points ``(P, 3)``, times ``(F,)`` and lengths ``(F,)`` of a recording in one file."""
    if stream.format == "csv":
        return read_frames_csv(path)
    if stream.format == "radar_log":
        return read_radar_log(path, report)
    points, times = load_array(path, name="points"), load_array(path, name="timestamps")
    numbers = points.dtype.kind in "fiu" and times.dtype.kind in "fiu"
    if times.ndim != 1 or points.ndim not in (2, 3) or points.shape[-1] != 3 or not numbers:
        raise DataError(
            f"{path} must hold points (P, 3), or (F, N, 3), and timestamps (F,); got {points.dtype} {points.shape} "
            f"and {times.dtype} {times.shape}"
        )
    if points.ndim == 3:
        lengths = np.full(len(points), points.shape[1])
    else:
        lengths = _lengths(path, len(points), len(times))
    possible = (lengths >= 0) & (lengths <= points.size // 3)
    if len(lengths) != len(times) or not possible.all() or lengths.sum() != points.size // 3:
        raise DataError(
            f"{path}: lengths (or the steps of offsets) must be {len(times)}, one a timestamp, and add up to the "
            f"{points.size // 3} points; got {len(lengths)} that add up to {lengths.sum()}"
        )
    return points.reshape(-1, 3), times.astype(np.float64), lengths


def _lengths(path: Path, points: int, frames: int) -> np.ndarray:
    """How many points each frame has, ``(F,)`` int64, as the file says by ``lengths`` or by ``offsets``."""
    found = {}
    for name in ("lengths", "offsets"):
        try:
            found[name] = load_array(path, name=name)
        except DataError:
            continue
    if not found:
        raise DataError(f"{path} must hold lengths (F,) or offsets (F,): which points are of which frame")
    name, values = found.popitem() if len(found) == 1 else ("lengths", found["lengths"])
    if values.ndim != 1 or values.dtype.kind not in "iu" or (values > points).any():
        raise DataError(f"{path}: {name} must be whole numbers up to {points}; got {values.dtype} {values.shape}")
    values = values.astype(np.int64)
    if name == "lengths":
        return values
    if len(values) and values[0] != 0:
        raise DataError(f"{path}: offsets must begin at 0; got {values[0]}")
    return np.diff(values if len(values) == frames + 1 else np.r_[values, points])


def _timed(
    name: str,
    stream: Stream,
    times: np.ndarray,
    numbers: np.ndarray,
    names: list[str],
    reader: Callable[[int], np.ndarray],
    report: Report,
) -> StreamFrames:
    """Leave out frames whose time cannot be true; nothing is sorted by what only the clock says."""
    good = np.flatnonzero(np.isfinite(times))
    for place in np.flatnonzero(~np.isfinite(times)):
        report.skip(names[place], "target time is not finite")
    if len(good):
        kept, odd = in_order(times[good])
        for place, out in zip(good[~kept].tolist(), odd[~kept].tolist(), strict=True):
            report.skip(names[place], OUT_OF_LINE if out else BACKWARDS)
        good = good[kept]
    again = np.flatnonzero(np.diff(times[good]) == 0) + 1
    for place in good[again]:
        report.skip(names[place], REPEATED)
    good = np.delete(good, again)
    return StreamFrames(
        name, stream, stream.clock.to_session(times[good]), np.asarray(numbers, dtype=np.int64)[good],
        [names[place] for place in good], report, reader, good,
    )  # fmt: skip
