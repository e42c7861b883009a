from __future__ import annotations

import numpy as np
import pytest

from csi2pc.sim.capsules import Capsules, ray_ranges, signed_distance


def _marched(ray: np.ndarray, limbs: Capsules, *, farthest: float) -> float:
    """The slow obvious way: walk along the ray by the distance to the surface."""
    travelled = 0.0
    while travelled < farthest:
        gap = signed_distance((travelled * ray)[None], limbs).min()
        if gap < 1e-9:
            return travelled
        travelled += gap
    return np.inf


def test_rays_meet_a_capsule_where_marching_meets_it(rng):
    for _ in range(20):
        start = rng.normal(size=3) + (0, 0, 5)
        limbs = Capsules(start[None], (start + rng.normal(size=3))[None], np.array([rng.uniform(0.05, 0.6)]))
        towards = (limbs.starts[0] + limbs.ends[0]) / 2 + 0.8 * rng.normal(size=(30, 3))
        rays = towards / np.linalg.norm(towards, axis=1, keepdims=True)
        found = ray_ranges(rays, limbs.starts[0], limbs.ends[0], limbs.radii[0])
        for ray, distance in zip(rays, found, strict=True):
            marched = _marched(ray, limbs, farthest=30.0)
            if np.isfinite(marched) == np.isfinite(distance):
                assert distance == pytest.approx(marched, abs=1e-5) or np.isinf(distance)
            else:  # a grazing ray is a matter of rounding
                assert signed_distance((min(distance, marched) * ray)[None], limbs).min() < 1e-4


def test_a_capsule_behind_the_origin_is_not_seen():
    found = ray_ranges(np.array([[0.0, 0.0, 1.0]]), np.array([0.0, -1.0, -3.0]), np.array([0.0, 1.0, -3.0]), 0.5)
    assert np.isinf(found).all()


def test_a_ray_along_the_axis_meets_the_end():
    found = ray_ranges(np.array([0.0, 0.0, 1.0]), np.array([0.0, 0.0, 2.0]), np.array([0.0, 0.0, 4.0]), 0.3)
    assert found == pytest.approx(1.7, abs=1e-6)


def test_distance_is_negative_inside_and_counts_from_the_surface():
    limbs = Capsules(np.array([[0.0, 0.0, 0.0]]), np.array([[0.0, 0.0, 1.0]]), np.array([0.2]))
    points = np.array([[0.0, 0.0, 0.5], [0.5, 0.0, 0.5], [0.0, 0.0, 2.0]])
    np.testing.assert_allclose(signed_distance(points, limbs)[:, 0], [-0.2, 0.3, 0.8])


def test_moving_keeps_distances(rng):
    limbs = Capsules(rng.normal(size=(4, 3)), rng.normal(size=(4, 3)), rng.uniform(0.1, 0.3, size=4))
    rotation = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    shift = rng.normal(size=3)
    points = rng.normal(size=(10, 3))
    moved = signed_distance(points @ rotation.T + shift, limbs.moved(rotation, shift))
    np.testing.assert_allclose(moved, signed_distance(points, limbs), atol=1e-12)
