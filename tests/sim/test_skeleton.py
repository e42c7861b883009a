from __future__ import annotations

import numpy as np
import pytest

from csi2pc.sim.actions import ACTIONS
from csi2pc.sim.body import FACING
from csi2pc.sim.poses import Pose, mirrored
from csi2pc.sim.skeleton import JOINTS, LANDMARKS, Bones, landmarks

LENGTHS = {
    ("left_hip", "left_knee"): "thigh",
    ("right_knee", "right_ankle"): "shin",
    ("left_shoulder", "left_elbow"): "upper_arm",
    ("right_elbow", "right_wrist"): "forearm",
    ("pelvis", "spine"): "spine",
    ("spine", "thorax"): "chest",
}


def _place(places: np.ndarray, name: str) -> np.ndarray:
    return places[..., LANDMARKS.index(name), :]


@pytest.mark.parametrize("action", ACTIONS)
def test_bones_keep_their_lengths(action):
    bones = Bones()
    places = landmarks(np.stack([pose.vector() for pose in ACTIONS[action]]), bones)
    for (start, end), name in LENGTHS.items():
        length = np.linalg.norm(_place(places, end) - _place(places, start), axis=-1)
        np.testing.assert_allclose(length, getattr(bones, name), rtol=1e-6)


@pytest.mark.parametrize("action", ACTIONS)
def test_feet_stand_where_the_pose_puts_them(action):
    bones = Bones()
    poses = np.stack([pose.vector() for pose in ACTIONS[action]])
    places = landmarks(poses, bones)
    for name, part, side in (("left_ankle", slice(18, 21), 1.0), ("right_ankle", slice(21, 24), -1.0)):
        wanted = poses[:, part] * bones.leg + (side * bones.stance, bones.ankle_height, 0.0)
        np.testing.assert_allclose(_place(places, name), wanted, atol=1e-3)


@pytest.mark.parametrize("action", ACTIONS)
def test_knees_bend_to_the_front(action):
    places = landmarks(np.stack([pose.vector() for pose in ACTIONS[action]]), Bones())
    for side in ("left", "right"):
        straight = (_place(places, f"{side}_hip") + _place(places, f"{side}_ankle")) / 2
        assert (_place(places, f"{side}_knee") - straight)[:, 2].min() > -0.02


def test_a_mirrored_pose_gives_a_mirrored_skeleton():
    for poses in ACTIONS.values():
        for pose in poses:
            one, other = (landmarks(p.vector()[None], Bones())[0] for p in (pose, mirrored(pose)))
            for index, name in enumerate(LANDMARKS):
                swapped = name.replace("left", "X").replace("right", "left").replace("X", "right")
                np.testing.assert_allclose(one[index] * (-1, 1, 1), other[LANDMARKS.index(swapped)], atol=1e-12)


def test_angles_turn_the_trunk_to_the_sides_they_name():
    turned, bowed, leaning = (
        landmarks(Pose(**{angle: 40}).vector()[None], Bones())[0] for angle in ("turn", "bow", "lean")
    )
    assert _place(turned, "right_shoulder")[2] > 0.05 > -0.05 > _place(turned, "left_shoulder")[2]
    assert _place(bowed, "head")[2] > 0.2
    assert _place(leaning, "head")[0] > 0.2


def test_standing_lies_within_centimetres_of_a_recorded_person(real_data):
    """MM-Fi's one known pose: the person faces the sensor, elbows out, hands to the front."""
    recorded = np.load(real_data / "mmfi" / "E01_S01_A02_ground_truth_frame0_transcribed.npy")[0]
    pose = Pose((0.97, 0.2, 0.15), (-0.16, -0.2, 0.97), (-0.97, 0.2, 0.15), (0.16, -0.2, 0.97))
    ours = landmarks(pose.vector()[None], Bones())[0, : len(JOINTS)] @ FACING
    ours += recorded[0] - ours[0]
    assert np.linalg.norm(ours - recorded, axis=1).max() < 0.16
    assert np.linalg.norm(ours - recorded, axis=1).mean() < 0.08
