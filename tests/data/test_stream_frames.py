from __future__ import annotations

import pickle
import re

import numpy as np
import pytest

from csi2pc.data.clocks import Clock
from csi2pc.data.clouds import write_ply
from csi2pc.data.frames import FrameError
from csi2pc.data.stream_frames import BACKWARDS, OUT_OF_LINE, REPEATED, open_stream, read_times
from csi2pc.data.streams import Stream
from csi2pc.data.targets import Extrinsics
from csi2pc.errors import DataError


def cloud(path, value):
    write_ply(path, np.full((2, 3), value))


def npz(tmp_path, **arrays):
    np.savez(tmp_path / "a.npz", **arrays)
    return open_stream("scan", Stream(format="npz", file="a.npz", unit="metres"), tmp_path)


def test_times_in_names_order_the_frames(tmp_path):
    for time in (9, 100, 20):
        cloud(tmp_path / f"{time}.ply", time)
    stream = Stream(format="clouds", files="{time_ms}.ply", unit="metres", clock=Clock(5.0))
    frames = open_stream("scan", stream, tmp_path)
    np.testing.assert_allclose(frames.times, [5.009, 5.02, 5.1])
    np.testing.assert_array_equal(frames.numbers, [0, 1, 2])
    assert [frames.points(i)[0, 0] for i in range(3)] == [9, 20, 100]


def test_counted_names_keep_their_number_and_missing_ones_stay_missing(tmp_path):
    for number in (3, 4, 7):
        cloud(tmp_path / f"f{number:03d}.ply", number)
    (tmp_path / "fx.ply").write_text("")
    stream = Stream(format="clouds", files="f{index}.ply", rate=4.0, start=1.0, unit="metres")
    frames = open_stream("scan", stream, tmp_path)
    np.testing.assert_array_equal(frames.numbers, [3, 4, 7])
    np.testing.assert_allclose(frames.times, [1.75, 2.0, 2.75])
    assert [s.where for s in frames.report.skipped] == [str(tmp_path / "fx.ply")]
    assert frames.points(2)[0, 0] == 7


def test_a_table_of_times(tmp_path):
    (tmp_path / "scans").mkdir()
    for number in range(3):
        cloud(tmp_path / "scans" / f"{number}.ply", number)
    (tmp_path / "scans" / "t.csv").write_text("file,time_us\n0.ply,1000000\n1.ply,1500000\n2.ply,2000000\n")
    stream = Stream(format="clouds", times="scans/t.csv", unit="metres")
    frames = open_stream("scan", stream, tmp_path)
    np.testing.assert_allclose(frames.times, [1.0, 1.5, 2.0])
    assert frames.points(1)[0, 0] == 1


@pytest.mark.parametrize(
    "lines", ["", "file,time", "name,time a,1", "file,time a,x", "cloud,time a,nan", "file,time a", "file,stamp a,1"]
)
def test_a_table_without_times_is_refused(tmp_path, lines):
    (tmp_path / "times.csv").write_text(lines.replace(" ", "\n"))
    with pytest.raises(DataError, match="times.csv"):
        read_times(tmp_path, "times.csv")
    with pytest.raises(DataError, match="none.csv"):
        read_times(tmp_path, "none.csv")


@pytest.mark.parametrize("how", ["lengths", "offsets", "offsets and end"])
def test_a_recording_in_arrays(tmp_path, rng, how):
    points = rng.normal(size=(7, 3))
    arrays = {
        "lengths": {"lengths": [2, 0, 5]},
        "offsets": {"offsets": [0, 2, 2]},
        "offsets and end": {"offsets": [0, 2, 2, 7]},
    }[how]
    frames = npz(tmp_path, points=points, timestamps=[0.0, 0.1, 0.2], **arrays)
    np.testing.assert_allclose(frames.times, [0.0, 0.1, 0.2])
    np.testing.assert_allclose(frames.points(0), points[:2])
    assert frames.points(1).shape == (0, 3)
    np.testing.assert_allclose(frames.points(2), points[2:])


def test_an_offset_at_the_end_may_be_a_last_frame_without_points(tmp_path):
    frames = npz(tmp_path, points=np.ones((4, 3)), timestamps=[0.0, 1.0], offsets=[0, 4])
    assert (len(frames.points(0)), len(frames.points(1))) == (4, 0)


def test_clouds_of_one_size_need_no_lengths(tmp_path, rng):
    points = rng.normal(size=(3, 5, 3))
    frames = npz(tmp_path, points=points, timestamps=[0, 1, 2])
    np.testing.assert_allclose(frames.points(1), points[1])


