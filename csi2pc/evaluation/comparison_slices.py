"""Where the variants of a comparison are good and where not: by action, subject, scene and distance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from .breakdown import SLICES, Slice, breakdown
from .charts import Bar, BarChart
from .compared_dataset import BLIND_DIFFERS, ComparedDataset
from .comparison import ComparisonSummary
from .page import Page
from .run_page import axis_label, metric_name, slug
from .settings import EvaluationConfig
from .tables import Cell, Column, Table, mean_cell, mean_column, number

#: Variants beside the blind baseline in the bars of each slice.
BARS = 2


def slices_of_variants(page: Page, summary: ComparisonSummary, compared: ComparedDataset) -> None:
    """A section with the scores by action, subject, scene and distance, of which only those with several are shown."""
    metric = summary.metrics[0]
    blind = best_blind(summary, compared, metric)
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
            if compared.blind_differs:
                page.text(BLIND_DIFFERS)
            begun = True
        chart = _slices_chart(summary, compared.dataset, slices, metric, by=by, name=name)
        if chart is not None:
            page.chart(chart)
        named = blind or ("left out, not the same for all variants" if compared.blind_differs else "none")
        page.table(_slices_table(slices, metric, by=by, name=name, blind=named))


def _slices_table(slices: Mapping[str, list[Slice]], metric: str, *, by: str, name: str, blind: str) -> Table:
    first = next(iter(slices.values()))
    means = [mean_column(variant, [piece.missing for piece in of]) for variant, of in slices.items()]
    columns = [Column(by), Column("frames", ("",)), *means, Column("blind", ("",), ("baseline",))]
    body = []
    for position, piece in enumerate(first):
        own = [of[position] for of in slices.values()]
        cells = [mean_cell(column, s.mean, s.missing) for column, s in zip(means, own, strict=True)]
        against = replace(number(piece.baseline_mean), words=(piece.baseline or "",))
        body.append((Cell(piece.label), number(piece.frames, "d"), *cells, against))
    return Table(name, f"{metric_name(metric)} by {by}; blind: {blind}.", tuple(columns), tuple(body))


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
        if piece.baseline is not None:
            text = "-" if piece.baseline_mean is None else f"{piece.baseline_mean:.4f}"
            bars.append(Bar(piece.baseline_mean, None, None, "target", f"{piece.label}: {piece.baseline} {text}"))
        rows.append((piece.label, tuple(bars), ""))
    if all(bar.value is None for _, bars, _ in rows for bar in bars):
        return None
    legend = [(variant, summary.variants.index(variant)) for variant in shown]
    if (baseline := slices[shown[0]][0].baseline) is not None:
        legend.append((f"blind: {baseline}", "target"))
    title = f"{metric_name(metric)} by {by}: " + " and ".join(shown)
    return BarChart(name, title, axis_label(metric), tuple(rows), tuple(legend))


def best_blind(summary: ComparisonSummary, compared: ComparedDataset, metric: str) -> str | None:
    """The best blind baseline of a metric, where its rows are at hand and the same for all variants."""
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
