"""ICP against a version without trees and without singular values, and against motions that are known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from csi2pc.evaluation.icp import icp, rigid_motion


def slow_motion(source, target):
    """Horn's closed form with quaternions (J. Opt. Soc. Am. A 4, 1987); no turn for pairs on a line."""
    p, q = source - source.mean(axis=0), target - target.mean(axis=0)
    s = p.T @ q
    if np.linalg.matrix_rank(s, tol=1e-9 * max(np.linalg.norm(s, 2), 1e-300)) < 2:
        rotation = np.eye(3)
    else:
        d = [s[1, 2] - s[2, 1], s[2, 0] - s[0, 2], s[0, 1] - s[1, 0]]
        n = np.block([[np.array([[np.trace(s)]]), np.array([d])], [np.array([d]).T, s + s.T - np.trace(s) * np.eye(3)]])
        w, x, y, z = np.linalg.eigh(n)[1][:, -1]
        rotation = Rotation.from_quat([x, y, z, w]).as_matrix()
    return rotation, target.mean(axis=0) - rotation @ source.mean(axis=0)


def slow_pairs(moved, target, reach):
    pairs = []
    for i, p in enumerate(moved):
        distances = [math.dist(p, q) for q in target]
        if min(distances) < reach:
            pairs.append((i, distances.index(min(distances)), min(distances)))
    rmse = math.sqrt(sum(d * d for *_, d in pairs) / len(pairs)) if pairs else math.nan
    return pairs, len(pairs) / len(moved), rmse


def slow_icp(pred, target, reach=0.02):
    """Fitness and RMSE by trying all pairs, moving the cloud round by round."""
    moved = pred.copy()
    pairs, fitness, rmse = slow_pairs(moved, target, reach)
    for _ in range(30):
        if not pairs:
            break
        rotation, translation = slow_motion(moved[[i for i, *_ in pairs]], target[[j for _, j, _ in pairs]])
        moved = moved @ rotation.T + translation
        before = fitness, rmse
        pairs, fitness, rmse = slow_pairs(moved, target, reach)
        if abs(fitness - before[0]) < 1e-6 and abs(rmse - before[1]) < 1e-6:
            break
    return fitness, rmse


def motion(degrees, shift):
    axis = np.array([1.0, 2.0, -1.0]) / math.sqrt(6)
    return Rotation.from_rotvec(math.radians(degrees) * axis).as_matrix(), np.array([shift, -shift, shift / 2])


@pytest.mark.parametrize("sizes", [(60, 60), (40, 70), (70, 40)])
@pytest.mark.parametrize("noise", [0.003, 0.01, 0.03])
def test_agrees_with_the_slow_one(rng, sizes, noise):
    for _ in range(3):
        target = rng.normal(size=(sizes[1], 3)) * [0.1, 0.2, 0.05] + [0.3, 0.2, 3.0]
        pred = target[rng.integers(len(target), size=sizes[0])] + noise * rng.normal(size=(sizes[0], 3)) + 0.004
        found = icp(pred, target)
        assert (found.fitness, found.rmse) == pytest.approx(slow_icp(pred, target), rel=1e-7, nan_ok=True)


def test_a_small_motion_is_undone(rng):
    grid = np.stack(np.meshgrid(*[np.arange(6) * 0.06] * 3), axis=-1).reshape(-1, 3) + [0.0, 0.0, 3.0]
    target = grid + 0.01 * rng.uniform(-1, 1, grid.shape)  # apart by more than twice the reach
    turn, shift = motion(1.0, 0.004)
    centre = target.mean(axis=0)
    found = icp((target - centre) @ turn.T + centre + shift, target)
    assert found.fitness == 1 and found.rmse < 1e-9
    np.testing.assert_allclose(found.rotation @ turn, np.eye(3), atol=1e-9)


def test_what_is_out_of_reach_cannot_be_moved(rng):
    cloud = rng.normal(size=(20, 3))
    found = icp(cloud + [0.0, 0.0, 50.0], cloud)
    assert found.fitness == 0 and math.isnan(found.rmse)
    np.testing.assert_array_equal(found.rotation, np.eye(3))
    np.testing.assert_array_equal(found.translation, 0)


def test_neither_order_of_points_matters(rng):
    target = rng.normal(size=(80, 3)) * 0.1
    pred = target + 0.008 * rng.normal(size=(80, 3))
    one, other = icp(pred, target), icp(rng.permutation(pred), rng.permutation(target))
    assert (one.fitness, one.rmse) == pytest.approx((other.fitness, other.rmse), rel=1e-9)


def test_the_motion_is_the_best_and_never_a_mirror(rng):
    for _ in range(10):
        source = rng.normal(size=(12, 3))
        turn, shift = motion(70, 2.0)
        target = source @ turn.T + shift + 0.05 * rng.normal(size=(12, 3))
        for aim in (target, target * [1, 1, -1]):  # the second asks for a mirror
            rotation, translation = rigid_motion(source, aim)
            np.testing.assert_allclose(rotation, slow_motion(source, aim)[0], atol=1e-9)
            np.testing.assert_allclose(rotation @ source.mean(axis=0) + translation, aim.mean(axis=0), atol=1e-12)
            assert np.linalg.det(rotation) == pytest.approx(1)


def test_pairs_in_a_plane_turn_and_pairs_on_a_line_do_not(rng):
    turn, shift = motion(40, 1.0)
    flat = rng.normal(size=(9, 3)) * [1, 1, 0]
    np.testing.assert_allclose(rigid_motion(flat, flat @ turn.T + shift)[0], turn, atol=1e-9)
    line = np.outer(rng.normal(size=7), [1.0, 2.0, 3.0])
    for source in (line, line[:2], line[:1]):
        rotation, translation = rigid_motion(source, source @ turn.T + shift)
        np.testing.assert_array_equal(rotation, np.eye(3))
        np.testing.assert_allclose(source.mean(axis=0) + translation, (source @ turn.T + shift).mean(axis=0))
