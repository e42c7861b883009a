from __future__ import annotations

import numpy as np
import pytest
from esp32_log import write_log

from csi2pc.csi.prepare import PrepareConfig, prepare
from csi2pc.csi.read import read_capture
from csi2pc.csi.windows import windows_at
from csi2pc.data.clouds import write_ply
from csi2pc.data.frames import FrameError
from csi2pc.data.recording_frames import RecordingFrames
from csi2pc.data.recordings import Clock, Manifest, Session, TargetSource, TimedCloud
from csi2pc.data.targets import Extrinsics, TargetConfig
from csi2pc.errors import ConfigError, DataError

PREPARE = PrepareConfig(window=10, duration=0.1)
WHOLE = TargetConfig(crop="none")


@pytest.fixture
def root(tmp_path, rng):
    """3 s of packets at 100 Hz, and a stream of clouds every 0.1 s whose own clock starts 5 s before."""
    write_log(tmp_path / "a.csv", np.arange(300) * 0.01 + 1.0, rng)
    write_log(tmp_path / "b.csv", np.arange(120) * 0.01 + 1.0, rng)
    write_ply(tmp_path / "room.ply", rng.normal(size=(30, 3)))
    for k in range(40):
        write_ply(tmp_path / f"{k}.ply", np.full((2, 3), k))
    return tmp_path


def source(root, target, *, captures=("a.csv",), config=WHOLE, prepare=PREPARE):
    return RecordingFrames(Manifest("m", [Session("s", "train", list(captures), target)]), root, config, prepare)


def stream(**options):
    return TargetSource(frames=[TimedCloud(f"{k}.ply", 5.0 + k * 0.1) for k in range(40)], **options)


def test_a_static_target_gives_windows_that_follow_each_other(root):
    frames = source(root, TargetSource(cloud="room.ply", rate=10.0), captures=["a.csv", "b.csv"])
    assert list(frames.captures) == ["s/a", "s/b"]
    read = frames.read("s/a")
    assert len(read.samples) == read.report.read == 30 and not read.report.skipped
    assert [s.frame.index for s in read.samples] == list(range(30))
    np.testing.assert_allclose(np.diff([s.frame.time for s in read.samples]), 0.1)
    assert all(s.valid.mean() > 0.9 and s.points.shape == (30, 3) for s in read.samples)
    assert (read.layout.rx, read.layout.tx, len(read.layout.subcarriers), read.layout.device) == (1, 1, 52, "esp32")


def test_a_stream_meets_the_capture_where_the_clocks_say(root):
    drift = 1000.0
    frames = source(root, stream(clock=Clock(-4.5, drift)))
    read = frames.read("s/a")
    times = np.array([(5.0 + k * 0.1) * (1 + drift * 1e-6) - 4.5 for k in range(40)])
    inside = np.flatnonzero((times >= 1.0) & (times <= 3.99))
    assert read.report.counts["target frame outside the capture's time"] == 40 - len(inside)
    assert {s.frame.index for s in read.samples} == set(inside.tolist())
    capture = prepare(read_capture(root / "a.csv"), PREPARE)
    for sample in read.samples[::7]:
        assert sample.frame.time == pytest.approx(times[sample.frame.index])
        assert (sample.points == sample.frame.index).all()
        expected = windows_at(capture, np.array([sample.frame.time]), PREPARE)
        np.testing.assert_array_equal(sample.features, expected.features[0])


def test_clouds_alone_and_single_samples_equal_what_the_whole_capture_gave(root):
    frames = source(root, stream(clock=Clock(-4.0)))
    read = frames.read("s/a").samples
    for sample in (read[0], read[-1]):
        again = frames.sample(sample.frame)
        np.testing.assert_array_equal(again.features, sample.features)
        np.testing.assert_array_equal(frames.points(sample.frame), sample.points)


def test_the_clouds_are_brought_into_the_projects_frame(root):
    turned = Extrinsics([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]], [0.0, 0.0, 2.0])
    plain = source(root, TargetSource(cloud="room.ply", rate=10.0)).read("s/a").samples[0].points
    moved = source(root, TargetSource(cloud="room.ply", rate=10.0, extrinsics=turned)).read("s/a").samples[0].points
    np.testing.assert_allclose(moved, plain @ np.array(turned.rotation, np.float32).T + [0, 0, 2], atol=1e-6)


def test_damage_is_counted_and_the_rest_goes_on(root):
    (root / "12.ply").write_bytes(b"cut")
    (root / "13.ply").unlink()
    (root / "b.csv").write_bytes(b"no log at all")
    read = source(root, stream(clock=Clock(-4.0))).read("s/a")
    assert read.report.counts["unreadable cloud"] == 2
    assert not {12, 13} & {s.frame.index for s in read.samples} and len(read.samples) > 20
    broken = source(root, TargetSource(cloud="room.ply", rate=10.0), captures=["b.csv"]).read("s/b")
    assert broken.samples == [] and broken.layout is None
    assert broken.report.counts == {"unreadable capture": 1}


def test_a_capture_that_changed_is_noticed(root):
    frames = source(root, stream(clock=Clock(-4.0)))
    last = frames.read("s/a").samples[-1].frame
    (root / "a.csv").write_text((root / "b.csv").read_text())
    with pytest.raises(FrameError, match="no longer gives"):
        frames.sample(last)


def test_what_cannot_work_is_refused_before_anything_is_read(root):
    static = TargetSource(cloud="room.ply", rate=10.0)
    with pytest.raises(ConfigError, match="crop to none or box"):
        source(root, static, config=TargetConfig())
    with pytest.raises(DataError, match="data root"):
        source(root / "nowhere", static)
    with pytest.raises(DataError, match="none.ply"):
        source(root, TargetSource(cloud="none.ply", rate=10.0))
    with pytest.raises(DataError, match="leave it out"):
        source(root, TargetSource(cloud="room.ply", rate=10.0, voxel_size=0.1))
    with pytest.raises(FrameError, match="at least 31 points"):
        source(root, static, config=TargetConfig(crop="none", min_points=31))


def test_no_two_sessions_share_a_capture(root):
    static = TargetSource(cloud="room.ply", rate=10.0)
    sessions = [Session("s", "train", ["a.csv"], static), Session("t", "test", ["*.csv"], static)]
    with pytest.raises(DataError, match="belongs to one session.*sessions s and t both have .*a.csv"):
        RecordingFrames(Manifest("m", sessions), root, WHOLE, PREPARE)
    (root / "link.csv").symlink_to(root / "a.csv")
    sessions[1] = Session("t", "test", ["link.csv"], static)
    with pytest.raises(DataError, match="both have .*link.csv"):
        RecordingFrames(Manifest("m", sessions), root, WHOLE, PREPARE)
