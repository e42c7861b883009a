from __future__ import annotations

import numpy as np
from meshes import sphere

from csi2pc.sim.rays import nearest_hits


def _grid(rng, shape=(12, 15)):
    rays = rng.normal(size=(*shape, 3)) * (0.3, 0.3, 0.1) + (0, 0, 1)
    return rays / np.linalg.norm(rays, axis=-1, keepdims=True)


def _whole(count, size):
    return np.tile([0, size], (count, 1))


def _one_by_one(triangles, ray):
    """Solve corner + u e1 + v e2 = t ray for every triangle."""
    best = np.inf
    for a, b, c in triangles:
        try:
            u, v, t = np.linalg.solve(np.stack([a - b, a - c, ray], axis=1), a)
        except np.linalg.LinAlgError:
            continue
        if u >= 0 and v >= 0 and u + v <= 1 and t > 0:
            best = min(best, t)
    return best


def test_agrees_with_a_loop_over_rays_and_triangles(rng):
    triangles = rng.normal(size=(40, 3, 3)) * 0.5 + (0, 0, 3)
    rays = _grid(rng)
    fast = nearest_hits(triangles, rays, _whole(40, 12), _whole(40, 15))
    slow = np.array([[_one_by_one(triangles, ray) for ray in row] for row in rays])
    np.testing.assert_allclose(fast, slow, rtol=1e-9)
    assert 0.1 < np.isfinite(fast).mean() < 1


def test_a_sphere_is_where_the_quadratic_says(rng):
    triangles, rays = sphere(0.8, (0.1, 0.2, 3.0), subdivisions=5), _grid(rng)
    ranges = nearest_hits(triangles, rays, _whole(len(triangles), 12), _whole(len(triangles), 15))
    along = rays @ (0.1, 0.2, 3.0)
    root = along**2 - (0.05 + 9.0) + 0.8**2
    exact = np.where(root > 0, along - np.sqrt(np.maximum(root, 0)), np.inf)
    clear = np.abs(root) > 0.05  # not at the outline, where facets and sphere differ
    np.testing.assert_allclose(ranges[clear], exact[clear], atol=4e-3)


def test_columns_go_round(rng):
    triangles, rays = sphere(0.8, (0, 0, 3.0)), _grid(rng)
    plain = nearest_hits(triangles, rays, _whole(len(triangles), 12), _whole(len(triangles), 15))
    turned = nearest_hits(triangles, rays, _whole(len(triangles), 12), _whole(len(triangles), 15) + 7)
    np.testing.assert_array_equal(plain, turned)


def test_nothing_to_meet(rng):
    rays = _grid(rng)
    assert np.isinf(nearest_hits(np.zeros((0, 3, 3)), rays, _whole(0, 12), _whole(0, 15))).all()
    behind = sphere(0.5, (0, 0, -3.0))
    assert np.isinf(nearest_hits(behind, rays, _whole(len(behind), 12), _whole(len(behind), 15))).all()
