from __future__ import annotations

import numpy as np
import pytest
from esp32_log import write_log

from csi2pc.csi.prepare import prepare
from csi2pc.csi.prepare_config import PrepareConfig
from csi2pc.csi.read import read_capture
from csi2pc.csi.windows import windows_at
from csi2pc.data.clocks import Clock
from csi2pc.data.clouds import write_ply
from csi2pc.data.frames import FrameError
from csi2pc.data.receivers import Receiver
from csi2pc.data.recording_frames import RecordingFrames
from csi2pc.data.recordings import Manifest, Session, TargetSource, TimedCloud
from csi2pc.data.streams import Stream
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


@pytest.fixture
def two(root, rng):
    """Another receiver's packets, whose clock started 1 s after the first one's."""
    write_log(root / "c.csv", np.arange(200) * 0.01 + 0.5, rng)
    return root


def test_receivers_are_links_of_one_sample(two):
    """Right covers 1.5 to 3.49 s of the session's clock, left 1 to 3.99 s."""
    receivers = {"left": Receiver("a.csv"), "right": Receiver("c.csv", clock=Clock(1.0))}
    session = Session("s", "train", target=stream(clock=Clock(-4.003)), receivers=receivers)
    lenient = PrepareConfig(window=10, duration=0.1, max_unmeasured=0.6)
    frames = RecordingFrames(Manifest("m", [session]), two, WHOLE, lenient)
    assert list(frames.captures) == ["s"]
    read = frames.read("s")
    assert (read.layout.rx, read.layout.tx, read.layout.device) == (2, 1, "esp32 + esp32")
    captures = {name: prepare(read_capture(two / f"{name}.csv"), PREPARE) for name in "ac"}
    both = 0
    for sample in read.samples:
        assert sample.features.shape[0] == 2
        for link, (name, ahead) in enumerate((("a", 0.0), ("c", 1.0))):
            alone = windows_at(captures[name], np.array([sample.frame.time - ahead]), PREPARE)
            if len(alone):
                np.testing.assert_array_equal(sample.valid[link], alone.valid[0, 0])
                np.testing.assert_array_equal(sample.features[link], alone.features[0, 0])
            else:
                assert sample.valid[link].mean() < 0.5
        both += sample.valid.any((1, 2)).all()
    assert 19 <= both <= 21 and len(read.samples) == 29
    strict = RecordingFrames(Manifest("m", [session]), two, WHOLE, PREPARE).read("s")
    assert len(strict.samples) == both and strict.report.counts["more than 50% of the window unmeasured"] == 29 - both


def test_receivers_may_be_samples_of_their_own_in_one_sequence(two):
    receivers = {"left": Receiver("a.csv"), "right": Receiver("c.csv", clock=Clock(1.0))}
    session = Session("s", "train", target=stream(clock=Clock(-4.003)), receivers=receivers, combine=False)
    frames = RecordingFrames(Manifest("m", [session]), two, WHOLE, PREPARE)
    read = frames.read("s")
    left, right = ([s for s in read.samples if s.frame.index % 2 == receiver] for receiver in (0, 1))
    assert read.layout.rx == 1 and len(left) > 25 and 18 < len(right) <= 21
    assert len({sample.frame for sample in read.samples}) == len(left) + len(right)
    alone = source(two, stream(clock=Clock(-4.003))).read("s/a").samples
    for one, other in zip(left, alone, strict=True):
        np.testing.assert_array_equal(one.features, other.features)
        np.testing.assert_array_equal(one.points, other.points)
        assert one.frame.index == 2 * other.frame.index
    for sample in (left[3], right[-1]):
        np.testing.assert_array_equal(frames.points(sample.frame), sample.points)
        np.testing.assert_array_equal(frames.sample(sample.frame).features, sample.features)