@pytest.mark.parametrize(
    ("arrays", "match"),
    [
        ({"points": np.ones((4, 3)), "timestamps": [0.0, 1.0]}, "lengths .* or offsets"),
        ({"points": np.ones((4, 3)), "timestamps": [0.0, 1.0], "lengths": [1, 1]}, "add up to the 4 points"),
        ({"points": np.ones((4, 3)), "timestamps": [0.0, 1.0], "lengths": [4]}, "must be 2, one a timestamp"),
        ({"points": np.ones((4, 3)), "timestamps": [0.0, 1.0], "lengths": [5, -1]}, "lengths"),
        ({"points": np.ones((4, 3)), "timestamps": [0.0, 1.0], "lengths": [2.0, 2.0]}, "whole numbers"),
        ({"points": np.ones((4, 3)), "timestamps": [0.0, 1.0], "offsets": [1, 2]}, "begin at 0"),
        ({"points": np.ones((4, 3)), "lengths": [4]}, "timestamps"),
        ({"points": np.ones((4, 2)), "timestamps": [0.0], "lengths": [4]}, r"points \(P, 3\)"),
        ({"points": np.ones((1, 3)), "timestamps": np.array(["a"]), "lengths": [1]}, r"timestamps \(F,\)"),
    ],
)
def test_arrays_that_do_not_fit_are_a_counted_skip(tmp_path, arrays, match):
    frames = npz(tmp_path, **arrays)
    assert len(frames) == 0 and frames.report.counts == {"unreadable target recording": 1}
    assert re.search(match, frames.report.skipped[0].where)


def test_a_damaged_recording_is_counted_and_a_missing_one_refused(tmp_path):
    (tmp_path / "a.npz").write_bytes(b"PK\x03\x04 cut")
    stream = Stream(format="npz", file="a.npz", unit="metres")
    assert open_stream("scan", stream, tmp_path).report.counts == {"unreadable target recording": 1}
    (tmp_path / "a.npz").unlink()
    with pytest.raises(DataError, match="stream scan: .*a.npz does not exist"):
        open_stream("scan", stream, tmp_path)


def test_times_that_cannot_be_true_are_counted(tmp_path):
    times = np.r_[np.arange(60), np.arange(20)] * 0.1  # the sensor restarted
    times[5], times[8], times[12] = times[4], np.nan, 99.0
    frames = npz(tmp_path, points=np.arange(240.0).reshape(80, 1, 3), timestamps=times)
    kept = np.delete(np.arange(60), [5, 8, 12])
    np.testing.assert_allclose(frames.times, kept * 0.1)
    np.testing.assert_array_equal(frames.numbers, kept)
    assert frames.points(20)[0, 0] == 3 * kept[20]
    assert frames.report.counts == {REPEATED: 1, "target time is not finite": 1, OUT_OF_LINE: 1, BACKWARDS: 20}


def test_an_empty_folder_says_so(tmp_path):
    (tmp_path / "depth").mkdir()
    stream = Stream(format="clouds", files="depth/{time_ms}.ply", unit="metres")
    with pytest.raises(DataError, match=r"no file fits 'depth/\{time_ms\}.ply' under"):
        open_stream("scan", stream, tmp_path)
    (tmp_path / "depth" / "first.ply").write_text("")
    with pytest.raises(DataError, match="first.ply: file name without the number"):
        open_stream("scan", stream, tmp_path)


def test_a_damaged_frame_is_that_frames_error(tmp_path):
    cloud(tmp_path / "0.ply", 1)
    (tmp_path / "1.ply").write_bytes(b"cut")
    frames = open_stream("s", Stream(format="clouds", files="{index}.ply", rate=1.0, unit="metres"), tmp_path)
    assert len(frames) == 2 and len(frames.points(0)) == 2
    with pytest.raises(FrameError, match="1.ply") as caught:
        frames.points(1)
    assert caught.value.reason == "unreadable cloud"


def test_points_stand_in_the_projects_frame_and_travel_to_other_processes(tmp_path):
    cloud(tmp_path / "0.ply", 1)
    turned = Extrinsics([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]], [0.0, 0.0, 2.0])
    stream = Stream(format="clouds", files="{index}.ply", rate=1.0, unit="metres", extrinsics=turned)
    frames = pickle.loads(pickle.dumps(open_stream("s", stream, tmp_path)))
    np.testing.assert_allclose(frames.points(0)[0], [-1, 1, 3])
