from __future__ import annotations

import json
import os
from dataclasses import replace

import h5py
import pytest
from cache_case import NAMES, assert_same_data, write_case

from csi2pc.csi.layouts import HT40
from csi2pc.data import cache_checks
from csi2pc.data.dataset import open_data
from csi2pc.engine.prepare_data import prepare_data
from csi2pc.errors import ConfigError, DataError


@pytest.fixture
def config(tmp_path):
    return write_case(tmp_path / "mmfi")


@pytest.fixture
def cached(config, tmp_path):
    prepare_data(config, tmp_path / "cache.h5")
    return replace(config.data, cache_file=str(tmp_path / "cache.h5"))


def test_other_settings_are_refused_with_both_values(config, cached):
    other = replace(config.prepare, phase="none", window=5)
    with pytest.raises(ConfigError, match="prepare.phase: 'per_antenna' in the cache, 'none' in this run; prepare.win"):
        open_data(cached, other)
    for changed, words in (
        (replace(cached, split="S1"), r"data.split: 'S2' in the cache, 'S1' in this run"),
        (replace(cached, target=replace(cached.target, max_points=32)), "data.target.max_points: 64 .* 32 in"),
        (replace(cached, kind="recordings"), "data.kind"),
    ):
        with pytest.raises(ConfigError, match=words):
            open_data(changed, config.prepare)
    with pytest.raises(ConfigError, match=r"prepare.subcarriers: \[-58, .* in the cache, \[2, 3\] in this run"):
        open_data(cached, replace(config.prepare, subcarriers=[2, 3]))


def test_settings_that_change_nothing_may_differ(config, cached):
    every = replace(config.prepare, subcarriers=HT40.tolist())  # as a run's own configuration has them
    first = open_data(cached, config.prepare)
    assert_same_data(first, open_data(replace(cached, workers=2, cache="none", verify=False), every))


def test_a_stale_cache_is_refused_unless_it_is_trusted(config, cached, tmp_path):
    file = tmp_path / "mmfi" / NAMES[2] / "lidar" / "frame001.bin"
    content = file.read_bytes()
    os.utime(file, ns=(1, 1))
    assert not open_data(cached, config.prepare).report.notes
    file.write_bytes(content[:-40])
    with pytest.raises(DataError, match=f"stale.*{NAMES[2]}/lidar has changed. Prepare it again.*verify: false"):
        open_data(cached, config.prepare)
    assert open_data(replace(cached, verify=False), config.prepare).report.read > 0
    file.write_bytes(content)
    assert open_data(cached, config.prepare).report.read > 0
    (file.parent / "frame004.bin").write_bytes(content)
    with pytest.raises(DataError, match="stale"):
        open_data(cached, config.prepare)


def test_raw_files_need_not_be_there(config, cached, tmp_path):
    first = open_data(cached, config.prepare)
    (tmp_path / "mmfi").rename(tmp_path / "moved")
    for root in (str(tmp_path / "mmfi"), ""):
        alone = open_data(replace(cached, root=root), config.prepare)
        assert_same_data(first, alone)
        assert "not at hand" in alone.report.notes[-1]
    assert not open_data(replace(cached, root=str(tmp_path / "moved")), config.prepare).report.notes


def test_another_version_of_this_project_is_mentioned(config, cached, monkeypatch):
    monkeypatch.setattr(cache_checks, "__version__", "99.0")
    assert "what 99.0 would make" in open_data(cached, config.prepare).report.notes[-1]


def test_nothing_but_what_was_given_tells_the_machine(config, cached, tmp_path):
    with h5py.File(cached.cache_file) as file:
        inputs = json.loads(file["inputs"][:].tobytes())
    assert inputs and not [name for name in inputs if name.startswith(("/", ".."))]
