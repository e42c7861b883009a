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


SURFACES = [(axis, side) for axis in range(3) for side in range(2)]


def _reflected(direction, field, room, axis, side):
    """Direction and field after one surface, by the two reflection coefficients and their unit vectors."""
    normal = np.eye(3)[axis]
    across = np.cross(direction, normal)
    across /= np.linalg.norm(across)
    within, turned = np.cross(across, direction), direction - 2 * direction[axis] * normal
    material = (room.ceiling, room.floor)[side] if axis == 1 else room.walls
    cosine = abs(direction[axis])
    te, tm = (fresnel(material, np.array(cosine), FREQUENCY, parallel=parallel) for parallel in (False, True))
    return turned, te * (field @ across) * across + tm * (field @ within) * np.cross(across, turned)


def _slow_path(room, surfaces):
    """Length and coefficient of the path over these surfaces in this order, or None where there is none."""
    bounds = np.array([room.lower, room.upper])
    images = [START]
    for axis, side in surfaces:
        image = images[-1].copy()
        image[axis] = 2 * bounds[side, axis] - image[axis]
        images.append(image)
    points, target = [], END
    for image, (axis, side) in zip(reversed(images[1:]), reversed(surfaces), strict=True):
        share = (bounds[side, axis] - image[axis]) / (target[axis] - image[axis])
        target = image + share * (target - image)
        points.insert(0, target)
    if any(np.any(point < bounds[0] - 1e-9) or np.any(point > bounds[1] + 1e-9) for point in points):
        return None
    corners = [START, *points, END]
    direction = (corners[1] - corners[0]) / np.linalg.norm(corners[1] - corners[0])
    field = _upright(direction).astype(complex)
    for axis, side in surfaces:
        direction, field = _reflected(direction, field, room, axis, side)
    length = sum(np.linalg.norm(b - a) for a, b in zip(corners[:-1], corners[1:], strict=True))
    return length, field @ _upright(direction)


def _upright(direction):
    part = np.array([0.0, 1.0, 0.0]) - direction[1] * direction
    return part / np.linalg.norm(part)


def test_paths_equal_a_trace_from_point_to_point():
    """Every pair of surfaces in every order, each reflection point looked up on its wall, the field as a vector."""
    room = RoomConfig(walls="brick", floor="wood", ceiling="plasterboard")
    chains = [[], *([one] for one in SURFACES), *([one, two] for one in SURFACES for two in SURFACES if one != two)]
    slow = [path for path in (_slow_path(room, chain) for chain in chains) if path is not None]
    fast = room_paths(room, START, END, FREQUENCY)
    assert len(slow) == len(fast.lengths) == 25
    slow.sort(key=lambda path: path[0])
    order = np.argsort(fast.lengths)
    np.testing.assert_allclose(fast.lengths[order], [length for length, _ in slow], rtol=1e-12)
    np.testing.assert_allclose(fast.coefficients[order], [c for _, c in slow], atol=1e-12)


def _coefficient(room, start, end, length):
    paths = room_paths(room, np.array(start), np.array(end), FREQUENCY)
    nearest = np.argmin(np.abs(paths.lengths - length))
    assert paths.lengths[nearest] == pytest.approx(length, rel=1e-12)
    return paths.coefficients[nearest]


def test_between_two_walls_the_coefficient_is_a_product():
    """Antennas of one height: across the plane of incidence at each wall, at the same angle."""
    room = RoomConfig([-2.0, -3.0, -50.0], [2.5, 1.0, 60.0], walls="brick")
    start, end = [-1.0, 0.0, 1.0], [0.5, 0.0, 4.0]
    for shift in (9.0, -9.0):  # the image two room widths away, over one wall first or the other
        length = np.hypot(1.5 + shift, 3.0)
        single = fresnel("brick", np.array(abs(1.5 + shift) / length), FREQUENCY, parallel=False)
        assert _coefficient(room, start, end, length) == pytest.approx(single**2, abs=1e-12)


def test_between_floor_and_ceiling_the_coefficient_is_a_product():
    room = RoomConfig([-50.0, -2.0, -50.0], [50.0, 0.9, 50.0], floor="wood", ceiling="plasterboard")
    length = np.hypot(5.8 + 0.3, 4.0)  # floor, then ceiling
    cosine = np.array(6.1 / length)
    product = np.prod([fresnel(m, cosine, FREQUENCY, parallel=True) for m in ("wood", "plasterboard")])
    assert _coefficient(room, [0.0, 0.2, 1.0], [0.0, 0.5, 5.0], length) == pytest.approx(product, abs=1e-12)


def test_at_brewsters_angle_the_floor_reflects_nothing():
    """tan(angle) = n: antennas at height h, 2 h n apart."""
    room = RoomConfig([-50.0, -30.0, -50.0], [50.0, 1.0, 50.0], floor="ceiling_board")
    apart = 2 * np.sqrt(MATERIALS["ceiling_board"][0])
    at, nearer, further = (
        abs(_coefficient(room, [0.0, 0.0, 0.0], [0.0, 0.0, d], np.hypot(d, 2.0))) for d in (apart, apart / 3, apart * 3)
    )
    assert at < 0.01 and nearer > 0.05 and further > 0.1


def test_perfect_conductors_reflect_everything():
    """Walls turn an upright field round at each reflection, floor and ceiling do not."""
    room = RoomConfig(walls="metal", floor="metal", ceiling="metal", order=3)
    paths = room_paths(room, np.array([-1.0, 0.0, 2.0]), np.array([1.5, 0.0, 3.0]), FREQUENCY)
    assert np.abs(paths.coefficients).max() <= 1 + 1e-12
    width = room.upper[0] - room.lower[0]
    single, double = 1.5 - 1.0 - 2 * room.lower[0], 2 * width - 2.5  # metres along x
    for reflections, along in ((1, single), (2, double)):
        nearest = np.argmin(np.abs(paths.lengths - np.hypot(along, 1.0)))
        assert paths.coefficients[nearest] == pytest.approx((-1) ** reflections, abs=1e-2)
    below = np.argmin(np.abs(paths.lengths - np.sqrt(2.5**2 + (2 * room.upper[1]) ** 2 + 1.0)))
    assert paths.coefficients[below] == pytest.approx(1, abs=1e-2)


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
