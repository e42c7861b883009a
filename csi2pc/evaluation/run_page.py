"""The report of one run: what its numbers say, where it is good and where not, what it looks like, how it was made."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from .breakdown import SLICES, Slice, breakdown
from .charts import Bar, BarChart, LineChart, Series, distribution, drawable
from .examples import FrameExample
from .figures import LEGEND, LOWEST_SKILL
from .metrics import METRICS
from .page import CloudPanel, Page
from .rows import MODEL, SHUFFLED, FrameRows
from .settings import EvaluationConfig
from .statistics import PARTS, Comparison, Summary
from .summary import NOT_DISTINGUISHABLE, standing, words
from .tables import Cell, Column, Table, mean_cell, mean_column, number
from .wording import arrow, counted, interval_words, unit

#: Metrics whose distribution over the frames is drawn.
DISTRIBUTIONS = 4
#: Quantities of training that are drawn.
CURVES = 6
#: Keys of a logged epoch that are no quantities of training.
CLOCKS = ("epoch", "step", "seconds")
#: Standing against blind -> style of a bar.
STYLES = {"better": "model", "worse": "blind", NOT_DISTINGUISHABLE: "faint", "unknown": "open"}


@dataclass(frozen=True, eq=False)
class Evaluated:
    """What an evaluation left.

    Attributes:
        rows, summary: the scores.
        examples: best, median and worst frame; empty where there were none to choose.
    """

    rows: FrameRows
    summary: Summary
    examples: Sequence[FrameExample]


def run_page(page: Page, evaluated: Evaluated | None, history: Sequence[Mapping[str, object]]) -> None:
    """Write the results of a run.

    Args:
        page: what is written to.
        evaluated: None where the run was not evaluated, and only training can be shown.
        history: what was logged, one mapping an epoch.
    """
    if evaluated is not None:
        rows, summary = evaluated.rows, evaluated.summary
        page.section("words", "What the numbers say")
        page.sentences(words(summary))
        page.section("scores", "Scores")
        page.table(scores_table(summary))
        chart = skill_chart(summary)
        if chart is not None:
            page.chart(chart)
        _distributions(page, rows, summary)
        _breakdowns(page, rows, summary)
        _frames(page, evaluated.examples)
    charts = learning_charts(history)
    if charts:
        page.section("training", "Training")
        page.pairs(charts)


def scores_table(summary: Summary) -> Table:
    """Metrics by methods: means over frames, and the skill against the best blind baseline, which stands in bold."""
    methods = sorted(summary.methods, key=lambda method: (method != MODEL, method == SHUFFLED))
    means = [
        mean_column(method, [summary.score(metric, method).missing for metric in summary.metrics]) for method in methods
    ]
    columns = [Column("metric"), *means, Column("skill", ("", "low", "high"), ("best blind", "standing"))]
    body = []
    for metric in summary.metrics:
        best = summary.best_blind(metric)
        scores = [(column, summary.score(metric, column.title)) for column in means]
        cells = [
            mean_cell(column, score.mean, score.missing, strong=best is not None and column.title == best.baseline)
            for column, score in scores
        ]
        skill = skill_cell(best.skill, best.skill_low, best.skill_high) if best else skill_cell(None, None, None)
        names = (best.baseline, standing(best)) if best else ("", "")
        body.append((Cell(metric_name(metric)), *cells, replace(skill, words=names)))
    every = "" if summary.every == 1 else f", one in {summary.every} of each sequence"
    caption = (
        f"Means over {summary.frames} {PARTS[summary.part]} frames{every} of {counted(summary.groups, summary.by)} "
        "(↓ lower is better, ↑ higher), the best blind baseline in bold. Skill = 1 - error / error of the best "
        "blind baseline"
    )
    if summary.groups > 1:
        caption += f", with {summary.confidence:.0%} bootstrap intervals over {summary.by}s"
    return Table("scores", caption + ".", tuple(columns), tuple(body))


def skill_chart(summary: Summary) -> BarChart | None:
    """Bars of the skill in each metric; None where none is stated."""
    best = [comparison for metric in summary.metrics if (comparison := summary.best_blind(metric)) is not None]
    stated = [comparison for comparison in best if comparison.skill is not None]
    if not stated:
        return None
    present = {standing(comparison) for comparison in stated}
    return BarChart(
        name="skill",
        title="Skill in each metric, against its best blind baseline",
        x_label="skill: 1 - error of the model / error of the best blind baseline",
        rows=tuple((c.metric, (_skill_bar(c),), _skill_note(c)) for c in best),
        legend=tuple((LEGEND[name], style) for name, style in STYLES.items() if name in present),
        lowest=LOWEST_SKILL,
    )


def learning_charts(history: Sequence[Mapping[str, object]]) -> list[LineChart]:
    """Training and validation over the epochs, one chart a quantity; at most :data:`CURVES`."""
    panels: dict[str, list[Series]] = {}
    for key in dict.fromkeys(key for row in history for key in row if key not in CLOCKS):
        points = logged(history, key)
        if points:
            part, _, quantity = key.rpartition("/")
            x, y = zip(*points, strict=True)
            style = {"train": "faint", "validation": "model"}.get(part, 0)
            panels.setdefault(quantity, []).append(Series(part or quantity, x, y, style))
    return [
        LineChart(f"learning-{slug(quantity)}", f"{quantity} over the epochs", "epoch", quantity, tuple(series))
        for quantity, series in sorted(panels.items(), key=lambda panel: -len(panel[1]))[:CURVES]
    ]


def logged(history: Sequence[Mapping[str, object]], key: str) -> list[tuple[float, float]]:
    """Epoch and value of every row that has both as finite numbers."""
    both = [(row.get("epoch"), row.get(key)) for row in history]
    return [(epoch, value) for epoch, value in both if is_number(epoch) and is_number(value)]


def slices_table(slices: Sequence[Slice], metric: str, *, by: str, name: str) -> Table:
    """The scores of each slice."""
    mean = mean_column(axis_label(metric), [piece.missing for piece in slices])
    columns = (
        Column(by), Column("frames", ("",)), Column("sequences", ("",)), mean,
        Column("blind", ("",), ("baseline",)), Column("skill", ("", "low", "high")),
    )  # fmt: skip
    body = tuple(
        (
            Cell(piece.label),
            number(piece.frames, "d"),
            number(piece.groups, "d"),
            mean_cell(mean, piece.mean, piece.missing),
            replace(number(piece.baseline_mean), words=(piece.baseline or "",)),
            skill_cell(piece.skill, piece.skill_low, piece.skill_high),
        )
        for piece in slices
    )
    baseline = slices[0].baseline if slices else None
    caption = f"By {by}, all against the blind baseline that is best on the whole part: {baseline or 'there is none'}."
    return Table(name, caption, columns, body)


def slices_chart(slices: Sequence[Slice], metric: str, *, by: str, name: str) -> BarChart | None:
    """Bars of model and blind baseline for each slice, the skill beside them; None without a value."""
    rows = []
    for piece in slices:
        bars = [Bar(piece.mean, None, None, "model", f"{piece.label}: model {_shown(piece.mean)}")]
        if piece.baseline is not None:
            tip = f"{piece.label}: {piece.baseline} {_shown(piece.baseline_mean)}"
            bars.append(Bar(piece.baseline_mean, None, None, "blind", tip))
        skill = skill_cell(piece.skill, piece.skill_low, piece.skill_high)
        rows.append((piece.label, tuple(bars), "" if piece.skill is None else f"skill {skill.text}"))
    if all(piece.mean is None and piece.baseline_mean is None for piece in slices):
        return None
    baseline = slices[0].baseline
    legend = [("model", "model"), *([(f"blind: {baseline}", "blind")] if baseline else [])]
    return BarChart(name, f"{metric_name(metric)} by {by}", axis_label(metric), tuple(rows), tuple(legend))


def metric_name(metric: str) -> str:
    """Name, unit, and which way is better."""
    return f"{metric}{unit(metric)} {arrow(metric)}"


def axis_label(metric: str) -> str:
    """Name and unit."""
    return metric if METRICS[metric].unit == "1" else f"{metric} ({METRICS[metric].unit})"


def skill_cell(value: float | None, low: float | None, high: float | None) -> Cell:
    """A skill with its interval, where there are any."""
    if value is None:
        return Cell("-", (None, low, high))
    return Cell(f"{value:.2f}{interval_words(low, high)}", (value, low, high))


def distribution_chart(name: str, metric: str, lines: Sequence[tuple[str, np.ndarray, str | int]]) -> LineChart | None:
    """The share of frames at or below each value of a metric, for several methods; None without any value."""
    series = tuple(found for line in lines if (found := distribution(*line)) is not None)
    if not series:
        return None
    return LineChart(name, metric_name(metric), axis_label(metric), "share of frames", series, steps=True)


def is_number(value: object) -> bool:
    """Whether a value out of a JSON file is a number that can be shown and drawn."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and drawable(value)


