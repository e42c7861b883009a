"""The line in the phase that every packet carries: its slope is STO and SFO, its offset CFO and the oscillators.

Model: packet t of link a is received as ``H[k] exp(j (slope k + offset))`` with slope and offset new for every
packet. Fitting a line over the **true** subcarrier indices and taking it out leaves the part of the phase that
repeats from packet to packet (Sen et al., "You are facing the Mona Lisa", MobiSys 2012; Wang et al., PhaseFi, 2015).
What goes with the line is the common delay of the paths, and, since each link has its own line, the phase between
the antennas.
"""

from __future__ import annotations

import numpy as np


def phase_line(
    csi: np.ndarray, subcarriers: np.ndarray, valid: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Fit ``slope * k + offset`` to the phase of each packet and link.

    ``np.unwrap`` fails where the phase turns by more than pi between two tones, which at the gap around the centre
    (4 indices wide at 40 MHz) is a slope of only pi/4. So the slope is found first without unwrapping, from the
    sum of products of neighbouring tones, ``angle(sum H[k + d] conj(H[k])) / d`` with ``d`` the commonest step
    between the indices; the small rest is unwrapped and fitted by least squares.

    Args:
        csi: complex ``(..., S)``.
        subcarriers: int ``(S,)``, strictly increasing.
        valid: bool ``(..., S)``, which tones to fit; None takes all.

    Returns:
        slope (radians an index) and offset (radians at index 0), float64 ``(...)``. A packet's slope is told apart
        from its aliases up to pi / d; both are 0 where no tone is valid.
    """
    indices = np.asarray(subcarriers, dtype=np.float64)
    valid = np.ones(csi.shape, dtype=bool) if valid is None else valid
    measured = np.where(valid, csi, 0).astype(np.complex128)  # (..., S)
    first = _slope_of_neighbours(measured, np.asarray(subcarriers))  # (...)
    rest = _unwrap_valid(np.angle(measured * np.exp(-1j * first[..., None] * indices)), valid)  # (..., S)

    count = np.maximum(valid.sum(-1), 1)
    centre = (valid * indices).sum(-1) / count
    deviation = np.where(valid, indices - centre[..., None], 0.0)  # (..., S)
    spread = np.square(deviation).sum(-1)
    slope = (deviation * rest).sum(-1) / np.where(spread > 0, spread, 1.0)
    offset = np.where(valid, rest, 0.0).sum(-1) / count - slope * centre
    return first + slope, offset


def sanitise(csi: np.ndarray, subcarriers: np.ndarray, valid: np.ndarray | None = None) -> np.ndarray:
    """Take each packet's and link's phase line out of the CSI.

    Adding any offset, or any slope within the limit of :func:`phase_line`, to a packet does not change the result.

    Args:
        csi: complex ``(..., S)``.
        subcarriers: int ``(S,)``, strictly increasing.
        valid: bool ``(..., S)``; tones that are not valid are turned with the others, but not fitted.

    Returns:
        complex of the shape and dtype of ``csi``; amplitudes are unchanged.
    """
    slope, offset = phase_line(csi, subcarriers, valid)
    turn = np.exp(-1j * (slope[..., None] * np.asarray(subcarriers, dtype=np.float64) + offset[..., None]))
    return (csi * turn).astype(csi.dtype)


def _slope_of_neighbours(csi: np.ndarray, subcarriers: np.ndarray) -> np.ndarray:
    steps = np.diff(subcarriers)
    if not steps.size:
        return np.zeros(csi.shape[:-1])
    values, counts = np.unique(steps, return_counts=True)
    step = values[np.argmax(counts)]
    lower = np.flatnonzero(steps == step)
    return np.angle((csi[..., lower + 1] * csi[..., lower].conj()).sum(-1)) / step


def _unwrap_valid(phase: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Unwrap from valid tone to valid tone; a tone that is not valid repeats the valid one before it."""
    before = np.maximum.accumulate(np.where(valid, np.arange(valid.shape[-1]), -1), axis=-1)
    before = np.where(before < 0, np.argmax(valid, axis=-1)[..., None], before)
    return np.unwrap(np.take_along_axis(phase, before, axis=-1), axis=-1)
