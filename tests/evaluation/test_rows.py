"""Rows come back from disk bit by bit, gaps stay gaps, and text stays text."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csi2pc.errors import ConfigError, DataError, ShapeError
from csi2pc.evaluation import rows as rows_module
from csi2pc.evaluation.rows import FrameRows, make_rows, read_rows, write_rows
from csi2pc.types import FrameId

text = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=12)
number = st.one_of(st.floats(allow_nan=True, allow_infinity=True), st.just(0.0))


def check_same(rows, again):
    assert again.frames == rows.frames
    assert list(again.values) == list(rows.values)
    np.testing.assert_array_equal(again.points, rows.points)
    np.testing.assert_array_equal(again.distance, rows.distance)
    for column, values in rows.values.items():
        np.testing.assert_array_equal(again.values[column], values)


@settings(max_examples=60, deadline=None)
@given(
    labels=st.lists(text, min_size=4, max_size=4),
    value=number,
    time=st.floats(-1e6, 1e6),
    index=st.integers(0, 999),
    distance=st.floats(0, 20) | st.just(np.nan),
    name=st.sampled_from(["frames.csv", "frames.csv.gz"]),
)
def test_round_trip(tmp_path_factory, labels, value, time, index, distance, name):
    path = tmp_path_factory.mktemp("rows") / name
    frame = FrameId(labels[0], index, time, *labels[1:])
    rows = make_rows([frame], [index], {"model": [{"emd": value}]}, distance=[distance])
    write_rows(path, rows)
    check_same(rows, read_rows(path))


@pytest.mark.parametrize("name", ["=HYPERLINK(1)", "+1", "-1", "@x", "'quoted", "''", 'a,"b"\r\nc', ""])
def test_no_text_is_a_formula(tmp_path, name):
    rows = make_rows([FrameId(name, 1, action=name)], [3], {"model": [{"emd": 1.0}]})
    write_rows(tmp_path / "frames.csv", rows)
    second_line = (tmp_path / "frames.csv").read_text(encoding="utf-8").split("\n", 1)[1]
    assert not second_line.lstrip('"').startswith(("=", "+", "-", "@"))
    check_same(rows, read_rows(tmp_path / "frames.csv"))


def test_missing_values_are_empty_cells(tmp_path):
    frames = [FrameId("a", i) for i in range(3)]
    scores = {"model": [{"emd": 0.0}, None, {"emd": np.nan}], "mean_cloud": [None, None, None]}
    rows = make_rows(frames, [5, 6, 7], scores)
    write_rows(tmp_path / "frames.csv", rows)
    again = read_rows(tmp_path / "frames.csv")
    np.testing.assert_array_equal(again.column("model", "emd"), [0, np.nan, np.nan])
    assert again.methods == ("model", "mean_cloud")
    assert np.isnan(again.column("mean_cloud", "emd")).all()
    lines = (tmp_path / "frames.csv").read_text().splitlines()
    assert lines[1:] == ["a,0,0.0,,,,5,,0.0,", "a,1,0.0,,,,6,,,", "a,2,0.0,,,,7,,,"]


def test_no_rows_at_all(tmp_path):
    write_rows(tmp_path / "frames.csv", make_rows([], [], {}))
    assert len(read_rows(tmp_path / "frames.csv")) == 0


def test_methods_and_metrics_in_their_order():
    score = {"emd": 1.0, "hausdorff": 2.0}
    rows = make_rows([FrameId("a", 0)], [1], {"model": [score], "mean_cloud": [score]})
    assert rows.methods == ("model", "mean_cloud")
    assert rows.metrics == ("emd", "hausdorff")


def test_one_result_a_frame():
    with pytest.raises(ShapeError, match="one result a frame, 2; got 1"):
        make_rows([FrameId("a", 0), FrameId("a", 1)], [1, 1], {"model": [None]})
    with pytest.raises(ShapeError, match="one a frame"):
        FrameRows((FrameId("a", 0),), np.zeros(1, dtype=np.int64), {"model/emd": np.zeros(2)})
    with pytest.raises(ShapeError, match=r"distance must be \(1,\), one a frame; got \(2,\)"):
        make_rows([FrameId("a", 0)], [1], {}, distance=[1.0, 2.0])
    with pytest.raises(DataError, match="<method>/<metric>"):
        FrameRows((FrameId("a", 0),), np.zeros(1, dtype=np.int64), {"<script>/emd": np.zeros(1)})


def test_rows_without_a_distance(tmp_path):
    """Files of the first version, and rows of those who do not know it."""
    (tmp_path / "old.csv").write_text("sequence,index,time,scene,subject,action,points,model/emd\ns,1,0.5,,,,3,0.25\n")
    old = read_rows(tmp_path / "old.csv")
    assert np.isnan(old.distance).all() and old.points.tolist() == [3]
    assert old.column("model", "emd").tolist() == [0.25]
    write_rows(tmp_path / "new.csv", old)
    check_same(old, read_rows(tmp_path / "new.csv"))


def some_rows(count=50):
    rng = np.random.default_rng(3)
    frames = [FrameId(f"s{k % 4}", k, k / 10, action="A02") for k in range(count)]
    scores = {method: [{"emd": value} for value in rng.uniform(size=count)] for method in ("model", "mean_cloud")}
    return make_rows(frames, range(count), scores, distance=rng.uniform(2, 4, count))


def test_gzipped_bytes_are_the_same_every_time(tmp_path):
    rows = some_rows()
    for name in ("frames.csv.gz", "again/other.csv.gz"):
        write_rows(tmp_path / name, rows)
    packed = (tmp_path / "frames.csv.gz").read_bytes()
    assert packed == (tmp_path / "again/other.csv.gz").read_bytes()
    write_rows(tmp_path / "frames.csv", rows)
    assert gzip.decompress(packed) == (tmp_path / "frames.csv").read_bytes()
    check_same(rows, read_rows(tmp_path / "frames.csv.gz"))


def test_significant_digits(tmp_path):
    rows = some_rows()
    write_rows(tmp_path / "frames.csv", rows, digits=4)
    again = read_rows(tmp_path / "frames.csv")
    assert again.frames == rows.frames
    for one, other in ((again.distance, rows.distance), (again.column("model", "emd"), rows.column("model", "emd"))):
        np.testing.assert_allclose(one, other, rtol=5e-4)
        assert np.all(one != other)
    with pytest.raises(ConfigError, match="digits must be at least 1, or None for exact numbers; got 0"):
        write_rows(tmp_path / "frames.csv", rows, digits=0)


def test_some_of_the_rows():
    rows = some_rows()
    mask = np.array([frame.sequence == "s1" for frame in rows.frames])
    check_same(rows.take(mask), rows.take(np.flatnonzero(mask)))
    assert rows.take(mask).frames == tuple(frame for frame in rows.frames if frame.sequence == "s1")
    assert len(rows.take(np.zeros(50, dtype=bool))) == 0


def test_a_file_that_unpacks_without_end_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "frames.csv.gz"
    write_rows(path, some_rows())
    monkeypatch.setattr(rows_module, "LARGEST_TABLE", 1000)
    with pytest.raises(DataError, match="may hold 1,000 characters at most.*unpack the file"):
        read_rows(path)
    monkeypatch.undo()
    for line in (b"," * 2**21, b"s,1,0.0,,,,3,,0.5," + b"x" * 2**21):  # two megabytes in 2 kB, without a line's end
        path.write_bytes(gzip.compress(b"sequence,index,time,scene,subject,action,points,distance,model/emd\n" + line))
        assert path.stat().st_size < 10_000
        with pytest.raises(DataError, match="1,048,576 characters at most.*has a longer one"):
            read_rows(path)


def test_a_damaged_gzip_file_is_refused(tmp_path):
    path = tmp_path / "frames.csv.gz"
    write_rows(path, some_rows())
    whole = path.read_bytes()
    for content in (whole[:-20], b"no gzip", whole[:40] + b"\xff" * 20 + whole[60:]):
        path.write_bytes(content)
        with pytest.raises(DataError, match="frames.csv.gz"):
            read_rows(path)


HEADER = "sequence,index,time,scene,subject,action,points,model/emd\n"


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        ("", "must start with the columns"),
        ("a,b\n1,2\n", "must start with the columns"),
        (HEADER + "s,1,0.0,,,,3\n", "row 2: 7 cells"),
        (HEADER + "s,1,0.0,,,,3,0.5\ns,one,0.0,,,,3,0.5\n", "row 3"),
        (HEADER + "s,1,0.0,,,,3,many\n", "row 2"),
        (HEADER + "s,1,0.0,,,,99999999999999999999,0.5\n", "row 2"),
        (HEADER.replace("points", "points,distance") + "s,1,0.0,,,,3,far,0.5\n", "row 2"),
        (HEADER.replace("model/emd", "model"), "<method>/<metric>"),
        (HEADER.strip() + ",model/emd\n", "must start with the columns"),
        (b"\xff\xfe\x00", "readable as CSV"),
    ],
)
def test_damaged_files_are_refused(tmp_path, content, rule):
    path = tmp_path / "frames.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError, match=rule):
        read_rows(path)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(DataError, match="nowhere.csv"):
        read_rows(tmp_path / "nowhere.csv")


@pytest.mark.parametrize("metres", ["1e308", "-2e6", "inf"])
def test_a_distance_that_nothing_reaches_is_refused(tmp_path, metres):
    path = tmp_path / "frames.csv"
    write_rows(path, make_rows([FrameId("a", 0), FrameId("a", 1)], [3, 3], {"model": [{"emd": 1.0}] * 2},
                               distance=[2.5, 3.5]))  # fmt: skip
    path.write_text(path.read_text().replace("3.5", metres))
    with pytest.raises(DataError, match=r"distances must be metres, 1e\+06 at most; .*frames\.csv, row 3"):
        read_rows(path)
