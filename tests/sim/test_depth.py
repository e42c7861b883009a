from __future__ import annotations

import numpy as np
import pytest

from csi2pc.errors import ConfigError
from csi2pc.sim.capsules import Capsules, signed_distance
from csi2pc.sim.depth import DepthCamera, DepthConfig
from csi2pc.sim.room import RoomConfig

ROOM = RoomConfig()
LIMBS = Capsules(
    np.array([[0.0, 0.5, 3.0], [0.3, -0.4, 2.8]]), np.array([[0.0, -0.5, 3.0], [0.8, -0.9, 3.1]]), np.array([0.2, 0.06])
)
SMALL = DepthConfig(width=160, height=120, focal=96.5, center=[80.0, 60.0])


def _points(depth: np.ndarray, config: DepthConfig) -> np.ndarray:
    rows, columns = np.nonzero(depth)
    z = depth[rows, columns]
    x, y = (columns - config.center[0]) * z / config.focal, (rows - config.center[1]) * z / config.focal
    return np.stack([x, y, z], axis=1)


def test_without_noise_every_pixel_lies_on_the_body_or_the_room():
    points = _points(DepthCamera(SMALL, ROOM).depth(LIMBS), SMALL)
    wall = np.minimum(np.abs(points - ROOM.lower), np.abs(points - ROOM.upper)).min(axis=1)
    body = np.abs(signed_distance(points, LIMBS)).min(axis=1)
    assert np.minimum(wall, body).max() < 1e-6
    assert np.sum(body < 1e-6) > 200


def test_the_boxes_around_the_limbs_cut_nothing_off():
    camera = DepthCamera(SMALL, ROOM)
    depth = camera.depth(LIMBS)
    camera._box = lambda corners: (slice(None), slice(None))
    np.testing.assert_array_equal(depth, camera.depth(LIMBS))


def test_limbs_out_of_sight_change_nothing():
    camera = DepthCamera(SMALL, ROOM)
    away = Capsules(np.array([[-9.0, 0, 1.0]]), np.array([[-8.0, 0, 1.0]]), np.array([0.1]))
    empty = Capsules(np.zeros((0, 3)), np.zeros((0, 3)), np.zeros(0))
    np.testing.assert_array_equal(camera.depth(away), camera.depth(empty))


def test_noise_is_that_of_disparity(rng):
    config = DepthConfig(width=160, height=120, focal=96.5, center=[80.0, 60.0], edge_dropout=0.0, disparity_step=0.0)
    camera = DepthCamera(config, ROOM)
    truth = camera.depth(LIMBS)
    image = camera.image(LIMBS, rng) / 1000.0
    assert image.shape == (120, 160)
    error = (config.focal * config.baseline) * (1 / image - 1 / truth)
    assert np.std(error) == pytest.approx(config.disparity_noise, rel=0.05)


def test_the_image_is_millimetres_with_holes_at_the_outline(rng):
    camera = DepthCamera(DepthConfig(edge_dropout=1.0), ROOM)
    image = camera.image(LIMBS, rng)
    assert image.dtype == np.uint16 and image.shape == (480, 640)
    assert 100 < np.sum(image == 0) < 5000
    assert abs(np.median(image[200:280, 318:322]) - 2800) < 30  # 3 m less the radius of 20 cm


def test_what_is_too_far_reads_zero(rng):
    image = DepthCamera(DepthConfig(width=64, height=48, focal=38.6, center=[32, 24], farthest=4.0), ROOM).image(
        LIMBS, rng
    )
    assert image[20, 5] == 0 and image[24, 32] > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [({"width": 1}, "at least 2"), ({"focal": 0.0}, "above 0"), ({"edge_dropout": 2.0}, "edge_dropout must lie")],
)
def test_impossible_cameras_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        DepthConfig(**options)
