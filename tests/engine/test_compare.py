import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from csi2pc.cli import main
from csi2pc.config import load_config, save_config
from csi2pc.engine import compare as module
from csi2pc.engine import compare_ahead, evaluate, learning_rates
from csi2pc.engine.compare import compare
from csi2pc.engine.compare_config import CompareConfig, SearchConfig
from csi2pc.engine.comparison_folder import ComparisonFolder, read_rows_of
from csi2pc.engine.jobs import Outcome
from csi2pc.engine.probe import DoesNotFitError
from csi2pc.engine.run_folder import RunFolder, read_metrics
from csi2pc.errors import ConfigError, DataError, Interrupted
from csi2pc.evaluation.comparison import read_comparison
from csi2pc.evaluation.rows import read_rows, write_rows


class InThisProcess:
    """Stands in for processes, whose start costs more than these runs; keeps what was run."""

    def __init__(self):
        self.ran = []

    def __call__(self, jobs, *, workers, environments, description):
        assert len(environments) == workers
        for job in jobs:
            self.ran.append(job.name)
            code = next((code for command in job.commands if (code := main(command[3:]))), 0)
            yield Outcome(job, 1.0, f"exit status {code}" if code else "", code)


@pytest.fixture
def here(monkeypatch):
    runner = InThisProcess()
    monkeypatch.setattr(module, "run_jobs", runner)
    monkeypatch.setattr(learning_rates, "run_jobs", runner)
    monkeypatch.setattr(evaluate, "draw", lambda folder: None)  # figures take longer than all the rest
    return runner


@pytest.fixture(scope="session")
def base(settings, tmp_path_factory):
    folder = tmp_path_factory.mktemp("comparison")
    save_config(replace(settings, training=replace(settings.training, epochs=2)), folder / "base.yaml")
    return folder


@pytest.fixture
def config(tmp_path):
    return CompareConfig(
        out=str(tmp_path / "out"),
        base="base.yaml",
        variants={"l1": {"loss": [{"name": "chamfer_l1"}]}, "l2": {"loss": [{"name": "chamfer_l2"}]}},
        seeds=[0, 1],
        resamples=1000,
    )


def test_every_variant_and_seed_is_trained_scored_and_compared_and_a_second_time_nothing_is_run(here, config, base):
    summary = compare(config, base)
    out = ComparisonFolder(Path(config.out))
    assert here.ran == ["data/l1/seed0", "data/l2/seed0", "data/l1/seed1", "data/l2/seed1"]
    assert (summary.variants, summary.seeds, summary.reference) == (("l1", "l2"), (0, 1), "l1")
    assert read_comparison(out.summary) == summary
    states = read_rows_of(out.runs)
    assert [row["state"] for row in states] == ["done"] * 4 and all(row["seconds"] > 0 for row in states)
    for row in states:
        run = RunFolder(out.path / row["path"])
        means = read_rows(run.evaluation / "frames.csv").column("model", "chamfer_l1").mean()
        position = summary.seeds.index(row["seed"])
        assert summary.score("data", row["variant"], "chamfer_l1").seeds[position] == pytest.approx(means)
    assert len(list(out.blind.iterdir())) == 1  # scored once for all four

    here.ran.clear()
    assert compare(config, base) == summary
    assert here.ran == []
    assert compare(replace(config, reference="l2"), base).reference == "l2"
    assert compare(load_config(out.config, CompareConfig), out.path).reference == "l2"  # the folder's own record
    assert here.ran == []


def test_the_search_chooses_on_validation_and_every_run_takes_its_rate(here, config, base):
    config = replace(config, seeds=[0], search=SearchConfig([1e-4, 3e-3], epochs=1))
    compare(config, base)
    out = ComparisonFolder(Path(config.out))
    rows = read_rows_of(out.learning_rates)
    assert len(rows) == 4
    for variant in ("l1", "l2"):
        tried = [row for row in rows if row["variant"] == variant]
        chosen = min(tried, key=lambda row: row["validation"])
        assert [row["chosen"] for row in tried] == [row is chosen for row in tried]
        run = load_config(out.path / "runs" / "data" / variant / "seed0.yaml")
        assert run.optimiser.learning_rate == chosen["learning_rate"]
        searched = read_metrics(RunFolder(out.path / "search" / "data" / variant / f"{chosen['learning_rate']:g}"))
        assert min(row["validation/chamfer_l1"] for row in searched) == chosen["validation"]


