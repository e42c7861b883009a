from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from esp32_log import write_log

from csi2pc.csi.prepare import PrepareConfig
from csi2pc.data import memory
from csi2pc.data.clouds import write_ply
from csi2pc.data.dataset import DataConfig, open_data
from csi2pc.data.targets import TargetConfig
from csi2pc.errors import ConfigError, DataError

PREPARE = PrepareConfig(window=10, duration=0.25)


@pytest.fixture
def config(tmp_path, rng):
    """Two training sessions of two captures each, one for testing; 1 s of packets at 40 Hz in each capture."""
    for session in "abc":
        for capture in "12":
            write_log(tmp_path / session / f"{capture}.csv", np.arange(40) * 0.025, rng)
    write_ply(tmp_path / "room.ply", rng.normal(size=(20, 3)))
    sessions = [
        {"id": name, "split": split, "captures": [f"{name}/*.csv"], "target": {"cloud": "room.ply", "rate": 4}}
        for name, split in (("a", "train"), ("b", "train"), ("c", "test"))
    ]
    (tmp_path / "manifest.yaml").write_text(yaml.safe_dump({"name": "demo", "sessions": sessions}))
    manifest = str(tmp_path / "manifest.yaml")
    return DataConfig(kind="recordings", manifest=manifest, target=TargetConfig(crop="none"))


def edit(config, change):
    content = yaml.safe_load(open(config.manifest))
    change(content["sessions"])
    with open(config.manifest, "w") as file:
        yaml.safe_dump(content, file)


def test_validation_takes_whole_captures_of_each_training_session(config):
    splits = open_data(config, PREPARE)
    assert [n[0] for n in splits.train.sequences] == ["a", "b"]
    assert [n[0] for n in splits.validation.sequences] == ["a", "b"]
    assert splits.test.sequences == ["c/1", "c/2"]
    assert {len(part) for part in (splits.train, splits.validation, splits.test)} == {8}
    assert splits.report.read == 24


def test_a_validation_session_of_the_manifest_is_used_as_it_stands(config):
    edit(config, lambda sessions: sessions[1].update(split="validation"))
    splits = open_data(config, PREPARE)
    assert (splits.train.sequences, splits.validation.sequences) == (["a/1", "a/2"], ["b/1", "b/2"])


def test_workers_and_cache_change_nothing(config):
    first = open_data(config, PREPARE)
    for options in ({"workers": 2}, {"cache": "none"}, {"cache": "memory"}):
        other = open_data(replace(config, **options), PREPARE)
        assert other.train.frames == first.train.frames
        for i in (0, 5):
            np.testing.assert_array_equal(other.train[i].features, first.train[i].features)
            np.testing.assert_array_equal(other.train.points(i), first.train.points(i))


def test_windows_stay_in_memory_while_they_take_less_than_the_limit(config, monkeypatch):
    first = open_data(config, PREPARE)
    size = 24 * memory.sample_bytes(first.train[0])
    monkeypatch.setattr(memory, "MEMORY_LIMIT", size)
    kept = open_data(config, PREPARE)
    monkeypatch.setattr(memory, "MEMORY_LIMIT", size - 1)
    lazy = open_data(config, PREPARE)
    assert [len(s.report.notes) - len(first.report.notes) for s in (kept, lazy)] == [0, 1]
    assert "read whenever it is asked for" in lazy.report.notes[-1]
    assert lazy.digest() == first.digest()
    for file in Path(config.manifest).parent.glob("*/*.csv"):
        file.unlink()
    np.testing.assert_array_equal(kept.train[5].features, first.train[5].features)
    with pytest.raises(DataError, match="no longer gives"):
        lazy.train[5]


def test_a_manifest_or_root_that_is_not_there_says_where_it_was_looked_for(config):
    here = re.escape(f"(looked in {Path.cwd()})")
    with pytest.raises(DataError, match=f"nowhere.yaml does not exist {here}"):
        open_data(replace(config, manifest="nowhere.yaml"), PREPARE)
    with pytest.raises(DataError, match=f"nowhere does not exist {here}"):
        open_data(replace(config, root="nowhere"), PREPARE)
    with pytest.raises(DataError, match="manifest.yaml is a file"):
        open_data(replace(config, root=config.manifest), PREPARE)


def test_captures_of_different_layouts_are_refused(config, project_root, rng, real_data):
    wide = real_data / "esp32_ht40" / "csi.csv"
    folder = project_root.__class__(config.manifest).parent
    (folder / "c" / "3.csv").write_bytes(b"".join(wide.open("rb").readlines()[:100]))
    with pytest.raises(DataError, match="same links and subcarriers.*a/.*c/3"):
        open_data(config, PREPARE)
    edit(config, lambda sessions: sessions[2].update(reader={"training_field": "lltf"}))
    splits = open_data(config, PREPARE)
    assert len(splits.layout.subcarriers) == 52


def test_captures_without_any_window_are_one_error(config):
    with pytest.raises(DataError, match="no capture gave a usable window.*unmeasured"):
        open_data(config, PrepareConfig(window=100, duration=0.1))


def test_a_part_without_sessions_is_an_error(config):
    edit(config, lambda sessions: sessions.pop())
    with pytest.raises(DataError, match="no usable frame in the test part"):
        open_data(config, PREPARE)


def test_joints_belong_to_mmfi(config):
    with pytest.raises(ConfigError, match="crop to none or box"):
        open_data(replace(config, target=TargetConfig()), PREPARE)


def test_the_real_rooms_open_with_one_validation_capture_a_session(real_data, project_root):
    config = DataConfig(
        kind="recordings", root=str(real_data / "rooms"),
        manifest=str(project_root / "datasets" / "rooms" / "manifest.yaml"),
        target=TargetConfig(crop="none", max_points=256),
    )  # fmt: skip
    splits = open_data(config, PREPARE)
    assert [len(part.sequences) for part in (splits.train, splits.validation, splits.test)] == [15, 3, 18]
    assert {f.scene for f in splits.validation.frames} == {"room3", "room4", "roomK"}
    assert len(splits.layout.subcarriers) == 52 and splits.layout.device == "esp32"
    assert all(len(splits.test.points(i)) == 256 for i in range(0, len(splits.test), 50))
    measured = np.mean([splits.train[i].valid.mean() for i in range(len(splits.train))])
    assert measured > 0.8  # windows of 10 packets in 0.25 s are mostly filled
    assert splits.report.read > 900
