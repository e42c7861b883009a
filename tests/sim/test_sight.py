from __future__ import annotations

import numpy as np
import pytest
from meshes import sphere

from csi2pc.sim.mesh import facets
from csi2pc.sim.sight import seen_from


def _facets(*triangles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    corners = np.concatenate(triangles).reshape(1, -1, 3)
    positions, normals, _ = facets(corners, np.arange(corners.shape[1]).reshape(-1, 3))
    return positions[0], normals[0]


def _facing(place: np.ndarray, positions: np.ndarray, normals: np.ndarray) -> np.ndarray:
    away = place - positions
    return np.einsum("fd,fd->f", normals, away / np.linalg.norm(away, axis=1, keepdims=True))


@pytest.mark.parametrize("place", [(0, 0, 0), (2.0, -1.0, 1.0), (0.0, -3.0, 3.1)])
def test_a_ball_hides_no_part_of_its_own_front(place):
    positions, normals = _facets(sphere(0.3, (0.0, 0.0, 3.0)))
    facing = _facing(np.array(place), positions, normals)
    np.testing.assert_array_equal(seen_from(np.array(place), positions, facing), facing > 0)


def test_what_stands_behind_is_hidden_and_beside_is_not():
    front, small = sphere(0.3, (0.0, 0.0, 3.0)), sphere(0.1, (0.0, 0.0, 4.0))
    positions, normals = _facets(front, small)
    for place, expected in (((0.0, 0.0, 0.0), 0.0), ((6.0, 0.0, 3.5), 1.0)):
        facing = _facing(np.array(place), positions, normals)
        seen = seen_from(np.array(place), positions, facing)
        assert seen[len(front) :].sum() == expected * (facing[len(front) :] > 0).sum()


def test_an_arm_hides_the_trunk_behind_it():
    arm, trunk = sphere(0.05, (0.0, 0.0, 2.7)), sphere(0.2, (0.0, 0.0, 3.1), subdivisions=5)
    positions, normals = _facets(arm, trunk)
    facing = _facing(np.zeros(3), positions, normals)
    hidden = (facing > 0) & ~seen_from(np.zeros(3), positions, facing)
    assert hidden[: len(arm)].sum() == 0
    across, front = np.hypot(*positions[:, :2].T), facing > 0
    shadow = 0.05 * 2.9 / 2.7  # radius of the arm's shadow on the trunk
    behind = (np.arange(len(facing)) >= len(arm)) & front & (across < shadow - 0.03)
    assert hidden[behind].mean() > 0.9
    assert not hidden[across > shadow + 0.06].any()