def slug(text: str) -> str:
    """``text`` as part of a file name: letters, digits, ``-`` and ``_``, at most 60."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-")[:60] or "unnamed"


def _distributions(page: Page, rows: FrameRows, summary: Summary) -> None:
    charts = []
    for metric in summary.metrics[:DISTRIBUTIONS]:
        lines: list[tuple[str, np.ndarray, str | int]] = [(MODEL, rows.column(MODEL, metric), "model")]
        best = summary.best_blind(metric)
        if best is not None:
            lines.append((f"blind: {best.baseline}", rows.column(best.baseline, metric), "blind"))
        charts.append(distribution_chart(f"distribution-{metric}", metric, lines))
    page.section("distributions", "Distribution over frames")
    page.text(
        "The share of frames at or below each value: further to the left is better where lower is, and to the right "
        "where higher is."
    )
    page.pairs([chart for chart in charts if chart is not None])


def _breakdowns(page: Page, rows: FrameRows, summary: Summary) -> None:
    config = EvaluationConfig(
        by=summary.by, resamples=summary.resamples, confidence=summary.confidence, seed=summary.seed
    )
    metric, begun = summary.metrics[0], False
    for by in SLICES:
        slices = breakdown(rows, metric, by=by, config=config)
        if len(slices) < 2:
            continue
        if not begun:
            page.section("slices", "Where it is good, and where not")
            page.text("A description, not a test: among many slices some stand out by chance.")
            begun = True
        chart = slices_chart(slices, metric, by=by, name=f"by-{by}")
        if chart is not None:
            page.chart(chart)
        page.table(slices_table(slices, metric, by=by, name=f"by-{by}"))


def _frames(page: Page, examples: Sequence[FrameExample]) -> None:
    if not examples:
        return
    page.section("frames", "Best, median and worst frame")
    page.text(f"Chosen by the model's {examples[0].metric}.")
    for example in examples:

        def note(value: float, metric: str = example.metric) -> str:
            return f"{axis_label(metric)} {value:.4f}"

        page.views(
            f"{example.label}: {example.frame}",
            [
                CloudPanel("target", f"{len(example.target)} measured points", "target", example.target),
                CloudPanel("prediction", note(example.prediction_value), "model", example.prediction),
                CloudPanel(f"blind: {example.baseline_name}", note(example.baseline_value), "blind", example.baseline),
            ],
        )


def _skill_bar(comparison: Comparison) -> Bar:
    text = skill_cell(comparison.skill, comparison.skill_low, comparison.skill_high).text
    tip = f"{comparison.metric}: skill {text} against {comparison.baseline}, {standing(comparison)}"
    return Bar(comparison.skill, comparison.skill_low, comparison.skill_high, STYLES[standing(comparison)], tip)


def _skill_note(comparison: Comparison) -> str:
    if comparison.skill is None:
        return f"{comparison.baseline} is without error"
    return f"{comparison.skill:+.2f} against {comparison.baseline}"


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
