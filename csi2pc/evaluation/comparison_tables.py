"""Tables and charts of a comparison: scores, skill and paired differences, from its summary alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from .charts import Bar, BarChart
from .comparison import ComparisonSummary, PairedDifference, VariantScore
from .comparison_words import NOT_JUDGED, difference_words, interval_clause, mean_words, over_words, skill_words
from .figures import LOWEST_SKILL
from .metrics import METRICS
from .run_page import axis_label, is_number, metric_name, slug
from .summary import NOT_DISTINGUISHABLE
from .tables import Cell, Column, Table, number
from .wording import counted, interval_words, listed

#: Standing against the reference -> style of a bar.
STYLES = {"better": "model", "worse": "blind", "not distinguishable": "faint", "unknown": "open"}
#: Style of a bar -> what it says of a variant against blind.
AGAINST_BLIND = {
    "model": "better than blind",
    "blind": "worse than blind",
    "faint": NOT_DISTINGUISHABLE,
    "open": "no interval",
}
#: Metrics whose differences are drawn.
DRAWN = 4


def scores_table(summary: ComparisonSummary, dataset: str) -> Table:
    """Variants by metrics: means over seeds with their spread, the skill in the first metric, and what CSI is worth.

    The last row is the best blind baseline of each metric; where variants have other ones, as those do that predict
    other numbers of points, there is a row for each. Where variants differ in their seeds, a column counts them; where
    a metric lacks values of frames, CSV counts these beside its means.
    """
    first = summary.metrics[0]
    present = _present(summary, dataset)
    shuffled = any(summary.score(dataset, variant, first).csi is not None for variant in present)
    means = [_mean_column(summary, dataset, metric, present) for metric in summary.metrics]
    seeds = {variant: _seeds(summary, dataset, variant) for variant in present}
    differ = len(set(seeds.values())) > 1
    columns = [Column("variant"), *([Column("seeds", ("",))] if differ else []), *means]
    columns.append(Column(f"skill in {first}", ("", "low", "high")))
    if shuffled:
        columns.append(Column(f"own - shuffled CSI, {axis_label(first)}", ("", "low", "high")))
    body = []
    for variant in present:
        counts = [number(seeds[variant], "d")] if differ else []
        cells = (Cell(variant), *counts, *_scores_cells(summary, dataset, variant, means))
        body.append(cells[: len(columns)])
    none = [number(None)] if differ else []
    shared = _shared_blind(summary, dataset)
    for variants, blind in shared:
        name = "best blind" if len(shared) == 1 else f"best blind of {listed(variants)}"
        body.append((Cell(name), *none, *_blind_cells(summary, blind, means))[: len(columns)])
    used = ", and the error with the frame's own CSI minus with shuffled CSI (negative: the CSI is used)"
    caption = (
        f"{dataset}: means over frames, then over {counted(len(summary.seeds), 'seed')} ± their standard deviation (↓ "
        f"lower is better, ↑ higher). Skill = 1 - error / error of the best blind baseline{used if shuffled else ''}"
        f"{interval_clause(summary, dataset)}."
    )
    return Table(f"scores-{slug(dataset)}", caption, tuple(columns), tuple(body))


def skill_table(summary: ComparisonSummary, dataset: str) -> Table:
    """Variants by metrics: skill against the best blind baseline of each metric, with its interval."""
    body = []
    for variant in _present(summary, dataset):
        scores = [summary.score(dataset, variant, metric) for metric in summary.metrics]
        cells = [
            replace(_skill_cell(score), words=(score.blind or "", score.standing) if score else ("", ""))
            for score in scores
        ]
        body.append((Cell(variant), *cells))
    skill = [Column(metric, ("skill", "low", "high"), ("best blind", "standing")) for metric in summary.metrics]
    columns = (Column("variant"), *skill)
    found: dict[str, list[str]] = {}
    for variants, blind in _shared_blind(summary, dataset):
        names = "; ".join(f"{metric}: {blind[metric].blind}" for metric in summary.metrics if metric in blind)
        found.setdefault(names, []).extend(variants)
    baselines = [f" of {listed(of)}: {names}." if len(found) > 1 else f": {names}." for names, of in found.items()]
    intervals = f" with {summary.confidence:.0%} intervals" if over_words(summary, dataset) else ""
    caption = f"{dataset}: skill in every metric{intervals}." + "".join(f" Best blind baselines{b}" for b in baselines)
    return Table(f"skill-{slug(dataset)}", caption, columns, tuple(body))


def differences_table(summary: ComparisonSummary, dataset: str) -> Table | None:
    """Variants by metrics: difference from the reference with its interval; None where there is no other variant."""
    found = {(d.variant, d.metric): d for metric in summary.metrics for d in summary.differences_of(dataset, metric)}
    variants = [v for v in _present(summary, dataset) if (v, summary.metrics[0]) in found]
    if not variants:
        return None
    body = tuple(
        (Cell(variant), *(_difference_cell(found.get((variant, metric))) for metric in summary.metrics))
        for variant in variants
    )
    kinds = [Column(metric_name(metric), ("difference", "low", "high"), ("standing",)) for metric in summary.metrics]
    columns = (Column("variant"), *kinds)
    caption = f"{dataset}: each variant minus {summary.reference}, on the same frames and seeds"
    if over_words(summary, dataset):
        caption += (
            f"; intervals hold together for all variants under one metric at {summary.confidence:.0%}. In bold: "
            f"better or worse than {summary.reference}"
        )
    return Table(f"differences-{slug(dataset)}", f"{caption}.", columns, body)


def skill_chart(summary: ComparisonSummary, dataset: str) -> BarChart | None:
    """Bars of each variant's skill in the first metric; None where there is none."""
    metric = summary.metrics[0]
    rows, styles = [], set()
    for variant in _present(summary, dataset):
        score = summary.score(dataset, variant, metric)
        style = STYLES[score.standing]
        styles.add(style)
        tip = f"{variant}: skill {skill_words(score)} against {score.blind}"
        rows.append((variant, (Bar(score.skill, score.skill_low, score.skill_high, style, tip),), skill_words(score)))
    if all(bars[0].value is None for _, bars, _ in rows):
        return None
    return BarChart(
        name=f"skill-{slug(dataset)}",
        title=f"Skill in {metric} on {dataset}, against the best blind baseline",
        x_label="skill: 1 - error of the variant / error of the best blind baseline",
        rows=tuple(rows),
        legend=tuple((text, style) for style, text in AGAINST_BLIND.items() if style in styles),
        lowest=LOWEST_SKILL,
    )


