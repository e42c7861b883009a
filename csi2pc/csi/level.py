"""The gain of a packet: automatic gain control scales every packet, and with some chips every antenna, anew.

Where the receiver recorded what it did (RSSI, AGC, noise), the gain can be taken out and the changes of power that a
moving person causes stay. Where it did not, a packet can only be set to a common level, and they go with the gain.
"""

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
    power = _power(csi, valid).sum(-1)  # (...)
    rms = np.sqrt(power / np.maximum(valid.sum(-1), 1))
    return (csi / np.where(rms > 0, rms, 1.0)[..., None]).astype(csi.dtype)


def level_together(csi: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Divide all links of a packet by one number, so that their ratios stay.

    Right where AGC sets one gain for all antennas; :func:`level_packets` also bears a gain for each.

    Args:
        csi: complex ``(..., A, S)``, linear.
        valid: bool ``(..., A, S)``.

    Returns:
        complex of the shape and dtype of ``csi``, root mean square 1 over all measured entries of a packet; a packet
        without any stays as it is.
    """
    power = _power(csi, valid).sum((-2, -1))  # (...)
    rms = np.sqrt(power / np.maximum(valid.sum((-2, -1)), 1))
    return (csi / np.where(rms > 0, rms, 1.0)[..., None, None]).astype(csi.dtype)


def level_to_power(csi: np.ndarray, valid: np.ndarray, decibels: np.ndarray) -> np.ndarray:
    """Scale each packet to a received power that was recorded beside it.

    As Halperin et al.'s tool for the Intel 5300 does (2011, ``get_scaled_csi``): RSSI is the power over all antennas,
    so the power of an average tone, summed over the links, becomes ``10 ** (decibels / 10)``. RSSI is recorded
    in whole decibels, so a step of it moves the amplitude by 12 %.

    Args:
        csi: complex ``(..., A, S)``, linear.
        valid: bool ``(..., A, S)``; a link counts by the mean of its measured tones.
        decibels: ``(...)``, finite: RSSI less the level (dBm) that is to be 1, or less the noise floor for an
            amplitude in units of the noise.

    Returns:
        complex of the shape and dtype of ``csi``; a packet without any measured tone stays as it is.
    """
    power = (_power(csi, valid).sum(-1) / np.maximum(valid.sum(-1), 1)).sum(-1)  # (...)
    wanted = 10 ** (np.asarray(decibels, dtype=np.float64) / 20)
    scale = np.where(power > 0, wanted / np.sqrt(np.where(power > 0, power, 1.0)), 1.0)
    return (csi * scale[..., None, None]).astype(csi.dtype)


def level_by_agc(csi: np.ndarray, agc: np.ndarray) -> np.ndarray:
    """Take the receiver's own gain out of each packet: ``csi * 10 ** (-agc / 20)``.

    Args:
        csi: complex ``(..., A, S)``, linear, as the chip counted it.
        agc: ``(...)`` dB, finite, the gain that the chip applied before it counted.

    Returns:
        complex of the shape and dtype of ``csi``.
    """
    return (csi * (10 ** (-np.asarray(agc, dtype=np.float64) / 20))[..., None, None]).astype(csi.dtype)


def _power(csi: np.ndarray, valid: np.ndarray) -> np.ndarray:
    squares = np.square(csi.real, dtype=np.float64) + np.square(csi.imag, dtype=np.float64)
    return np.where(valid, squares, 0)
