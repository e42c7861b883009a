import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from csi2pc.checkpoint import load_checkpoint
from csi2pc.config import load_config, save_config
from csi2pc.data.atomic import replacing
from csi2pc.engine import train as module
from csi2pc.engine.run_folder import RunFolder, read_metrics
from csi2pc.engine.train import train
from csi2pc.errors import CheckpointError, ConfigError, DataError, Interrupted, TrainingError
from csi2pc.losses.criterion import Criterion, TermConfig
from csi2pc.models.csi2pc import CSI2PC


def weights(path):
    return load_checkpoint(path).model.state_dict()


def same(first, second, tolerance=0.0):
    return all((first[name].double() - second[name].double()).abs().max() <= tolerance for name in first)


def without_times(run):
    return [{k: v for k, v in row.items() if k != "seconds"} for row in read_metrics(run)]


class StopAfter:
    """Stands in for the handler of signals: asks to stop after a number of steps."""

    steps = 0

    def __init__(self):
        self.left = self.steps

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    @property
    def asked(self):
        self.left -= 1
        return self.left <= 0


def test_a_run_folder_holds_everything(finished, settings):
    assert {p.name for p in finished.path.iterdir()} >= {
        "config.yaml", "metrics.jsonl", "data.json", "environment.json", "checkpoints",
    }  # fmt: skip
    rows = read_metrics(finished)
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    assert {"train/chamfer_l1", "train/total", "validation/chamfer_l1", "validation/total"} <= set(rows[0])
    assert rows[-1]["train/chamfer_l1"] < rows[0]["train/chamfer_l1"]
    saved = load_config(finished.config)
    assert saved == replace(settings, out=str(finished.path))
    data = json.loads(finished.data.read_text())
    assert data["read"] == 40 and data["skipped"] == []


def test_the_best_checkpoint_is_the_one_with_the_lowest_validation_metric(finished):
    values = [row["validation/chamfer_l1"] for row in read_metrics(finished)]
    progress = load_checkpoint(finished.best).progress
    assert progress["best"] == min(values)
    assert progress["best_step"] == read_metrics(finished)[values.index(min(values))]["step"]


def test_the_same_seed_gives_the_same_weights_and_another_one_does_not(finished, config, tmp_path, with_training):
    again = train(replace(config, out=str(tmp_path / "again")))
    assert same(weights(finished.last), weights(again.last))
    other = train(with_training(replace(config, out=str(tmp_path / "other")), seed=1))
    assert not same(weights(finished.last), weights(other.last), tolerance=1e-3)


@pytest.mark.parametrize("steps", [1, 5, 8])
def test_a_stopped_run_resumes_to_the_same_weights(finished, config, tmp_path, monkeypatch, steps):
    stopped = replace(config, out=str(tmp_path / "stopped"))
    monkeypatch.setattr(StopAfter, "steps", steps)
    with monkeypatch.context() as patch:
        patch.setattr(module, "StopRequest", StopAfter)
        with pytest.raises(Interrupted, match=rf"interrupted after step {steps} of .*--resume"):
            train(stopped)
    run = train(stopped, resume=True)
    assert same(weights(finished.last), weights(run.last))
    assert same(weights(finished.best), weights(run.best))
    assert without_times(finished) == without_times(run)


