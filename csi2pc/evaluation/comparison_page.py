"""The report of a comparison: what its numbers say, how the variants differ, and what they look like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .breakdown import SLICES, Slice, breakdown
from .charts import Bar, BarChart, LineChart, Series
from .comparison import ComparisonSummary
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
from .rows import MODEL, FrameRows
from .run_page import axis_label, distribution_chart, is_number, metric_name, slug
from .settings import EvaluationConfig
from .tables import Cell, Column, Table, number

#: What the learning curves show, comparable between losses.
VALIDATION = "validation/chamfer_l1"
#: Variants beside the blind baseline in the bars of each action.
BARS = 2


@dataclass(frozen=True, eq=False)
class ComparedFrame:
    """One frame with the clouds of all variants, of one seed.

    Attributes:
        label, frame: why it is shown, and which it is.
        target: float ``(N, 3)`` metres.
        predictions: variant to its cloud; None where it has none.
        baseline_name, baseline: the blind baseline.
        metric: what is quoted.
        values: variant, or the baseline's name, to its value on this frame; NaN where there is none.
    """

    label: str
    frame: str
    target: np.ndarray
    predictions: Mapping[str, np.ndarray | None]
    baseline_name: str
    baseline: np.ndarray
    metric: str
    values: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class ComparedDataset:
    """What the runs of one data set left, beside the summary.

    Attributes:
        dataset: name.
        seeds: variant to metric to float ``(S, F)``: every value of every seed.
        blind: the frames, and the scores of the blind baselines on them.
        frames: best, median and worst frame of the reference.
        seed: the seed that made the clouds of these frames.
    """

    dataset: str
    seeds: Mapping[str, Mapping[str, np.ndarray]]
    blind: FrameRows
    frames: Sequence[ComparedFrame]
    seed: int | None

    def rows(self, variant: str) -> FrameRows:
        """Rows whose model is a variant: means over its seeds, NaN on a frame where one of them has no value."""
        means = {f"{MODEL}/{metric}": values.mean(axis=0) for metric, values in self.seeds[variant].items()}
        return FrameRows(self.blind.frames, self.blind.points, {**means, **self.blind.values}, self.blind.distance)


@dataclass(frozen=True)
class Curve:
    """What one run logged."""

    dataset: str
    variant: str
    seed: int
    history: Sequence[Mapping[str, Any]]


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
            _breakdowns(page, summary, compared)
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
    tables = [table for dataset in summary.datasets if (table := differences_table(summary, dataset)) is not None]
    if not tables:
        return
    page.section("differences", f"Differences from {summary.reference}")
    for dataset, table in zip(summary.datasets, tables, strict=False):
        page.pairs(difference_charts(summary, dataset))
        page.table(table)


def _training(
    page: Page, rates: Sequence[Mapping[str, Any]], curves: Sequence[Curve], variants: Sequence[str]
) -> None:
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
        points = [
            (row["epoch"], row[VALIDATION])
            for row in curve.history
            if is_number(row.get("epoch")) and is_number(row.get(VALIDATION))
        ]
        if points and curve.variant in variants:
            x, y = zip(*points, strict=True)
            style = variants.index(curve.variant)
            series.setdefault(curve.dataset, []).append(Series(curve.variant, x, y, style))
    return [
        LineChart(
            f"learning-{slug(dataset)}", f"Validation on {dataset}: one line a seed", "epoch", "chamfer_l1 (m)", tuple(of)
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
        blind = _blind(summary, compared, metric)
        if lines and blind is not None:
            lines.append((f"blind: {blind}", compared.blind.column(blind, metric), "target"))
        charts.append(distribution_chart(f"distribution-{slug(compared.dataset)}-{metric}", metric, lines))
    shown = [chart for chart in charts if chart is not None]
    if shown:
        page.section(f"distributions-{slug(compared.dataset)}", f"Distribution over frames, {compared.dataset}")
        page.text("The share of frames at or below each value, of all seeds together.")
        page.pairs(shown)


def _breakdowns(page: Page, summary: ComparisonSummary, compared: ComparedDataset) -> None:
    metric = summary.metrics[0]
    blind = _blind(summary, compared, metric)
    config = EvaluationConfig(
        by=summary.by, resamples=summary.resamples, confidence=summary.confidence, seed=summary.seed
    )
    begun = False
    for by in SLICES:
        slices = {
            variant: breakdown(compared.rows(variant), metric, by=by, baseline=blind, config=config)
            for variant in compared.seeds
        }
        if len(next(iter(slices.values()), [])) < 2:
            continue
        name = f"by-{by}-{slug(compared.dataset)}"
        if not begun:
            page.section(f"slices-{slug(compared.dataset)}", f"Where they are good, and where not, {compared.dataset}")
            page.text("Means over seeds. A description, not a test: among many slices some stand out by chance.")
            begun = True
        chart = _slices_chart(summary, compared.dataset, slices, metric, by=by, name=name)
        if chart is not None:
            page.chart(chart)
        page.table(_slices_table(slices, metric, by=by, name=name, blind=blind))


def _slices_table(
    slices: Mapping[str, list[Slice]], metric: str, *, by: str, name: str, blind: str | None
) -> Table:
    first = next(iter(slices.values()))
    columns = [Column(by), Column("frames", ("",)), *(Column(variant, ("",)) for variant in slices), Column("blind", ("",))]
    body = []
    for position, piece in enumerate(first):
        own = [of[position] for of in slices.values()]
        means = [number(s.mean, note=f"({s.missing} missing)" if s.missing else "") for s in own]
        body.append((Cell(piece.label), number(piece.frames, "d"), *means, number(piece.baseline_mean)))
    return Table(name, f"{metric_name(metric)} by {by}; blind: {blind or 'none'}.", tuple(columns), tuple(body))


def _slices_chart(
    summary: ComparisonSummary, dataset: str, slices: Mapping[str, list[Slice]], metric: str, *, by: str, name: str
) -> BarChart | None:
    """Bars of the reference, of the variant with the best mean beside it, and of the blind baseline."""
    shown = [variant for variant in _best_first(summary, dataset) if variant in slices]
    if summary.reference in slices:
        shown = [summary.reference, *(variant for variant in shown if variant != summary.reference)]
    shown = shown[:BARS]
    rows = []
    for position, piece in enumerate(slices[shown[0]]):
        bars = []
        for variant in shown:
            own = slices[variant][position]
            text = "-" if own.mean is None else f"{own.mean:.4f}"
            bars.append(Bar(own.mean, None, None, summary.variants.index(variant), f"{piece.label}: {variant} {text}"))
        text = "-" if piece.baseline_mean is None else f"{piece.baseline_mean:.4f}"
        bars.append(Bar(piece.baseline_mean, None, None, "target", f"{piece.label}: {piece.baseline} {text}"))
        rows.append((piece.label, tuple(bars), ""))
    if all(bar.value is None for _, bars, _ in rows for bar in bars):
        return None
    legend = [(variant, summary.variants.index(variant)) for variant in shown]
    legend.append((f"blind: {slices[shown[0]][0].baseline}", "target"))
    title = f"{metric_name(metric)} by {by}: " + " and ".join(shown)
    return BarChart(name, title, axis_label(metric), tuple(rows), tuple(legend))


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
            CloudPanel(variant, _note(frame, variant), _style(summary, variant), cloud)
            for variant, cloud in frame.predictions.items()
        ]
        name = f"blind: {frame.baseline_name}"
        panels.append(CloudPanel(name, _note(frame, frame.baseline_name), "target", frame.baseline))
        page.views(f"{frame.label}: {frame.frame}", panels)


def _note(frame: ComparedFrame, name: str) -> str:
    value = frame.values.get(name, np.nan)
    return f"{axis_label(frame.metric)} {value:.4f}" if np.isfinite(value) else f"no {frame.metric}"


def _style(summary: ComparisonSummary, variant: str) -> int:
    return summary.variants.index(variant) if variant in summary.variants else 0


def _blind(summary: ComparisonSummary, compared: ComparedDataset, metric: str) -> str | None:
    """The best blind baseline of a metric, where its rows are at hand."""
    for variant in summary.variants:
        score = summary.score(compared.dataset, variant, metric)
        if score is not None and score.blind is not None:
            return score.blind if score.blind in compared.blind.methods else None
    return None


def _best_first(summary: ComparisonSummary, dataset: str) -> list[str]:
    """Variants by their skill in the first metric, the best first."""
    found = [
        (score.skill if score.skill is not None else -np.inf, variant)
        for variant in summary.variants
        if (score := summary.score(dataset, variant, summary.metrics[0])) is not None
    ]
    return [variant for _, variant in sorted(found, key=lambda pair: -pair[0])]
