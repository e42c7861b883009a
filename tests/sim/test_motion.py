from __future__ import annotations

import numpy as np
import pytest

from csi2pc.errors import ConfigError
from csi2pc.sim.actions import ACTIONS
from csi2pc.sim.body import BodyConfig, make_body
from csi2pc.sim.kinematics import JOINTS
from csi2pc.sim.motion import MotionConfig, Style, make_style, perform

FLOOR = 0.84


def _performance(action: str, *, seed: int = 0, config: MotionConfig | None = None):
    config = config or MotionConfig()
    rng = np.random.default_rng(seed)
    body = make_body(BodyConfig(), rng)
    return perform(action, body, make_style(config, rng), config, floor=FLOOR, rng=rng)


def _at(places: np.ndarray, name: str) -> np.ndarray:
    return places[:, JOINTS.index(name)]


@pytest.mark.parametrize("action", ACTIONS)
def test_feet_stay_on_or_above_the_floor(action):
    performance = _performance(action)
    lowest = performance.vertices(np.arange(0.0, 6.0, 0.1))[..., 1].max(axis=1)
    assert lowest.max() < FLOOR + 0.01
    if action != "A26":  # all but the jump keep a foot on the floor
        assert lowest.min() > FLOOR - 0.02


def test_the_jump_leaves_the_floor():
    performance = _performance("A26")
    assert performance.vertices(np.arange(0.0, 4.0, 0.02))[..., 1].max(axis=1).min() < FLOOR - 0.08


@pytest.mark.parametrize("action", ACTIONS)
def test_the_person_faces_the_sensor_near_the_spot(action):
    performance, times = _performance(action), np.arange(0.0, 6.0, 0.1)
    places = performance.posture(times).joints
    assert np.all(_at(places, "left_hip")[:, 0] > _at(places, "right_hip")[:, 0])
    skin = performance.vertices(times[:1])[0]
    below = skin[np.linalg.norm(skin - _at(places, "left_ankle")[0], axis=1) < 0.25]
    below = below[below[:, 1] > _at(places, "left_ankle")[0, 1]]  # under the ankle is the foot
    assert below[:, 2].min() < _at(places, "left_ankle")[0, 2] - 0.08  # toes towards the camera
    assert np.abs(places[..., 0]).max() < 1.4 and np.abs(places[..., 2] - 3.0).max() < 1.2


@pytest.mark.parametrize(("action", "up", "down"), [("A13", "left", "right"), ("A14", "right", "left")])
def test_the_raised_hand_is_the_one_that_the_action_names(action, up, down):
    places = _performance(action).posture(np.arange(0.0, 5.0, 0.05)).joints
    head = _at(places, "head")[:, 1].mean()
    assert _at(places, f"{up}_wrist")[:, 1].min() < head < _at(places, f"{down}_wrist")[:, 1].min()
    raised = _at(places, f"{up}_wrist")[_at(places, f"{up}_wrist")[:, 1] < head]
    assert np.all(raised[:, 0] > 0) if up == "left" else np.all(raised[:, 0] < 0)


def test_limbs_move_smoothly():
    for action in ACTIONS:
        places = _performance(action).posture(np.arange(0.0, 8.0, 0.01)).joints
        speed = np.linalg.norm(np.diff(places, axis=0), axis=-1) / 0.01
        assert speed.max() < 8.0  # metres a second


def test_the_same_seed_performs_alike_and_another_does_not():
    times = np.arange(0.0, 2.0, 0.1)
    one, same, other = (_performance("A12", seed=seed).posture(times).joints for seed in (3, 3, 4))
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 0.02


def test_amplitude_sizes_the_movement():
    config = MotionConfig(manner=0.0, sway=0.0)
    body = make_body(BodyConfig(), np.random.default_rng(0))
    ranges = []
    for amplitude in (0.0, 0.5, 1.0):
        style = Style(amplitude=amplitude, tempo=1.0)
        performance = perform("A13", body, style, config, floor=FLOOR, rng=np.random.default_rng(1))
        ranges.append(np.ptp(_at(performance.posture(np.arange(0.0, 4.0, 0.05)).joints, "left_wrist")[:, 1]))
    assert ranges[0] < 1e-9 < ranges[1] < ranges[2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"spot": [0.0]}, "spot must be"),
        ({"tempo": [2.0, 1.0]}, "tempo must be"),
        ({"spot_spread": -0.1}, "spot_spread must lie"),
        ({"cycle": 0.0}, "cycle must be"),
    ],
)
def test_impossible_motion_is_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        MotionConfig(**options)