def test_a_killed_process_resumes_to_the_same_weights(finished, config, tmp_path, with_training):
    """Killed without any warning at a moment that nobody chose, after the first checkpoint."""
    killed = with_training(replace(config, out=str(tmp_path / "killed")), save_every=1)
    save_config(killed, tmp_path / "killed.yaml")
    command = [sys.executable, "-m", "csi2pc", "train", "--config", str(tmp_path / "killed.yaml")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    last = RunFolder(Path(killed.out)).last
    deadline = time.monotonic() + 120
    while not last.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert last.exists()
    run = train(killed, resume=True)
    assert same(weights(finished.last), weights(run.last), tolerance=1e-6)
    assert [row["step"] for row in read_metrics(run)] == [row["step"] for row in read_metrics(finished)]
    assert sorted(os.listdir(last.parent)) == ["best.safetensors", "last.safetensors"]


def test_resuming_a_finished_run_changes_nothing(config):
    whole = train(config)
    before = weights(whole.last)
    assert same(before, weights(train(config, resume=True).last))
    assert len(read_metrics(whole)) == config.training.epochs


def test_all_subcarriers_of_the_data_are_written_out_and_still_the_same_run(config, with_training):
    every = replace(
        config, prepare=replace(config.prepare, subcarriers=None), model=replace(config.model, subcarriers=114)
    )
    run = train(with_training(every, epochs=1))
    assert len(load_config(run.config).prepare.subcarriers) == 114
    assert train(with_training(every, epochs=1), resume=True) == run


def test_resuming_where_nothing_was_saved_starts(config):
    assert train(config, resume=True).last.exists()


def test_a_run_is_neither_overwritten_nor_mixed_up(finished, settings, config, with_training, tmp_path):
    held = replace(settings, out=str(finished.path))
    with pytest.raises(ConfigError, match="holds a run already.*--resume"):
        train(held)
    with pytest.raises(ConfigError, match=r"training.batch_size: 7 -> 5"):
        train(with_training(held, batch_size=5), resume=True)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").write_text("precious")
    with pytest.raises(ConfigError, match="holds something else"):
        train(replace(config, out=str(tmp_path / "other")))
    with pytest.raises(ConfigError, match="out must name the run folder"):
        train(replace(config, out=""))


def test_what_a_kill_left_half_written_is_no_other_run(config):
    """A kill in the middle of writing the very first file leaves its temporary name."""
    run = RunFolder(Path(config.out))
    with pytest.raises(KeyboardInterrupt), replacing(run.config) as temporary:
        temporary.write_text("out: ")
        half_written = run.path / temporary.name
        copy = half_written.read_text()
        raise KeyboardInterrupt
    half_written.write_text(copy)
    assert train(config).last.exists() and not half_written.exists()


def test_other_frames_than_the_run_was_started_with_are_refused(config, tree, tmp_path, monkeypatch):
    root = tmp_path / "data"
    shutil.copytree(tree, root)
    here = replace(config, data=replace(config.data, root=str(root)))
    monkeypatch.setattr(StopAfter, "steps", 1)
    with monkeypatch.context() as patch:
        patch.setattr(module, "StopRequest", StopAfter)
        with pytest.raises(Interrupted):
            train(here)
    removed = root / "E01/S01/A02/wifi-csi/frame002.mat"
    kept = removed.read_bytes()
    removed.unlink()
    with pytest.raises(ConfigError, match="resumed on the frames that it was started with"):
        train(here, resume=True)
    removed.write_bytes(kept)
    assert train(here, resume=True).last.exists()


def test_a_machine_that_is_not_there_is_refused(config, with_training):
    if not torch.cuda.is_available():
        with pytest.raises(ConfigError, match="accelerator cuda"):
            train(with_training(config, accelerator="cuda"))
    with pytest.raises(ConfigError, match="accelerator banana"):
        train(with_training(config, accelerator="banana"))


def test_processes_that_do_not_know_of_each_other_are_refused(config, monkeypatch):
    """torchrun --nproc_per_node 2 with training.devices: 1 would train twice into one folder."""
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ConfigError, match="got 1 and 2 processes started. Set training.devices"):
        train(config)


def test_a_loss_that_is_not_finite_stops_the_run_and_names_term_and_frames(config, monkeypatch):
    real = Criterion.forward

    def broken(self, pred, target, *masks):
        terms = real(self, pred, target, *masks)
        terms["chamfer_l1"] = terms["chamfer_l1"] * torch.tensor([1.0, float("nan")] + [1.0] * (len(pred) - 2))
        return terms

    monkeypatch.setattr(Criterion, "forward", broken)
    expected = r"at step 0 'chamfer_l1', nan \(1 of 7 frames: E01/S0\d/A\d\d#\d\), is not"
    with pytest.raises(TrainingError, match=expected):
        train(config)


def test_points_that_are_not_finite_stop_the_run_too(config, monkeypatch):
    real = CSI2PC.forward

    def broken(self, features, valid=None):
        return {"points": real(self, features, valid)["points"] * float("inf")}

    monkeypatch.setattr(CSI2PC, "forward", broken)
    with pytest.raises(TrainingError, match=r"at step 0 'points of the model' \(7 of 7 frames: E01/.*, E01/"):
        train(config)


