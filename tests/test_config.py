from dataclasses import replace

import pytest
import yaml

from csi2pc.config import (
    OptimiserConfig,
    RunConfig,
    TrainingConfig,
    differences,
    from_dict,
    load_config,
    parse,
    parser_for,
    save_config,
    to_dict,
)
from csi2pc.csi.prepare import PrepareConfig
from csi2pc.errors import ConfigError
from csi2pc.models.csi2pc import CSI2PCConfig


def command_line(*arguments):
    return parse(parser_for(RunConfig, description=""), RunConfig, arguments)[0]


def written(tmp_path, text):
    path = tmp_path / "config.yaml"
    path.write_text(text)
    return path


def test_code_yaml_and_command_line_say_the_same(tmp_path):
    in_code = RunConfig(out="runs/x", model=CSI2PCConfig(width=64, points=32), training=TrainingConfig(epochs=3))
    in_yaml = load_config(
        written(tmp_path, "out: runs/x\nmodel: {width: 64, points: 32}\ntraining: {epochs: 3}\n")
    )
    on_the_line = command_line("--out", "runs/x", "--model.width=64", "--model.points=32", "--training.epochs", "3")
    assert in_code == in_yaml == on_the_line


def test_the_command_line_overrides_the_file(tmp_path):
    path = written(tmp_path, "training: {epochs: 3, batch_size: 8}\n")
    config = command_line("--config", str(path), "--training.epochs=5")
    assert (config.training.epochs, config.training.batch_size) == (5, 8)


def test_a_saved_configuration_reads_back_equal(tmp_path):
    config = command_line(
        "--out=runs/x",
        "--loss=[{name: apml, options: {variant: official}}, {name: chamfer_l1, weight: 0.5}]",
        "--prepare.subcarriers=[-3, 1, 2]",
        "--model.subcarriers=3",
        "--data.target.sensors=[depth, lidar]",
    )
    save_config(config, tmp_path / "saved.yaml")
    assert load_config(tmp_path / "saved.yaml") == config
    assert from_dict(to_dict(config)) == config
    assert from_dict(yaml.safe_load((tmp_path / "saved.yaml").read_text())) == config


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model: {wdth: 64}", "wdth.*did you mean 'model.width'"),
        ("modle: {width: 64}", "modle.*did you mean 'model.width'"),
        ("training: {epochs: many}", "training.epochs.*int.*many"),
        ("prepare: {phase: sideways}", "sideways"),
        ("loss: [{nam: apml}]", "nam"),
        ("loss: []", "at least one term"),
        ("model: {width: 64", "parsing"),
        ("model: {window: 7}", r"model.window must equal the prepare.window; got 7 and 10. Set model.window: 10"),
        ("model: {channels: 2}", "channels of 'log_amplitude_sin_cos'; got 2 and 3"),
        ("prepare: {subcarriers: [1, 2]}", "model.subcarriers must equal.*got 114 and 2"),
        ("model: {heads: 7}", "heads must divide"),
        ("training: {batch_size: 0}", "batch_size must be at least 1; got 0"),
        ("optimiser: {learning_rate: -1}", "learning_rate must be positive"),
        ("optimiser: {learning_rate: .inf}", "learning_rate must be finite"),
        ("training: {select_by: luck}", "luck"),
    ],
)
def test_what_cannot_be_meant_stops_with_rule_value_and_fix(tmp_path, text, message):
    with pytest.raises(ConfigError, match=message):
        load_config(written(tmp_path, text))


def test_an_unknown_option_names_its_nearest_neighbour():
    with pytest.raises(ConfigError, match="did you mean 'model.heads'"):
        command_line("--model.hads", "3")


def test_a_missing_file_is_named():
    with pytest.raises(ConfigError, match="nowhere.yaml"):
        load_config("nowhere.yaml")


@pytest.mark.parametrize(
    "build",
    [
        lambda: OptimiserConfig(clip_norm=0),
        lambda: OptimiserConfig(warmup_steps=-1),
        lambda: TrainingConfig(epochs=0),
        lambda: TrainingConfig(workers=-1),
        lambda: TrainingConfig(seed=-1),
        lambda: RunConfig(loss=[]),
    ],
)
def test_impossible_values_are_refused_in_code_too(build):
    with pytest.raises(ConfigError, match="must"):
        build()


def test_differences_name_each_setting():
    old = RunConfig()
    new = replace(old, model=replace(old.model, width=64), out="elsewhere")
    assert differences(old, new) == ["out: '' -> 'elsewhere'", "model.width: 256 -> 64"]
    assert differences(old, old) == []


def test_a_reference_antenna_is_one_link_less():
    prepare = PrepareConfig(phase="antenna_ratio")
    assert RunConfig(prepare=prepare, model=CSI2PCConfig(links=2)).model.links == 2
    with pytest.raises(ConfigError, match="antennas of MM-Fi but the reference of antenna_ratio; got 3 and 2"):
        RunConfig(prepare=prepare)