def difference_charts(summary: ComparisonSummary, dataset: str) -> list[BarChart]:
    """Bars of the differences from the reference, one chart for each of the first :data:`DRAWN` metrics."""
    charts = []
    for metric in summary.metrics[:DRAWN]:
        found = [d for d in summary.differences_of(dataset, metric) if d.difference is not None]
        if not found:
            continue
        rows = tuple(
            (d.variant, (_difference_bar(d),), f"{d.difference:+.4f}" + ("" if d.low is not None else " (no interval)"))
            for d in found
        )
        present = {d.standing for d in found}
        charts.append(
            BarChart(
                name=f"differences-{slug(dataset)}-{metric}",
                title=f"{metric_name(metric)}: difference from {summary.reference} on {dataset}",
                x_label=f"variant - {summary.reference}, {axis_label(metric)}",
                rows=rows,
                legend=tuple((name, style) for name, style in STYLES.items() if name in present),
            )
        )
    return charts


def rates_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """What the search for learning rates tried; what was chosen stands in bold."""
    body = []
    for row in rows:
        chosen = row.get("chosen") is True
        rate, value = (row.get(key) if is_number(row.get(key)) else None for key in ("learning_rate", "validation"))
        body.append((
            Cell(str(row.get("dataset"))), Cell(str(row.get("variant"))), number(rate, "g", strong=chosen),
            number(value, strong=chosen), Cell("chosen" if chosen else str(row.get("reason") or "")),
        ))  # fmt: skip
    columns = (
        Column("data set"), Column("variant"), Column("learning rate", ("",)), Column("validation", ("",)),
        Column("choice"),
    )  # fmt: skip
    caption = "Short runs, the same for every variant; the rate with the lowest validation chamfer_l1 (m) is chosen."
    edge = _at_the_edge(rows)
    if edge:
        caption += f" For {listed(edge)} it lies at the edge of what was tried: a better one may lie beyond."
    return Table("learning-rates", caption, columns, tuple(body))


