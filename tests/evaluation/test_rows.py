"""Rows come back from disk bit by bit, gaps stay gaps, and text stays text."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csi2pc.errors import DataError, ShapeError
from csi2pc.evaluation.rows import FrameRows, make_rows, read_rows, write_rows
from csi2pc.types import FrameId

text = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=12)
number = st.one_of(st.floats(allow_nan=True, allow_infinity=True), st.just(0.0))


def check_same(rows, again):
    assert again.frames == rows.frames
    assert list(again.values) == list(rows.values)
    np.testing.assert_array_equal(again.points, rows.points)
    for column, values in rows.values.items():
        np.testing.assert_array_equal(again.values[column], values)


@settings(max_examples=60, deadline=None)
@given(
    labels=st.lists(text, min_size=4, max_size=4),
    value=number,
    time=st.floats(-1e6, 1e6),
    index=st.integers(0, 999),
)
def test_round_trip(tmp_path_factory, labels, value, time, index):
    path = tmp_path_factory.mktemp("rows") / "frames.csv"
    frame = FrameId(labels[0], index, time, *labels[1:])
    rows = make_rows([frame], [index], {"model": [{"emd": value}]})
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
    assert lines[1:] == ["a,0,0.0,,,,5,0.0,", "a,1,0.0,,,,6,,", "a,2,0.0,,,,7,,"]


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
    with pytest.raises(DataError, match="<method>/<metric>"):
        FrameRows((FrameId("a", 0),), np.zeros(1, dtype=np.int64), {"<script>/emd": np.zeros(1)})


HEADER = "sequence,index,time,scene,subject,action,points,model/emd\n"


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        ("", "must start with the columns"),
        ("a,b\n1,2\n", "must start with the columns"),
        (HEADER + "s,1,0.0,,,,3\n", "row 2: 7 cells"),
        (HEADER + "s,1,0.0,,,,3,0.5\ns,one,0.0,,,,3,0.5\n", "row 3"),
        (HEADER + "s,1,0.0,,,,3,many\n", "row 2"),
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
