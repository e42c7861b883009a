from __future__ import annotations

import numpy as np
import pytest

from csi2pc.data.clocks import Clock
from csi2pc.data.clouds import write_ply
from csi2pc.data.frames import FrameError
from csi2pc.data.recordings import Session, TargetSource, TimedCloud
from csi2pc.data.session_target import open_target
from csi2pc.data.streams import Stream
from csi2pc.data.targets import Extrinsics, TargetConfig
from csi2pc.errors import DataError

WHOLE = TargetConfig(crop="none")


def opened(root, source, config=WHOLE):
    return open_target(Session("s", "train", ["a.csv"], source), root, config)


def clouds(root, folder, values):
    for time, value in values.items():
        write_ply(root / folder / f"{time}.ply", np.full((2, 3), value))


def stream(folder, **options):
    return Stream(format="clouds", files=f"{folder}/{{time_ms}}.ply", unit="metres", **options)


def test_streams_are_fused_frame_by_frame_with_the_nearest_in_time(tmp_path):
    clouds(tmp_path, "camera", {0: 1, 100: 2, 200: 3, 300: 4})
    clouds(tmp_path, "radar", {7010: 10, 7130: 20, 7290: 40})
    moved = Extrinsics(translation=[0.0, 0.0, 0.5])
    target = opened(
        tmp_path,
        TargetSource(
            streams={"camera": stream("camera"), "radar": stream("radar", clock=Clock(-7.0), extrinsics=moved)}
        ),
    )
    for number, (one, other) in {0: (1, 10), 1: (2, 20), 3: (4, 40)}.items():
        points = target.points(number, key="k")
        np.testing.assert_allclose(points[:2], one)
        np.testing.assert_allclose(points[2:], [[other, other, other + 0.5]] * 2)
    with pytest.raises(FrameError, match="nearest is 0.070 s") as caught:
        target.points(2, key="k")
    assert caught.value.reason == "no frame of stream radar within 0.05 s"


def test_the_tolerance_of_fusion_is_the_manifests(tmp_path):
    clouds(tmp_path, "camera", {0: 1, 100: 2})
    clouds(tmp_path, "radar", {70: 10})
    streams = {"camera": stream("camera"), "radar": stream("radar")}
    wide = opened(tmp_path, TargetSource(streams=streams, tolerance=0.08))
    assert len(wide.points(0, key="k")) == len(wide.points(1, key="k")) == 4
    narrow = opened(tmp_path, TargetSource(streams=streams, tolerance=0.031))
    assert len(narrow.points(1, key="k")) == 4
    with pytest.raises(FrameError, match="0.070 s"):
        narrow.points(0, key="k")


def test_a_cloud_that_stays_is_the_same_for_every_frame(tmp_path):
    write_ply(tmp_path / "room.ply", np.ones((5, 3)))
    target = opened(tmp_path, TargetSource(cloud="room.ply", rate=4.0))
    assert target.points(0, key="a") is target.points(9, key="b") and not target.streams


def test_a_list_of_clouds_is_a_stream(tmp_path):
    clouds(tmp_path, "c", {0: 1, 1: 2})
    (tmp_path / "c" / "times.csv").write_text("cloud,time\n0.ply,2.5\n1.ply,3.5\n")
    moved = {"clock": Clock(1.0), "extrinsics": Extrinsics(translation=[1.0, 0.0, 0.0])}
    listed = [TimedCloud("c/0.ply", 2.5), TimedCloud("c/1.ply", 3.5)]
    for frames in ("c/times.csv", listed):
        target = opened(tmp_path, TargetSource(frames=frames, **moved))
        np.testing.assert_allclose(target.streams[0].times, [3.5, 4.5])
        np.testing.assert_allclose(target.points(1, key="k"), [[3, 2, 2]] * 2)


def test_the_crop_and_the_number_of_points_are_the_trainings(tmp_path):
    clouds(tmp_path, "c", {0: 1})
    source = TargetSource(streams={"scan": stream("c")})
    box = TargetConfig(crop="box", box_min=[2.0, 2.0, 2.0], box_max=[3.0, 3.0, 3.0])
    with pytest.raises(FrameError, match="at least 1 points"):
        opened(tmp_path, source, box).points(0, key="k")
    assert len(opened(tmp_path, source, TargetConfig(crop="none", max_points=1)).points(0, key="k")) == 1


def test_what_is_missing_is_said_with_its_session(tmp_path):
    with pytest.raises(DataError, match=r"session s: target: no file fits 'c/\{time_ms\}.ply'"):
        opened(tmp_path, TargetSource(streams={"scan": stream("c")}))
    with pytest.raises(DataError, match="session s: target: .*times.csv"):
        opened(tmp_path, TargetSource(frames="times.csv"))
    clouds(tmp_path, "c", {0: 1})
    with pytest.raises(FrameError, match="has no frame 5"):
        opened(tmp_path, TargetSource(streams={"scan": stream("c")})).points(5, key="k")
