"""MM-Fi's depth images: 16-bit PNG, millimetres along the optical axis, 0 where nothing was measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from ..errors import DataError
from ..ops.depth import Intrinsics, depth_to_points

MILLIMETRE = 1e-3


def read_depth(path: str | Path) -> np.ndarray:
    """Read a depth image: ``(H, W)`` uint16, millimetres.

    Raises:
        DataError: missing, truncated, damaged (chunk checksums are compared), or not a 16-bit greyscale PNG.
    """
    try:
        with Image.open(path, formats=["PNG"]) as image:
            mode = image.mode
            image.verify()
        if mode not in ("I;16", "I;16B", "I"):  # which of them a 16-bit PNG opens as depends on Pillow's version
            raise DataError(f"{path} must be a 16-bit greyscale PNG in millimetres; got Pillow mode {mode!r}")
        with Image.open(path, formats=["PNG"]) as image:
            return np.asarray(image).astype(np.uint16)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path} is not a readable PNG: {error}") from error


def depth_cloud(
    path: str | Path, intrinsics: Intrinsics, *, between: tuple[float, float] | None = None
) -> np.ndarray:
    """Back-project a depth image: ``(N, 3)`` float64 metres in the camera's frame, one point a measured pixel.

    Args:
        path: the image.
        intrinsics: its camera.
        between: nearest and farthest depth of interest, metres; pixels outside are not back-projected.

    Raises:
        DataError: as :func:`read_depth`, or of another size than the intrinsics'.
    """
    depth = read_depth(path)
    if depth.shape != (intrinsics.height, intrinsics.width):
        raise DataError(
            f"{path} has {depth.shape[1]} x {depth.shape[0]} pixels, the intrinsics are for "
            f"{intrinsics.width} x {intrinsics.height}: set target.intrinsics to this camera's"
        )
    metres = torch.from_numpy(depth.astype(np.float64) * MILLIMETRE)
    mask = None if between is None else (metres >= between[0]) & (metres <= between[1])
    return depth_to_points(metres, intrinsics, mask=mask).numpy()
