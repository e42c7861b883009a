"""The rotations of wide channels: a quarter turn within 40 MHz, half a turn within 80 MHz; undone, and looked for.

To lower the peak of its training fields, a transmitter turns the subcarriers of each 20 MHz part of a wide channel by
a fixed angle: at 40 MHz the upper half by j (IEEE 802.11-2020, 19.3.9.3.4 and equation 19-12; VHT alike, equation
21-15), at 80 MHz the three upper quarters, k >= -64, by -1 (21.3.7.5, equation 21-16). A receiver that divides by the
training sequence without its rotation leaves it in the CSI, where the phase then jumps at the border.
"""

from __future__ import annotations

import numpy as np

#: Subcarriers on each side of a border that :func:`phase_jump` looks at. Near enough for multipath not to bend the
#: phase much, far enough for two or three tones of a 30-tone Intel 5300 report on each side.
REACH = 10


def undo_ht40_rotation(csi: np.ndarray, subcarriers: np.ndarray) -> np.ndarray:
    """Turn the subcarriers above the centre back by 90 degrees.

    Multiplying by -j exchanges real and imaginary part, so the result is exact, in any precision.

    Args:
        csi: complex ``(..., S)`` with the upper half (index > 0) standing at +pi/2 to the lower.
        subcarriers: int ``(S,)`` true indices.

    Returns:
        A new array of the same shape and dtype; the lower half is unchanged.
    """
    upper = np.asarray(subcarriers) > 0
    turned = np.array(csi)
    turned.real[..., upper] = csi.imag[..., upper]
    turned.imag[..., upper] = -csi.real[..., upper]
    return turned


def undo_vht80_rotation(csi: np.ndarray, subcarriers: np.ndarray) -> np.ndarray:
    """Turn the three upper quarters of an 80 MHz channel (index >= -64) back by 180 degrees.

    A change of sign is exact, in any precision; doing it twice gives the input back.

    Args:
        csi: complex ``(..., S)`` with these quarters standing at pi to the lowest.
        subcarriers: int ``(S,)`` true indices.

    Returns:
        A new array of the same shape and dtype; indices below -64 are unchanged.
    """
    turned = np.array(csi)
    turned[..., np.asarray(subcarriers) >= -64] *= -1
    return turned


def phase_jump(
    csi: np.ndarray, subcarriers: np.ndarray, valid: np.ndarray | None = None, *, border: int = 0
) -> np.ndarray:
    """By how much the phase jumps from below ``border`` to ``border`` and above, beside the line it follows there.

    Over the :data:`REACH` indices on each side the slope is taken out, found from products of neighbouring tones of
    one side (so the jump itself does not count), and the two sides' sums are compared. Without a rotation the jump
    is near 0; near pi/2 at 0, the 40 MHz rotation is still in; near pi at -64, the 80 MHz one is; near -pi/2 at 0,
    the rotation is in and the CSI is conjugated. A deep fade at the border can feign any jump: look at several links
    and places (the circular mean, ``angle(exp(1j * jump).mean())``, over packets says little more than one packet).

    Args:
        csi: complex ``(..., S)``.
        subcarriers: int ``(S,)``, strictly increasing true indices.
        valid: bool ``(..., S)``, which tones count; None takes all.
        border: first index of the upper side: 0 for 40 MHz, -64 (0, 64) for 80 MHz.

    Returns:
        float64 ``(...)``, radians, (-pi, pi]; NaN where a side has nothing measured.
    """
    indices = np.asarray(subcarriers)
    near = (indices >= border - REACH) & (indices <= border + REACH)
    indices, csi = indices[near], csi[..., near]
    measured = csi if valid is None else np.where(valid[..., near], csi, 0)
    measured = measured.astype(np.complex128)
    upper = indices >= border
    steps = np.diff(indices)
    pairs = np.flatnonzero((upper[1:] == upper[:-1]) & (steps == steps.min(initial=np.iinfo(np.int64).max)))
    products = (measured[..., pairs + 1] * measured[..., pairs].conj()).sum(-1)
    slope = np.angle(products) / (steps[pairs[0]] if len(pairs) else 1)
    flat = measured * np.exp(-1j * slope[..., None] * indices)
    jump = flat[..., upper].sum(-1) * flat[..., ~upper].sum(-1).conj()
    return np.where(jump != 0, np.angle(jump), np.nan)
