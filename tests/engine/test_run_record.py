"""The report of a run says first what it is, and shows what its files hold and nothing else."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from report_case import HOSTILE, make_evaluation, make_run

from csi2pc.engine.run_record import duration, provenance, read_evaluated, read_run, report_run
from csi2pc.errors import DataError
from csi2pc.evaluation.statistics import read_summary
from csi2pc.evaluation.summary import words
from csi2pc.evaluation.tables import escaped


def banners(folder):
    return " ".join(text for _, text in report_run(folder)[0].banners)


def test_a_whole_run_has_no_banner_and_shows_words_tables_and_figures(tmp_path, rng):
    folder = make_run(tmp_path / "run", rng)
    page, figures = report_run(folder)
    text = page.html()
    assert page.banners == [] and list(figures) == ["frames"]
    for sentence in words(read_summary(folder / "evaluation" / "summary.json")):
        assert escaped(sentence) in text
    assert [table.name for table in page.tables] == ["scores", "by-action", "by-subject", "by-distance"]
    names = [chart.name for chart in page.charts]
    assert {"skill", "distribution-emd", "by-action", "learning-total", "learning-chamfer_l1"} <= set(names)
    assert text.count("<canvas") == 9
    assert HOSTILE not in text and escaped(HOSTILE) in text


def test_missing_values_are_counted_and_shown(tmp_path, rng):
    page, _ = report_run(make_run(tmp_path / "run", rng))
    assert "(2 missing)" in page.tables[0].as_html()
    assert "model (2 without a value)" in page.html()
    assert "model has no value on 2 of 24 frames" in page.html()


def test_an_unfinished_run_says_so(tmp_path, rng):
    assert "Unfinished: epoch 2 of 3" in banners(make_run(tmp_path / "a", rng, done=2))
    folder = make_run(tmp_path / "b", rng, done=0, evaluated=False)
    assert "not one of 3 epochs" in banners(folder) and "Not evaluated" in banners(folder)
    assert report_run(folder)[1] == {}


def test_simulated_data_says_so(tmp_path, rng):
    folder = make_run(tmp_path / "run", rng)
    data = json.loads((folder / "data.json").read_text())
    (folder / "data.json").write_text(json.dumps(data | {"notes": ["synthetic data: made by csi2pc simulate"]}))
    assert "Simulated data" in banners(folder)


def test_another_part_is_shown_where_test_was_not_scored(tmp_path, rng):
    folder = make_run(tmp_path / "run", rng, evaluated=False)
    make_evaluation(folder / "evaluation-validation", rng)
    assert "Not evaluated" not in banners(folder)


def test_provenance(tmp_path, rng):
    found = provenance(read_run(make_run(tmp_path / "run", rng, seed=5)))
    assert found["csi2pc"] == "0.1.0" and found["training.seed"] == "5" and found["epochs"] == "3 of 3"
    assert found["time in training"] == "3 min 03 s" and found["left out at reading"] == "3 zero bytes"
    assert found["digest of the frames and targets scored"] == "0123456789abcdef"
    assert [duration(s) for s in (5, 3700, "x", -1)] == ["5 s", "1 h 01 min", "x", "-1"]


@pytest.mark.parametrize("name", ["data.json", "environment.json", "evaluation/summary.json", "evaluation/frames.csv",
                                  "evaluation/examples.npz", "config.yaml"])  # fmt: skip
def test_a_damaged_file_is_refused(tmp_path, rng, name):
    folder = make_run(tmp_path / "run", rng)
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[: len(whole) // 2] + b"\x00{")
    with pytest.raises(DataError, match=name.split("/")[-1]):
        report_run(folder)


def test_rows_of_another_evaluation_are_refused(tmp_path, rng):
    folder = make_run(tmp_path / "run", rng)
    lines = (folder / "evaluation" / "frames.csv").read_text().splitlines(keepends=True)
    (folder / "evaluation" / "frames.csv").write_text("".join(lines[:-1]))
    with pytest.raises(DataError, match="must be of one evaluation"):
        read_evaluated(folder / "evaluation")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"metric": np.array(["<b>"] * 3)}, "must quote a metric of the rows"),
        ({"target_0": np.zeros((3, 2))}, r"must be float \(points, 3\)"),
        ({"target_0": np.array(["a"])}, r"must be float \(points, 3\)"),
        ({"baseline_1": np.full((3, 3), np.nan)}, "must be finite"),
    ],
)
def test_clouds_that_cannot_be_shown_are_refused(tmp_path, rng, change, message):
    path = make_run(tmp_path / "run", rng) / "evaluation" / "examples.npz"
    with np.load(path) as saved:
        arrays = dict(saved)
    np.savez(path, **{**arrays, **change})
    with pytest.raises(DataError, match=message):
        read_evaluated(path.parent)


def test_evaluation_and_environment_are_not_needed(tmp_path, rng):
    folder = make_run(tmp_path / "run", rng)
    shutil.rmtree(folder / "evaluation")
    (folder / "environment.json").unlink()
    assert "provenance" in report_run(folder)[0].html()
