"""From the subcarriers a capture has to those a model wants, where they lie between measured ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .phase import phase_line
from .repair import measured_around


def interpolate_subcarriers(
    csi: np.ndarray, valid: np.ndarray, subcarriers: np.ndarray, wanted: Sequence[int] | np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """CSI at the ``wanted`` indices, linear between the nearest measured tones of the same packet and link.

    As in :func:`~csi2pc.csi.repair.repair`, the packet's phase line is taken out first, since it turns too fast to
    be interpolated, and put back at the wanted indices. Nothing is extrapolated.

    Args:
        csi: complex ``(..., S)``; what stands at unmeasured tones is ignored.
        valid: bool ``(..., S)``.
        subcarriers: int ``(S,)``, strictly increasing.
        wanted: K indices, strictly increasing.

    Returns:
        csi ``(..., K)`` of the dtype of ``csi``, and valid ``(..., K)``. A wanted index that is measured keeps its
        value. One between two measured tones that are neighbours in ``subcarriers`` counts as measured; one that had
        to reach across an unmeasured tone has a value but is not valid; one outside the measured tones is 0.
    """
    indices, targets = np.asarray(subcarriers, dtype=np.float64), np.asarray(wanted, dtype=np.float64)
    slope, offset = phase_line(csi, subcarriers, valid)
    smooth = csi * np.exp(-1j * (slope[..., None] * indices + offset[..., None]))  # (..., S)
    lower, upper, inside = _neighbours(indices, targets)
    before, after = measured_around(valid)  # (..., S)
    before, after = before[..., lower], after[..., upper]  # (..., K)
    there = inside & (before >= 0) & (after < len(indices))
    before, after = np.where(there, before, 0), np.where(there, after, 0)
    step = indices[after] - indices[before]
    share = np.where(step > 0, (targets - indices[before]) / np.where(step > 0, step, 1.0), 0.0)
    between = (1 - share) * np.take_along_axis(smooth, before, -1) + share * np.take_along_axis(smooth, after, -1)
    value = between * np.exp(1j * (slope[..., None] * targets + offset[..., None]))
    value = np.where(step > 0, value, np.take_along_axis(csi, before, -1))
    return np.where(there, value, 0).astype(csi.dtype), measured_between(valid, subcarriers, wanted)


def measured_between(
    valid: np.ndarray, subcarriers: np.ndarray, wanted: Sequence[int] | np.ndarray
) -> np.ndarray:
    """Whether each wanted index is measured, or lies between two neighbours in ``subcarriers`` that both are.

    Args:
        valid, subcarriers, wanted: as :func:`interpolate_subcarriers`.

    Returns:
        bool ``(..., K)``.
    """
    lower, upper, inside = _neighbours(np.asarray(subcarriers), np.asarray(wanted))
    return inside & valid[..., lower] & valid[..., upper]


def _neighbours(indices: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions at or below and at or above each target, and which targets have both; all ``(K,)``."""
    lower = np.searchsorted(indices, targets, side="right") - 1
    upper = np.searchsorted(indices, targets, side="left")
    inside = (lower >= 0) & (upper < len(indices))
    return np.where(inside, lower, 0), np.where(inside, upper, 0), inside
