"""Clouds on disk: PLY for other programs, NPZ for numpy. Float32, metres, in the project's frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from plyfile import PlyData, PlyElement, PlyParseError

from ..errors import DataError, ShapeError
from .arrays import load_array
from .atomic import replacing
from .pcd import read_pcd
from .point_text import read_point_csv
from .voxels import read_vox


def write_ply(path: str | Path, points: np.ndarray, *, comments: Sequence[str] = ()) -> None:
    """Write a cloud as binary little-endian PLY with the vertex properties x, y, z (float32, metres).

    Args:
        path: where to; missing folders are made, an older file is replaced as a whole.
        points: ``(N, 3)`` metres.
        comments: lines for the header, ASCII, for example the frame and its time.

    Raises:
        ShapeError: not (N, 3).
        DataError: the file could not be written.
    """
    points = _as_cloud(points)
    vertices = np.ascontiguousarray(points).view([("x", "<f4"), ("y", "<f4"), ("z", "<f4")]).reshape(-1)
    ply = PlyData([PlyElement.describe(vertices, "vertex")], byte_order="<", comments=list(comments))
    with replacing(path) as temporary:
        ply.write(str(temporary))


def read_ply(path: str | Path) -> np.ndarray:
    """Read x, y, z of a PLY file, binary or text: ``(N, 3)`` float32.

    Raises:
        DataError: missing, damaged, or without the vertex properties x, y, z.
    """
    try:
        vertex = PlyData.read(str(path))["vertex"]
        columns = [np.asarray(vertex[axis], dtype=np.float32) for axis in "xyz"]
    except (OSError, PlyParseError, KeyError, ValueError, OverflowError, MemoryError) as error:
        raise DataError(f"{path} is not a PLY cloud with vertex properties x, y, z: {error}") from error
    return _measured(np.stack(columns, axis=1), path)


def write_npz(path: str | Path, points: np.ndarray, **more: np.ndarray) -> None:
    """Write a cloud as NPZ under the name ``points``, with any further arrays (for example ``timestamp``).

    Raises:
        ShapeError: not (N, 3).
        DataError: the file could not be written.
    """
    points = _as_cloud(points)
    with replacing(path) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, points=points, **more)


def read_npz(path: str | Path) -> np.ndarray:
    """Read the array ``points`` of an NPZ file: ``(N, 3)`` float32.

    Raises:
        DataError: missing, damaged, or without such an array.
    """
    return _from_array(load_array(path, name="points"), path)


def read_cloud(path: str | Path, *, voxel_size: float | None = None) -> np.ndarray:
    """Read a cloud, by the file's suffix: .ply, .npz (array ``points``), .npy, .pcd, .csv (header with x, y, z), .vox.

    Args:
        path: the file.
        voxel_size: metres a voxel; needed for .vox, refused for the others, which are in metres already.

    Returns:
        ``(N, 3)`` float32 metres, in the file's own frame (.vox: turned into x right, y down, z forward).

    Raises:
        DataError: missing, damaged, of another format, with values that are not finite, or ``voxel_size`` missing
            or superfluous.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix == ".vox":
        if voxel_size is None:
            raise DataError(f"{path} counts voxels, not metres: say how large one is with voxel_size")
        return read_vox(path, voxel_size=voxel_size)
    if suffix not in _READERS:
        raise DataError(f"cannot read {path}: a cloud must be one of {', '.join([*_READERS, '.vox'])}")
    if voxel_size is not None:
        raise DataError(f"voxel_size belongs to .vox models; {path} holds metres already: leave it out")
    if not path.is_file():
        raise DataError(f"no such cloud: {path}")
    return _READERS[suffix](path)


def _read_npy(path: Path) -> np.ndarray:
    return _from_array(load_array(path), path)


def _read_pcd(path: Path) -> np.ndarray:
    return _measured(_single(read_pcd(path)), path)


def _read_csv(path: Path) -> np.ndarray:
    return _measured(_single(read_point_csv(path)), path)


_READERS: dict[str, Callable[[Path], np.ndarray]] = {
    ".ply": read_ply,
    ".npz": read_npz,
    ".npy": _read_npy,
    ".pcd": _read_pcd,
    ".csv": _read_csv,
}


def _as_cloud(points: np.ndarray) -> np.ndarray:
    points = np.asarray(points, dtype=np.float32)
    if points.ndim != 2 or points.shape[1] != 3:
        raise ShapeError(f"a cloud must be (points, 3) metres; got {points.shape}")
    return points


def _from_array(points: np.ndarray, path: str | Path) -> np.ndarray:
    if points.ndim != 2 or points.shape[1] != 3 or points.dtype.kind not in "fiu":
        raise DataError(f"{path} must hold numbers (points, 3) in metres; got {points.dtype} {points.shape}")
    return _measured(_single(points), path)


def _single(points: np.ndarray) -> np.ndarray:
    """In single precision; what is too large for it becomes infinite, and is refused as such."""
    with np.errstate(over="ignore", invalid="ignore"):
        return points.astype(np.float32)


def _measured(points: np.ndarray, path: str | Path) -> np.ndarray:
    if not np.isfinite(points).all():
        raise DataError(f"{path} holds points that are not finite (NaN or infinite): remove them first")
    return points
