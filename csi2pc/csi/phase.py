"""The line in the phase that every packet carries: its slope is STO and SFO, its offset CFO and the oscillators.

Model: packet t of link a is received as ``H[k] exp(j (slope k + offset))`` with slope and offset new for every
packet. Fitting a line over the **true** subcarrier indices and taking it out leaves the part of the phase that
repeats from packet to packet. There are three ways to fit it, and each loses something of the channel too:

- :func:`phase_line`, one line a packet and link, by least squares (Sen et al., "You are facing the Mona Lisa",
  MobiSys 2012; Wang et al., PhaseFi, 2015). Lost are the common delay of the paths and, since each link has its own
  line, the phase between the antennas.
- :func:`two_point_line`, the same from the first and the last tone alone, the classical linear transform (Sen et al.
  2012; Qian et al., PADS, 2014). It leaves the noise of two tones on all others.
- :func:`joint_line`, one line a packet for all links (Kotaru et al., SpotFi, SIGCOMM 2015, Algorithm 1). The phase and
  the delay between antennas, and so the angle of arrival, stay.

No fit can follow a slope beyond ``pi / d`` a subcarrier, where ``d`` is the commonest step between indices.
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
    measured, valid = _measured(csi, valid)
    first = _slope_of_neighbours(measured, np.asarray(subcarriers))  # (...)
    rest = _rest(measured, indices, valid, first)  # (..., S)
    deviation, centre, count = _deviation(indices, valid)
    spread = np.square(deviation).sum(-1)
    slope = (deviation * rest).sum(-1) / np.where(spread > 0, spread, 1.0)
    offset = np.where(valid, rest, 0.0).sum(-1) / count - slope * centre
    return first + slope, offset


def two_point_line(
    csi: np.ndarray, subcarriers: np.ndarray, valid: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The line through the phases of the first and the last measured tone, moved to the mean phase of all.

    Slope ``(phi[last] - phi[first]) / (k[last] - k[first])`` of the unwrapped phase, offset ``mean(phi - slope k)``,
    which for indices that are symmetric about 0 is the published ``mean(phi)``.

    Args:
        csi, subcarriers, valid: as :func:`phase_line`, from whose first slope the phase is unwrapped too.

    Returns:
        slope (radians an index) and offset (radians at index 0), float64 ``(...)``; both 0 where no tone is valid.
    """
    indices = np.asarray(subcarriers, dtype=np.float64)
    measured, valid = _measured(csi, valid)
    first = _slope_of_neighbours(measured, np.asarray(subcarriers))
    rest = _rest(measured, indices, valid, first)
    ends = np.stack([np.argmax(valid, -1), valid.shape[-1] - 1 - np.argmax(valid[..., ::-1], -1)], -1)  # (..., 2)
    rise = np.diff(np.take_along_axis(rest, ends, -1), axis=-1)[..., 0]
    run = np.diff(indices[ends], axis=-1)[..., 0]
    slope = np.where(run > 0, rise / np.where(run > 0, run, 1.0), 0.0)
    _, centre, count = _deviation(indices, valid)
    offset = np.where(valid, rest, 0.0).sum(-1) / count - slope * centre
    return first + slope, offset


