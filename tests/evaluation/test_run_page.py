"""Tables and charts of a run hold the numbers of its summary and rows."""

from __future__ import annotations

import numpy as np
import pytest
from report_case import METRICS, rows_of

from csi2pc.evaluation.breakdown import breakdown
from csi2pc.evaluation.rows import make_rows
from csi2pc.evaluation.run_page import (
    distribution_chart,
    is_number,
    learning_charts,
    metric_name,
    scores_table,
    skill_chart,
    slices_chart,
    slices_table,
    slug,
)
from csi2pc.evaluation.settings import EvaluationConfig
from csi2pc.evaluation.statistics import summarise
from csi2pc.evaluation.summary import standing
from csi2pc.types import FrameId

CONFIG = EvaluationConfig(metrics=list(METRICS), resamples=1000)


@pytest.fixture
def scored(rng):
    rows = rows_of(rng)
    return rows, summarise(rows, CONFIG)


def test_the_table_holds_the_means_and_sets_the_best_blind_off(scored):
    _, summary = scored
    table = scores_table(summary)
    for metric, row in zip(summary.metrics, table.rows, strict=True):
        assert row[0].text == metric_name(metric)
        best = summary.best_blind(metric)
        for column, cell in list(zip(table.columns, row, strict=True))[1:-1]:
            score = summary.score(metric, column.title)
            gaps = any(summary.score(each, column.title).missing for each in summary.metrics)
            assert cell.numbers == ((score.mean, score.missing) if gaps else (score.mean,))
            assert cell.strong == (column.title == best.baseline)
            assert ("missing" in cell.text) == bool(score.missing)
        assert row[-1].numbers == (best.skill, best.skill_low, best.skill_high)
        assert row[-1].words == (best.baseline, standing(best))
    header = table.as_csv()[0]
    assert "model missing" in header and "mean_cloud missing" not in header


def test_skill_bars(scored):
    _, summary = scored
    chart = skill_chart(summary)
    for metric, (label, (bar,), note) in zip(summary.metrics, chart.rows, strict=True):
        best = summary.best_blind(metric)
        assert (label, bar.value, bar.low, bar.high) == (metric, best.skill, best.skill_low, best.skill_high)
        assert best.baseline in note and bar.style == {"better": "model"}.get(standing(best), bar.style)
    alone = make_rows([FrameId("a", 0)], [3], {"model": [{"emd": 0.5}]})
    assert skill_chart(summarise(alone)) is None


def test_learning_curves_group_by_quantity_and_leave_out_what_is_no_number():
    history = [{"epoch": e, "step": e, "seconds": 1.0, "train/total": 1 / e, "validation/total": 2 / e, "rate": "x"}
               for e in (1, 2)]  # fmt: skip
    history += [{"epoch": 3, "train/total": float("nan")}, {"train/total": 4.0}, {"epoch": True, "train/total": 4.0}]
    (chart,) = learning_charts(history)
    assert chart.name == "learning-total"
    assert {series.label: series.y for series in chart.series} == {"train": (1.0, 0.5), "validation": (2.0, 1.0)}
    assert learning_charts([]) == []


def test_slices(scored):
    rows, _ = scored
    slices = breakdown(rows, "chamfer_l1", by="action", config=CONFIG)
    table = slices_table(slices, "chamfer_l1", by="action", name="by-action")
    chart = slices_chart(slices, "chamfer_l1", by="action", name="by-action")
    for piece, row, (label, bars, _) in zip(slices, table.rows, chart.rows, strict=True):
        assert row[0].text == label == piece.label
        assert row[3].numbers == (piece.mean, piece.missing) and row[4].numbers == (piece.baseline_mean,)
        assert row[4].words == (piece.baseline,)
        assert [bar.value for bar in bars] == [piece.mean, piece.baseline_mean]
    assert sum(row[1].numbers[0] for row in table.rows) == len(rows)


def test_a_distribution_without_a_value_is_none():
    assert distribution_chart("d", "emd", [("model", np.full(3, np.nan), "model")]) is None


def test_names_of_files_and_numbers():
    assert slug("../a b/ü") == "a-b" and slug("///") == "unnamed"
    assert all(map(is_number, (1, 0.5, -1e100)))
    assert not any(map(is_number, (True, "1", None, float("nan"), float("inf"), 1e101, 10**400)))
