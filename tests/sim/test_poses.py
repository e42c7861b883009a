from __future__ import annotations

from dataclasses import fields

import numpy as np

from csi2pc.sim.actions import ACTIONS
from csi2pc.sim.poses import BOW, DIRECTIONS, LEFT_FOREARM, RIGHT_FOREARM, TURN, Pose, mirrored


def test_directions_are_unit_vectors_and_angles_radians():
    vector = Pose(left_upper_arm=(3, 4, 0), turn=90, bow=45).vector()
    assert vector.shape == (24,)
    for part in DIRECTIONS:
        assert np.linalg.norm(vector[part]) == np.float64(1.0) or abs(np.linalg.norm(vector[part]) - 1) < 1e-12
    np.testing.assert_allclose(vector[:3], [0.6, 0.8, 0])
    np.testing.assert_allclose(vector[[TURN, BOW]], [np.pi / 2, np.pi / 4])


def test_mirroring_twice_gives_the_same_pose():
    for poses in ACTIONS.values():
        for pose in poses:
            np.testing.assert_allclose(mirrored(mirrored(pose)).vector(), pose.vector())


def test_mirroring_exchanges_the_arms():
    pose = Pose(left_forearm=(1, 0, 0), turn=20)
    vector = mirrored(pose).vector()
    np.testing.assert_allclose(vector[RIGHT_FOREARM], [-1, 0, 0])
    np.testing.assert_allclose(vector[LEFT_FOREARM], Pose().vector()[LEFT_FOREARM])
    assert vector[TURN] == -np.radians(20)


def test_every_part_of_a_pose_is_in_the_vector():
    moved = {field.name: getattr(ACTIONS["A22"][1], field.name) for field in fields(Pose)}
    changed = np.flatnonzero(Pose(**moved).vector() != Pose().vector())
    assert len(changed) > 12
