"""Filling tones that a packet did not measure (I = Q = 0, hardware limits) from the tones beside them."""

from __future__ import annotations

import numpy as np

from .phase import phase_line


def repair(
    csi: np.ndarray, valid: np.ndarray, subcarriers: np.ndarray, *, min_measured: float = 0.1
) -> np.ndarray:
    """Fill unmeasured tones by interpolation over the true indices, within each packet and link.

    Interpolating complex values along a steep phase line would cut the corner: between two tones half a turn apart
    the mean is 0. So the packet's phase line is taken out first, the rest, which is smooth, is interpolated as
    complex numbers (linear amplitude, never dB), and the line is put back. Beyond the outermost measured tone the
    rest is held constant.

    Args:
        csi: complex ``(..., S)``; what stands at unmeasured tones is ignored.
        valid: bool ``(..., S)``, True where measured. The mask describes measurement, so repair does not change it.
        subcarriers: int ``(S,)``, strictly increasing.
        min_measured: a packet's link with a smaller share of measured tones (0 to 1), or fewer than two, says too
            little to be completed: its unmeasured tones become 0.

    Returns:
        complex of the shape and dtype of ``csi``, measured tones untouched.
    """
    repaired = np.where(valid, csi, 0).astype(csi.dtype)
    measured = valid.sum(-1)
    rows = (measured < valid.shape[-1]) & (measured >= max(2, min_measured * valid.shape[-1]))
    if rows.any():
        repaired[rows] = _interpolate(repaired[rows], valid[rows], np.asarray(subcarriers, dtype=np.float64))
    return repaired


def _interpolate(csi: np.ndarray, valid: np.ndarray, indices: np.ndarray) -> np.ndarray:
    slope, offset = phase_line(csi, indices, valid)
    line = np.exp(1j * (slope[:, None] * indices + offset[:, None]))  # (rows, S)
    smooth = csi * line.conj()
    below, above = nearest_measured(valid)
    step = indices[above] - indices[below]
    share = np.where(step > 0, (indices - indices[below]) / np.where(step > 0, step, 1.0), 0.0)
    rest = (1 - share) * np.take_along_axis(smooth, below, -1) + share * np.take_along_axis(smooth, above, -1)
    return np.where(valid, csi, rest * line)


def nearest_measured(valid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the nearest True at or before, and at or after, each entry along the last axis.

    Beyond the outermost True both name it; a row without any True gives positions that mean nothing.

    Args:
        valid: bool ``(..., S)``.

    Returns:
        Two int arrays ``(..., S)``.
    """
    length = valid.shape[-1]
    before, after = measured_around(valid)
    below = np.where(before < 0, after, before).clip(0, length - 1)
    above = np.where(after >= length, before, after).clip(0, length - 1)
    return below, above


def measured_around(valid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the nearest True at or before (-1: none), and at or after (the length: none), along the last axis.

    Args:
        valid: bool ``(..., S)``.

    Returns:
        Two int arrays ``(..., S)``.
    """
    length = valid.shape[-1]
    here = np.arange(length)
    before = np.maximum.accumulate(np.where(valid, here, -1), axis=-1)
    after = np.minimum.accumulate(np.where(valid, here, length)[..., ::-1], axis=-1)[..., ::-1]
    return before, after
