"""MM-Fi's LiDAR frames: float64 rows (x forward, y left, z up), metres, the whole room."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .point_rows import read_rows


def lidar_cloud(path: str | Path) -> np.ndarray:
    """Read a LiDAR frame: ``(N, 3)`` float64 metres in the sensor's frame.

    Rows at exactly (0, 0, 0) are beams that did not return, not points, and are left out.

    Raises:
        DataError: missing, cut within a row, or not finite.
    """
    points = read_rows(path, columns=3)
    return points[(points != 0).any(axis=1)]