def test_a_variant_that_fails_is_reported_and_the_others_are_compared(here, config, base):
    broken = {"loss": [{"name": "chamfer_l1", "weight": 1e38}]}
    config = replace(config, variants={**config.variants, "broken": broken}, seeds=[0])
    summary = compare(config, base)
    assert (summary.done, summary.planned) == (2, 3)
    state = read_rows_of(ComparisonFolder(Path(config.out)).runs)[-1]
    assert (state["variant"], state["state"]) == ("broken", "failed") and "exit status" in state["reason"]


def test_a_variant_that_does_not_fit_into_the_memory_of_the_gpu_is_left_to_its_own_runs(
    here, config, base, monkeypatch, capfd
):
    def predicted(config, splits):
        if config.loss[0].name == "chamfer_l2":
            raise DoesNotFitError("a step of the run must fit")
        return predict_cost(config, splits)

    predict_cost = compare_ahead.predict_cost
    monkeypatch.setattr(compare_ahead, "predict_cost", predicted)
    summary = compare(replace(config, seeds=[0]), base)
    printed = capfd.readouterr().err
    assert "l2, each run: not predicted: a step of the run must fit" in printed
    assert "without data/l2, not predicted" in printed
    assert (summary.done, summary.planned) == (2, 2)


def test_a_budget_in_seconds_becomes_the_epochs_that_fit(here, config, base):
    config = replace(config, seeds=[0], budget="seconds", seconds=1e-6, search=SearchConfig([], epochs=1))
    compare(config, base)
    out = ComparisonFolder(Path(config.out))
    assert [row["epochs"] for row in read_rows_of(out.runs)] == [1, 1]
    assert all(row["seconds_per_epoch"] > 0 and not row["chosen"] for row in read_rows_of(out.learning_rates))


def test_changed_settings_are_refused_and_added_variants_are_not(here, config, base, tmp_path):
    config = replace(config, seeds=[0])
    compare(config, base)
    with pytest.raises(ConfigError, match="goes on with the settings that it was started with.*search"):
        compare(replace(config, search=SearchConfig([1e-3])), base)
    changed = {**config.variants, "l2": {"loss": [{"name": "hyper_cd"}]}}
    with pytest.raises(ConfigError, match="l2/seed0 was started with other settings: loss"):
        compare(replace(config, variants=changed), base)
    here.ran.clear()
    summary = compare(replace(config, variants={**config.variants, "hyper": {"loss": [{"name": "hyper_cd"}]}}), base)
    assert here.ran == ["data/hyper/seed0"] and summary.done == 3


def test_variants_that_would_be_tested_on_other_targets_are_refused_before_they_train(here, config, base):
    variants = {**config.variants, "thin": {"data.target.max_points": 20}}
    with pytest.raises(DataError, match="data/thin/seed0 and data/l1/seed0 have different test targets"):
        compare(replace(config, variants=variants), base)
    assert here.ran == []


def test_rows_of_other_frames_are_refused_afterwards_too(here, config, base):
    config = replace(config, seeds=[0])
    compare(config, base)
    evaluation = RunFolder(ComparisonFolder(Path(config.out)).path / "runs" / "data" / "l2" / "seed0").evaluation
    rows = read_rows(evaluation / "frames.csv")
    write_rows(evaluation / "frames.csv", rows.take(np.arange(4)))
    with pytest.raises(DataError, match="scored different ones"):
        compare(config, base)
    about = json.loads((evaluation / "data.json").read_text())
    (evaluation / "data.json").write_text(json.dumps({**about, "targets": "0" * 16}))
    with pytest.raises(DataError, match="have different test targets"):
        compare(config, base)
    (evaluation / "data.json").write_text(json.dumps({"step": about["step"]}))
    with pytest.raises(DataError, match="must say which targets it was scored against"):
        compare(config, base)


