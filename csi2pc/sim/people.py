"""Everybody in the room: the subject, and those who stand elsewhere and move as well."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .motion import Performance
from .walk import Walk


@dataclass(frozen=True)
class People:
    """Several performances at once, as one surface.

    Attributes:
        performances: at least one; the first is the subject's.
    """

    performances: tuple[Performance | Walk, ...]

    @cached_property
    def faces(self) -> np.ndarray:
        """int ``(F, 3)``: facets over the vertices of everybody."""
        surfaces = [performance.surface for performance in self.performances]
        starts = np.cumsum([0, *(len(surface.vertices) for surface in surfaces[:-1])])
        return np.concatenate([surface.faces + start for surface, start in zip(surfaces, starts, strict=True)])

    def joints(self, times: np.ndarray) -> np.ndarray:
        """float64 ``(T, people, 17, 3)`` metres, project's frame, at ``times`` ``(T,)`` seconds."""
        return np.stack([performance.posture(times).joints for performance in self.performances], axis=1)

    def vertices(self, times: np.ndarray) -> np.ndarray:
        """float64 ``(T, V, 3)`` metres, project's frame, at ``times`` ``(T,)`` seconds."""
        return np.concatenate([performance.vertices(times) for performance in self.performances], axis=1)
