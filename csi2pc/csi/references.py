"""One antenna as the reference of the others: what all antennas of a packet have in common cancels.

The antennas of one receiver share its oscillator and clock, so a packet's CFO, STO and SFO are the same on all of
them, and with most chips its gain too. What is left is the difference of the two channels: nothing is fitted, the
angle of arrival stays, and the reference antenna itself is used up.
"""

from __future__ import annotations

import numpy as np

from ..errors import DataError

#: A reference tone below 1 % of the root mean square of its packet's link, -40 dB, is less than about one step of I/Q
#: quantisation (amplitudes of some 20 to 200 steps): a quotient by it says nothing.
FAINTEST = 0.01


def conjugate_product(
    csi: np.ndarray, valid: np.ndarray, *, rx: int, reference: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """``H[a] conj(H[reference])`` for each receive antenna a but the reference, transmit antenna by transmit antenna.

    Li et al., IndoTrack, UbiComp 2017; Qian et al., Widar2.0, MobiSys 2018. Phases subtract, amplitudes multiply: a
    common gain enters squared, so a level is wanted beside it.

    Args:
        csi: complex ``(..., A, S)``, link a being rx ``a % rx``, tx ``a // rx``.
        valid: bool ``(..., A, S)``.
        rx: number of receive antennas, at least 2.
        reference: which of them is the reference, 0 to rx - 1.

    Returns:
        csi and valid ``(..., (rx - 1) * tx, S)``, the antennas in their order; valid where both factors are. What is
        not valid is the product of whatever stood there.

    Raises:
        DataError: fewer than 2 receive antennas, or no such antenna.
    """
    others, own, valid, own_valid = _apart(csi, valid, rx, reference)
    return _links(others * own.conj()), _links(valid & own_valid)


def antenna_ratio(
    csi: np.ndarray, valid: np.ndarray, *, rx: int, reference: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """``H[a] / H[reference]`` for each receive antenna a but the reference, transmit antenna by transmit antenna.

    Zeng et al., FarSense, UbiComp 2019. The common gain cancels with the phase. Where the reference fades, the ratio
    is large and noisy: choose the strongest antenna.

    Args, errors: as :func:`conjugate_product`.

    Returns:
        csi and valid ``(..., (rx - 1) * tx, S)``. Where the reference is below :data:`FAINTEST` of the root mean
        square of its link's measured tones, the ratio is 0 and not valid.
    """
    others, own, valid, own_valid = _apart(csi, valid, rx, reference)
    power = np.square(own.real, dtype=np.float64) + np.square(own.imag, dtype=np.float64)  # (..., tx, 1, S)
    mean = np.where(own_valid, power, 0).sum(-1, keepdims=True) / np.maximum(own_valid.sum(-1, keepdims=True), 1)
    usable = (power > FAINTEST**2 * mean) & (power > 0)
    ratio = np.where(usable, others * own.conj() / np.where(usable, power, 1.0), 0).astype(csi.dtype)
    return _links(ratio), _links(valid & own_valid & usable)


def _apart(
    csi: np.ndarray, valid: np.ndarray, rx: int, reference: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The other antennas' CSI ``(..., tx, rx - 1, S)``, the reference's ``(..., tx, 1, S)``, and both masks."""
    if rx < 2:
        raise DataError(
            f"a reference antenna needs at least 2 receive antennas; this capture has {rx}: "
            "choose a phase line instead (per_antenna, joint or two_point)"
        )
    if not 0 <= reference < rx:
        raise DataError(
            f"the reference antenna must be 0 to {rx - 1}, one of the {rx} receive antennas; got {reference}"
        )
    shape = (*csi.shape[:-2], csi.shape[-2] // rx, rx, csi.shape[-1])
    csi, valid = csi.reshape(shape), valid.reshape(shape)  # (..., A, S) -> (..., tx, rx, S)
    others, own = np.delete(np.arange(rx), reference), slice(reference, reference + 1)
    return csi[..., others, :], csi[..., own, :], valid[..., others, :], valid[..., own, :]


def _links(array: np.ndarray) -> np.ndarray:
    *front, tx, rx, tones = array.shape
    return array.reshape(*front, tx * rx, tones)
