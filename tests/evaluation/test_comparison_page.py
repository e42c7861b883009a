"""What the report of a comparison shows beside its summary."""

from __future__ import annotations

from csi2pc.evaluation.compared_dataset import Curve
from csi2pc.evaluation.comparison_page import comparison_page, learning_charts
from csi2pc.evaluation.page import Page


def test_one_line_a_run_and_one_colour_a_variant():
    def history(level):
        return [{"epoch": e, "validation/chamfer_l1": level / e} for e in (1, 2)] + [{"epoch": 3}]

    curves = [Curve("a", "x", 0, history(1)), Curve("a", "y", 0, history(2)), Curve("a", "y", 1, history(3)),
              Curve("b", "x", 0, history(4)), Curve("b", "gone", 0, history(4)), Curve("b", "y", 0, [])]  # fmt: skip
    a, b = learning_charts(curves, ["x", "y"])
    assert [(s.label, s.style, s.y) for s in a.series] == [("x", 0, (1, 0.5)), ("y", 1, (2, 1)), ("y", 1, (3, 1.5))]
    assert [s.label for s in b.series] == ["x"]


def test_without_a_conclusion_there_are_runs_alone():
    page = Page("a")
    comparison_page(page, None, runs=[{"variant": "x", "state": "missing"}], rates=[], datasets=[], curves=[])
    assert [table.name for table in page.tables] == ["undone", "runs"] and page.charts == []
