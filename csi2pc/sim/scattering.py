"""The body in the radio wave: physical optics over its facets, reflection and shadow.

For a facet with area dA, outward normal n, incident direction i (from the transmitter) and outgoing direction o (to
the receiver), the field at the receiver relative to ``exp(-jk(r1 + r2)) / (r1 r2)`` is ``jk / 4 pi dA`` times

- reflection: ``Gamma n.(o - i)`` where transmitter and receiver both see the facet,
- shadow: ``n.(i + o)`` times +1/2 where only the transmitter sees it, -1/2 where only the receiver does.

Kirchhoff's integral of the incident wave over a closed surface is zero outside, so the side that is lit and the side
that is not give the same shadow; taking half of each makes the sum exactly reciprocal, and towards the forward
direction it is the diffraction of the outline (Babinet). Facets hide nothing from each other: limbs in front of the
trunk count beside it.

Subcarriers cost little because the response is expanded in moments of the delay about the centre frequency.
"""

from __future__ import annotations

import math

import numpy as np

SPEED_OF_LIGHT = 299792458.0


def scattered(
    positions: np.ndarray,
    normals: np.ndarray,
    areas: np.ndarray,
    tx: np.ndarray,
    rx: np.ndarray,
    *,
    frequency: float,
    offsets: np.ndarray,
    reflection: complex,
    order: int = 6,
) -> np.ndarray:
    """What the body adds to the channel's frequency response.

    Args:
        positions, normals: float ``(P, F, 3)``: facets at P instants, metres and outward unit vectors.
        areas: float ``(F,)`` square metres.
        tx: float ``(3,)`` metres.
        rx: float ``(R, 3)`` metres.
        frequency: hertz, centre of the band.
        offsets: float ``(S,)`` hertz, subcarriers relative to ``frequency``.
        reflection: coefficient of the skin.
        order: highest power of the Taylor expansion in ``offset * delay``. With delays spread over 2 m of path
            and offsets of 18 MHz, 6 leaves less than 1e-5 of the response.

    Returns:
        complex128 ``(P, R, S)``, on the scale where free space gives wavelength / (4 pi distance).
    """
    weights, lengths = facet_responses(
        positions, normals, areas, tx, rx, frequency=frequency, reflection=reflection
    )  # (P, R, F) both
    middle = (lengths.min() + lengths.max()) / 2
    delays = (lengths - middle) / SPEED_OF_LIGHT
    # Powers stay near 1 in units of the widest delay.
    unit = max(float(np.abs(delays).max()), 1e-12)
    powers = delays / unit
    step = -2j * np.pi * offsets * unit
    response = np.zeros((*weights.shape[:2], len(offsets)), dtype=complex)
    term = weights
    for power in range(order + 1):
        moment = term.sum(axis=-1)  # (P, R)
        response += moment[..., None] * (step**power / math.factorial(power))
        term = term * powers
    return response * np.exp(-2j * np.pi * offsets * middle / SPEED_OF_LIGHT)


def facet_responses(
    positions: np.ndarray,
    normals: np.ndarray,
    areas: np.ndarray,
    tx: np.ndarray,
    rx: np.ndarray,
    *,
    frequency: float,
    reflection: complex,
) -> tuple[np.ndarray, np.ndarray]:
    """Each facet's response at the centre frequency and its path length: complex and float ``(P, R, F)``.

    The phase changes across a facet; its integral is that of a disc of the same area, 2 J1(x) / x, taken as
    exp(-x^2 / 8), which agrees to second order and has no side lobes.
    """
    wavenumber = 2 * np.pi * frequency / SPEED_OF_LIGHT
    wavelength = SPEED_OF_LIGHT / frequency
    incident, first, lit = _leg(positions - tx, normals)
    sees_tx = lit < 0.0
    weights, lengths = [], []
    for receiver in rx:
        outgoing, second, seen = _leg(receiver - positions, normals)
        sees_rx = seen > 0.0
        pattern = np.where(
            sees_tx == sees_rx,
            np.where(sees_tx, reflection * (seen - lit), 0.0),
            np.where(sees_tx, 0.5, -0.5) * (lit + seen),
        )
        bend = 2.0 - 2.0 * np.einsum("pfd,pfd->pf", incident, outgoing)
        smear = np.exp(-(wavenumber**2) * areas / np.pi / 8 * (bend - (seen - lit) ** 2))
        length = first + second
        gain = pattern * smear * areas / (first * second)
        weights.append(gain * np.exp(-1j * ((wavenumber * length) % (2 * np.pi))))
        lengths.append(length)
    scale = wavelength / (4 * np.pi) * 1j * wavenumber / (4 * np.pi)
    return scale * np.stack(weights, axis=1), np.stack(lengths, axis=1)


def _leg(offset: np.ndarray, normals: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Unit vectors, lengths, and the normals' cosines along them."""
    length = np.sqrt(np.einsum("pfd,pfd->pf", offset, offset))
    unit = offset / length[..., None]
    return unit, length, np.einsum("pfd,pfd->pf", normals, unit)
