from __future__ import annotations

import numpy as np
import pytest

from csi2pc.errors import ConfigError
from csi2pc.sim.mmwave import MmwaveConfig, detections

EXACT = MmwaveConfig(azimuth_noise=0.0, elevation_noise=0.0)


def _patch(count: int = 200, *, center=(0.5, -0.6, 2.5), size: float = 0.1) -> tuple[np.ndarray, ...]:
    """Positions, normals towards the radar, areas of facets in a cube."""
    spread = np.random.default_rng(0).uniform(-size, size, size=(count, 3))
    positions = np.array(center) + spread
    return positions, -positions / np.linalg.norm(positions, axis=1, keepdims=True), np.full(count, 1e-3)


def test_who_stands_still_is_not_seen(rng):
    positions, normals, areas = _patch()
    points = detections(positions, normals, np.zeros_like(positions), areas, config=EXACT, rng=rng)
    assert points.shape == (0, 5)


def test_points_lie_on_what_moves_in_the_radars_frame(rng):
    positions, normals, areas = _patch()
    points = detections(positions, normals, 0.5 * normals, areas, config=EXACT, rng=rng)
    assert 0 < len(points) <= EXACT.most and points.dtype == np.float64
    # x right, y forward, z up -> the project's frame
    back = np.stack([points[:, 0], -points[:, 2], points[:, 1]], axis=1)
    assert np.abs(back - (0.5, -0.6, 2.5)).max() < 0.2
    assert np.all(points[:, 3] >= 0)


def test_doppler_is_positive_away_and_in_cells(rng):
    positions, normals, areas = _patch()
    for sign in (-1, 1):
        velocity = -sign * 0.5 * normals  # normals point at the radar
        points = detections(positions, normals, velocity, areas, config=EXACT, rng=rng)
        np.testing.assert_allclose(points[:, 4], sign * 4 * EXACT.doppler_cell)


def test_moving_sideways_is_not_seen(rng):
    positions, normals, areas = _patch(center=(0.0, 0.0, 3.0), size=0.02)
    velocity = np.tile([1.0, 0.0, 0.0], (len(positions), 1))
    assert len(detections(positions, normals, velocity, areas, config=EXACT, rng=rng)) == 0


def test_what_faces_away_is_not_seen(rng):
    positions, normals, areas = _patch()
    assert len(detections(positions, -normals, normals, areas, config=EXACT, rng=rng)) == 0


def test_the_strongest_are_kept_strongest_first(rng):
    positions, normals, areas = _patch(2000, size=0.8)
    speed = rng.uniform(0.2, 2.0, size=(2000, 1))
    points = detections(positions, normals, speed * normals, areas, config=MmwaveConfig(floor=1e-5), rng=rng)
    assert len(points) == 64
    assert np.all(np.diff(points[:, 3]) <= 0)


@pytest.mark.parametrize(
    ("options", "message"), [({"doppler_cell": 0.0}, "above 0"), ({"azimuth_noise": -1.0}, "must not be negative")]
)
def test_impossible_radars_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        MmwaveConfig(**options)
