"""Depth images to points: the pinhole camera read backwards."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import ConfigError, ShapeError


@dataclass(frozen=True)
class Intrinsics:
    """A pinhole camera without distortion. Pixel centres lie at whole numbers: column ``u`` looks along
    ``(u - cx) / fx``.

    The defaults are those of the simulated depth camera, near a RealSense D435 at 640 x 480. MM-Fi publishes no
    intrinsics for its camera: put yours here if you know them.

    Attributes:
        fx: focal length in pixels, horizontal.
        fy: focal length in pixels, vertical.
        cx: column of the optical axis, pixels.
        cy: row of the optical axis, pixels.
        width: columns of the image, pixels; an image of another size is refused.
        height: rows of the image, pixels.
    """

    fx: float = 386.0
    fy: float = 386.0
    cx: float = 320.0
    cy: float = 240.0
    width: int = 640
    height: int = 480

    def __post_init__(self) -> None:
        if not (self.fx > 0 and self.fy > 0):
            raise ConfigError(f"focal lengths must be greater than 0 pixels; got fx={self.fx}, fy={self.fy}")
        if self.width < 1 or self.height < 1:
            raise ConfigError(f"the image must have at least one pixel; got {self.width} x {self.height}")


def depth_to_points(depth: Tensor, intrinsics: Intrinsics, *, mask: Tensor | None = None) -> Tensor:
    """Back-project a depth image: ``x = (u - cx) z / fx``, ``y = (v - cy) z / fy``.

    Args:
        depth: ``(H, W)``, floating point, metres along the optical axis (not along the ray). 0 means "not measured".
        intrinsics: the camera.
        mask: ``(H, W)`` bool, True for the pixels to keep, for example a person's silhouette.

    Returns:
        ``(N, 3)`` metres, x right, y down, z forward, row by row from the image's upper left; the dtype of ``depth``.
        N is the number of measured pixels, each of which gives one point.

    Raises:
        ShapeError: the image or the mask has another size than the camera, or depth is not floating point.
    """
    size = (intrinsics.height, intrinsics.width)
    if tuple(depth.shape) != size or not depth.is_floating_point():
        raise ShapeError(
            f"depth must be floating point metres (rows, columns) = {size}, the size in the intrinsics; "
            f"got {depth.dtype} {tuple(depth.shape)}"
        )
    measured = depth > 0
    if mask is not None:
        if mask.shape != depth.shape or mask.dtype != torch.bool:
            raise ShapeError(f"mask must be bool {size} like depth; got {mask.dtype} {tuple(mask.shape)}")
        measured = measured & mask
    rows, columns = torch.nonzero(measured, as_tuple=True)  # (N,), (N,)
    z = depth[rows, columns]
    x = (columns.to(z.dtype) - intrinsics.cx) * z / intrinsics.fx
    y = (rows.to(z.dtype) - intrinsics.cy) * z / intrinsics.fy
    return torch.stack((x, y, z), dim=-1)