def test_a_gradient_that_is_not_finite_changes_no_weight(config, monkeypatch, with_training):
    """The loss is finite and its gradient is not, as at the tip of a square root."""
    real = Criterion.forward

    def broken(self, pred, target, *masks):
        terms = real(self, pred, target, *masks)
        tip = (pred - pred.detach()).square().sum(dim=(1, 2)).sqrt()
        return {name: value + tip for name, value in terms.items()}

    train(with_training(config, epochs=1))
    before = weights(RunFolder(Path(config.out)).last)
    monkeypatch.setattr(Criterion, "forward", broken)
    with pytest.raises(ConfigError, match="training.epochs: 1 -> 3"):
        train(config, resume=True)
    save_config(config, RunFolder(Path(config.out)).config)
    with pytest.raises(TrainingError, match=r"the gradient \(frames E01/S0\d.*\) is not"):
        train(config, resume=True)
    assert same(before, weights(RunFolder(Path(config.out)).last))


def test_a_validation_metric_that_is_not_finite_stops_the_run(config, monkeypatch):
    def infinite(pred, *rest):
        return pred.sum(dim=(1, 2)) * float("inf")

    monkeypatch.setitem(module.LOSSES, "chamfer_l1", infinite)
    with pytest.raises(TrainingError, match="'chamfer_l1' on the validation part is not"):
        train(replace(config, loss=[TermConfig("chamfer_l2")]))


def test_several_terms_are_logged_unweighted_and_weighed_in_the_total(config):
    run = train(replace(config, loss=[TermConfig("chamfer_l1", weight=2.0), TermConfig("apml", weight=0.5)]))
    for row in read_metrics(run):
        for part in ("train", "validation"):
            expected = 2 * row[f"{part}/chamfer_l1"] + 0.5 * row[f"{part}/apml"]
            assert row[f"{part}/total"] == pytest.approx(expected, rel=1e-5)


def test_settings_that_do_not_fit_the_data_are_refused(config):
    with pytest.raises(ConfigError, match="model.links must equal the receive antennas of MM-Fi; got 2 and 3"):
        train(replace(config, model=replace(config.model, links=2)))
    with pytest.raises(ConfigError, match="model.subcarriers must equal.*got 8 and 114"):
        train(replace(config, prepare=replace(config.prepare, subcarriers=None)))
    with pytest.raises(DataError, match="does not exist"):
        train(replace(config, data=replace(config.data, root="nowhere")))


def test_a_full_disk_stops_the_run_and_keeps_what_was_saved(config, monkeypatch):
    real, calls = module.save_checkpoint, []

    def full(path, checkpoint):
        calls.append(path)
        if len(calls) > 2:
            raise CheckpointError(f"could not save checkpoint {path}: No space left on device")
        real(path, checkpoint)

    monkeypatch.setattr(module, "save_checkpoint", full)
    with pytest.raises(CheckpointError, match="No space left"):
        train(config)
    assert load_checkpoint(RunFolder(Path(config.out)).last).progress["step"] > 0


def test_without_a_validation_part_the_last_checkpoint_is_all_there_is(config):
    run = train(replace(config, data=replace(config.data, validation_share=0.0)))
    assert run.last.exists() and not run.best.exists()
    assert "validation/total" not in read_metrics(run)[0]


def test_two_processes_compute_what_one_does(config, tmp_path, with_training, project_root):
    """At the same global batch, whose size two does not divide, and without dropout."""
    single = replace(config, model=replace(config.model, dropout=0.0))
    one = train(single)
    two = with_training(replace(single, out=str(tmp_path / "two")), devices=2)
    save_config(two, tmp_path / "two.yaml")
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2", "--master_port=0", "--standalone"]
    command += [str(project_root / "train.py"), "--config", str(tmp_path / "two.yaml")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(project_root)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    run = RunFolder(Path(two.out))
    assert same(weights(one.last), weights(run.last), tolerance=1e-5)
    for ours, theirs in zip(read_metrics(one), read_metrics(run), strict=True):
        for key in ("train/total", "validation/chamfer_l1"):
            assert ours[key] == pytest.approx(theirs[key], abs=1e-5)
