"""Slices of a comparison: the same frames and the same blind baseline for every variant."""

from __future__ import annotations

import numpy as np
import pytest
from report_case import rows_of, with_targets_of

from csi2pc.evaluation.compared_dataset import ComparedDataset
from csi2pc.evaluation.compared_runs import ComparedRun, compare_runs
from csi2pc.evaluation.comparison_slices import best_blind, slices_of_variants
from csi2pc.evaluation.page import Page
from csi2pc.evaluation.rows import FrameRows


def test_means_by_slice_agree_with_a_loop():
    runs = []
    for variant, level in (("apml", 0.05), ("better", 0.04), ("worse", 0.09)):
        rows = rows_of(np.random.default_rng(len(runs)), level=level, missing=0)
        runs.append(ComparedRun("sim", variant, 0, with_targets_of(rows, runs)))
    summary = compare_runs(runs, reference="apml", resamples=1000)
    first = runs[0].rows
    blind = {column: values for column, values in first.values.items() if not column.startswith(("model", "shuffled"))}
    seeds = {run.variant: {"chamfer_l1": run.rows.column("model", "chamfer_l1")[None]} for run in runs}
    compared = ComparedDataset("sim", seeds, FrameRows(first.frames, first.points, blind, first.distance), [], None)
    page = Page("a")
    slices_of_variants(page, summary, compared)
    assert [table.name for table in page.tables] == [f"by-{by}-sim" for by in ("action", "subject", "distance")]
    assert best_blind(summary, compared, "chamfer_l1") == "constant_cloud"
    for row in page.tables[0].rows:
        chosen = [i for i, frame in enumerate(first.frames) if frame.action == row[0].text]
        assert row[1].numbers == (len(chosen),)
        for run, cell in zip(runs, row[2:], strict=False):
            assert cell.numbers[0] == pytest.approx(np.mean(run.rows.column("model", "chamfer_l1")[chosen]))
        assert row[-1].numbers[0] == pytest.approx(np.mean(first.column("constant_cloud", "chamfer_l1")[chosen]))
    assert [label for label, _ in page.charts[0].legend] == ["apml", "better", "blind: constant_cloud"]
