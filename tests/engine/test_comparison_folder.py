import shutil
from dataclasses import replace

import pytest

from csi2pc.engine.compare_config import PlannedRun
from csi2pc.engine.comparison_folder import (
    ComparisonFolder,
    how_far,
    is_done,
    is_trained,
    read_rows_of,
    seconds_of,
    state_rows,
    targets_of,
    write_rows_of,
)
from csi2pc.engine.run_folder import RunFolder
from csi2pc.errors import DataError


def test_trained_is_not_yet_done(finished, settings, tmp_path):
    run = RunFolder(tmp_path / "run")
    shutil.copytree(finished.path, run.path, ignore=shutil.ignore_patterns("evaluation*"))
    assert is_trained(run, settings) and not is_done(run, settings)
    longer = replace(settings, training=replace(settings.training, epochs=9))
    assert not is_trained(run, longer) and how_far(run, longer) == "epoch 3/9"
    assert seconds_of(run) > 0
    assert seconds_of(RunFolder(tmp_path / "none")) is None
    with pytest.raises(DataError, match="which targets it was scored against"):
        targets_of(run)


def test_states_say_what_is_missing_and_why(settings, tmp_path):
    runs = [PlannedRun("data", variant, 0, settings) for variant in ("a", "b")]
    rows = state_rows(ComparisonFolder(tmp_path), runs, {"data/b/seed0": "it died"})
    assert [(row["state"], row["reason"]) for row in rows] == [("missing", "epoch 0/3"), ("failed", "it died")]
    assert rows[0]["path"] == "runs/data/a/seed0"
    write_rows_of(tmp_path / "runs.json", rows)
    assert read_rows_of(tmp_path / "runs.json") == rows


@pytest.mark.parametrize("text", ["", "[]", '{"rows": 1}', '{"rows": [1]}'])
def test_rows_that_are_none_are_refused(text, tmp_path):
    (tmp_path / "runs.json").write_text(text)
    with pytest.raises(DataError, match="a comparison's rows must be a file saved by csi2pc compare"):
        read_rows_of(tmp_path / "runs.json")
