"""The report of a comparison shows its runs as they are, and those that are missing first."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from report_case import HOSTILE, make_comparison

from csi2pc.engine.comparison_record import report_comparison
from csi2pc.errors import DataError
from csi2pc.evaluation.compared_dataset import BLIND_DIFFERS
from csi2pc.evaluation.comparison import read_comparison
from csi2pc.evaluation.comparison_words import comparison_words
from csi2pc.evaluation.rows import read_rows, write_rows
from csi2pc.evaluation.tables import escaped


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A comparison to look at."""
    return make_comparison(tmp_path_factory.mktemp("comparison") / "losses", np.random.default_rng(0), failed=True)


@pytest.fixture
def folder(whole, tmp_path):
    """A copy to change."""
    return shutil.copytree(whole, tmp_path / "losses")


def test_words_tables_curves_and_frames(whole):
    page, figures = report_comparison(whole)
    text = page.html()
    for sentence in comparison_words(read_comparison(whole / "comparison.json")):
        assert escaped(sentence) in text
    names = [table.name for table in page.tables]
    assert names[0] == "undone"
    assert {"scores-data", "skill-data", "differences-data", "by-action-data", "learning-rates", "runs"} <= set(names)
    charts = {chart.name: chart for chart in page.charts}
    assert [series.label for series in charts["learning-data"].series] == ["apml", "chamfer_l1"] * 2
    assert {"skill-data", "differences-data-emd", "distribution-data-chamfer_l1", "by-action-data"} <= set(charts)
    assert text.count("<canvas") == 3 * 4 and list(figures) == ["frames-data"]
    assert HOSTILE not in text and escaped(HOSTILE) in text


def test_runs_that_failed_stand_on_top(whole):
    page, _ = report_comparison(whole)
    assert "4 of 5 runs are done, 1 failed, 0 missing" in page.banners[0][1]
    text = page.html()
    assert text.index("killed &lt;b&gt;") < text.index("What the numbers say</h2>")


def test_a_frame_shows_the_clouds_that_each_variant_made_of_it(whole):
    (draw,) = report_comparison(whole)[1].values()
    for frame in draw.keywords["frames"]:
        for variant, cloud in frame.predictions.items():
            saved = np.load(whole / "runs" / "data" / variant / "seed0" / "evaluation" / "clouds.npz")
            np.testing.assert_array_equal(cloud, saved["points"][list(saved["frames"]).index(frame.frame)])


def test_before_it_is_concluded(folder):
    (folder / "comparison.json").unlink()
    page, figures = report_comparison(folder)
    assert any("Not concluded" in text for _, text in page.banners) and figures == {}
    assert "learning-data" in [chart.name for chart in page.charts]
    for name in ("runs.json", "learning_rates.json"):
        (folder / name).unlink()
    assert any("no run is done yet" in text for _, text in report_comparison(folder)[0].banners)


def test_without_the_runs_the_conclusions_are_left(folder):
    shutil.rmtree(folder / "runs")
    page, figures = report_comparison(folder)
    assert any("The folders of 4 runs are not at hand" in text for _, text in page.banners)
    assert "scores-data" in [table.name for table in page.tables] and figures == {}


def test_runs_on_other_frames_are_refused(folder):
    path = folder / "runs" / "data" / "chamfer_l1" / "seed1" / "evaluation" / "frames.csv"
    rows = read_rows(path)
    write_rows(path, rows.take(np.arange(1, len(rows))))
    with pytest.raises(DataError, match="on the same test frames"):
        report_comparison(folder)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"path": "../elsewhere"}, "must lie in its folder"),
        ({"path": "a\0b"}, "cannot be followed"),
        ({"seed": "0"}, "must name data set, variant, seed"),
    ],
)
def test_rows_that_name_no_run_of_the_folder_are_refused(folder, row, message):
    content = json.loads((folder / "runs.json").read_text())
    content["rows"][0] |= row
    (folder / "runs.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match=message):
        report_comparison(folder)


@pytest.mark.parametrize(
    "change",
    [{"metrics": ["<b>"]}, {"metrics": []}, {"groups": {}}, {"people": {}}, {"scores": []}, {"datasets": ["x"]},
     {"variants": []}, {"variants": ["apml"]}, {"seeds": [0]}, {"datasets": ["data", "x"]},
     {"variants": ["apml", "chamfer_l1", "apml"]}],
)  # fmt: skip
def test_conclusions_that_do_not_explain_themselves_are_refused(folder, change):
    content = json.loads((folder / "comparison.json").read_text())
    (folder / "comparison.json").write_text(json.dumps(content | change))
    with pytest.raises(DataError, match=r"comparison\.json must explain every data set, metric"):
        report_comparison(folder)


@pytest.mark.parametrize("at", range(6))
def test_a_missing_score_is_refused(folder, at):
    content = json.loads((folder / "comparison.json").read_text())
    del content["scores"][at]
    (folder / "comparison.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match="with a score of each variant in every metric"):
        report_comparison(folder)


def test_variants_that_meet_other_blind_baselines_share_no_line_and_no_bar(folder):
    before = report_comparison(folder)[0]
    assert any("blind: " in series.label for chart in before.charts if "distribution" in chart.name
               for series in chart.series)  # fmt: skip
    for seed in (0, 1):
        path = folder / "runs" / "data" / "chamfer_l1" / f"seed{seed}" / "evaluation" / "frames.csv"
        rows = read_rows(path)
        other = {c: v * (1.1 if c.startswith("constant_cloud") else 1.0) for c, v in rows.values.items()}
        write_rows(path, replace(rows, values=other))
    page, _ = report_comparison(folder)
    assert page.html().count(escaped(BLIND_DIFFERS)) == 2
    for chart in page.charts:
        if chart.name.startswith("distribution"):
            assert not any("blind" in series.label for series in chart.series)
        elif chart.name.startswith("by-"):
            assert [label for label, _ in chart.legend] == ["apml", "chamfer_l1"]
    table = next(table for table in page.tables if table.name == "by-action-data")
    assert "blind: left out, not the same for all variants" in table.caption
    assert all(row[-1].numbers == (None,) for row in table.rows)


def test_a_variant_with_a_baseline_s_name_keeps_its_own_value(tmp_path):
    variants = ("mean_cloud", "constant_cloud", "nearest_scene")
    folder = make_comparison(tmp_path / "named", np.random.default_rng(0), variants=variants, seeds=(0,))
    (draw,) = report_comparison(folder)[1].values()
    for frame in draw.keywords["frames"]:
        for variant in variants:
            rows = read_rows(folder / "runs" / "data" / variant / "seed0" / "evaluation" / "frames.csv")
            at = [str(name) for name in rows.frames].index(frame.frame)
            assert frame.values[variant] == rows.column("model", frame.metric)[at]
        assert frame.baseline_name in variants and frame.baseline_value != frame.values[frame.baseline_name]


@pytest.mark.parametrize("name", ["runs.json", "comparison.json", "learning_rates.json",
                                  "runs/data/apml/seed0/evaluation/clouds.npz"])  # fmt: skip
def test_a_damaged_file_is_refused(folder, name):
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=name.split("/")[-1]):
        report_comparison(folder)
