"""What an antenna sees of people: facets behind other parts of the body are in its shadow."""

from __future__ import annotations

import numpy as np

#: Metres: edge of a cell of the shadow map where the nearest facet is; about two facets.
CELL = 0.04
#: Metres that a facet may lie behind the nearest one in its direction and still be seen, beside what its slope makes
#: of a cell's width; the thinnest limb (a wrist) is thicker.
DEPTH = 0.04
#: Steepest slope that is allowed for, as the cosine between a facet's normal and the ray; steeper ones weigh little.
_STEEPEST = 0.1


def seen_from(place: np.ndarray, positions: np.ndarray, facing: np.ndarray) -> np.ndarray:
    """Which facets face a place with nothing in between.

    A shadow map: directions are divided into cells, and what lies behind the nearest facet of its cell, by more than
    its own slope explains, is hidden.

    Args:
        place: float ``(3,)`` metres, outside the body.
        positions: float ``(F, 3)`` metres, centres of facets about 2 cm wide.
        facing: float ``(F,)``, cosine between each facet's outward normal and the direction to the place.

    Returns:
        bool ``(F,)``.
    """
    away = positions - place
    ranges = np.sqrt(np.einsum("fd,fd->f", away, away))
    axis = away.mean(axis=0)
    forward = axis / np.linalg.norm(axis)
    side = np.cross(forward, (0.0, 1.0, 0.0) if abs(forward[1]) < 0.9 else (1.0, 0.0, 0.0))
    side /= np.linalg.norm(side)
    frame = np.stack([side, np.cross(side, forward), forward])
    x, y, z = frame @ away.T
    # Angles about two axes; bodies that surround the place would wrap, and antennas keep out of reach of people.
    angle = CELL / ranges.min()
    cells = np.stack([np.arctan2(x, z), np.arctan2(y, np.hypot(x, z))]) / angle
    column, row = np.floor(cells - cells.min(axis=1, keepdims=True)).astype(np.int64)
    cell = row * (column.max() + 1) + column
    nearest = np.full(int(cell.max()) + 1, np.inf)
    np.minimum.at(nearest, cell, ranges)
    cosine = np.clip(facing, _STEEPEST, 1.0)
    slack = DEPTH + angle * ranges * np.sqrt(1 - cosine**2) / cosine
    return (facing > 0) & (ranges <= nearest[cell] + slack)
