"""Tables and charts of a comparison hold the numbers of its summary."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from compared import compared_run, comparison, frames
from report_case import HOSTILE, rows_of, with_targets_of

from csi2pc.evaluation.compared_runs import ComparedRun, compare_runs
from csi2pc.evaluation.comparison_tables import (
    difference_charts,
    differences_table,
    rates_table,
    runs_table,
    scores_table,
    skill_chart,
    skill_table,
)


@pytest.fixture(scope="module")
def summary():
    runs = []
    for seed in (0, 1):
        for variant, level in (("apml", 0.05), ("worse", 0.09), ("same", 0.05)):
            rows = rows_of(np.random.default_rng([seed, len(runs)]), level=level, missing=2 * (variant == "same"))
            runs.append(ComparedRun("sim", variant, seed, with_targets_of(rows, runs)))
    return compare_runs(runs, reference="apml", resamples=1000)


def test_scores(summary):
    table = scores_table(summary, "sim")
    assert [row[0].text for row in table.rows] == ["apml", "worse", "same", "best blind"]
    for row in table.rows[:3]:
        for metric, cell in zip(summary.metrics, row[1:], strict=False):
            score = summary.score("sim", row[0].text, metric)
            assert cell.numbers == (score.mean, score.spread, score.missing)
            assert ("(4 missing)" in cell.text) == (row[0].text == "same")
        first = summary.score("sim", row[0].text, summary.metrics[0])
        assert row[-2].numbers == (first.skill, first.skill_low, first.skill_high)
        assert row[-1].numbers == (first.csi, first.csi_low, first.csi_high)
    blind = table.rows[-1][1]
    assert blind.numbers == (first.blind_mean, None, None) and first.blind in blind.text
    assert table.as_csv()[-1][4] == first.blind and table.as_csv()[0][4].endswith("baseline")


def test_a_variant_that_lacks_a_seed_is_counted():
    runs = [
        ComparedRun("sim", variant, seed, rows_of(np.random.default_rng(0), missing=0))
        for variant, seed in (("apml", 0), ("apml", 1), ("short", 0))
    ]
    table = scores_table(compare_runs(runs, reference="apml", resamples=1000), "sim")
    assert table.as_csv()[0][:2] == ["variant", "seeds"]
    assert [row[1].numbers for row in table.rows] == [(2,), (1,), (None,)]
    assert not any("missing" in title for title in table.as_csv()[0])


def test_skill(summary):
    table, chart = skill_table(summary, "sim"), skill_chart(summary, "sim")
    for row, (label, (bar,), _) in zip(table.rows, chart.rows, strict=True):
        for metric, cell in zip(summary.metrics, row[1:], strict=True):
            score = summary.score("sim", row[0].text, metric)
            assert cell.numbers[0] == score.skill and cell.words == (score.blind, score.standing)
        assert (row[0].text, row[1].numbers) == (label, (bar.value, bar.low, bar.high))


def test_differences(summary):
    table = differences_table(summary, "sim")
    assert [row[0].text for row in table.rows] == ["worse", "same"]
    standings = {}
    for row in table.rows:
        for metric, cell in zip(summary.metrics, row[1:], strict=True):
            found = next(d for d in summary.differences_of("sim", metric) if d.variant == row[0].text)
            assert cell.numbers == (found.difference, found.low, found.high)
            assert cell.strong == (found.standing in ("better", "worse")) and cell.words == (found.standing,)
            assert ("not judged" in cell.text) == (found.standing == "unknown")
            standings[row[0].text, metric] = found.standing
    assert standings["worse", "chamfer_l1"] == "worse" and standings["same", "emd"] == "unknown"
    charts = difference_charts(summary, "sim")
    assert len(charts) == 3 and [label for label, _, _ in charts[0].rows] == ["worse", "same"]
    assert charts[0].rows[0][1][0].style == "blind"


def test_one_variant_has_no_differences():
    runs = [ComparedRun("sim", "apml", 0, rows_of(np.random.default_rng(0)))]
    alone = compare_runs(runs, reference="apml", resamples=1000)
    assert differences_table(alone, "sim") is None and difference_charts(alone, "sim") == []


def test_a_rate_at_the_edge_of_the_search_is_named():
    rows = [
        {"dataset": "d", "variant": variant, "learning_rate": rate, "validation": 0.1, "chosen": rate == best}
        for variant, best in (("low", 1e-3), ("middle", 2e-3), ("high", 4e-3))
        for rate in (1e-3, 2e-3, 4e-3)
    ]
    assert "For low and high it lies at the edge" in rates_table(rows).caption
    assert "edge" not in rates_table(rows[3:6]).caption
    assert "edge" not in rates_table([rows[0]]).caption


def test_rows_from_files_may_hold_anything():
    odd = [{"dataset": HOSTILE, "learning_rate": "x", "validation": None, "chosen": True}, {}]
    table = rates_table(odd)
    dataset, _, rate, _, choice = table.rows[0]
    assert dataset.text == HOSTILE and rate.numbers == (None,) and choice.text == "chosen"
    table = runs_table([{"seed": 1, "seconds": 3.5, "state": "done"}, {"seed": []}], name="runs", caption="")
    assert table.rows[0][2].numbers == (1,) and table.rows[1][2].numbers == (None,)
    assert runs_table([{"seed": 2_000_000}], name="runs", caption="").rows[0][2].text == "2000000"


def other_blind(runs, variant, levels):
    """The runs with other blind baselines for a variant, as one that predicts another number of points meets them."""
    for run in runs:
        own = run.rows.values
        if run.variant == variant:
            own = {c: v * levels.get(c.split("/")[0], 1.0) for c, v in own.items()}
        yield replace(run, rows=replace(run.rows, values=own))


@pytest.fixture(scope="module")
def other_points():
    runs = [*comparison(b=0.02, c=0.0)]
    other = {"mean_cloud": 0.5, "constant_cloud": 0.9}
    return compare_runs(list(other_blind(runs, "b", other)), reference="a", resamples=1000)


def test_each_variant_stands_beside_its_own_blind_baselines(other_points):
    table = scores_table(other_points, "made")
    names = [row[0].text for row in table.rows]
    assert names == ["a", "b", "c", "best blind of a and c", "best blind of b"]
    for variant, row in (("a", table.rows[3]), ("c", table.rows[3]), ("b", table.rows[4])):
        for metric, cell in zip(other_points.metrics, row[1:], strict=False):
            score = other_points.score("made", variant, metric)
            assert cell.numbers[0] == score.blind_mean and score.blind in cell.text
    assert table.rows[3][1].numbers != table.rows[4][1].numbers
    caption = skill_table(other_points, "made").caption
    assert "Best blind baselines of a and c: chamfer_l1: constant_cloud; f_score_5cm: constant_cloud." in caption
    assert "Best blind baselines of b: chamfer_l1: mean_cloud;" in caption


def test_a_metric_without_a_value_has_no_other_blind_baseline():
    runs = [compared_run(name, seed) for name in ("a", "b") for seed in (0, 1)]
    for i, run in enumerate(runs):
        if run.variant == "a":
            values = {**run.rows.values, "model/f_score_5cm": np.full(len(run.rows), np.nan)}
            runs[i] = replace(run, rows=replace(run.rows, values=values))
    summary = compare_runs(runs, reference="a", resamples=1000)
    table = scores_table(summary, "made")
    assert [row[0].text for row in table.rows] == ["a", "b", "best blind"]
    assert table.rows[-1][2].numbers[0] == summary.score("made", "b", "f_score_5cm").blind_mean


@pytest.mark.parametrize(
    ("seeds", "sequences", "over"),
    [
        ((0, 1), 12, ", with 95% intervals over 12 sequences and the seeds."),
        ((0,), 12, ", with 95% intervals over 12 sequences."),
        ((0, 1), 1, "the CSI is used)."),
    ],
)
def test_captions_say_what_the_intervals_hold(seeds, sequences, over):
    ids = frames(sequences)
    runs = [compared_run(name, seed, ids=ids) for name in ("a", "b") for seed in seeds]
    summary = compare_runs(runs, reference="a", resamples=1000)
    assert scores_table(summary, "made").caption.endswith(over)
    for table in (skill_table, differences_table):
        assert ("intervals" in table(summary, "made").caption) == (sequences > 1)
