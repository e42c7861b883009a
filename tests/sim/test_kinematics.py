from __future__ import annotations

import numpy as np
import pytest

from csi2pc.sim.actions import ACTIONS
from csi2pc.sim.body import FACING
from csi2pc.sim.kinematics import JOINTS, STANCE, leg_length, posture, swing
from csi2pc.sim.mesh import SEGMENTS, draw_surface
from csi2pc.sim.poses import Pose, mirrored

SURFACE = draw_surface(1.73, build=0.0, rng=np.random.default_rng(0))
BONES = (
    ("left_hip", "left_knee"), ("right_knee", "right_ankle"), ("left_shoulder", "left_elbow"),
    ("right_elbow", "right_wrist"), ("spine", "thorax"),
)  # fmt: skip


def _joints(*poses: Pose) -> np.ndarray:
    return posture(np.stack([pose.vector() for pose in poses]), SURFACE).joints


def _place(joints: np.ndarray, name: str) -> np.ndarray:
    return joints[..., JOINTS.index(name), :]


@pytest.mark.parametrize("action", ACTIONS)
def test_bones_keep_their_lengths(action):
    joints = _joints(*ACTIONS[action])
    for start, end in BONES:
        length = np.linalg.norm(_place(joints, end) - _place(joints, start), axis=-1)
        np.testing.assert_allclose(length, np.linalg.norm(SURFACE.joints[end] - SURFACE.joints[start]), rtol=1e-6)


@pytest.mark.parametrize("action", ACTIONS)
def test_feet_stand_where_the_pose_puts_them(action):
    poses = np.stack([pose.vector() for pose in ACTIONS[action]])
    joints, leg = posture(poses, SURFACE).joints, leg_length(SURFACE)
    sole = SURFACE.vertices[:, 1].min()
    for name, part, side in (("left_ankle", slice(18, 21), 1.0), ("right_ankle", slice(21, 24), -1.0)):
        wanted = poses[:, part] * leg + (side * STANCE * SURFACE.height, SURFACE.joints[name][1] - sole, 0.0)
        np.testing.assert_allclose(_place(joints, name), wanted, atol=2e-3)


@pytest.mark.parametrize("action", ACTIONS)
def test_knees_bend_to_the_front(action):
    joints = _joints(*ACTIONS[action])
    for side in ("left", "right"):
        straight = (_place(joints, f"{side}_hip") + _place(joints, f"{side}_ankle")) / 2
        assert (_place(joints, f"{side}_knee") - straight)[:, 2].min() > -0.02


@pytest.mark.parametrize("action", ACTIONS)
def test_the_skin_follows_the_joints(action):
    """Each segment's transform carries its joint at rest to the joint of the pose; all are rotations."""
    now = posture(np.stack([pose.vector() for pose in ACTIONS[action]]), SURFACE)
    identity = np.einsum("tkij,tklj->tkil", now.rotations, now.rotations)
    np.testing.assert_allclose(identity, np.broadcast_to(np.eye(3), identity.shape), atol=1e-9)
    assert np.linalg.det(now.rotations).min() > 0.99
    for segment, joint in (("left_forearm", "left_wrist"), ("right_thigh", "right_knee"), ("chest", "neck")):
        k = SEGMENTS.index(segment)
        carried = now.rotations[:, k] @ SURFACE.joints[joint] + now.shifts[:, k]
        np.testing.assert_allclose(carried, _place(now.joints, joint), atol=1e-9)


def test_a_mirrored_pose_gives_a_mirrored_skeleton():
    for pose in (pose for poses in ACTIONS.values() for pose in poses):
        one, other = _joints(pose, mirrored(pose))
        for index, name in enumerate(JOINTS):
            swapped = name.replace("left", "X").replace("right", "left").replace("X", "right")
            np.testing.assert_allclose(one[index] * (-1, 1, 1), other[JOINTS.index(swapped)], atol=0.01)


def test_angles_turn_the_trunk_to_the_sides_they_name():
    turned, bowed, leaning = (_joints(Pose(**{angle: 40}))[0] for angle in ("turn", "bow", "lean"))
    assert _place(turned, "right_shoulder")[2] > 0.05 > -0.05 > _place(turned, "left_shoulder")[2]
    assert _place(bowed, "head")[2] > 0.2
    assert _place(leaning, "head")[0] > 0.2


def test_standing_lies_within_centimetres_of_a_recorded_person(real_data):
    """MM-Fi's one known pose: the person faces the sensor, elbows out, hands to the front."""
    recorded = np.load(real_data / "mmfi" / "E01_S01_A02_ground_truth_frame0_transcribed.npy")[0]
    pose = Pose((0.97, 0.2, 0.15), (-0.16, -0.2, 0.97), (-0.97, 0.2, 0.15), (0.16, -0.2, 0.97))
    ours = _joints(pose)[0] @ FACING
    ours += recorded[0] - ours[0]
    assert np.linalg.norm(ours - recorded, axis=1).max() < 0.16
    assert np.linalg.norm(ours - recorded, axis=1).mean() < 0.08


def test_swing_takes_one_direction_to_the_other_the_short_way(rng):
    start, end = rng.normal(size=(2, 50, 3))
    turns = swing(start, end)
    turned = np.einsum("tij,tj->ti", turns, start)
    np.testing.assert_allclose(np.cross(turned, end), 0, atol=1e-6)
    assert np.einsum("td,td->t", turned, end).min() > 0
    angle = np.arccos(np.clip((np.trace(turns, axis1=1, axis2=2) - 1) / 2, -1, 1))
    between = np.einsum("td,td->t", start, end) / np.linalg.norm(start, axis=1) / np.linalg.norm(end, axis=1)
    np.testing.assert_allclose(angle, np.arccos(between), atol=1e-6)
