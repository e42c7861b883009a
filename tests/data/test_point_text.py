from __future__ import annotations

import numpy as np
import pytest

from csi2pc.data.point_text import read_frames_csv, read_point_csv, read_radar_log, read_table
from csi2pc.errors import DataError
from csi2pc.types import Report

RECORD = """header:
  seq: {n}
  stamp:
    secs: {secs}
    nsecs: {nsecs}
  frame_id: "ti_mmwave"
point_id: {point}
x: {x}
y: 0.5
z: -0.25
velocity: 0.0
---
"""


def test_one_cloud_in_a_table(tmp_path):
    (tmp_path / "a.csv").write_text("x, y ,z,doppler\n1,2,3,0.1\n4,5,6,\n")
    np.testing.assert_array_equal(read_point_csv(tmp_path / "a.csv"), [[1, 2, 3], [4, 5, 6]])
    (tmp_path / "a.csv").write_text("x,y,z\n")
    assert read_point_csv(tmp_path / "a.csv").shape == (0, 3)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "empty"),
        ("x,y\n1,2\n", "a header with x, y, z"),
        ("no table at all\n", "a header with x, y, z"),
        ("x,y,z\n1,2\n", "row 2 has 2 entries"),
        ("x,y,z\n1,2,three\n", "row 2.*must be numbers"),
    ],
)
def test_other_tables_are_refused(tmp_path, text, match):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(DataError, match=match):
        read_point_csv(tmp_path / "a.csv")


def test_missing_and_binary_files(tmp_path):
    with pytest.raises(DataError, match="cannot read"):
        read_table(tmp_path / "none.csv")
    (tmp_path / "a.csv").write_bytes(b"\xff\xfe\x80")
    with pytest.raises(DataError, match="not a text file"):
        read_table(tmp_path / "a.csv")


@pytest.mark.parametrize(("column", "unit"), [("time", 1), ("time_ms", 1e-3), ("time_us", 1e-6), ("time_ns", 1e-9)])
def test_a_recording_in_one_table(tmp_path, column, unit):
    rows = [(2, 1), (2, 2), (3, 3), (5, 4), (5, 5), (5, 6)]
    text = "".join(f"{time / unit:.0f},{x},0,1\n" for time, x in rows)
    (tmp_path / "a.csv").write_text(f"{column},x,y,z\n{text}")
    points, times, lengths = read_frames_csv(tmp_path / "a.csv")
    np.testing.assert_array_equal(points[:, 0], [1, 2, 3, 4, 5, 6])
    np.testing.assert_allclose(times, [2, 3, 5])
    np.testing.assert_array_equal(lengths, [2, 1, 3])


def test_a_radar_log_is_cut_where_points_are_counted_anew(tmp_path):
    records = [(0, 0, 1.0), (1, 10, 2.0), (0, 33_000_000, 3.0), (0, 66_000_000, 4.0)]
    log = "".join(RECORD.format(n=n, secs=7, nsecs=ns, point=p, x=x) for n, (p, ns, x) in enumerate(records))
    (tmp_path / "a.txt").write_text(log + "header: \n  stamp:\n    secs: 7\nx: 1.")
    report = Report()
    points, times, lengths = read_radar_log(tmp_path / "a.txt", report)
    np.testing.assert_array_equal(points, [[x, 0.5, -0.25] for x in (1, 2, 3, 4)])
    np.testing.assert_allclose(times, [7, 7.033, 7.066])
    np.testing.assert_array_equal(lengths, [2, 1, 1])
    assert len(report.skipped) == 1 and report.skipped[0].where.endswith("record 4")
    (tmp_path / "a.txt").write_text("nothing of the kind")
    with pytest.raises(DataError, match="divided by ---"):
        read_radar_log(tmp_path / "a.txt", Report())


def test_real_radar_log(real_data):
    report = Report()
    path = real_data / "mmwave_people" / "Data_Train_walk___walk_20_8.txt"
    points, times, lengths = read_radar_log(path, report)
    assert not report.skipped and len(times) == len(lengths) == 600 and lengths.sum() == len(points)
    assert 10 < np.median(lengths) < 30 and np.abs(points).max() < 20
    assert (len(times) - 1) / (times[-1] - times[0]) == pytest.approx(30, rel=0.01)