def _at_the_edge(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Variants whose chosen rate is the lowest or highest of several that were tried."""
    tried: dict[tuple[str, str], list[float]] = {}
    chosen: dict[tuple[str, str], float] = {}
    for row in rows:
        if is_number(row.get("learning_rate")):
            key = (str(row.get("dataset")), str(row.get("variant")))
            tried.setdefault(key, []).append(row["learning_rate"])
            if row.get("chosen") is True:
                chosen[key] = row["learning_rate"]
    found = [key for key, rate in chosen.items() if len(tried[key]) > 1 and rate in (min(tried[key]), max(tried[key]))]
    return [
        variant if len({dataset for dataset, _ in tried}) == 1 else f"{variant} on {dataset}"
        for dataset, variant in found
    ]


def runs_table(rows: Sequence[Mapping[str, Any]], *, name: str, caption: str) -> Table:
    """Runs of the comparison and their states."""
    body = []
    for row in rows:
        seed, epochs = (row.get(key) if type(row.get(key)) is int else None for key in ("seed", "epochs"))
        rate, seconds = (row.get(key) if is_number(row.get(key)) else None for key in ("learning_rate", "seconds"))
        body.append((
            Cell(str(row.get("dataset"))), Cell(str(row.get("variant"))), number(seed, "d"),
            Cell(str(row.get("state"))), number(seconds, ".0f"), number(rate, "g"), number(epochs, "d"),
            Cell(str(row.get("reason") or "")),
        ))  # fmt: skip
    columns = (
        Column("data set"), Column("variant"), Column("seed", ("",)), Column("state"), Column("seconds", ("",)),
        Column("learning rate", ("",)), Column("epochs", ("",)), Column("reason"),
    )  # fmt: skip
    return Table(name, caption, columns, tuple(body))


def _present(summary: ComparisonSummary, dataset: str) -> list[str]:
    return [v for v in summary.variants if summary.score(dataset, v, summary.metrics[0]) is not None]


def _shared_blind(summary: ComparisonSummary, dataset: str) -> list[tuple[list[str], dict[str, VariantScore]]]:
    """Variants with the same best blind baselines, and by metric a score that holds these.

    Baselines have as many points as a variant predicts. They are the same where they are printed the same; where a
    variant has none in a metric, for want of a value, it has no other one either.
    """
    shared: list[tuple[list[str], dict[str, VariantScore]]] = []
    for variant in _present(summary, dataset):
        scores = {metric: summary.score(dataset, variant, metric) for metric in summary.metrics}
        own = {metric: s for metric, s in scores.items() if s is not None and s.blind_mean is not None}
        for variants, known in shared:
            if all(_blind_text(own[metric]) == _blind_text(known[metric]) for metric in own.keys() & known.keys()):
                variants.append(variant)
                known.update({**own, **known})
                break
        else:
            shared.append(([variant], own))
    return shared


def _blind_text(score: VariantScore) -> str:
    return f"{number(score.blind_mean).text} {score.blind}"


def _seeds(summary: ComparisonSummary, dataset: str, variant: str) -> int:
    """Seeds with a result in any metric."""
    scores = [summary.score(dataset, variant, metric) for metric in summary.metrics]
    return max(sum(value is not None for value in score.seeds) for score in scores if score is not None)


def _mean_column(summary: ComparisonSummary, dataset: str, metric: str, variants: Sequence[str]) -> Column:
    scores = [summary.score(dataset, variant, metric) for variant in variants]
    gaps = any(score is not None and score.missing for score in scores)
    return Column(metric_name(metric), ("mean", "spread", "missing") if gaps else ("mean", "spread"), ("baseline",))


def _mean_cell(column: Column, text: str, *numbers: float | None, baseline: str = "") -> Cell:
    return Cell(text, (*numbers, None, None, None)[: len(column.numbers)], words=(baseline,))


def _scores_cells(
    summary: ComparisonSummary, dataset: str, variant: str, columns: Sequence[Column]
) -> tuple[Cell, ...]:
    scores = [summary.score(dataset, variant, metric) for metric in summary.metrics]
    first = scores[0]
    means = [
        _mean_cell(column, mean_words(score), *((score.mean, score.spread, score.missing) if score else ()))
        for column, score in zip(columns, scores, strict=True)
    ]
    text = number(first.csi, "+.4f").text + interval_words(first.csi_low, first.csi_high, "+.4f")
    csi = Cell(text, (first.csi, first.csi_low, first.csi_high))
    return *means, _skill_cell(first), csi


def _blind_cells(
    summary: ComparisonSummary, blind: Mapping[str, VariantScore], columns: Sequence[Column]
) -> tuple[Cell, ...]:
    cells = []
    for column, metric in zip(columns, summary.metrics, strict=True):
        score = blind.get(metric)
        if score is None:
            cells.append(_mean_cell(column, "-"))
        else:
            cells.append(_mean_cell(column, _blind_text(score), score.blind_mean, baseline=score.blind or ""))
    return *cells, Cell("0", (0.0, None, None)), Cell("-", (None, None, None))


def _skill_cell(score: VariantScore | None) -> Cell:
    if score is None:
        return Cell("-", (None, None, None))
    return Cell(skill_words(score), (score.skill, score.skill_low, score.skill_high))


def _difference_cell(difference: PairedDifference | None) -> Cell:
    if difference is None:
        return Cell("-", (None, None, None), words=("",))
    numbers = (difference.difference, difference.low, difference.high)
    text = difference_words(difference) + (f" ({NOT_JUDGED})" if difference.standing == "unknown" else "")
    return Cell(text, numbers, difference.standing in ("better", "worse"), (difference.standing,))


def _difference_bar(difference: PairedDifference) -> Bar:
    kind = METRICS[difference.metric]
    tip = (
        f"{difference.variant} minus {difference.other}: {difference_words(difference)}, {difference.standing} "
        f"({kind.better} is better)"
    )
    return Bar(difference.difference, difference.low, difference.high, STYLES[difference.standing], tip)
