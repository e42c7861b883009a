from __future__ import annotations

import numpy as np
import pytest

from csi2pc.errors import ConfigError
from csi2pc.sim.room import MATERIALS, RoomConfig, box_ranges, fresnel, room_of_scene, room_paths

START, END = np.array([-1.0, 0.0, 2.0]), np.array([1.5, 0.2, 3.0])
FREQUENCY = 5.32e9


@pytest.mark.parametrize(("order", "count"), [(0, 1), (1, 7), (2, 25)])
def test_number_of_paths_and_the_direct_one_first(order, count):
    paths = room_paths(RoomConfig(order=order), START, END, FREQUENCY)
    assert len(paths.lengths) == count
    assert paths.lengths[0] == pytest.approx(np.linalg.norm(END - START)) and paths.coefficients[0] == 1
    assert paths.lengths[0] == paths.lengths.min()


def test_a_single_reflection_is_as_long_as_the_path_over_the_mirrored_point():
    room = RoomConfig(order=1)
    lengths = room_paths(room, START, END, FREQUENCY).lengths
    for axis in range(3):
        for wall in (room.lower[axis], room.upper[axis]):
            image = START.copy()
            image[axis] = 2 * wall - START[axis]
            assert np.min(np.abs(lengths - np.linalg.norm(END - image))) < 1e-12


def test_paths_are_reciprocal():
    there, back = room_paths(RoomConfig(), START, END, FREQUENCY), room_paths(RoomConfig(), END, START, FREQUENCY)
    order, back_order = np.argsort(there.lengths), np.argsort(back.lengths)
    np.testing.assert_allclose(there.lengths[order], back.lengths[back_order])
    np.testing.assert_allclose(there.coefficients[order], back.coefficients[back_order])


def test_fresnel_limits():
    grazing = fresnel("concrete", np.array(1e-9), FREQUENCY, parallel=False)
    assert grazing == pytest.approx(-1, abs=1e-6)
    for parallel, sign in ((False, -1), (True, 1)):
        assert fresnel("metal", np.array(1.0), FREQUENCY, parallel=parallel) == pytest.approx(sign, abs=1e-3)
    # Plain dielectric at normal incidence: (1 - n) / (1 + n); and Brewster's angle, tan = n, reflects nothing.
    n = np.sqrt(MATERIALS["ceiling_board"][0])
    assert abs(fresnel("ceiling_board", np.array(1.0), FREQUENCY, parallel=False)) == pytest.approx(
        (n - 1) / (n + 1), abs=1e-3
    )
    brewster = np.array(1 / np.sqrt(1 + n**2))
    assert abs(fresnel("ceiling_board", brewster, FREQUENCY, parallel=True)) < 0.01


def test_nothing_reflects_more_than_it_gets():
    cosine = np.linspace(0.01, 1, 50)
    for material in MATERIALS:
        for parallel in (False, True):
            assert np.all(np.abs(fresnel(material, cosine, FREQUENCY, parallel=parallel)) <= 1 + 1e-12)


def test_rays_end_on_the_box(rng):
    room = RoomConfig()
    origin = np.array([0.1, -0.2, 0.3])
    rays = rng.normal(size=(100, 3))
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    ends = origin + rays * box_ranges(room, origin, rays)[:, None]
    gap = np.minimum(np.abs(ends - room.lower), np.abs(ends - room.upper)).min(axis=1)
    np.testing.assert_allclose(gap, 0, atol=1e-9)
    assert np.all(ends > np.subtract(room.lower, 1e-9)) and np.all(ends < np.add(room.upper, 1e-9))
    assert box_ranges(room, np.zeros(3), np.array([0.0, 0.0, 1.0])) == room.upper[2]


def test_other_scenes_have_larger_rooms_with_the_same_floor(rng):
    room = RoomConfig()
    assert room_of_scene(room, 1, rng) == room
    other = room_of_scene(room, 2, rng)
    assert other != room and other.lower[1] == room.lower[1] and other.upper[1] == room.upper[1]
    assert np.all(np.less_equal(other.lower, room.lower)) and np.all(np.greater_equal(other.upper, room.upper))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"walls": "cheese"}, "walls must be one of concrete.*'cheese'"),
        ({"lower": [1, 1, 1], "upper": [0, 2, 2]}, "must be below"),
        ({"order": 9}, "order must lie"),
    ],
)
def test_impossible_rooms_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        RoomConfig(**options)
