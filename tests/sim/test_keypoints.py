from __future__ import annotations

import numpy as np
import pytest

from csi2pc.errors import ConfigError
from csi2pc.sim.body import FACING
from csi2pc.sim.keypoints import CAMERAS, KEYPOINTS, CamerasConfig, keypoints, projected
from csi2pc.sim.kinematics import JOINTS, posture
from csi2pc.sim.mesh import draw_surface
from csi2pc.sim.poses import Pose


@pytest.fixture(scope="module", params=[0, 1, 2])
def person(request):
    """Vertices and joints of a person facing the camera 3 m away."""
    surface = draw_surface(1.75, subdivisions=1, rng=np.random.default_rng(request.param))
    now = posture(Pose().vector()[None], surface).moved(FACING, np.array([0.0, 0.84, 3.0]))
    return surface.posed(now.rotations, now.shifts)[0], now.joints[0]


def test_the_face_is_where_faces_are(person):
    places = dict(zip(KEYPOINTS, keypoints(*person), strict=True))
    assert places["nose"][2] < places["left_eye"][2] < places["left_ear"][2]  # towards the camera
    assert places["left_eye"][1] < places["nose"][1]  # y is down
    assert places["left_ear"][0] > places["left_eye"][0] > places["nose"][0] > places["right_eye"][0]
    assert 0.05 < places["left_eye"][0] - places["right_eye"][0] < 0.085


def test_the_rest_are_human36ms_joints(person):
    found = keypoints(*person)
    for name in KEYPOINTS[5:]:
        np.testing.assert_array_equal(found[KEYPOINTS.index(name)], person[1][JOINTS.index(name)])


def test_projection_is_the_pinhole_and_disparity_the_baseline(person):
    places, config = keypoints(*person), CamerasConfig()
    infra1, infra2, rgb = (projected(places, name, config) for name in CAMERAS)
    np.testing.assert_allclose(infra1[:, 0], 386 * places[:, 0] / places[:, 2] + 320)
    np.testing.assert_allclose(infra1[:, 0] - infra2[:, 0], 386 * 0.05 / places[:, 2])
    np.testing.assert_allclose(rgb[:, 1], 612 * places[:, 1] / places[:, 2] + 240)
    left, right = KEYPOINTS.index("left_wrist"), KEYPOINTS.index("right_wrist")
    assert infra1[left, 0] > infra1[right, 0]  # who faces the camera has the left hand at the image's right


def test_impossible_cameras_are_refused():
    with pytest.raises(ConfigError, match="rgb_focal must be above 0.* 0"):
        CamerasConfig(rgb_focal=0)
