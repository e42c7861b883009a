"""The body in the radio wave: physical optics over its facets, reflection and shadow.

For a facet with area dA, outward normal n, incident direction i (from the transmitter) and outgoing direction o (to
the receiver), the field at the receiver relative to ``exp(-jk(r1 + r2)) / (r1 r2)`` is ``jk / 4 pi dA`` times

- reflection: ``Gamma n.(o - i)`` where transmitter and receiver both see the facet,
- shadow: ``n.(i + o)`` times +1/2 where only the transmitter sees it, -1/2 where only the receiver does.

Kirchhoff's integral of the incident wave over a closed surface is zero outside, so the side that is lit and the side
that is not give the same shadow; taking half of each makes the sum exactly reciprocal, and towards the forward
direction it is the diffraction of the outline (Babinet). What an antenna sees is :mod:`csi2pc.sim.sight`'s: a limb in
front of the trunk takes its light.

Over the packets of one frame, each facet's weight (directions, and what is seen) goes straight from its value at the
frame's beginning to that at its end, which is the next frame's beginning, so that nothing jumps between frames; the
path's length, and with it the phase, follows each facet exactly: every facet has its own Doppler. Subcarriers cost
little because the response is expanded in moments of the delay about the centre frequency.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import count

import numpy as np

from .sight import seen_from

SPEED_OF_LIGHT = 299792458.0
#: Highest power of the Taylor expansion in ``offset * delay``, at least. With delays spread over 2 m of path and
#: offsets of 18 MHz, 6 leaves less than 1e-5 of the response; people far apart and wider bands take more.
_ORDER = 6
_LEFT_OUT = 1e-5


@dataclass(frozen=True, eq=False)
class Instant:
    """The surface of everybody at one instant, where weights are computed: a border between two frames.

    Attributes:
        positions: float ``(F, 3)`` metres, centres of the facets.
        normals: float ``(F, 3)``, outward unit vectors.
        areas: float ``(F,)`` square metres.
        known: weights that were computed already, since two frames share a border.
    """

    positions: np.ndarray
    normals: np.ndarray
    areas: np.ndarray
    known: dict[bytes, np.ndarray] = field(default_factory=dict)

    def weights(self, tx: np.ndarray, rx: np.ndarray, *, frequency: float, reflection: complex) -> np.ndarray:
        """:func:`facet_weights` of this instant, computed once."""
        key = b"".join(np.asarray(value).tobytes() for value in (tx, rx, frequency, reflection))
        if key not in self.known:
            self.known[key] = facet_weights(
                self.positions, self.normals, self.areas, tx, rx, frequency=frequency, reflection=reflection
            )
        return self.known[key]


@dataclass(frozen=True, eq=False)
class Facets:
    """The surface of everybody, over the packets of one frame.

    Attributes:
        positions: float ``(P, F, 3)`` metres, centres at each packet.
        start, end: the frame's borders.
        share: float ``(P,)``, 0 to 1: how far into the frame each packet is.
    """

    positions: np.ndarray
    start: Instant
    end: Instant
    share: np.ndarray


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
    ends = [
        instant.weights(tx, rx, frequency=frequency, reflection=reflection).astype(np.complex64)
        for instant in (facets.start, facets.end)
    ]  # (R, F) each
    share = facets.share.astype(np.float32)[:, None]  # (P, 1)
    to_tx = _distances(facets.positions, tx)  # (P, F)
    response = np.empty((len(facets.positions), len(rx), len(offsets)), dtype=complex)
    for antenna, receiver in enumerate(rx):
        first, last = (weights[antenna] for weights in ends)
        used = np.flatnonzero((first != 0) | (last != 0))
        weights = first[used] + share * (last - first)[used]  # (P, U)
        lengths = to_tx[:, used] + _distances(facets.positions[:, used], receiver)  # (P, U)
        response[:, antenna] = _response(weights, lengths, frequency, offsets)
    return response


def _distances(positions: np.ndarray, place: np.ndarray) -> np.ndarray:
    away = positions - place
    return np.sqrt(np.einsum("pfd,pfd->pf", away, away))


def _response(weights: np.ndarray, lengths: np.ndarray, frequency: float, offsets: np.ndarray) -> np.ndarray:
    """Sum over facets of ``weights exp(-j 2 pi (frequency + offset) length / c)``: ``(P, S)``; both ``(P, U)``."""
    if not weights.size:
        return np.zeros((len(lengths), len(offsets)), dtype=complex)
    now = lengths[len(lengths) // 2]
    middle = (now.min() + now.max()) / 2
    # Powers stay near 1 in units of the widest delay.
    unit = max(float(np.abs(now - middle).max()), 1e-3) / SPEED_OF_LIGHT
    largest = 2 * np.pi * float(np.abs(offsets).max()) * unit
    order = next(n for n in count(_ORDER) if largest ** (n + 1) < _LEFT_OUT * math.factorial(n + 1))
    delays = (now - middle) / SPEED_OF_LIGHT / unit  # (U,)
    shifts = ((lengths - now) / SPEED_OF_LIGHT / unit).astype(np.float32)  # (P, U), movement within the frame
    turns = frequency / SPEED_OF_LIGHT * lengths
    turns -= np.floor(turns)  # whole turns taken out in double precision
    angle = (-2 * np.pi * turns).astype(np.float32)
    waves = np.empty(lengths.shape, dtype=np.complex64)  # (P, U)
    waves.real, waves.imag = np.cos(angle), np.sin(angle)  # a quarter of the time of a complex exponential
    waves *= weights
    powers = (delays ** np.arange(order + 1)[:, None]).astype(np.float32)  # (n, U)
    # Moments of delay + shift: Taylor in the shift, which is small, to its second power.
    moments = []
    for _ in range(3):
        moments.append(_products(waves.real, powers) + 1j * _products(waves.imag, powers))  # (P, n)
        waves *= shifts
    step = -2j * np.pi * offsets * unit  # (S,)
    basis = np.stack([step**power / math.factorial(power) for power in range(order + 1)])  # (n, S)
    response = sum((moments[k] @ basis) * step**k / math.factorial(k) for k in range(3))
    return response * np.exp(-2j * np.pi * offsets * middle / SPEED_OF_LIGHT)


def _products(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """``rows @ columns.T``, added up in an order that does not depend on the number of threads, as BLAS's does."""
    return np.einsum("pu,nu->pn", np.ascontiguousarray(rows), columns)


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
