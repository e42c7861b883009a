"""Training from a cache: the same samples as from raw files, each read in one go."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np

from ..errors import DataError
from ..types import FrameId, Sample
from .cache_file import CacheIndex, read_index
from .missing import missing


class CacheFrames:
    """A :class:`~csi2pc.data.frames.FrameSource` over a cache, which is checked in full when it is opened.

    The file is opened for each frame and closed again, which costs microseconds: so there is no open file to share
    with, or to send to, another process, and a file that was exchanged under a running training is noticed.

    Attributes:
        index: what the cache says of itself, and its frames.
    """

    def __init__(self, path: str | Path) -> None:
        """Raises DataError where the file is missing, damaged, or no cache."""
        self._path = Path(path).absolute()
        if not self._path.is_file():
            what = f"{path} is a folder" if self._path.is_dir() else missing(path)
            raise DataError(
                f"data.cache_file must name a file that csi2pc prepare wrote; {what}. Prepare it, or leave cache_file "
                f"out to read raw files"
            )
        self._identity = _identity(os.stat(self._path))
        self.index: CacheIndex = read_index(path)
        self._row = {frame: row for row, frame in enumerate(f for part in self.index.parts.values() for f in part)}

    @property
    def nbytes(self) -> int:
        """Bytes that all samples take in memory."""
        links, tones, channels, packets = self.index.shape
        return len(self._row) * links * tones * packets * (4 * channels + 1) + 12 * int(self.index.offsets[-1])

    def sample(self, frame: FrameId) -> Sample:
        """The prepared window of CSI and the cloud of a frame. Raises DataError where the file has changed."""
        row, (links, tones, _, packets) = self._row[frame], self.index.shape
        features = np.empty(self.index.shape, np.dtype("<f4"))
        bits = np.empty(-(-links * tones * packets // 8), np.uint8)
        with self._open() as file:
            self._read(file, "features", row * features.nbytes, features)
            self._read(file, "valid", row * bits.nbytes, bits)
            points = self._cloud(file, row)
        valid = np.unpackbits(bits, count=links * tones * packets).view(bool)
        return Sample(features, valid.reshape(links, tones, packets), points, frame)

    def points(self, frame: FrameId) -> np.ndarray:
        """The frame's cloud alone, ``(N, 3)`` float32 metres. Raises DataError where the file has changed."""
        with self._open() as file:
            return self._cloud(file, self._row[frame])

    def _open(self) -> io.FileIO:
        try:
            file = io.FileIO(self._path)
        except OSError as error:
            raise DataError(f"{self._path}: cannot be read ({error.strerror}); it could when it was opened") from error
        if _identity(os.fstat(file.fileno())) != self._identity:
            file.close()
            raise DataError(f"{self._path} is not the file it was when it was opened: start again to have it checked")
        return file

    def _cloud(self, file: io.FileIO, row: int) -> np.ndarray:
        first, after = self.index.offsets[row : row + 2].tolist()
        points = np.empty((after - first, 3), np.dtype("<f4"))
        self._read(file, "points", first * 12, points)
        return points

    def _read(self, file: io.FileIO, name: str, offset: int, into: np.ndarray) -> None:
        file.seek(self.index.positions[name] + offset)
        if file.readinto(into.reshape(-1).view(np.uint8)) != into.nbytes:
            raise DataError(f"{self._path}: {name} cannot be read whole; check the disk")


def _identity(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
