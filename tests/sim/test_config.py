from __future__ import annotations

import pytest

from csi2pc.errors import ConfigError
from csi2pc.sim import SimConfig
from csi2pc.sim.body import BodyConfig
from csi2pc.sim.channel import RadioConfig
from csi2pc.sim.motion import MotionConfig
from csi2pc.sim.room import RoomConfig


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": -1}, "seed must not be negative; got -1"),
        ({"subjects": []}, "subjects must be .* at least one"),
        ({"subjects": ["S41"]}, "S01 to S40.*S41"),
        ({"subjects": ["S01", "S01"]}, "different"),
        ({"actions": ["A28"]}, "A01 to A27 and walk.*A28"),
        ({"modalities": ["radar"]}, "wifi-csi, mmwave, lidar, depth.*radar"),
        ({"frames": 0}, "frames must lie within 1..297.*got 0"),
        ({"frames": 298}, "frames must lie within 1..297.*MM-Fi.*got 298.*more subjects or actions"),
        ({"radio": RadioConfig(tx=[-4.0, 0.0, 3.0])}, "radio.tx must lie inside the room, x within"),
        ({"radio": RadioConfig(rx=[[0.1, 0.0, 3.0]])}, r"radio.rx\[0\] must be out of the reach"),
        ({"motion": MotionConfig(spot=[2.9, 3.0])}, "outstretched arms must lie inside"),
        ({"motion": MotionConfig(spot=[0.0, 0.6])}, "in front of the sensors"),
        ({"room": RoomConfig(lower=[-2.7, -1.0, -1.3])}, "1.3 times as high"),
        ({"room": RoomConfig(lower=[-2.7, -1.95, 0.1])}, "the camera must lie inside"),
    ],
)
def test_what_cannot_be_is_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        SimConfig(**options)


def test_smaller_people_fit_into_a_lower_room():
    config = SimConfig(room=RoomConfig(lower=[-2.7, -1.3, -1.3]), body=BodyConfig(height=[1.0, 1.4]))
    assert config.room.lower[1] == -1.3
