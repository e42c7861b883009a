"""The gain of a packet: automatic gain control scales every packet, and with some chips every antenna, anew."""

from __future__ import annotations

import numpy as np


def level_packets(csi: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Divide each packet's link by the root mean square amplitude of its measured tones.

    The root mean square is the received power, which is what AGC regulates; the mean amplitude would depend on how
    deep the fades are. What is lost is the common change of power that a moving person causes too: without a
    recorded gain the two cannot be told apart.

    Args:
        csi: complex ``(..., S)``, linear.
        valid: bool ``(..., S)``; only measured tones count, repaired ones are scaled with them.

    Returns:
        complex of the shape and dtype of ``csi``, root mean square 1 over measured tones; a link without any
        measured tone stays as it is.
    """
    squares = np.square(csi.real, dtype=np.float64) + np.square(csi.imag, dtype=np.float64)
    power = np.where(valid, squares, 0).sum(-1)  # (...)
    rms = np.sqrt(power / np.maximum(valid.sum(-1), 1))
    return (csi / np.where(rms > 0, rms, 1.0)[..., None]).astype(csi.dtype)
