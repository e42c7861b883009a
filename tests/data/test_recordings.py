from __future__ import annotations

import re

import numpy as np
import pytest

from csi2pc.data.recordings import Clock, Session, TargetSource, TimedCloud, read_manifest, read_times
from csi2pc.data.targets import Extrinsics
from csi2pc.errors import ConfigError, DataError

MANIFEST = """
name: demo
source: made by hand
licence: CC0
sessions:
  - id: one
    split: train
    scene: lab
    captures: ["one/*.csv"]
    target: {cloud: models/lab.ply, rate: 4}
  - id: two
    split: test
    captures: [two/a.csv]
    reader: {training_field: lltf}
    target:
      frames: [{cloud: two/0.ply, time: 0}, {cloud: two/1.ply, time: 0.5}]
      clock: {offset: -3.5, drift: 20}
      extrinsics: {translation: [0, 0, 1]}
"""


def read(tmp_path, text=MANIFEST):
    (tmp_path / "manifest.yaml").write_text(text)
    return read_manifest(tmp_path / "manifest.yaml")


def test_a_manifest_arrives_as_written(tmp_path):
    manifest = read(tmp_path)
    assert (manifest.name, manifest.source, manifest.licence) == ("demo", "made by hand", "CC0")
    one, two = manifest.sessions
    assert one == Session("one", "train", ["one/*.csv"], TargetSource(cloud="models/lab.ply", rate=4.0), scene="lab")
    assert two.target.frames == [TimedCloud("two/0.ply", 0.0), TimedCloud("two/1.ply", 0.5)]
    assert two.target.clock == Clock(-3.5, 20.0)
    assert two.target.extrinsics == Extrinsics(translation=[0.0, 0.0, 1.0])
    assert two.reader == {"training_field": "lltf"}


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ("licence:", "license:", "unknown key 'license'; allowed are name, sessions, source, licence"),
        ("    scene: lab", "    room: lab", r"sessions\[0\]: unknown key 'room'; allowed are id, split"),
        ("drift: 20", "skew: 20", r"sessions\[1\]: target: clock: unknown key 'skew'; allowed are offset, drift"),
        ("split: test", "split: testing", "one of train, validation, test; got 'testing'"),
        ("    split: train\n", "", "the key 'split' is missing"),
        (", rate: 4", "", "needs a rate greater than 0"),
        (", rate: 4", ", rate: 0", "needs a rate greater than 0"),
        (", rate: 4", ", rate: 4, clock: {offset: 1}", "no clock"),
        ("cloud: models/lab.ply, ", "", "either cloud .* or frames"),
        ("rate: 4", "rate: 4, frames: a.csv", "either cloud .* or frames"),
        ("      clock:", "      rate: 3\n      clock:", "remove rate"),
        ("translation: [0, 0, 1]", "translation: [0, 1]", r"sessions\[1\]: target: extrinsics: .*translation of 3"),
        ("id: two", "id: one", "ids that differ"),
        ('["one/*.csv"]', "[]", "at least one file"),
    ],
)
def test_mistakes_are_refused_with_their_place(tmp_path, old, new, match):
    assert old in MANIFEST
    with pytest.raises(ConfigError, match=match):
        read(tmp_path, MANIFEST.replace(old, new))


def test_the_shipped_manifest_is_valid(project_root):
    manifest = read_manifest(project_root / "datasets" / "rooms" / "manifest.yaml")
    assert [s.split for s in manifest.sessions].count("train") == 3
    assert {s.scene for s in manifest.sessions} == {"room3", "room4", "roomK"}
    assert all(s.target.voxel_size == pytest.approx(2.5 / 30) for s in manifest.sessions)


def test_clocks_meet_by_offset_and_drift():
    np.testing.assert_allclose(Clock(2.0, 100.0).to_capture(np.array([0.0, 1000.0])), [2.0, 1002.1])


def test_captures_are_found_sorted_and_once(tmp_path):
    for name in ("b", "a", "c"):
        (tmp_path / f"{name}.csv").write_text("")
    target = TargetSource(cloud="x.ply", rate=1.0)
    session = Session("s", "train", ["*.csv", "a.csv"], target)
    assert [path.name for path in session.files(tmp_path)] == ["a.csv", "b.csv", "c.csv"]
    with pytest.raises(DataError, match="no capture fits 'x/.*csv'"):
        Session("s", "train", ["x/*.csv"], target).files(tmp_path)
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "a.csv").write_text("")
    with pytest.raises(DataError, match="several files are called a"):
        Session("s", "train", ["*.csv", "more/*.csv"], target).files(tmp_path)
    with pytest.raises(DataError, match="belongs to one capture.*3 captures"):
        Session("s", "train", ["*.csv"], TargetSource(frames="times.csv")).files(tmp_path)


@pytest.mark.parametrize("pattern", ["/data/*.csv", ""])
def test_a_pattern_that_cannot_be_searched_for_says_what_can(tmp_path, pattern):
    session = Session("s", "train", [pattern], TargetSource(cloud="x.ply", rate=1.0))
    with pytest.raises(ConfigError, match=rf"session s: .*relative to the data root.*got {re.escape(repr(pattern))}"):
        session.files(tmp_path / "gone")


def test_a_stream_may_be_listed_in_a_csv_beside_its_clouds(tmp_path):
    (tmp_path / "clouds").mkdir()
    (tmp_path / "clouds" / "times.csv").write_text("cloud,time\n0.ply,0.25\nsub/1.ply,0.5\n")
    assert read_times("clouds/times.csv", tmp_path) == [
        TimedCloud("clouds/0.ply", 0.25), TimedCloud("clouds/sub/1.ply", 0.5),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "lines", ["", "cloud,time", "file,time a,1", "cloud,time a,x", "cloud,time a,nan", "cloud,time a"]
)
def test_a_csv_that_lists_no_times_is_refused(tmp_path, lines):
    (tmp_path / "times.csv").write_text(lines.replace(" ", "\n"))
    with pytest.raises(DataError, match="times.csv"):
        read_times("times.csv", tmp_path)
    with pytest.raises(DataError, match="none.csv"):
        read_times("none.csv", tmp_path)