def test_a_tolerance_leaves_out_frames_without_a_packet_near(root, rng):
    times = np.arange(300) * 0.01 + 1.0
    write_log(root / "a.csv", times[(times < 2.01) | (times > 2.5)], rng)
    assert len(source(root, stream(clock=Clock(-4.003))).read("s/a").samples) > 20
    read = source(root, stream(clock=Clock(-4.003), tolerance=0.02)).read("s/a")
    reason = "no packet within 0.02 s of the target frame"
    assert read.report.counts[reason] == 4  # 2.1, 2.2, 2.3, 2.4
    assert not {11, 12, 13, 14} & {sample.frame.index for sample in read.samples}


def test_receivers_that_each_lose_an_antenna_are_refused(two):
    receivers = {"left": Receiver("a.csv"), "right": Receiver("c.csv")}
    session = Session("s", "train", target=TargetSource(cloud="room.ply", rate=10.0), receivers=receivers)
    with pytest.raises(ConfigError, match="conjugate_product.*combined receivers"):
        RecordingFrames(Manifest("m", [session]), two, WHOLE, PrepareConfig(phase="conjugate_product"))


def test_a_receiver_that_cannot_be_read_takes_its_session_along(two):
    (two / "c.csv").write_bytes(b"no log at all")
    receivers = {"left": Receiver("a.csv"), "right": Receiver("c.csv")}
    session = Session("s", "train", target=TargetSource(cloud="room.ply", rate=10.0), receivers=receivers)
    read = RecordingFrames(Manifest("m", [session]), two, WHOLE, PREPARE).read("s")
    assert not read.samples and read.report.counts == {"unreadable capture": 1}


@pytest.mark.parametrize(
    ("receivers", "match"),
    [
        ({"left": Receiver("a.csv"), "right": Receiver("a.csv")}, "left and right both read .*an option of its reader"),
        ({"left": Receiver("*.csv")}, "receiver left must have one capture; 3 fit"),
        ({"left": Receiver("none.csv")}, "no capture fits 'none.csv'"),
    ],
)
def test_receivers_files_are_checked(two, receivers, match):
    session = Session("s", "train", target=TargetSource(cloud="room.ply", rate=10.0), receivers=receivers)
    with pytest.raises(DataError, match=match):
        RecordingFrames(Manifest("m", [session]), two, WHOLE, PREPARE)


@pytest.mark.parametrize(
    ("splits", "refused"),
    [
        (("train", "test"), True),
        (("train", "train"), True),
        (("train", "train", "validation"), False),
        (("test", "test"), False),
    ],
)
def test_no_two_parts_share_a_target_frame(two, splits, refused):
    target = TargetSource(
        streams={"scan": Stream(format="clouds", files="{index}.ply", rate=10.0, start=1.0, unit="metres")}
    )
    sessions = [Session(f"s{n}", split, [f"{'ac'[n]}.csv"], target) for n, split in enumerate(splits[:2])]
    if "validation" in splits:
        sessions.append(Session("v", "validation", ["b.csv"], TargetSource(cloud="room.ply", rate=10.0)))
    if not refused:
        assert len(RecordingFrames(Manifest("m", sessions), two, WHOLE, PREPARE).captures) == len(splits)
        return
    with pytest.raises(DataError, match="a target frame belongs to one part.*s0 and s1 both have .*ply"):
        RecordingFrames(Manifest("m", sessions), two, WHOLE, PREPARE)


def test_real_json_lines_hold_two_receivers_on_one_clock(real_data, tmp_path):
    name = "pretrain-1775182186.csi.jsonl"
    receivers = {
        which: Receiver(name, reader={"receiver": number, "training_field": "lltf"})
        for which, number in (("first", "1"), ("second", "2"))
    }
    write_ply(tmp_path / "room.ply", np.ones((3, 3)))
    (tmp_path / name).symlink_to(real_data / "esp32_multi" / name)
    session = Session("s", "train", target=TargetSource(cloud="room.ply", rate=2.0), receivers=receivers)
    config = PrepareConfig(window=5, duration=0.5)
    read = RecordingFrames(Manifest("m", [session]), tmp_path, WHOLE, config).read("s")
    assert read.layout.rx == 2 and len(read.samples) > 100
    assert np.mean([sample.valid.any((1, 2)).all() for sample in read.samples]) > 0.9
    assert all(len(stamps) > 2000 for stamps in read.packets.values())
