"""Files that are nothing but rows of float64, one row a point, as MM-Fi's LiDAR and mmWave frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..errors import DataError

#: Metres. No such sensor sees farther: a larger coordinate is a damaged number.
FARTHEST = 1000.0


def read_rows(path: str | Path, *, columns: int) -> np.ndarray:
    """Read float64 little-endian rows: ``(N, columns)``, the first three being coordinates in metres.

    A zero-byte file gives no row.

    Raises:
        DataError: missing, cut within a row, or with values that are not finite or not possible as metres.
    """
    try:
        values = Path(path).read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    if len(values) % (8 * columns):
        raise DataError(
            f"{path} must hold whole rows of {columns} float64, that is a multiple of {8 * columns} bytes; "
            f"got {len(values)} bytes: it is cut short or of another kind"
        )
    rows = np.frombuffer(values, dtype="<f8").reshape(-1, columns)
    bad = ~np.isfinite(rows).all(axis=1) | (np.abs(rows[:, :3]) > FARTHEST).any(axis=1)
    if bad.any():
        raise DataError(
            f"{path} must hold finite coordinates within {FARTHEST:.0f} m; {bad.sum()} of {len(rows)} rows do not"
        )
    return rows.astype(np.float64)
