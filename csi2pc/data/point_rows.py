"""Files that are nothing but rows of numbers, one row a point, as MM-Fi's LiDAR and mmWave frames and KITTI's scans."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..errors import DataError

#: Metres. No such sensor sees farther: a larger coordinate is a damaged number.
FARTHEST = 1000.0


def read_rows(path: str | Path, *, columns: int, dtype: str = "float64", metre: float = 1.0) -> np.ndarray:
    """Read little-endian rows: ``(N, columns)`` float64, the first three being coordinates.

    A zero-byte file gives no row.

    Args:
        path: the file.
        columns: numbers a row.
        dtype: "float64" or "float32". Nothing in the file tells.
        metre: how many of the coordinates' units make a metre, which is only used to see whether they are possible.

    Raises:
        DataError: missing, cut within a row, or with values that are not finite or not possible as metres.
    """
    try:
        values = Path(path).read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    kind = np.dtype(dtype).newbyteorder("<")
    if len(values) % (kind.itemsize * columns):
        raise DataError(
            f"{path} must hold whole rows of {columns} {dtype}, that is a multiple of {kind.itemsize * columns} bytes; "
            f"got {len(values)} bytes: it is cut short or of another kind"
        )
    rows = np.frombuffer(values, dtype=kind).astype(np.float64).reshape(-1, columns)
    bad = ~np.isfinite(rows).all(axis=1) | (np.abs(rows[:, :3]) > FARTHEST * metre).any(axis=1)
    if bad.any():
        raise DataError(
            f"{path} must hold finite coordinates within {FARTHEST:.0f} m; {bad.sum()} of {len(rows)} rows do not"
        )
    return rows
