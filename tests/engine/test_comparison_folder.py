import shutil
from dataclasses import replace

import pytest

from csi2pc.checkpoint import checkpoint_step, load_checkpoint, save_checkpoint
from csi2pc.engine.compare_config import PlannedRun
from csi2pc.engine.comparison_folder import (
    ComparisonFolder,
    digests_of,
    how_far,
    is_done,
    is_trained,
    read_rows_of,
    seconds_of,
    state_rows,
    write_rows_of,
)
from csi2pc.engine.run_folder import RunFolder
from csi2pc.engine.run_record import evaluated_before, read_run
from csi2pc.errors import CheckpointError, DataError
from csi2pc.evaluation.strict_json import write_json


def test_trained_is_not_yet_done(finished, settings, tmp_path):
    run, none = RunFolder(tmp_path / "run"), RunFolder(tmp_path / "none")
    shutil.copytree(finished.path, run.path, ignore=shutil.ignore_patterns("evaluation*"))
    assert is_trained(run) and not is_done(run) and how_far(run) == "epoch 3/3"
    assert seconds_of(run) > 0
    assert (is_trained(none), how_far(none), seconds_of(none)) == (False, "not begun", None)
    with pytest.raises(DataError, match="which targets it was scored against"):
        digests_of(run)


def test_an_evaluation_from_before_training_went_on_does_not_count(finished, tmp_path):
    run = RunFolder(tmp_path / "run")
    shutil.copytree(finished.path, run.path, ignore=shutil.ignore_patterns("evaluation*"))
    step = checkpoint_step(run.best)
    for scored, counts in ((step, True), (step - 1, False), (None, False)):
        write_json(run.evaluation / "data.json", {"step": scored})
        assert is_done(run) is counts
    record = read_run(run.path)
    assert evaluated_before(replace(record, evaluation=run.evaluation)) == (
        f"the scores are of step null, the weights of {step}"
    )


def test_metrics_of_the_last_epoch_without_its_checkpoint_are_not_the_end(finished, tmp_path):
    """A kill between the two leaves this behind."""
    run = RunFolder(tmp_path / "run")
    shutil.copytree(finished.path, run.path)
    checkpoint = load_checkpoint(run.last)
    assert checkpoint_step(run.last) == checkpoint.progress["step"]
    checkpoint.progress["step"] -= 1
    save_checkpoint(run.last, checkpoint)
    assert not is_trained(run)
    run.last.unlink()
    assert checkpoint_step(run.last) is None and not is_trained(run)
    run.last.write_bytes(b"half of it")
    with pytest.raises(CheckpointError, match="may be truncated"):
        is_trained(run)


def test_states_say_what_is_missing_and_why(settings, tmp_path):
    runs = [PlannedRun("data", variant, 0, settings) for variant in ("a", "b")]
    rows = state_rows(ComparisonFolder(tmp_path), runs, {"data/b/seed0": "it died"})
    assert [(row["state"], row["reason"]) for row in rows] == [("missing", "not begun"), ("failed", "it died")]
    assert rows[0]["path"] == "runs/data/a/seed0"
    write_rows_of(tmp_path / "runs.json", rows)
    assert read_rows_of(tmp_path / "runs.json") == rows


@pytest.mark.parametrize("text", ["", "[]", '{"rows": 1}', '{"rows": [1]}', '{"rows": [{"a": NaN}]}', "[" * 100_000])
def test_rows_that_are_none_are_refused(text, tmp_path):
    (tmp_path / "runs.json").write_text(text)
    with pytest.raises(DataError, match="a comparison's rows must be a file saved by csi2pc compare"):
        read_rows_of(tmp_path / "runs.json")
