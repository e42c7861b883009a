"""MM-Fi's mmWave frames: float64 rows (x right, y forward, z up, intensity, Doppler); the order is inferred."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .point_rows import read_rows


def mmwave_cloud(path: str | Path) -> np.ndarray:
    """Read a mmWave frame: ``(N, 3)`` float64 metres in the sensor's frame.

    The radar sees only what moves: a zero-byte file is a frame in which it measured no point, and N is 0.

    Raises:
        DataError: missing, cut within a row, or not finite.
    """
    return read_rows(path, columns=5)[:, :3]
