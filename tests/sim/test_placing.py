from __future__ import annotations

import numpy as np
import pytest

from csi2pc.errors import ConfigError
from csi2pc.sim import SimConfig
from csi2pc.sim.actions import ACTIONS
from csi2pc.sim.body import BodyConfig, make_body
from csi2pc.sim.channel import RadioConfig
from csi2pc.sim.motion import MotionConfig, make_style, perform
from csi2pc.sim.placing import REACH
from csi2pc.sim.room import RoomConfig
from csi2pc.sim.walk import WalkConfig, walk


def test_nobody_reaches_farther_than_is_kept_free():
    motion, farthest = MotionConfig(spot_spread=0.0), 0.0
    times = np.arange(0.0, 3.5, 0.25)
    for seed, action in enumerate((*ACTIONS, *ACTIONS)):
        rng = np.random.default_rng(seed)
        body = make_body(BodyConfig(subdivisions=0), rng)
        skin = perform(action, body, make_style(motion, rng), motion, floor=0.84, rng=rng).vertices(times)
        farthest = max(farthest, np.hypot(skin[..., 0], skin[..., 2] - 3.0).max() / body.height)
    walking = walk(body, make_style(motion, rng), WalkConfig(), motion, floor=0.84, rng=rng)
    skin = walking.vertices(np.arange(0.0, walking.period, 0.1))
    beyond = np.maximum(np.abs(skin[..., 2] - 2.8) - 0.8, 0.0)
    assert np.hypot(skin[..., 0], beyond).max() / body.height < REACH
    assert 0.45 < farthest < REACH


def test_a_companion_in_a_free_place_is_taken():
    assert SimConfig(companions=[[1.7, 0.9]]).companions == [[1.7, 0.9]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"companions": [[2.6, 0.9]]}, r"companions\[0\] with outstretched arms must lie inside the room, x within"),
        ({"companions": [[1.7]]}, "companions must be a list"),
        ({"companions": [[0.3, 0.4]]}, r"companions\[0\] must be at least 1.23 m in front of the sensors"),
        ({"companions": [[-1.4, 1.7]]}, "radio.tx must be out of the reach"),
        ({"companions": [[1.7, 1.3]]}, r"companions\[0\] must be 2.46 m or more from motion.spot"),
        ({"companions": [[1.7, 0.9], [1.6, 0.8]]}, r"companions\[1\] must be 2.46 m or more from companions\[0\]"),
        ({"actions": ["walk"], "walk": WalkConfig(path=[[0.0, 2.0], [0.0, 4.5]])}, "walk.path .* z within"),
        ({"actions": ["walk"], "walk": WalkConfig(path=[[0.0, 1.0], [0.0, 3.0]])}, "walk.path must be .* sensors"),
        ({"actions": ["walk"], "walk": WalkConfig(path=[[-1.0, 3.0], [1.0, 3.0]])}, "radio.tx must be out"),
        ({"actions": ["walk"], "companions": [[1.7, 0.9]]}, "from walk.path"),
        ({"radio": RadioConfig(rx=[[-1.6, -0.15, 2.8]])}, "at least 0.1 m apart"),
        ({"radio": RadioConfig(receivers={"hall": [[9.0, 0.0, 2.0]]})}, r"hall\[0\] must lie inside the room"),
        ({"radio": RadioConfig(further_tx=[[0.0, 5.0, 2.0]])}, r"further_tx\[0\] must lie inside the room"),
        ({"radio": RadioConfig(layout="ht40", receivers={"near": [[0.4, 0.0, 3.2]]})}, r"near\[0\] must be out of"),
        ({"room": RoomConfig(upper=[1.2, 0.84, 5.0])}, r"radio.rx\[0\] must lie inside the room, x within"),
    ],
)
def test_what_has_no_place_is_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        SimConfig(**options)


def test_a_spot_is_not_looked_at_where_everybody_walks():
    assert SimConfig(actions=["walk"], motion=MotionConfig(spot=[9.0, 9.0])).actions == ["walk"]
