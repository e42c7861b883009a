"""Voxel models drawn by hand in a voxel editor (JSON): a cloud of the voxels' centres."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from ..errors import ConfigError, DataError


def read_vox(path: str | Path, *, voxel_size: float) -> np.ndarray:
    """Read a voxel model as a cloud of voxel centres.

    The file is JSON with rows ``[i, j, k, colour]`` under ``layers[n].voxels``, as the editor voxelator.com saves
    it. Nothing in it tells the scale. The editor is taken to have i right, j up (furniture stands on j = 0) and k
    towards the viewer; half a turn about x makes that x right, y down, z forward with the floor's plane at y = 0.
    Invisible layers are left out; a voxel that several layers share gives one point.

    Args:
        path: the file.
        voxel_size: metres a voxel, greater than 0.

    Returns:
        ``(N, 3)`` float32 metres, in the order of the file.

    Raises:
        DataError: missing, no such JSON, or without any visible voxel.
        ConfigError: ``voxel_size`` is not greater than 0.
    """
    if not voxel_size > 0:
        raise ConfigError(f"voxel_size must be greater than 0 metres; got {voxel_size}")
    try:
        model = json.loads(Path(path).read_text(encoding="utf-8"))
        layers = [layer["voxels"] for layer in model["layers"] if layer.get("visible", True)]
        rows = [row[:3] for layer in layers for row in layer]
        voxels = np.array(list(dict.fromkeys(map(tuple, rows))), dtype=np.float64).reshape(-1, 3)  # (N, 3) i, j, k
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{path} is not a voxel model, that is JSON with rows [i, j, k, colour] in layers[n].voxels: {error}"
        ) from error
    if not len(voxels) or not np.isfinite(voxels).all():
        raise DataError(f"{path} must have visible voxels with finite indices; it has {len(voxels)} voxels")
    return ((voxels + 0.5) * voxel_size * (1.0, -1.0, -1.0)).astype(np.float32)
