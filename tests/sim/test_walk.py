from __future__ import annotations

import numpy as np
import pytest

from csi2pc.errors import ConfigError
from csi2pc.sim.body import BodyConfig, make_body
from csi2pc.sim.kinematics import JOINTS
from csi2pc.sim.mesh import SEGMENTS
from csi2pc.sim.motion import MotionConfig, make_style
from csi2pc.sim.walk import Walk, WalkConfig, footsteps, walk

FLOOR = 0.84


def _walk(seed: int = 0, *, body: BodyConfig | None = None, **options) -> Walk:
    rng, motion = np.random.default_rng(seed), MotionConfig()
    surface = make_body(body or BodyConfig(), rng)
    return walk(surface, make_style(motion, rng), WalkConfig(**options), motion, floor=FLOOR, rng=rng)


def _at(places: np.ndarray, name: str) -> np.ndarray:
    return places[:, JOINTS.index(name)]


def _stances(walking: Walk, times: np.ndarray, foot: int) -> list[np.ndarray]:
    """Positions in ``times`` of each stance of a foot (0 the right, 1 the left)."""
    standing = ~walking.swinging(times)[:, foot]
    edges = np.flatnonzero(np.diff(np.r_[0, standing.astype(int), 0])).reshape(-1, 2)
    return [np.arange(*edge) for edge in edges]


@pytest.mark.parametrize("seed", range(3))
def test_standing_feet_do_not_slide(seed):
    """Ankle and sole of the foot that stands keep their place to a centimetre, and lie on the floor; turns included."""
    walking = _walk(seed)
    times = np.arange(0.0, walking.period, 0.02)
    joints, skin = walking.posture(times).joints, walking.vertices(times)
    lowest = walking.surface.vertices[:, 1].min()
    for foot, side in enumerate(("right", "left")):
        weight = walking.surface.weights[:, SEGMENTS.index(f"{side}_foot")].toarray()[:, 0]
        sole = skin[:, (weight > 0.99) & (walking.surface.vertices[:, 1] < lowest + 0.02)]
        stances = _stances(walking, times, foot)
        assert len(stances) > 6 and sole.shape[1] > 20
        for stance in stances:
            assert np.ptp(_at(joints, f"{side}_ankle")[stance], axis=0).max() < 0.01
            assert np.ptp(sole[stance], axis=0).max() < 0.01
            assert np.abs(sole[stance, :, 1] - FLOOR).max() < 0.03


def test_one_foot_stands_at_least_and_none_goes_through_the_floor():
    walking = _walk()
    times = np.arange(0.0, walking.period, 0.05)
    assert not walking.swinging(times).all(axis=1).any()
    lowest = walking.vertices(times)[..., 1].max(axis=1)
    assert lowest.max() < FLOOR + 0.01 and lowest.min() > FLOOR - 0.02


def test_the_walk_covers_the_path_there_and_back_facing_ahead():
    ends = [[-0.6, 2.2], [0.8, 3.4]]
    walking = _walk(path=ends)
    times = np.arange(0.0, 2 * walking.period, 0.02)
    joints = walking.posture(times).joints
    pelvis = _at(joints, "pelvis")
    way = np.subtract(*reversed(np.array(ends)))
    along = (pelvis[:, [0, 2]] - ends[0]) @ way / np.linalg.norm(way)
    across = (pelvis[:, [0, 2]] - ends[0]) @ [-way[1], way[0]] / np.linalg.norm(way)
    assert along.min() < 0.05 and along.max() > np.linalg.norm(way) - 0.05 and np.abs(across).max() < 0.06
    hips = _at(joints, "left_hip") - _at(joints, "right_hip")
    ahead = np.stack([hips[:, 2], -hips[:, 0]], axis=1)  # who faces the sensor (-z) has the left hip at greater x
    velocity = np.gradient(pelvis[:, [0, 2]], times, axis=0)
    moving = np.linalg.norm(velocity, axis=1) > 0.4
    ahead, velocity = (part[moving] / np.linalg.norm(part[moving], axis=1, keepdims=True) for part in (ahead, velocity))
    assert moving.mean() > 0.3 and np.sum(ahead * velocity, axis=1).min() > 0.9


def test_limbs_move_smoothly_and_arms_against_legs():
    walking = _walk(path=[[0.0, 1.0], [0.0, 6.0]])
    times = np.arange(0.0, walking.period, 0.01)
    joints = walking.posture(times).joints
    velocity = np.gradient(joints, times, axis=0)
    assert np.linalg.norm(velocity, axis=-1).max() < 8.0
    assert np.linalg.norm(np.gradient(velocity, times, axis=0), axis=-1).max() < 80.0
    hand = (_at(joints, "left_wrist") - _at(joints, "right_wrist"))[:, 2]
    foot = (_at(joints, "left_ankle") - _at(joints, "right_ankle"))[:, 2]
    assert np.corrcoef(hand, foot)[0, 1] < -0.7


def test_bones_keep_their_lengths():
    walking = _walk()
    joints = walking.posture(np.arange(0.0, walking.period, 0.05)).joints
    for one, other in (("left_hip", "left_knee"), ("right_knee", "right_ankle"), ("left_shoulder", "left_elbow")):
        length = np.linalg.norm(_at(joints, one) - _at(joints, other), axis=1)
        assert np.ptp(length) < 1e-9


def test_a_round_ends_as_it_began():
    for length in (0.5, 1.0, 1.6, 2.9):
        plan = footsteps(length, 0.55)
        first, last = plan.before[0], plan.before[-1]
        np.testing.assert_allclose(first[:, 0], last[:, 0], atol=1e-12)
        np.testing.assert_allclose(np.exp(1j * first[:, 1]), np.exp(1j * last[:, 1]), atol=1e-12)
        assert np.all(plan.foot[1:] != plan.foot[:-1])  # one foot after the other
        assert np.abs(plan.before[:, 0, 1] - plan.before[:, 1, 1]).max() < np.radians(61)
    walking = _walk()
    start, end = walking.posture(np.array([0.0, walking.period])).joints
    np.testing.assert_allclose(start, end, atol=1e-9)


def test_short_people_take_shorter_steps():
    small = _walk(body=BodyConfig(height=[0.8, 0.9]))
    assert np.isfinite(small.posture(np.arange(0.0, small.period, 0.1)).joints).all()
    assert len(small.plan.foot) > len(_walk().plan.foot)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"path": [[0.0, 2.0], [0.0, 2.3]]}, "at least 0.5 m apart"),
        ({"path": [[0.0, 2.0]]}, "two places"),
        ({"speed": [1.0, 0.5]}, "speed must be"),
        ({"step": 1.5}, "step must lie"),
    ],
)
def test_impossible_walks_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        WalkConfig(**options)
