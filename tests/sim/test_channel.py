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
