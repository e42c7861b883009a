from __future__ import annotations

import numpy as np
import pytest

from csi2pc.errors import ConfigError
from csi2pc.sim.channel import RadioConfig, static_response
from csi2pc.sim.room import RoomConfig, fresnel
from csi2pc.sim.scattering import SPEED_OF_LIGHT

OPEN = RoomConfig(order=0)


def test_free_space_path_loss():
    radio = RadioConfig(tx=[-1.5, 0.0, 3.0], rx=[[1.5, 0.0, 3.0], [4.5, 0.0, 3.0]])
    near, far = np.abs(static_response(OPEN, radio))
    expected = 20 * np.log10(4 * np.pi * 3.0 * radio.frequency / SPEED_OF_LIGHT)
    np.testing.assert_allclose(-20 * np.log10(near), expected, atol=1e-9)
    np.testing.assert_allclose(20 * np.log10(near / far), 20 * np.log10(2), atol=1e-9)


def test_phase_turns_with_frequency_by_the_delay():
    radio = RadioConfig(tx=[-1.5, 0.0, 3.0], rx=[[1.5, 0.0, 3.0]])
    response = static_response(OPEN, radio)[0]
    slope = np.polyfit(radio.offsets, np.unwrap(np.angle(response)), 1)[0]
    assert -slope / (2 * np.pi) == pytest.approx(3.0 / SPEED_OF_LIGHT, rel=1e-9)


def test_two_ray_interference_over_a_metal_floor():
    """Direct wave and its image in the floor, in closed form; every other surface is far away and hardly reflects."""
    far = 1e5
    room = RoomConfig(lower=[-far, -far, -far], upper=[far, 1.0, far], floor="metal", order=1)
    radio = RadioConfig(tx=[-2.0, 0.0, 3.0], rx=[[2.0, -0.5, 3.0]])
    direct, image = np.hypot(4.0, 0.5), np.hypot(4.0, 1.0 + 1.5)
    frequency = radio.frequency + radio.offsets
    coefficient = fresnel("metal", np.array(2.5 / image), radio.frequency, parallel=True)
    wavelength = SPEED_OF_LIGHT / radio.frequency
    expected = sum(
        c * wavelength / (4 * np.pi * length) * np.exp(-2j * np.pi * frequency * length / SPEED_OF_LIGHT)
        for length, c in ((direct, 1.0), (image, coefficient))
    )
    np.testing.assert_allclose(static_response(room, radio)[0], expected, rtol=1e-3)


FAR = 1e9


def _over_the_ground(distance, frequency, *, heights, floor):
    """Received over a plane ground, and the closed form of two rays; all other surfaces are far away."""
    room = RoomConfig(lower=[-FAR, -FAR, -FAR], upper=[FAR, 0.0, FAR], floor=floor, order=1)
    first, second = heights
    radio = RadioConfig(tx=[0.0, -first, 0.0], rx=[[distance, -second, 0.0]], frequency=frequency)
    direct, image = np.hypot(distance, first - second), np.hypot(distance, first + second)
    coefficient = fresnel(floor, np.array((first + second) / image), frequency, parallel=True)
    wavelength = SPEED_OF_LIGHT / frequency
    rays = [c / length * np.exp(-2j * np.pi * length / wavelength) for length, c in ((direct, 1), (image, coefficient))]
    found = np.interp(0.0, radio.offsets, np.abs(static_response(room, radio)[0]))
    return found, wavelength / (4 * np.pi) * abs(sum(rays))


@pytest.mark.parametrize("floor", ["metal", "concrete", "wood"])
def test_two_rays_interfere_over_distance_and_frequency(floor):
    over_distance = [_over_the_ground(d, 5.32e9, heights=(1.1, 1.7), floor=floor) for d in np.geomspace(2, 200, 40)]
    over_frequency = [_over_the_ground(7.0, f, heights=(1.1, 1.7), floor=floor) for f in np.linspace(2.4e9, 6e9, 40)]
    for pairs in (over_distance, over_frequency):
        found, expected = np.transpose(pairs)
        np.testing.assert_allclose(found, expected, atol=2e-3 * expected.max())
        assert expected.max() / expected.min() > 1.5  # there is something to see


def test_far_over_the_ground_power_falls_with_the_fourth_power_of_distance():
    """Far beyond 4 h1 h2 / wavelength (71 m) the amplitude is h1 h2 / d^2, whatever the wavelength."""
    near, far = (_over_the_ground(d, 5.32e9, heights=(1.0, 1.0), floor="concrete")[0] for d in (4000.0, 8000.0))
    assert 20 * np.log10(near / far) == pytest.approx(40 * np.log10(2), abs=0.1)
    assert near == pytest.approx(1.0 / 4000.0**2, rel=0.2)


def test_the_empty_room_is_reciprocal():
    radio = RadioConfig(tx=[-1.5, 0.0, 3.0], rx=[[1.2, -0.4, 2.0]])
    back = RadioConfig(tx=radio.rx[0], rx=[radio.tx])
    np.testing.assert_allclose(static_response(RoomConfig(), radio), static_response(RoomConfig(), back), rtol=1e-9)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rx": []}, "radio.rx a list"),
        ({"frequency": 5.3}, "frequency must lie"),
        ({"spacing": 0.0}, "spacing must lie"),
        ({"skin": 2.0}, "skin must lie"),
    ],
)
def test_impossible_radios_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        RadioConfig(**options)
