from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from mmfi_tree import LOWER, UPPER, write_tree
from scipy.spatial.transform import Rotation

from csi2pc.data.frames import FrameError
from csi2pc.data.targets import (
    Extrinsics,
    TargetConfig,
    crop,
    crop_box,
    finish_cloud,
    frame_cloud,
    sensor_cloud,
    thin_cloud,
)
from csi2pc.errors import ConfigError, ShapeError

JOINTS = np.stack([LOWER, UPPER])
NAME = "E01/S01/A01"
FILES = {"depth": "depth/frame001.png", "lidar": "lidar/frame001.bin", "mmwave": "mmwave/frame001.bin"}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    root = write_tree(tmp_path_factory.mktemp("mmfi"), [NAME], frames=1, parts=("depth", "lidar", "mmwave"))
    return {sensor: root / NAME / file for sensor, file in FILES.items()}


def rows(points: np.ndarray) -> set[bytes]:
    return {row.tobytes() for row in np.ascontiguousarray(points)}


@pytest.mark.parametrize("sensor", ["depth", "lidar", "mmwave"])
def test_every_sensor_finds_the_person_where_it_stands(files, sensor):
    config = TargetConfig(sensors=[sensor], max_points=None)
    cloud = frame_cloud(files, config, key="a", joints=JOINTS)
    assert cloud.dtype == np.float32
    assert (cloud >= LOWER - 1e-3).all() and (cloud <= UPPER + 1e-3).all()
    assert len(cloud) == {"depth": 40 * 181, "lidar": 270, "mmwave": 12}[sensor]
    height = np.ptp(cloud[:, 1])
    assert 1.0 < height < 1.61  # along y: up and down are not mixed up with depth or side


def test_sensors_are_fused_and_each_point_was_measured_once(files):
    config = TargetConfig(sensors=["depth", "lidar", "mmwave"], max_points=None)
    fused = frame_cloud(files, config, key="a", joints=JOINTS)
    alone = [frame_cloud(files, replace(config, sensors=[s]), key="a", joints=JOINTS) for s in config.sensors]
    np.testing.assert_array_equal(fused, np.concatenate(alone))
    assert len(rows(fused)) == len(fused)


def test_the_crop_is_the_joints_box_with_its_margin_or_a_given_box_or_none(rng):
    points = rng.uniform(-1, 4, (500, 3))
    joints = np.array([[0.0, 0.0, 1.0], [1.0, 2.0, 2.0]])
    lower, upper = [-0.5, -0.5, 0.5], [1.5, 2.5, 2.5]
    np.testing.assert_array_equal(crop_box(TargetConfig(margin=0.5), joints), [lower, upper])
    floor_out = crop_box(TargetConfig(margin=0.5, margin_below=0.1), joints)
    np.testing.assert_allclose(floor_out, [lower, np.subtract(upper, [0, 0.4, 0])])
    by_box = TargetConfig(crop="box", max_points=None, box_min=lower, box_max=upper)
    inside = [p for p in points if all(lower[i] <= p[i] <= upper[i] for i in range(3))]
    np.testing.assert_array_equal(finish_cloud(points, by_box, key="a"), np.array(inside, np.float32))
    assert len(finish_cloud(points, TargetConfig(crop="none", max_points=None), key="a")) == 500
    for missing in (None, np.zeros(3)):
        with pytest.raises(ShapeError, match="joints"):
            crop_box(TargetConfig(), missing)


def test_depths_outside_the_crop_are_spared_without_losing_a_point(files):
    turned = Extrinsics(Rotation.from_euler("xyz", [20, -30, 10], degrees=True).as_matrix().tolist(), [0.1, 0.2, -0.3])
    for extrinsics in (Extrinsics(), turned):
        config = TargetConfig(depth_extrinsics=extrinsics, max_points=None)
        joints = extrinsics.apply(JOINTS)
        whole = sensor_cloud("depth", files["depth"], config)
        box = crop_box(config, joints)
        part = sensor_cloud("depth", files["depth"], config, box)
        assert len(part) < len(whole)
        np.testing.assert_array_equal(crop(part, box), crop(whole, box))


