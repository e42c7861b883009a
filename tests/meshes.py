"""Closed test meshes whose geometry is known, and facets that do not turn."""

from __future__ import annotations

import numpy as np

from csi2pc.sim.scattering import Facets, Instant

_CORNERS = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]], dtype=float)
_FACES = np.array([[0, 2, 4], [2, 1, 4], [1, 3, 4], [3, 0, 4], [2, 0, 5], [1, 2, 5], [3, 1, 5], [0, 3, 5]])


def sphere(radius: float, center=(0.0, 0.0, 0.0), *, subdivisions: int = 4) -> np.ndarray:
    """Triangles ``(F, 3, 3)`` of a sphere, counterclockwise as seen from outside; 8 * 4**subdivisions of them."""
    triangles = _CORNERS[_FACES]
    for _ in range(subdivisions):
        a, b, c = np.moveaxis(triangles, 1, 0)
        ab, bc, ca = (a + b) / 2, (b + c) / 2, (c + a) / 2
        triangles = np.concatenate([np.stack(t, axis=1) for t in ((a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca))])
        triangles = triangles / np.linalg.norm(triangles, axis=-1, keepdims=True)
    return radius * triangles + np.asarray(center)


def steady(positions: np.ndarray, normals: np.ndarray, areas: np.ndarray) -> Facets:
    """Facets whose weights are those of the middle packet throughout, for what hardly turns meanwhile.

    Args:
        positions: float ``(P, F, 3)``; normals: ``(F, 3)``; areas: ``(F,)``.
    """
    middle = Instant(positions[len(positions) // 2], normals, areas)
    return Facets(positions, middle, middle, np.zeros(len(positions)))
