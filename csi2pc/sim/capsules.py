"""Capsules (a line segment with a radius): rays that meet them, and distances to them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Capsules:
    """The body at one instant.

    Attributes:
        starts, ends: float ``(K, 3)`` metres, the ends of the segments, in the frame of whoever asks.
        radii: float ``(K,)`` metres.
    """

    starts: np.ndarray
    ends: np.ndarray
    radii: np.ndarray

    def moved(self, rotation: np.ndarray, translation: np.ndarray) -> Capsules:
        """The same capsules in another frame: ``rotation @ point + translation``."""
        return Capsules(self.starts @ rotation.T + translation, self.ends @ rotation.T + translation, self.radii)

    def corners(self, index: int) -> np.ndarray:
        """float ``(16, 3)``: corners of the cubes around both ends; their hull holds the capsule."""
        cube = np.stack(np.meshgrid(*[(-1.0, 1.0)] * 3), axis=-1).reshape(8, 3) * self.radii[index]
        return np.concatenate([self.starts[index] + cube, self.ends[index] + cube])


def signed_distance(points: np.ndarray, capsules: Capsules) -> np.ndarray:
    """Distances from points to each capsule's surface, negative inside.

    Args:
        points: float ``(N, 3)`` metres.
        capsules: K capsules in the same frame.

    Returns:
        float ``(N, K)`` metres; the distance to the body is the minimum over the last axis.
    """
    axis = capsules.ends - capsules.starts
    length2 = np.maximum(np.sum(axis * axis, axis=-1), 1e-12)
    offset = points[:, None] - capsules.starts  # (N, K, 3)
    along = np.clip(np.einsum("nkd,kd->nk", offset, axis) / length2, 0.0, 1.0)
    return np.linalg.norm(offset - along[..., None] * axis, axis=-1) - capsules.radii


def ray_ranges(rays: np.ndarray, start: np.ndarray, end: np.ndarray, radius: float) -> np.ndarray:
    """How far rays from the origin go until they meet a capsule.

    The quadratic for the cylinder is solved first; where the hit lies beyond an end, the sphere there is.

    Args:
        rays: float ``(..., 3)`` unit vectors.
        start, end: float ``(3,)`` metres.
        radius: metres. The origin must lie outside the capsule.

    Returns:
        float ``(...)`` metres, infinite where a ray misses or the capsule lies behind.
    """
    axis = end - start
    axis2 = axis @ axis
    ray_axis = rays @ axis
    ray_start = -(rays @ start)
    axis_start = -(axis @ start)
    a = np.maximum(axis2 - ray_axis**2, 1e-12)
    b = axis2 * ray_start - axis_start * ray_axis
    c = axis2 * (start @ start) - axis_start**2 - radius**2 * axis2
    root = b * b - a * c
    side = (-b - np.sqrt(np.maximum(root, 0.0))) / a
    along = axis_start + side * ray_axis
    on_side = (along > 0.0) & (along < axis2)
    # An end's sphere: the near one by where the infinite cylinder was met.
    centre = np.where((along <= 0.0)[..., None], start, end)
    ray_centre = np.einsum("...d,...d->...", rays, centre)
    cap_root = ray_centre**2 - np.einsum("...d,...d->...", centre, centre) + radius**2
    cap = np.where(cap_root >= 0.0, ray_centre - np.sqrt(np.maximum(cap_root, 0.0)), np.inf)
    ranges = np.where(root < 0.0, np.inf, np.where(on_side, side, cap))
    return np.where(ranges > 0.0, ranges, np.inf)