@pytest.mark.parametrize("sampling", ["farthest", "random"])
def test_thinning_keeps_measured_points_each_once_and_is_fixed_by_the_frame(rng, sampling):
    points = rng.normal(size=(300, 3))
    config = TargetConfig(crop="none", max_points=50, candidates=100, sampling=sampling)
    thin = thin_cloud(points, config, key="E01/S01/A01#1")
    assert thin.shape == (50, 3) and len(rows(thin)) == 50
    assert rows(thin) <= rows(points)
    np.testing.assert_array_equal(thin, thin_cloud(points, config, key="E01/S01/A01#1"))
    assert rows(thin) != rows(thin_cloud(points, config, key="E01/S01/A01#2"))
    np.testing.assert_array_equal(thin_cloud(points[:50], config, key="a"), points[:50])


def test_a_frame_with_too_few_points_says_how_many_there_were(rng):
    points = rng.uniform(10, 11, (7, 3))
    config = TargetConfig(crop="box", box_min=[0.0] * 3, box_max=[1.0] * 3, min_points=3)
    with pytest.raises(FrameError, match="a#1.*at least 3 points.*0 measured") as caught:
        finish_cloud(points, config, key="a#1")
    assert caught.value.reason == "target without points"
    assert len(finish_cloud(points[:3], TargetConfig(crop="none", min_points=3), key="a")) == 3


def test_a_damaged_file_becomes_a_countable_frame_error(tmp_path):
    (tmp_path / "a.bin").write_bytes(b"12345")
    for sensor in ("lidar", "mmwave", "depth"):
        with pytest.raises(FrameError, match="a.bin") as caught:
            sensor_cloud(sensor, tmp_path / "a.bin", TargetConfig())
        assert caught.value.reason == f"unreadable {sensor} file"


def test_extrinsics_move_points_as_documented():
    config = TargetConfig()
    ahead_left_up = np.array([[2.0, 0.5, 0.3]])  # LiDAR axes
    np.testing.assert_allclose(config.lidar_extrinsics.apply(ahead_left_up), [[-0.5, -0.3 - 0.2, 2.1]])
    right_ahead_up = np.array([[0.5, 2.0, 0.3]])  # radar axes
    np.testing.assert_allclose(config.mmwave_extrinsics.apply(right_ahead_up), [[0.5, -0.3, 2.0]])


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"sensors": []}, "one or more"),
        ({"sensors": ["depth", "depth"]}, "each once"),
        ({"sensors": ["radar"]}, "depth.*lidar.*mmwave"),
        ({"crop": "body"}, "joints, box or none"),
        ({"sampling": "first"}, "farthest or random"),
        ({"margin": -0.1}, "margin"),
        ({"margin_below": -0.1}, "margin_below"),
        ({"min_points": 0}, "at least 1"),
        ({"max_points": 0}, "min_points <= max_points"),
        ({"max_points": 5000}, "max_points <= candidates"),
        ({"crop": "box"}, "needs box_min"),
        ({"crop": "box", "box_min": [0.0, 0.0, 1.0], "box_max": [1.0, 1.0, 1.0]}, "min below max"),
        ({"box_min": [0.0, 0.0, 0.0]}, "belong to crop: box"),
    ],
)
def test_impossible_settings_are_refused(options, match):
    with pytest.raises(ConfigError, match=match):
        TargetConfig(**options)


@pytest.mark.parametrize(
    ("rotation", "translation", "match"),
    [
        ([[1.0, 0.0], [0.0, 1.0]], [0.0] * 3, "3 x 3"),
        ([[2.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]], [0.0] * 3, "orthonormal"),
        ([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, -1.0]], [0.0] * 3, "mirror"),
        ([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]], [0.0, float("nan"), 0.0], "finite"),
    ],
)
def test_extrinsics_that_are_no_rigid_motion_are_refused(rotation, translation, match):
    with pytest.raises(ConfigError, match=match):
        Extrinsics(rotation, translation)
