"""The body in the radio wave: physical optics over its facets, reflection and shadow.

For a facet with area dA, outward normal n, incident direction i (from the transmitter) and outgoing direction o (to
the receiver), the field at the receiver relative to ``exp(-jk(r1 + r2)) / (r1 r2)`` is ``jk / 4 pi dA`` times

- reflection: ``Gamma n.(o - i)`` where transmitter and receiver both see the facet,
- shadow: ``n.(i + o)`` times +1/2 where only the transmitter sees it, -1/2 where only the receiver does.

Kirchhoff's integral of the incident wave over a closed surface is zero outside, so the side that is lit and the side
that is not give the same shadow; taking half of each makes the sum exactly reciprocal, and towards the forward
direction it is the diffraction of the outline (Babinet). What an antenna sees is :mod:`csi2pc.sim.sight`'s: a limb in
front of the trunk takes its light.

Over the packets of one frame, directions and what is seen are those of the frame's middle, while the path's length, and
with it the phase, follows each facet exactly: every facet has its own Doppler. Subcarriers cost little because the
response is expanded in moments of the delay about the centre frequency.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .sight import seen_from

SPEED_OF_LIGHT = 299792458.0
#: Highest power of the Taylor expansion in ``offset * delay``. With delays spread over 2 m of path and offsets of
#: 18 MHz, 6 leaves less than 1e-5 of the response.
_ORDER = 6


@dataclass(frozen=True, eq=False)
class Facets:
    """The surface of everybody, over the packets of one frame.

    Attributes:
        positions: float ``(P, F, 3)`` metres, centres at each packet.
        normals: float ``(F, 3)``, outward unit vectors in the middle of the frame.
        areas: float ``(F,)`` square metres.
    """

    positions: np.ndarray
    normals: np.ndarray
    areas: np.ndarray


def scattered(
    facets: Facets, tx: np.ndarray, rx: np.ndarray, *, frequency: float, offsets: np.ndarray, reflection: complex
) -> np.ndarray:
    """What people add to the channel's frequency response: single scattering, free space around them.

    Args:
        facets: F facets at P packets.
        tx: float ``(3,)`` metres.
        rx: float ``(R, 3)`` metres.
        frequency: hertz, centre of the band.
        offsets: float ``(S,)`` hertz, subcarriers relative to ``frequency``.
        reflection: coefficient of the skin.

    Returns:
        complex128 ``(P, R, S)``, on the scale where free space gives wavelength / (4 pi distance).
    """
    middle = facets.positions[len(facets.positions) // 2]
    weights = facet_weights(middle, facets.normals, facets.areas, tx, rx, frequency=frequency, reflection=reflection)
    to_tx = _distances(facets.positions, tx)  # (P, F)
    response = np.empty((len(facets.positions), len(rx), len(offsets)), dtype=complex)
    for antenna, receiver in enumerate(rx):
        used = np.flatnonzero(weights[antenna])
        lengths = to_tx[:, used] + _distances(facets.positions[:, used], receiver)  # (P, U)
        response[:, antenna] = _response(weights[antenna, used], lengths, frequency, offsets)
    return response


def _distances(positions: np.ndarray, place: np.ndarray) -> np.ndarray:
    away = positions - place
    return np.sqrt(np.einsum("pfd,pfd->pf", away, away))


def _response(weights: np.ndarray, lengths: np.ndarray, frequency: float, offsets: np.ndarray) -> np.ndarray:
    """Sum over facets of ``weights exp(-j 2 pi (frequency + offset) length / c)``: ``(P, S)``."""
    if not weights.size:
        return np.zeros((len(lengths), len(offsets)), dtype=complex)
    now = lengths[len(lengths) // 2]
    middle = (now.min() + now.max()) / 2
    # Powers stay near 1 in units of the widest delay.
    unit = max(float(np.abs(now - middle).max()), 1e-3) / SPEED_OF_LIGHT
    delays = (now - middle) / SPEED_OF_LIGHT / unit  # (U,)
    shifts = ((lengths - now) / SPEED_OF_LIGHT / unit).astype(np.float32)  # (P, U), movement within the frame
    turns = (frequency / SPEED_OF_LIGHT * lengths) % 1.0  # whole turns taken out in double precision
    angle = (-2 * np.pi * turns).astype(np.float32)
    field = np.empty(lengths.shape, dtype=np.complex64)  # (P, U)
    field.real, field.imag = np.cos(angle), np.sin(angle)  # a quarter of the time of a complex exponential
    field *= weights.astype(np.complex64)
    powers = (delays[:, None] ** np.arange(_ORDER + 1)).astype(np.complex64)  # (U, n)
    # Moments of delay + shift: Taylor in the shift, which is small, to its second power.
    moments = [(field * shifts**power) @ powers for power in range(3)]  # (P, n) each
    step = -2j * np.pi * offsets * unit  # (S,)
    basis = np.stack([step**power / math.factorial(power) for power in range(_ORDER + 1)])  # (n, S)
    response = sum((moments[k] @ basis) * step**k / math.factorial(k) for k in range(3))
    return response * np.exp(-2j * np.pi * offsets * middle / SPEED_OF_LIGHT)


def facet_weights(
    positions: np.ndarray,
    normals: np.ndarray,
    areas: np.ndarray,
    tx: np.ndarray,
    rx: np.ndarray,
    *,
    frequency: float,
    reflection: complex,
) -> np.ndarray:
    """Each facet's share of the response at one instant, but for the phase of its path: complex ``(R, F)``.

    The phase changes across a facet; its integral is that of a disc of the same area, 2 J1(x) / x, taken as
    exp(-x^2 / 8), which agrees to second order and has no side lobes.

    Args:
        positions, normals: float ``(F, 3)``; areas: ``(F,)``.
        tx: float ``(3,)``; rx: ``(R, 3)`` metres.
    """
    wavenumber = 2 * np.pi * frequency / SPEED_OF_LIGHT
    wavelength = SPEED_OF_LIGHT / frequency
    incident, first, lit = _leg(positions - tx, normals)
    sees_tx = seen_from(tx, positions, -lit)
    weights = []
    for receiver in rx:
        outgoing, second, leaving = _leg(receiver - positions, normals)
        sees_rx = seen_from(receiver, positions, leaving)
        pattern = np.where(
            sees_tx == sees_rx,
            np.where(sees_tx, reflection * (leaving - lit), 0.0),
            np.where(sees_tx, 0.5, -0.5) * (lit + leaving),
        )
        bend = 2.0 - 2.0 * np.einsum("fd,fd->f", incident, outgoing)
        smear = np.exp(-(wavenumber**2) * areas / np.pi / 8 * (bend - (leaving - lit) ** 2))
        weights.append(pattern * smear * areas / (first * second))
    return wavelength / (4 * np.pi) * 1j * wavenumber / (4 * np.pi) * np.stack(weights)


def _leg(offset: np.ndarray, normals: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Unit vectors, lengths, and the normals' cosines along them."""
    length = np.sqrt(np.einsum("fd,fd->f", offset, offset))
    unit = offset / length[:, None]
    return unit, length, np.einsum("fd,fd->f", normals, unit)
