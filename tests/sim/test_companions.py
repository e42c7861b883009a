"""Several people: what the simulation makes of companions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from csi2pc.sim import SimConfig, simulate
from csi2pc.sim.lidar import LidarConfig
from csi2pc.sim.mmwave import MmwaveConfig
from csi2pc.sim.people import People
from csi2pc.sim.room import RoomConfig
from csi2pc.sim.sequence import draw, draw_companions, radar_points, sequence_of, sequence_rng

HALL = RoomConfig(lower=[-4.0, -1.95, -1.5], upper=[4.0, 0.84, 8.0])
SPOTS = [[-2.0, 5.0], [2.0, 5.5]]
ALONE = SimConfig(
    subjects=["S01", "S02"], actions=["A13"], frames=2, room=HALL, lidar=LidarConfig(azimuth=40.0)
)
TOGETHER = replace(ALONE, companions=SPOTS)
NAME = "E01/S01/A13"


@pytest.fixture(scope="module")
def trees(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sim")
    simulate(ALONE, folder / "alone")
    simulate(TOGETHER, folder / "together")
    return folder / "alone", folder / "together"


def _people(config: SimConfig, subject: str = "S01") -> People:
    sequence = sequence_of(subject, "A13")
    performance, room = draw(config, sequence, sequence_rng(config, sequence))
    return People((performance, *draw_companions(config, sequence, room)))


def test_joints_and_keypoints_stay_the_subjects(trees):
    alone, together = trees
    for name in ("ground_truth.npy", "rgb/frame002.npy"):
        assert (alone / NAME / name).read_bytes() == (together / NAME / name).read_bytes()
    assert not (alone / NAME / "companions.npy").exists()
    joints = np.load(together / NAME / "companions.npy", allow_pickle=False)
    assert joints.shape == (2, 2, 17, 3) and joints.dtype == np.float32
    np.testing.assert_allclose(joints[..., 0, [0, 2]], np.broadcast_to(SPOTS, (2, 2, 2)), atol=0.9)


def test_companions_differ_from_each_other_and_between_sequences():
    one, other = _people(TOGETHER).performances, _people(TOGETHER, "S02").performances
    heights = [performance.surface.height for performance in (*one, *other)]
    assert len(set(heights)) == 6
    again = _people(TOGETHER).performances
    for first, second in zip(one, again, strict=True):
        np.testing.assert_array_equal(first.posture(np.ones(1)).joints, second.posture(np.ones(1)).joints)


def test_every_sensor_sees_them(trees):
    alone, together = trees
    skin = _people(TOGETHER).vertices(np.array([0.05]))[0]
    others = skin[len(_people(ALONE).vertices(np.zeros(1))[0]) :]

    def lidar(root):
        points = np.fromfile(root / NAME / "lidar/frame001.bin").reshape(-1, 3)
        return np.stack([-points[:, 1], -points[:, 2] - 0.2, points[:, 0] + 0.1], axis=1)

    def near(points):
        low, high = others.min(axis=0), others.max(axis=0) - (0, 0.15, 0)  # off the floor
        return np.all((points > low) & (points < high), axis=1).sum()

    assert near(lidar(together)) > near(lidar(alone)) + 50
    depth = [np.array(Image.open(root / NAME / "depth/frame001.png")).astype(float) for root in trees]
    assert np.sum(np.abs(depth[0] - depth[1]) > 1000) > 1000
    csi = [(root / NAME / "wifi-csi/frame001.mat").read_bytes() for root in trees]
    assert csi[0] != csi[1]


def test_whoever_stands_in_front_hides_others_from_the_radar(rng):
    """A companion straight behind the subject: most of its points are gone."""
    config = replace(ALONE, mmwave=MmwaveConfig(azimuth_noise=0.0, elevation_noise=0.0, threshold=60.0, floor=1e-4))
    front = _people(config).performances[0]
    behind = draw_companions(replace(config, companions=[[0.0, 6.0]]), sequence_of("S01", "A13"), HALL)[0]
    beside = replace(behind, spot=behind.spot + (2.5, 0.0, 0.0))

    def far(other):
        points = [radar_points(config, People((front, other)), time, rng) for time in np.arange(0.0, 3.0, 0.3)]
        return sum(np.sum(frame[:, 1] > 4.8) for frame in points)

    assert far(behind) < 0.5 * far(beside)
