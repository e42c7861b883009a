"""The report of a comparison: what its numbers say, how the variants differ, and what they look like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .charts import LineChart, Series
from .compared_dataset import BLIND_DIFFERS, ComparedDataset, Curve
from .comparison import ComparisonSummary
from .comparison_slices import best_blind, slices_of_variants
from .comparison_tables import (
    difference_charts,
    differences_table,
    rates_table,
    runs_table,
    scores_table,
    skill_chart,
    skill_table,
)
from .comparison_words import comparison_words
from .page import CloudPanel, Page
from .run_page import axis_label, distribution_chart, logged, slug

#: What the learning curves show, comparable between losses.
VALIDATION = "validation/chamfer_l1"


def comparison_page(
    page: Page,
    summary: ComparisonSummary | None,
    *,
    runs: Sequence[Mapping[str, Any]],
    rates: Sequence[Mapping[str, Any]],
    datasets: Sequence[ComparedDataset],
    curves: Sequence[Curve],
) -> None:
    """Write the results of a comparison.

    Args:
        page: what is written to.
        summary: None where nothing was concluded yet.
        runs: one row a planned run.
        rates: one row a learning rate that was tried.
        datasets: what is at hand of each data set's runs.
        curves: what is at hand of each run's log.
    """
    undone = [row for row in runs if row.get("state") != "done"]
    if undone:
        page.section("undone", "Runs that are not in here")
        page.table(runs_table(undone, name="undone", caption="Nothing below says anything about these runs."))
    variants = list(summary.variants) if summary else list(dict.fromkeys(str(row.get("variant")) for row in runs))
    if summary is not None:
        page.section("words", "What the numbers say")
        page.sentences(comparison_words(summary))
        _scores(page, summary)
        _differences(page, summary)
        for compared in datasets:
            _distributions(page, summary, compared)
        for compared in datasets:
            slices_of_variants(page, summary, compared)
        for compared in datasets:
            _frames(page, summary, compared)
    _training(page, rates, curves, variants)
    if runs:
        page.section("runs", "Runs")
        page.table(runs_table(runs, name="runs", caption="Every planned run; seconds are of training."))


def _scores(page: Page, summary: ComparisonSummary) -> None:
    page.section("scores", "Scores")
    for dataset in summary.datasets:
        page.table(scores_table(summary, dataset))
        chart = skill_chart(summary, dataset)
        if chart is not None:
            page.chart(chart)
        page.table(skill_table(summary, dataset))


def _differences(page: Page, summary: ComparisonSummary) -> None:
    tables = {dataset: differences_table(summary, dataset) for dataset in summary.datasets}
    if not any(tables.values()):
        return
    page.section("differences", f"Differences from {summary.reference}")
    for dataset, table in tables.items():
        if table is not None:
            page.pairs(difference_charts(summary, dataset))
            page.table(table)


def _training(page: Page, rates: Sequence[Mapping[str, Any]], curves: Sequence[Curve], variants: Sequence[str]) -> None:
    charts = learning_charts(curves, variants)
    if not charts and not rates:
        return
    page.section("training", "Training")
    for chart in charts:
        page.chart(chart)
    if rates:
        page.table(rates_table(rates))


def learning_charts(curves: Sequence[Curve], variants: Sequence[str]) -> list[LineChart]:
    """Validation over the epochs, one chart a data set, one line a run, one colour a variant."""
    series: dict[str, list[Series]] = {}
    for curve in curves:
        points = logged(curve.history, VALIDATION)
        if points and curve.variant in variants:
            x, y = zip(*points, strict=True)
            style = variants.index(curve.variant)
            series.setdefault(curve.dataset, []).append(Series(curve.variant, x, y, style))
    return [
        LineChart(
            f"learning-{slug(dataset)}",
            f"Validation on {dataset}: one line a seed",
            "epoch",
            "chamfer_l1 (m)",
            tuple(of),
        )
        for dataset, of in series.items()
    ]


def _distributions(page: Page, summary: ComparisonSummary, compared: ComparedDataset) -> None:
    charts = []
    for metric in summary.metrics:
        lines: list[tuple[str, np.ndarray, str | int]] = [
            (variant, of[metric].ravel(), summary.variants.index(variant))
            for variant, of in compared.seeds.items()
            if metric in of and variant in summary.variants
        ]
        blind = best_blind(summary, compared, metric)
        if lines and blind is not None:
            lines.append((f"blind: {blind}", compared.blind.column(blind, metric), "target"))
        charts.append(distribution_chart(f"distribution-{slug(compared.dataset)}-{metric}", metric, lines))
    shown = [chart for chart in charts if chart is not None]
    if shown:
        page.section(f"distributions-{slug(compared.dataset)}", f"Distribution over frames, {compared.dataset}")
        page.text("The share of frames at or below each value, of all seeds together.")
        if compared.blind_differs:
            page.text(BLIND_DIFFERS)
        page.pairs(shown)


def _frames(page: Page, summary: ComparisonSummary, compared: ComparedDataset) -> None:
    if not compared.frames:
        return
    page.section(f"frames-{slug(compared.dataset)}", f"Frames of {compared.dataset}")
    page.text(
        f"The best, the median and the worst frame of {summary.reference} with seed {compared.seed}, chosen by its "
        f"{compared.frames[0].metric}."
    )
    for frame in compared.frames:
        panels = [CloudPanel("target", f"{len(frame.target)} measured points", "target", frame.target)]
        panels += [
            CloudPanel(variant, _note(frame.metric, frame.values.get(variant, np.nan)), _style(summary, variant), cloud)
            for variant, cloud in frame.predictions.items()
        ]
        name = f"blind: {frame.baseline_name}"
        panels.append(CloudPanel(name, _note(frame.metric, frame.baseline_value), "target", frame.baseline))
        page.views(f"{frame.label}: {frame.frame}", panels)


def _note(metric: str, value: float) -> str:
    return f"{axis_label(metric)} {value:.4f}" if np.isfinite(value) else f"no {metric}"


def _style(summary: ComparisonSummary, variant: str) -> int:
    return summary.variants.index(variant) if variant in summary.variants else 0
