from __future__ import annotations

import numpy as np
import pytest

from csi2pc.sim.body import FACING
from csi2pc.sim.kinematics import posture
from csi2pc.sim.mesh import draw_surface, facets
from csi2pc.sim.poses import Pose
from csi2pc.sim.scattering import SPEED_OF_LIGHT, facet_responses, scattered

FREQUENCY = 5.32e9
WAVELENGTH = SPEED_OF_LIGHT / FREQUENCY
OFFSETS = 312.5e3 * np.array([-58, -20, -2, 2, 33, 58])
TX, RX = np.array([-1.6, -0.15, 2.75]), np.array([[1.6, -0.15, 3.05], [0.8, 0.3, 1.2]])


def _sphere(radius: float, count: int = 2000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    index = np.arange(count) + 0.5
    z, turn = 1 - 2 * index / count, np.pi * (1 + np.sqrt(5)) * index
    normals = np.stack([np.sqrt(1 - z**2) * np.cos(turn), np.sqrt(1 - z**2) * np.sin(turn), z], axis=1)
    return radius * normals[None], normals[None], np.full(count, 4 * np.pi * radius**2 / count)


def _person(subdivisions: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    surface = draw_surface(1.75, subdivisions=subdivisions, rng=np.random.default_rng(0))
    now = posture(Pose().vector()[None], surface).moved(FACING, np.array([0, 0.84, 3.0]))
    positions, normals, areas = facets(surface.posed(now.rotations, now.shifts), surface.faces)
    return positions, normals, areas[0]


@pytest.fixture(scope="module")
def person():
    return _person()


def _cross_section(facets, angle: float, *, distance: float = 60.0) -> float:
    """Bistatic, in square metres; angle 0 is back to the transmitter, pi is forward."""
    tx = np.array([0.0, 0.0, -distance])
    rx = np.array([[distance * np.sin(angle), 0.0, -distance * np.cos(angle)]])
    weights, _ = facet_responses(*facets, tx, rx, frequency=FREQUENCY, reflection=-1)
    return 4 * np.pi * abs(weights.sum()) ** 2 * distance**4 / (WAVELENGTH / (4 * np.pi)) ** 2


@pytest.mark.parametrize("radius", [0.15, 0.3])
def test_a_conducting_spheres_cross_section_is_its_outline(radius):
    for angle in np.radians([5, 20, 40, 60]):
        ratio = _cross_section(_sphere(radius), angle) / (np.pi * radius**2)
        assert abs(10 * np.log10(ratio)) < 1.5


@pytest.mark.parametrize("radius", [0.15, 0.3])
def test_forward_scatter_is_that_of_the_outline(radius):
    """An obstacle of area A scatters 4 pi A^2 / wavelength^2 forward."""
    area = np.pi * radius**2
    expected = 4 * np.pi * area**2 / WAVELENGTH**2
    assert abs(10 * np.log10(_cross_section(_sphere(radius), np.pi) / expected)) < 0.3


def test_the_shadow_weakens_the_direct_wave(person):
    """A wall-like body between the antennas takes away most of what would pass: the sum with the direct path."""
    tx, rx = np.array([-8.0, 0.0, 3.0]), np.array([[8.0, 0.0, 3.0]])
    response = scattered(*person, tx, rx, frequency=FREQUENCY, offsets=np.zeros(1), reflection=-0.7)[0, 0, 0]
    direct = WAVELENGTH / (4 * np.pi * 16) * np.exp(-2j * np.pi * 16 / WAVELENGTH)
    assert (response / direct).real < -0.2


def test_reciprocity(person):
    for receiver in RX:
        there = scattered(*person, TX, receiver[None], frequency=FREQUENCY, offsets=OFFSETS, reflection=-0.7)
        back = scattered(*person, receiver, TX[None], frequency=FREQUENCY, offsets=OFFSETS, reflection=-0.7)
        np.testing.assert_allclose(there, back, rtol=1e-9)


def test_moments_equal_the_direct_sum(person):
    fast = scattered(*person, TX, RX, frequency=FREQUENCY, offsets=OFFSETS, reflection=-0.7)
    weights, lengths = facet_responses(*person, TX, RX, frequency=FREQUENCY, reflection=-0.7)
    slow = np.zeros_like(fast)
    for subcarrier, offset in enumerate(OFFSETS):
        slow[..., subcarrier] = np.sum(weights * np.exp(-2j * np.pi * offset * lengths / SPEED_OF_LIGHT), axis=-1)
    assert np.abs(fast - slow).max() < 1e-5 * np.abs(slow).max()


def test_far_away_the_field_falls_with_both_distances():
    facets = _sphere(0.15)
    near, far = (_amplitude(facets, distance) for distance in (200.0, 400.0))
    assert near / far == pytest.approx(4, rel=0.01)  # both legs double


def _amplitude(facets, distance: float) -> float:
    tx, rx = np.array([0.0, 0.0, -distance]), np.array([[distance, 0.0, 0.0]])
    return float(np.abs(scattered(*facets, tx, rx, frequency=FREQUENCY, offsets=np.zeros(1), reflection=-1))[0, 0, 0])


def test_facets_of_two_centimetres_are_fine_enough():
    responses = [
        scattered(*_person(level), TX, RX, frequency=FREQUENCY, offsets=OFFSETS, reflection=-0.7) for level in (1, 2)
    ]
    change = np.abs(responses[0] - responses[1]).mean() / np.abs(responses[1]).mean()
    assert change < 0.1


def test_instants_are_independent(person):
    positions, normals, areas = person
    moved = np.concatenate([positions, positions + (0.01, 0, 0)])
    both = scattered(
        moved, normals.repeat(2, axis=0), areas, TX, RX, frequency=FREQUENCY, offsets=OFFSETS, reflection=-0.7
    )
    for index in range(2):
        one = scattered(
            moved[index : index + 1], normals, areas, TX, RX, frequency=FREQUENCY, offsets=OFFSETS, reflection=-0.7
        )
        np.testing.assert_allclose(both[index], one[0], rtol=1e-4, atol=1e-4 * np.abs(one).max())
