from __future__ import annotations

import numpy as np
import pytest
from meshes import sphere

from csi2pc.errors import ConfigError
from csi2pc.sim.lidar import Lidar, LidarConfig
from csi2pc.sim.room import RoomConfig

ROOM = RoomConfig()
BALLS = (((0.0, 0.1, 3.0), 0.4), ((0.6, -0.6, 2.9), 0.1), ((0.2, 0.3, -1.0), 0.25))  # the last is behind
LIMBS = np.concatenate([sphere(radius, center, subdivisions=5) for center, radius in BALLS])


def _in_project_frame(points: np.ndarray) -> np.ndarray:
    """The default extrinsics that MM-Fi's LiDAR is read with."""
    return np.stack([-points[:, 1], -points[:, 2] - 0.2, points[:, 0] + 0.1], axis=1)


def test_without_noise_points_lie_on_the_body_or_the_room(rng):
    points = _in_project_frame(Lidar(LidarConfig(noise=0.0, dropout=0.0), ROOM).scan(LIMBS, rng))
    assert points.shape == (32 * 1024, 3) and points.dtype == np.float64
    wall = np.minimum(np.abs(points - ROOM.lower), np.abs(points - ROOM.upper)).min(axis=1)
    body = np.abs([np.linalg.norm(points - center, axis=1) - radius for center, radius in BALLS])
    assert np.minimum(wall, body.min(axis=0)).max() < 1e-3
    assert (np.sum(body < 1e-3, axis=1) > [200, 20, 200]).all()


@pytest.mark.parametrize("azimuth", [180.0, 25.0])
def test_the_boxes_around_the_facets_cut_nothing_off(azimuth):
    lidar = Lidar(LidarConfig(azimuth=azimuth, columns=256), ROOM)
    coarse = np.concatenate([sphere(radius, center, subdivisions=1) for center, radius in BALLS])
    scan = lidar.scan(coarse, np.random.default_rng(0))
    rows, columns = lidar._rays.shape[:2]
    lidar._boxes = lambda triangles: tuple(np.tile([0, size], (len(triangles), 1)) for size in (rows, columns))
    np.testing.assert_allclose(scan, lidar.scan(coarse, np.random.default_rng(0)), rtol=1e-9)


def test_noise_runs_along_the_ray(rng):
    quiet = Lidar(LidarConfig(noise=0.0, dropout=0.0), ROOM).scan(LIMBS, rng)
    noisy = Lidar(LidarConfig(noise=0.015, dropout=0.0), ROOM).scan(LIMBS, rng)
    shift = noisy - quiet
    along = np.sum(shift * quiet, axis=1) / np.linalg.norm(quiet, axis=1)
    assert np.std(along) == pytest.approx(0.015, rel=0.05)
    assert np.linalg.norm(np.cross(shift, quiet), axis=1).max() < 1e-9


def test_the_field_of_view_is_kept(rng):
    points = Lidar(LidarConfig(azimuth=20.0), ROOM).scan(LIMBS, rng)
    assert np.abs(np.degrees(np.arctan2(points[:, 1], points[:, 0]))).max() <= 20.0 + 1e-9
    assert 3000 < len(points) < 32 * 115


@pytest.mark.parametrize(
    ("options", "message"),
    [({"beams": 0}, "at least 2"), ({"azimuth": 0.0}, "azimuth within"), ({"dropout": -0.1}, "dropout must lie")],
)
def test_impossible_scanners_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        LidarConfig(**options)
