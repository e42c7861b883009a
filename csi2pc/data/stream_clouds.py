"""One frame of a target stream as points, ``(N, 3)`` float64 metres in the sensor's frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from ..errors import DataError
from ..ops.depth import depth_to_points
from .clouds import read_cloud
from .depth_image import read_depth
from .point_rows import read_rows
from .streams import Stream

#: Metres. No sensor indoors sees farther, and no depth camera nearer: else the unit is a wrong one.
FARTHEST, NEAREST = 300.0, 0.02
#: Value from which on a pixel of a mask is kept; JPEG blurs the step from 0 to 255.
KEPT = 128


@dataclass(frozen=True)
class FrameFile:
    """The file of one frame, its time in seconds on the stream's own clock, its number, and its mask, if it has one."""

    path: Path
    time: float
    number: int
    mask: Path | None = None


@dataclass(frozen=True, eq=False)
class FileReader:
    """Reads frames that have a file each; ``voxel_size`` (metres) belongs to voxel models."""

    stream: Stream
    files: Sequence[FrameFile]
    voxel_size: float | None = None

    def __call__(self, position: int) -> np.ndarray:
        """The frame's points. Raises DataError."""
        file, stream = self.files[position], self.stream
        if stream.format == "depth":
            return depth_points(file.path, stream, file.mask)
        if stream.format == "bin":
            rows = read_rows(file.path, columns=stream.columns, dtype=stream.dtype, metre=1 / stream.metres)[:, :3]
            points = rows[(rows != 0).any(axis=1)]  # a beam that did not return
        else:
            points = read_cloud(file.path, voxel_size=self.voxel_size).astype(np.float64)
        return possible(points * stream.metres, file.path)


@dataclass(frozen=True, eq=False)
class ArrayReader:
    """Cuts frames out of the points ``(P, 3)`` of a whole recording; frame i begins at ``starts[i]``, ``(F + 1,)``."""

    stream: Stream
    path: Path
    points: np.ndarray
    starts: np.ndarray

    def __call__(self, position: int) -> np.ndarray:
        """The frame's points. Raises DataError."""
        rows = self.points[self.starts[position] : self.starts[position + 1]]
        return possible(rows.astype(np.float64) * self.stream.metres, f"{self.path} frame {position}")


def depth_points(path: Path, stream: Stream, mask: Path | None) -> np.ndarray:
    """Back-project a depth image, or what its mask keeps of it.

    Raises:
        DataError: no 16-bit PNG, of another size than the camera, or of depths that its unit makes impossible.
    """
    if path.suffix.lower() != ".png":
        raise DataError(
            f"{path}: a depth image must be a 16-bit greyscale PNG. Depths in metres as floating-point numbers become "
            f"one as uint16 of round(1000 * metres), 0 where nothing was measured"
        )
    depth, camera = read_depth(path), stream.intrinsics
    _check_size(path, depth, camera.width, camera.height)
    metres = torch.from_numpy(depth.astype(np.float64) * stream.metres)
    measured = metres[metres > 0]
    if len(measured) and measured.max() < NEAREST:
        raise DataError(
            f"{path}: no pixel is farther than {measured.max():.4f} m under the stream's unit, which no camera can "
            f"measure: the pixels are not in {'millimetres' if stream.unit is None else stream.unit}; set unit"
        )
    keep = None if mask is None else torch.from_numpy(_read_mask(mask, camera.width, camera.height))
    return possible(depth_to_points(metres, camera, mask=keep).numpy(), path)


def possible(points: np.ndarray, where: str | Path) -> np.ndarray:
    """``points`` if they are finite metres within :data:`FARTHEST`.

    Raises:
        DataError: they are not, as a rule because the unit is another one than declared.
    """
    if len(points) and not np.abs(points).max() <= FARTHEST:
        raise DataError(
            f"{where}: points must be finite and within {FARTHEST:.0f} m of their sensor; got "
            f"{np.abs(points).max():.6g} m under the declared unit: check unit (and dtype and columns of a bin)"
        )
    return points


def _check_size(path: Path, image: np.ndarray, width: int, height: int) -> None:
    if image.shape != (height, width):
        raise DataError(
            f"{path} has {image.shape[1]} x {image.shape[0]} pixels, the stream's intrinsics are for "
            f"{width} x {height}: images of one stream must have one size, that of its camera"
        )


def _read_mask(path: Path, width: int, height: int) -> np.ndarray:
    try:
        with Image.open(path, formats=["PNG", "JPEG"]) as image:
            if image.mode not in ("L", "1"):
                raise DataError(f"{path}: a mask must be an 8-bit greyscale image; got Pillow mode {image.mode!r}")
            kept = np.asarray(image.convert("L")) >= KEPT
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path} is not a readable mask (PNG or JPEG): {error}") from error
    _check_size(path, kept, width, height)
    return kept
