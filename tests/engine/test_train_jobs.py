from dataclasses import replace

import pytest

from csi2pc.config import load_config
from csi2pc.engine.run_folder import RunFolder
from csi2pc.engine.train_jobs import log_of, progress_of, refuse_changed_plan, train_command, write_plan
from csi2pc.errors import ConfigError


def test_the_plan_lies_beside_the_folder_and_names_it(settings, tmp_path):
    run = RunFolder(tmp_path / "v1.5")
    file = write_plan(run, settings)
    assert file == tmp_path / "v1.5.yaml" and log_of(run) == tmp_path / "v1.5.log"
    assert load_config(file) == replace(settings, out=str(run.path))
    assert train_command(file)[-3:] == ["--resume", "--config", str(file)]


def test_a_run_that_was_started_keeps_its_settings(settings, tmp_path):
    run = RunFolder(tmp_path / "run")
    write_plan(run, settings)
    other = replace(settings, optimiser=replace(settings.optimiser, learning_rate=1.0))
    write_plan(run, other)  # nothing was started yet
    run.path.mkdir()
    write_plan(run, replace(other, training=replace(other.training, save_every=9)))  # free to change
    with pytest.raises(ConfigError, match="was started with other settings: optimiser.learning_rate: 1.0 -> 0.003"):
        write_plan(run, settings)
    refuse_changed_plan(run, settings, also_free=["optimiser.learning_rate"])
    thinner = replace(other, evaluation=replace(other.evaluation, every=2))
    with pytest.raises(ConfigError, match="evaluation.every: 1 -> 2"):  # runs that are compared are scored alike
        write_plan(run, thinner)


def test_progress_is_told_in_epochs(finished, settings):
    assert progress_of(finished)() == "epoch 3/3"