def test_seeds_of_one_variant_must_have_seen_the_same_csi(here, config, base):
    config = replace(config, variants={"l1": {}})
    compare(config, base)
    about = ComparisonFolder(Path(config.out)).path / "runs" / "data" / "l1" / "seed1" / "evaluation" / "data.json"
    about.write_text(json.dumps({**json.loads(about.read_text()), "csi": "0" * 16}))
    with pytest.raises(DataError, match="data/l1/seed1 and data/l1/seed0 have different CSI"):
        compare(config, base)


def test_a_copy_among_the_test_frames_is_refused_before_anything_is_trained(here, config, settings, tree, tmp_path):
    root = tmp_path / "leaking"
    shutil.copytree(tree, root)
    shutil.rmtree(root / "E01" / "S05" / "A13")
    shutil.copytree(root / "E01" / "S01" / "A13", root / "E01" / "S05" / "A13")
    save_config(replace(settings, data=replace(settings.data, root=str(root))), tmp_path / "base.yaml")
    with pytest.raises(DataError, match="no test frame may be a copy"):
        compare(config, tmp_path)
    assert here.ran == []


def test_a_refused_change_leaves_the_record_of_what_was_run(here, config, base):
    config = replace(config, seeds=[0], variants={"l1": {}})
    compare(config, base)
    written = ComparisonFolder(Path(config.out)).config.read_text()
    with pytest.raises(ConfigError, match="started with other settings: model.width"):
        compare(replace(config, variants={"l1": {"model.width": 32}}), base)
    assert ComparisonFolder(Path(config.out)).config.read_text() == written


def test_a_folder_that_holds_something_else_is_refused(here, config, base, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("precious")
    with pytest.raises(ConfigError, match="new or empty folder"):
        compare(config, base)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["thesis.txt"]


def test_an_out_that_is_a_file_or_in_one_is_refused(here, config, base, tmp_path):
    (tmp_path / "out").write_text("precious")
    with pytest.raises(ConfigError, match="new or empty folder"):
        compare(config, base)
    with pytest.raises(ConfigError, match="must be a file that can be written"):
        compare(replace(config, out=str(tmp_path / "out" / "deeper")), base)


def test_a_second_comparison_in_the_folder_is_refused_while_one_is_at_work(here, config, base, monkeypatch):
    looked = []

    def look_ahead(out, runs, *, by):
        looked.append(runs[0].seed)
        if len(looked) == 1:
            with pytest.raises(ConfigError, match=f"another csi2pc compare is at work in {out.path}: wait"):
                compare(replace(config, seeds=[7]), base)
            assert load_config(out.config, CompareConfig).seeds == config.seeds
        raise Interrupted("asked to stop")

    monkeypatch.setattr(module, "look_ahead", look_ahead)
    for seeds in (config.seeds, [5]):  # the second time: what was interrupted has let go of the folder
        with pytest.raises(Interrupted):
            compare(replace(config, seeds=seeds), base)
    assert looked == [0, 5] and here.ran == []


def test_a_folder_with_nothing_but_the_lock_of_one_that_was_killed_is_empty(here, config, base, monkeypatch):
    def look_ahead(out, runs, *, by):
        raise Interrupted("far enough")

    monkeypatch.setattr(module, "look_ahead", look_ahead)
    out = Path(config.out)
    out.mkdir()
    for _ in range(2):
        with pytest.raises(Interrupted):
            compare(config, base)
        (out / "compare.yaml").unlink()
        (out / "base.yaml").unlink()
    assert list(out.iterdir()) == [ComparisonFolder(out).lock]


def test_the_command_starts_processes_and_prints_the_conclusions(config, base, tmp_path, capfd):
    shutil.copy(base / "base.yaml", tmp_path / "base.yaml")
    save_config(replace(config, variants={"l1": {}}, seeds=[0]), tmp_path / "compare.yaml")
    assert main(["compare", "--config", str(tmp_path / "compare.yaml")]) == 0
    printed = capfd.readouterr().err
    assert "predicted for all" in printed and "comparing: 1/1, data/l1/seed0 done" in printed
    assert "trained with 1 seed only" in printed
    assert "data set data: as the base" in printed
    assert main(["compare", "--config", str(tmp_path / "compare.yaml"), "--seeds", "[]"]) == 1
    assert "a comparison needs seeds" in capfd.readouterr().err
