"""A file of settings is data: nothing that it names is imported, opened or taken for anything else."""

from __future__ import annotations

import sys

import pytest

from csi2pc.config import RunConfig, from_dict, load_config, save_config
from csi2pc.engine.compare_config import CompareConfig
from csi2pc.errors import ConfigError


@pytest.fixture
def planted(tmp_path, monkeypatch):
    """A module that can be imported, and must not be."""
    (tmp_path / "planted_module.py").write_text("class Settings:\n    pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    assert "planted_module" not in sys.modules


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("data: {class_path: planted_module.Settings}", "'class_path' is no setting in data"),
        ("data: {class_path: planted_module.Settings, init_args: {}}", "'class_path' is no setting in data"),
        ("data.class_path: planted_module.Settings", "'data.class_path' is no setting"),
        ("loss: [{class_path: planted_module.Settings}]", "'class_path' is no setting in loss"),
        ("loss: [{name: apml, options: {class_path: planted_module.Settings}}]", "no setting in loss.options"),
        ("data: planted_module.Settings", "data must be a mapping of kind, .*; got 'planted_module.Settings'"),
        ("data: {target: planted_module.Settings}", "data.target must be a mapping"),
        ("loss: planted_module.Settings", "loss must be a list"),
        ("loss: [planted_module.Settings]", r"loss\[0\] must be a mapping"),
        ("planted_module.Settings", "settings must be a mapping"),
        ("class_path: planted_module.Settings", "'class_path' is no setting"),
        ("config: other.yaml", "'config' is no setting"),
        ("data: other.yaml", "data must be a mapping"),
        ("training: {epochs: 3}\ntraining: {seed: 3}", "the key 'training' stands twice"),
        ("training: {3: 4}", "keys of settings must be texts; got 3 in training"),
        ("[" * 100_000, "not a readable YAML file"),
    ],
)
def test_what_is_no_setting_is_refused_before_anything_is_made_of_it(planted, monkeypatch, text, reason):
    monkeypatch.chdir(planted)
    (planted / "other.yaml").write_text("training: {epochs: 3}\n")
    (planted / "config.yaml").write_text(text)
    with pytest.raises(ConfigError, match=reason):
        load_config(planted / "config.yaml")


@pytest.mark.parametrize(
    "values",
    [
        {"data": {"class_path": "planted_module.Settings"}},
        {"data": "planted_module.Settings"},
        {"loss": [{"class_path": "planted_module.Settings"}]},
    ],
)
def test_neither_does_a_checkpoint_name_code(planted, values):
    with pytest.raises(ConfigError, match="is no setting|must be a mapping"):
        from_dict(values)


def test_nor_a_comparison(planted):
    (planted / "compare.yaml").write_text("variants: {a: {data.class_path: planted_module.Settings}}")
    with pytest.raises(ConfigError, match="'data.class_path' is no setting in variants.a"):
        load_config(planted / "compare.yaml", CompareConfig)
    (planted / "compare.yaml").write_text("search: planted_module.Settings")
    with pytest.raises(ConfigError, match="search must be a mapping of learning_rates"):
        load_config(planted / "compare.yaml", CompareConfig)


def test_settings_are_read_as_before(tmp_path):
    config = RunConfig(out="runs/x")
    save_config(config, tmp_path / "config.yaml")
    assert load_config(tmp_path / "config.yaml") == config
    (tmp_path / "config.yaml").write_text("# nothing yet")
    with pytest.raises(ConfigError, match="settings must be a mapping of out, data, .*; got None"):
        load_config(tmp_path / "config.yaml")