def joint_line(
    csi: np.ndarray, subcarriers: np.ndarray, valid: np.ndarray | None = None, *, reference: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """One line a packet: the slope that fits all its links together, and the offset of one of them.

    The slope is the least-squares one over all links, each with an offset of its own; with all tones measured that is
    SpotFi's Algorithm 1. Links' offsets cannot be averaged, since each is known up to full turns only, so the
    common offset is that of the ``reference`` link.

    Args:
        csi: complex ``(..., A, S)``.
        subcarriers: int ``(S,)``, strictly increasing.
        valid: bool ``(..., A, S)``; None takes all.
        reference: the link, -A to A - 1, whose offset stands for the packet's.

    Returns:
        slope (radians an index) and offset (radians at index 0), float64 ``(...)``, without the axis of links. The
        offset is 0 where the reference link has nothing measured, the slope where no link has.
    """
    indices = np.asarray(subcarriers, dtype=np.float64)
    measured, valid = _measured(csi, valid)
    first = _slope_of_neighbours(measured, np.asarray(subcarriers), over=(-2, -1))  # (...)
    rest = _rest(measured, indices, valid, first[..., None])  # (..., A, S)
    deviation, centre, count = _deviation(indices, valid)
    spread = np.square(deviation).sum((-2, -1))
    slope = (deviation * rest).sum((-2, -1)) / np.where(spread > 0, spread, 1.0)
    own = np.where(valid, rest, 0.0)[..., reference, :].sum(-1)
    return first + slope, own / count[..., reference] - slope * centre[..., reference]


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
    return remove_line(csi, subcarriers, *phase_line(csi, subcarriers, valid))


def sanitise_two_point(csi: np.ndarray, subcarriers: np.ndarray, valid: np.ndarray | None = None) -> np.ndarray:
    """As :func:`sanitise`, with :func:`two_point_line`."""
    return remove_line(csi, subcarriers, *two_point_line(csi, subcarriers, valid))


def sanitise_joint(
    csi: np.ndarray, subcarriers: np.ndarray, valid: np.ndarray, *, reference: int = 0, keep_offset: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Take one line out of all links of a packet (:func:`joint_line`), which keeps the phase between antennas.

    Args:
        csi: complex ``(..., A, S)``.
        subcarriers: int ``(S,)``, strictly increasing.
        valid: bool ``(..., A, S)``.
        reference: the link whose offset is taken out of all.
        keep_offset: take out the slope alone, as SpotFi does: enough for angles and relative delays, but then the
            phase is still random from packet to packet.

    Returns:
        csi of the same shape and dtype, and valid. A packet whose reference link has nothing measured cannot be
        aligned with the others: all of it becomes 0 and not valid, unless ``keep_offset``.
    """
    slope, offset = joint_line(csi, subcarriers, valid, reference=reference)
    slope = slope[..., None]  # (..., 1), for all links
    if keep_offset:
        return remove_line(csi, subcarriers, slope, np.zeros_like(slope)), valid
    known = valid[..., reference, :].any(-1)[..., None, None]
    turned = remove_line(csi, subcarriers, slope, offset[..., None])
    return np.where(known, turned, 0).astype(csi.dtype), valid & known


def remove_line(csi: np.ndarray, subcarriers: np.ndarray, slope: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """``csi * exp(-j (slope k + offset))``.

    Args:
        csi: complex ``(..., S)``.
        subcarriers: ``(S,)`` true indices k.
        slope, offset: ``(...)``, radians an index and radians; an axis of length 1 counts for all.

    Returns:
        complex of the shape and dtype of ``csi``.
    """
    turn = np.exp(-1j * (slope[..., None] * np.asarray(subcarriers, dtype=np.float64) + offset[..., None]))
    return (csi * turn).astype(csi.dtype)


def _measured(csi: np.ndarray, valid: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    valid = np.ones(csi.shape, dtype=bool) if valid is None else valid
    return np.where(valid, csi, 0).astype(np.complex128), valid


def _slope_of_neighbours(
    csi: np.ndarray, subcarriers: np.ndarray, over: int | tuple[int, ...] = -1
) -> np.ndarray:
    """The slope that neighbouring tones agree on; products are summed over the axes ``over``."""
    steps = np.diff(subcarriers)
    if not steps.size:
        return np.zeros(csi.sum(over).shape)
    values, counts = np.unique(steps, return_counts=True)
    step = values[np.argmax(counts)]
    lower = np.flatnonzero(steps == step)
    return np.angle((csi[..., lower + 1] * csi[..., lower].conj()).sum(over)) / step


def _rest(measured: np.ndarray, indices: np.ndarray, valid: np.ndarray, first: np.ndarray) -> np.ndarray:
    """The unwrapped phase beside the ``first`` slope."""
    return _unwrap_valid(np.angle(measured * np.exp(-1j * first[..., None] * indices)), valid)


def _deviation(indices: np.ndarray, valid: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of the measured tones' indices: the deviation from their mean ``(..., S)``, the mean and the count ``(...)``."""
    count = np.maximum(valid.sum(-1), 1)
    centre = (valid * indices).sum(-1) / count
    return np.where(valid, indices - centre[..., None], 0.0), centre, count


def _unwrap_valid(phase: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Unwrap from valid tone to valid tone; a tone that is not valid repeats the valid one before it."""
    before = np.maximum.accumulate(np.where(valid, np.arange(valid.shape[-1]), -1), axis=-1)
    before = np.where(before < 0, np.argmax(valid, axis=-1)[..., None], before)
    return np.unwrap(np.take_along_axis(phase, before, axis=-1), axis=-1)
