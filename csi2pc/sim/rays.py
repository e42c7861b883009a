"""Rays from one point that meet a mesh: exact, and quick because a sensor's rays form a grid."""

from __future__ import annotations

import numpy as np

#: Slack at a triangle's edges, so that a ray through an edge never slips between the two triangles.
_SLACK = 1e-6


def nearest_hits(triangles: np.ndarray, rays: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """How far each ray of a grid goes until it meets a triangle.

    Only the rays in a triangle's box of rows and columns are tried (Moeller and Trumbore 1997, with what depends on
    the triangle alone computed once, since all rays start at one point).

    Args:
        triangles: float ``(F, 3, 3)`` metres, corners relative to the point that the rays start from.
        rays: float ``(R, C, 3)`` unit vectors.
        rows: int ``(F, 2)``, first and one past the last row that can meet each triangle, within 0..R.
        columns: int ``(F, 2)``, the same for columns; columns beyond ``C`` go round.

    Returns:
        float64 ``(R, C)`` metres, infinite where a ray meets none.
    """
    ranges = np.full(rays.shape[:2], np.inf)
    heights, widths = np.maximum(rows[:, 1] - rows[:, 0], 0), np.maximum(columns[:, 1] - columns[:, 0], 0)
    tried = heights * widths
    owner = np.repeat(np.arange(len(triangles)), tried)  # triangle of each pair
    place = np.arange(len(owner)) - np.repeat(np.cumsum(tried) - tried, tried)
    row = rows[owner, 0] + place // widths[owner]
    column = (columns[owner, 0] + place % widths[owner]) % rays.shape[1]
    corner = triangles[:, 0]
    first, second = triangles[:, 1] - corner, triangles[:, 2] - corner
    volume = np.einsum("fd,fd->f", second, np.cross(-corner, first))
    stacked = np.stack([np.cross(second, -corner), np.cross(-corner, first), -np.cross(first, second)], axis=1)
    u, v, det = np.einsum("pd,pkd->kp", rays[row, column], stacked[owner], optimize=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        u, v, reach = u / det, v / det, volume[owner] / det
    hit = (u >= -_SLACK) & (v >= -_SLACK) & (u + v <= 1 + _SLACK) & (reach > 0)
    np.minimum.at(ranges, (row[hit], column[hit]), reach[hit])
    return ranges


def facing_origin(triangles: np.ndarray) -> np.ndarray:
    """bool ``(F,)``: triangles ``(F, 3, 3)`` of a closed surface whose outer side is seen from the origin."""
    corner = triangles[:, 0]
    normal = np.cross(triangles[:, 1] - corner, triangles[:, 2] - corner)
    return np.einsum("fd,fd->f", normal, corner) < 0
