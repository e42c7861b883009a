from __future__ import annotations

import numpy as np
import pytest
from meshes import sphere, steady

from csi2pc.sim.body import FACING
from csi2pc.sim.kinematics import posture
from csi2pc.sim.mesh import draw_surface, facets
from csi2pc.sim.motion import MotionConfig, Style, perform
from csi2pc.sim.poses import Pose
from csi2pc.sim.scattering import SPEED_OF_LIGHT, Facets, Instant, facet_weights, scattered

FREQUENCY = 5.32e9
WAVELENGTH = SPEED_OF_LIGHT / FREQUENCY
OFFSETS = 312.5e3 * np.array([-58, -20, -2, 2, 33, 58])
TX, RX = np.array([-1.6, -0.15, 2.75]), np.array([[1.6, -0.15, 3.05], [0.8, 0.3, 1.2]])


def _sphere(radius: float, center=(0.0, 0.0, 0.0)) -> Facets:
    triangles = sphere(radius, center, subdivisions=5)
    positions, normals, areas = facets(triangles.reshape(1, -1, 3), np.arange(3 * len(triangles)).reshape(-1, 3))
    return steady(positions, normals[0], areas[0])


def _person(subdivisions: int = 1) -> Facets:
    surface = draw_surface(1.75, subdivisions=subdivisions, rng=np.random.default_rng(0))
    now = posture(Pose().vector()[None], surface).moved(FACING, np.array([0, 0.84, 3.0]))
    positions, normals, areas = facets(surface.posed(now.rotations, now.shifts), surface.faces)
    return steady(positions, normals[0], areas[0])


@pytest.fixture(scope="module")
def person():
    return _person()


def _cross_section(body: Facets, angle: float, *, distance: float = 60.0) -> float:
    """Bistatic, in square metres; angle 0 is back to the transmitter, pi is forward."""
    tx = np.array([0.0, 0.0, -distance])
    rx = np.array([[distance * np.sin(angle), 0.0, -distance * np.cos(angle)]])
    field = scattered(body, tx, rx, frequency=FREQUENCY, offsets=np.zeros(1), reflection=-1)[0, 0, 0]
    return 4 * np.pi * abs(field) ** 2 * distance**4 / (WAVELENGTH / (4 * np.pi)) ** 2


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
    response = scattered(person, tx, rx, frequency=FREQUENCY, offsets=np.zeros(1), reflection=-0.7)[0, 0, 0]
    direct = WAVELENGTH / (4 * np.pi * 16) * np.exp(-2j * np.pi * 16 / WAVELENGTH)
    assert (response / direct).real < -0.2


def test_reciprocity(person):
    for receiver in RX:
        there = scattered(person, TX, receiver[None], frequency=FREQUENCY, offsets=OFFSETS, reflection=-0.7)
        back = scattered(person, receiver, TX[None], frequency=FREQUENCY, offsets=OFFSETS, reflection=-0.7)
        assert np.abs(there - back).max() < 1e-5 * np.abs(there).max()


def _slow(facets: Facets, weights: np.ndarray) -> np.ndarray:
    """Every facet, packet and subcarrier by itself."""
    to_tx = np.linalg.norm(facets.positions - TX, axis=-1)
    response = np.empty((len(facets.positions), len(RX), len(OFFSETS)), dtype=complex)
    for antenna, receiver in enumerate(RX):
        lengths = to_tx + np.linalg.norm(facets.positions - receiver, axis=-1)
        for subcarrier, offset in enumerate(OFFSETS):
            phase = np.exp(-2j * np.pi * (FREQUENCY + offset) / SPEED_OF_LIGHT * lengths)
            response[:, antenna, subcarrier] = phase @ weights[antenna]
    return response


def test_moments_equal_the_direct_sum_also_while_the_body_moves():
    """Over ten packets of the fastest action, with weights of the middle in both."""
    surface = draw_surface(1.75, rng=np.random.default_rng(0))
    performance = perform(
        "A20", surface, Style(1.0, 1.2), MotionConfig(), floor=0.84, rng=np.random.default_rng(1)
    )
    positions, normals, areas = facets(performance.vertices(np.linspace(1.0, 1.09, 10)), surface.faces)
    body = steady(positions, normals[5], areas[5])
    weights = facet_weights(positions[5], normals[5], areas[5], TX, RX, frequency=FREQUENCY, reflection=-0.7)
    fast = scattered(body, TX, RX, frequency=FREQUENCY, offsets=OFFSETS, reflection=-0.7)
    slow = _slow(body, weights)
    assert np.abs(fast - slow).max() < 2e-4 * np.abs(slow).max()


