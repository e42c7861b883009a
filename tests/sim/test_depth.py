from __future__ import annotations

import numpy as np
import pytest
from meshes import sphere

from csi2pc.errors import ConfigError
from csi2pc.sim.depth import DepthCamera, DepthConfig
from csi2pc.sim.rays import nearest_hits
from csi2pc.sim.room import RoomConfig

ROOM = RoomConfig()
BALLS = (((0.0, 0.1, 3.0), 0.4), ((0.6, -0.6, 2.9), 0.1))
LIMBS = np.concatenate([sphere(radius, center, subdivisions=5) for center, radius in BALLS])
SMALL = DepthConfig(width=160, height=120, focal=96.5, center=[80.0, 60.0])


def _points(depth: np.ndarray, config: DepthConfig) -> np.ndarray:
    rows, columns = np.nonzero(depth)
    z = depth[rows, columns]
    x, y = (columns - config.center[0]) * z / config.focal, (rows - config.center[1]) * z / config.focal
    return np.stack([x, y, z], axis=1)


def test_without_noise_every_pixel_lies_on_the_body_or_the_room():
    points = _points(DepthCamera(SMALL, ROOM).depth(LIMBS), SMALL)
    wall = np.minimum(np.abs(points - ROOM.lower), np.abs(points - ROOM.upper)).min(axis=1)
    body = np.min([np.abs(np.linalg.norm(points - center, axis=1) - radius) for center, radius in BALLS], axis=0)
    assert np.minimum(wall, body).max() < 1e-3
    assert np.sum(body < 1e-3) > 400


def test_the_boxes_around_the_facets_cut_nothing_off():
    camera = DepthCamera(SMALL, ROOM)
    coarse = np.concatenate([sphere(radius, center, subdivisions=1) for center, radius in BALLS])
    whole = (np.tile([0, 120], (len(coarse), 1)), np.tile([0, 160], (len(coarse), 1)))
    everywhere = nearest_hits(coarse, camera._rays, *whole) * camera._cosine
    np.testing.assert_allclose(camera.depth(coarse), np.minimum(camera._background, everywhere), rtol=1e-9)


def test_limbs_out_of_sight_change_nothing():
    camera = DepthCamera(SMALL, ROOM)
    away = np.concatenate([sphere(0.1, (-9.0, 0, 1.0)), sphere(0.3, (0, 0, -2.0))])
    np.testing.assert_array_equal(camera.depth(away), camera.depth(np.zeros((0, 3, 3))))


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
    assert abs(np.median(image[200:280, 318:322]) - 2600) < 30  # 3 m less the radius of 40 cm


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
