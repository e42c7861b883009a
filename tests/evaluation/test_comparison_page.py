"""What the report of a comparison shows beside its summary."""

from __future__ import annotations

import numpy as np
from report_case import rows_of

from csi2pc.evaluation.comparison_page import ComparedDataset, Curve, comparison_page, learning_charts
from csi2pc.evaluation.page import Page


def test_one_line_a_run_and_one_colour_a_variant():
    def history(level):
        return [{"epoch": e, "validation/chamfer_l1": level / e} for e in (1, 2)] + [{"epoch": 3}]

    curves = [Curve("a", "x", 0, history(1)), Curve("a", "y", 0, history(2)), Curve("a", "y", 1, history(3)),
              Curve("b", "x", 0, history(4)), Curve("b", "gone", 0, history(4)), Curve("b", "y", 0, [])]  # fmt: skip
    a, b = learning_charts(curves, ["x", "y"])
    assert [(s.label, s.style, s.y) for s in a.series] == [("x", 0, (1, 0.5)), ("y", 1, (2, 1)), ("y", 1, (3, 1.5))]
    assert [s.label for s in b.series] == ["x"]


def test_rows_of_a_variant_are_means_over_seeds_and_keep_what_is_missing(rng):
    rows = rows_of(rng, missing=0)
    values = rng.uniform(size=(3, len(rows)))
    values[1, 4] = np.nan
    blind = type(rows)(rows.frames, rows.points, {"mean_cloud/emd": rows.column("mean_cloud", "emd")}, rows.distance)
    compared = ComparedDataset("sim", {"apml": {"emd": values}}, blind, [], None)
    found = compared.rows("apml").column("model", "emd")
    assert np.isnan(found[4]) and compared.rows("apml").methods == ("model", "mean_cloud")
    for frame in set(range(len(rows))) - {4}:
        assert found[frame] == np.mean([values[seed, frame] for seed in range(3)])


def test_without_a_conclusion_there_are_runs_alone():
    page = Page("a")
    comparison_page(page, None, runs=[{"variant": "x", "state": "missing"}], rates=[], datasets=[], curves=[])
    assert [table.name for table in page.tables] == ["undone", "runs"] and page.charts == []
