from __future__ import annotations

import re

import pytest

from csi2pc.data.clocks import Clock
from csi2pc.data.receivers import Receiver
from csi2pc.data.recordings import Session, TargetSource, TimedCloud, read_manifest
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


RECEIVERS = """
name: demo
sessions:
  - id: one
    split: train
    combine: false
    receivers:
      left: {capture: l.csv, reader: {training_field: lltf}}
      right: {capture: r.csv, clock: {offset: -2, drift: 10, since: 100}}
    target:
      tolerance: 0.04
      streams:
        camera:
          format: depth
          files: d/{time_us}.png
          intrinsics: {fx: 500, fy: 500, cx: 320, cy: 240, width: 640, height: 480}
        radar: {format: radar_log, file: radar.txt, clock: {offset: 5}}
"""


def test_receivers_and_streams_arrive_as_written(tmp_path):
    (one,) = read(tmp_path, RECEIVERS).sessions
    assert one.receivers == {
        "left": Receiver("l.csv", reader={"training_field": "lltf"}),
        "right": Receiver("r.csv", clock=Clock(-2.0, 10.0, 100.0)),
    }
    assert not one.combine and one.target.timed and one.target.tolerance == 0.04
    assert list(one.target.streams) == ["camera", "radar"]
    assert one.target.streams["camera"].intrinsics.fx == 500.0
    assert one.target.streams["radar"].clock == Clock(5.0)


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ("combine: false", "captures: [a.csv]", "take the place of captures"),
        ("combine: false", "reader: {mac: x}", "take the place of captures and reader"),
        ("capture: l.csv", "file: l.csv", r"receivers: left: unknown key 'file'; allowed are capture, clock, reader"),
        ("since: 100", "since: .nan", "receivers: right: clock: a clock needs finite numbers"),
        ("tolerance: 0.04", "tolerance: 0", "tolerance must be more than 0"),
        ("tolerance: 0.04", "clock: {offset: 1}", "each stream has a clock and extrinsics of its own"),
        ("tolerance: 0.04", "rate: 4", "rate belongs to a static cloud"),
        ("tolerance: 0.04", "frames: a.csv", "one of the three"),
        ("fx: 500, ", "", r"streams: camera: intrinsics: the key 'fx' is missing"),
        ("{time_us}", "*", "streams: camera: a pattern of files needs one of"),
        ("id: one", "id: ''", "id must be a name"),
    ],
)
def test_mistakes_with_receivers_and_streams_say_where(tmp_path, old, new, match):
    assert old in RECEIVERS
    with pytest.raises(ConfigError, match=match):
        read(tmp_path, RECEIVERS.replace(old, new))


def test_a_session_needs_captures_and_a_target(tmp_path):
    with pytest.raises(ConfigError, match="a target must have either cloud"):
        read(tmp_path, "{name: a, sessions: [{id: s, split: train, captures: [a.csv]}]}")
    target = "target: {cloud: a.ply, rate: 1}"
    with pytest.raises(ConfigError, match="or receivers at least one"):
        read(tmp_path, f"{{name: a, sessions: [{{id: s, split: train, {target}}}]}}")
    with pytest.raises(ConfigError, match="combine belongs to receivers"):
        read(tmp_path, f"{{name: a, sessions: [{{id: s, split: train, captures: [a], combine: false, {target}}}]}}")
    with pytest.raises(ConfigError, match="at least one entry"):
        read(tmp_path, "{name: a, sessions: [{id: s, split: train, captures: [a], target: {streams: {}}}]}")


def test_the_shipped_manifest_is_valid(project_root):
    manifest = read_manifest(project_root / "datasets" / "rooms" / "manifest.yaml")
    assert [s.split for s in manifest.sessions].count("train") == 3
    assert {s.scene for s in manifest.sessions} == {"room3", "room4", "roomK"}
    assert all(s.target.voxel_size == pytest.approx(2.5 / 30) for s in manifest.sessions)


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
