"""The 90 degree rotation of the upper half of a 40 MHz 802.11n channel.

A 40 MHz transmitter multiplies the subcarriers above the centre by j (IEEE 802.11-2020, 19.3.9.3.4 and
equation 19-12) to lower the peak of the training fields. A receiver that divides by the unrotated training
sequence leaves the rotation in the CSI: phase then jumps by +pi/2 from the last subcarrier below the centre to the
first above it.
"""

from __future__ import annotations

import numpy as np


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