def _performed(action: str, frames: int) -> tuple[np.ndarray, np.ndarray]:
    """What a person across the link adds: frame by frame, and with every packet's own weights."""
    surface = draw_surface(1.75, rng=np.random.default_rng(0))
    performance = perform(action, surface, Style(1.0, 1.0), MotionConfig(), floor=0.84, rng=np.random.default_rng(1))
    options = {"frequency": FREQUENCY, "offsets": OFFSETS, "reflection": -0.7}
    share = (np.arange(10) + 0.5) / 10

    def instant(time):
        positions, normals, areas = facets(performance.vertices(np.array([time])), surface.faces)
        return Instant(positions[0], normals[0], areas[0])

    borders, fast, slow = [instant(0.1 * frame) for frame in range(frames + 1)], [], []
    for frame in range(frames):
        positions, normals, areas = facets(performance.vertices((frame + share) / 10), surface.faces)
        fast.append(scattered(Facets(positions, borders[frame], borders[frame + 1], share), TX, RX, **options))
        slow += [scattered(steady(positions[p : p + 1], normals[p], areas[p]), TX, RX, **options) for p in range(10)]
    return np.concatenate(fast), np.concatenate(slow)


def test_weights_between_borders_serve_the_whole_frame():
    fast, slow = _performed("A13", 6)
    assert np.abs(fast - slow).mean() < 0.1 * np.abs(slow).mean()


@pytest.mark.parametrize("action", ["A13", "A17"])
def test_nothing_jumps_between_frames_and_a_person_keeps_to_its_doppler(action):
    field = _performed(action, 16)[0][:, 0, 2]
    steps = np.abs(np.diff(field))
    assert np.median(steps[9::10]) < 2 * np.median(np.delete(steps, np.s_[9::10]))
    moving = (field - field.mean()) * np.blackman(len(field))
    spectrum, doppler = np.abs(np.fft.fft(moving)) ** 2, np.abs(np.fft.fftfreq(len(field), 0.01))
    assert spectrum[doppler > 45].sum() < 1e-3 * spectrum.sum()  # no limb here is faster than 1.2 m/s


def test_far_away_the_field_falls_with_both_distances():
    body = _sphere(0.15)
    near, far = (_amplitude(body, distance) for distance in (200.0, 400.0))
    assert near / far == pytest.approx(4, rel=0.01)  # both legs double


def _amplitude(body: Facets, distance: float) -> float:
    tx, rx = np.array([0.0, 0.0, -distance]), np.array([[distance, 0.0, 0.0]])
    return float(np.abs(scattered(body, tx, rx, frequency=FREQUENCY, offsets=np.zeros(1), reflection=-1))[0, 0, 0])


def test_facets_of_two_centimetres_are_fine_enough():
    responses = [
        scattered(_person(level), TX, RX, frequency=FREQUENCY, offsets=OFFSETS, reflection=-0.7) for level in (1, 2)
    ]
    change = np.abs(responses[0] - responses[1]).mean() / np.abs(responses[1]).mean()
    assert change < 0.1


def test_nothing_moves_faster_than_its_doppler():
    """A sphere that moves along at constant speed: hardly any energy beyond the largest Doppler there can be."""
    speed, rate, packets = 1.0, 100.0, 256
    times = np.arange(packets) / rate
    ball = _sphere(0.15, (0.0, 0.3, 3.0))
    fields = np.concatenate([
        scattered(
            steady(
                ball.positions + np.array([speed, 0, 0]) * times[p : p + 10, None, None],
                ball.start.normals, ball.start.areas,
            ),
            TX, RX[:1], frequency=FREQUENCY, offsets=np.zeros(1), reflection=-0.7,
        )
        for p in range(0, packets, 10)
    ])[:, 0, 0]  # fmt: skip
    spectrum = np.abs(np.fft.fft(fields * np.blackman(len(fields)))) ** 2
    doppler = np.abs(np.fft.fftfreq(len(fields), 1 / rate))
    limit = 2 * speed / WAVELENGTH + 4 * rate / len(fields)  # and the window's width
    assert spectrum[doppler > limit].sum() < 1e-3 * spectrum.sum()
