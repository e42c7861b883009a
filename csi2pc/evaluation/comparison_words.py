"""A comparison in plain words and as a table for the terminal. The words follow from the numbers alone.

"Better" and "worse" are said only where an interval stays on one side of 0, and the intervals of all differences under
one metric hold together. Everything else is not distinguishable.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from .comparison import ComparisonSummary, PairedDifference, VariantScore
from .statistics import PARTS
from .summary import FEW_GROUPS, WORTH
from .tables import cleaned
from .wording import arrow, counted, interval_words, listed, number, unit

#: With fewer seeds than this, how much a result owes to its seed is hardly known.
FEW_SEEDS = 5
#: Metrics that each say something that the others do not.
WORDED = ("chamfer_l1", "emd", "f_score_5cm", "coverage", "hausdorff_95", "height_error")
#: What is said with its numbers.
STATED = ("better", "worse")
#: What is said of a variant that is neither, for want of an interval, a seed or the value of a frame.
NOT_JUDGED = "not judged"


def comparison_words(summary: ComparisonSummary, *, metrics: Sequence[str] | None = None) -> list[str]:
    """What the numbers say, one sentence a list entry: what is missing, the verdicts, then what qualifies them.

    Args:
        summary: the comparison.
        metrics: those in which variants are compared with the reference in words; by default the first one and those
            of :data:`WORDED`. The tables hold all.
    """
    if metrics is None:
        metrics = [metric for metric in summary.metrics if metric in (summary.metrics[0], *WORDED)]
    sentences = []
    if summary.done < summary.planned:
        sentences.append(
            f"UNFINISHED: {summary.done} of {summary.planned} runs are done; everything below is about these alone."
        )
    if summary.part in WORTH:
        sentences.append(WORTH[summary.part])
    for dataset in summary.datasets:
        where = f"{dataset}: " if len(summary.datasets) > 1 else ""
        sentences += [where + text for text in _verdicts(summary, dataset, metrics)]
    return sentences + _caveats(summary)


def comparison_table(summary: ComparisonSummary, dataset: str, *, metrics: int = 4) -> Table:
    """One row a variant: of the first metrics the mean over seeds with its spread, and the skill in the first one.

    Names of folders are text: nothing in them is markup.
    """
    title = Text(cleaned(_caption(summary, dataset)), "table.title")
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=0, title=title, title_justify="left")
    table.add_column("variant", no_wrap=True)
    shown = summary.metrics[:metrics]
    for metric in shown:
        table.add_column(f"{metric}{unit(metric)} {arrow(metric)}", justify="right")
    table.add_column(f"skill in {summary.metrics[0]}", justify="right")
    for variant in summary.variants:
        scores = [summary.score(dataset, variant, metric) for metric in shown]
        if scores[0] is not None:
            cells = (variant, *(mean_words(score) for score in scores), skill_words(scores[0]))
            table.add_row(*(Text(cleaned(cell)) for cell in cells))
    return table


def mean_words(score: VariantScore | None) -> str:
    """Mean over seeds, spread, and how many values are missing."""
    if score is None or score.mean is None:
        return "-"
    spread = "" if score.spread is None else f" ± {score.spread:.4f}"
    seeds = "" if None not in score.seeds else f" ({_runs(score)} of {counted(len(score.seeds), 'seed')})"
    return f"{number(score.mean)}{spread}{seeds}" + (f" ({score.missing} missing)" if score.missing else "")


def skill_words(score: VariantScore) -> str:
    """Skill with its interval."""
    if score.skill is None:
        return "-"
    return f"{score.skill:.2f}{interval_words(score.skill_low, score.skill_high)}"


def difference_words(difference: PairedDifference) -> str:
    """Difference from the reference with its interval."""
    if difference.difference is None:
        return "-"
    return f"{difference.difference:+.4f}{interval_words(difference.low, difference.high, '+.4f')}"


def over_words(summary: ComparisonSummary, dataset: str) -> str:
    """``over 12 sequences and the seeds``: what the intervals on a data set hold; empty where there are none."""
    groups = summary.groups[dataset]
    if groups < 2:
        return ""
    return f"over {counted(groups, summary.by)}" + (" and the seeds" if len(summary.seeds) > 1 else "")


def interval_clause(summary: ComparisonSummary, dataset: str) -> str:
    """What follows a caption's skill: ``, with 95% intervals over 12 sequences and the seeds``, or nothing."""
    over = over_words(summary, dataset)
    return f", with {summary.confidence:.0%} intervals {over}" if over else ""


def _verdicts(summary: ComparisonSummary, dataset: str, metrics: Sequence[str]) -> list[str]:
    first = [s for v in summary.variants if (s := summary.score(dataset, v, summary.metrics[0])) is not None]
    sentences = [_against_blind(first), *_nobody_beats_blind(summary, dataset), _use_of_csi(first)]
    sentences += [_against_reference(summary, dataset, metric) for metric in metrics]
    for missing in (_missing_seeds, _silent_seeds, _missing):
        sentences += [missing(score, summary) for score in first]
    return [sentence for sentence in sentences if sentence]


def _against_blind(scores: list[VariantScore]) -> str:
    """Every variant's standing in the first metric."""
    named = {score.blind for score in scores if score.blind is not None}
    if not named:
        return ""
    found = {score.variant: score.standing for score in scores}
    details = {score.variant: skill_words(score) for score in scores}
    return f"Against {listed(sorted(named))}, the best blind guess in {scores[0].metric}: {_sorted(found, details)}."


def _nobody_beats_blind(summary: ComparisonSummary, dataset: str) -> list[str]:
    """The other metrics in which CSI has not been shown to be worth anything, one sentence for those with the same
    variants that are not judged."""
    hopeless: dict[tuple[str, ...], list[str]] = {}
    for metric in summary.metrics[1:]:
        standings = {s.variant: s.standing for s in summary.scores if (s.dataset, s.metric) == (dataset, metric)}
        unjudged = tuple(variant for variant, standing in standings.items() if standing == "unknown")
        if "better" not in standings.values() and len(unjudged) < len(standings):
            hopeless.setdefault(unjudged, []).append(metric)
    return [
        f"{'Of the variants that are judged, none' if unjudged else 'No variant'} is shown to be better than the best "
        f"blind guess in {listed(metrics)}" + (f"; {NOT_JUDGED}: {', '.join(unjudged)}." if unjudged else ".")
        for unjudged, metrics in hopeless.items()
    ]


def _use_of_csi(scores: list[VariantScore]) -> str:
    judged = [score for score in scores if score.whole and score.csi_high is not None]
    without = [score.variant for score in judged if score.csi_high >= 0]
    metric = scores[0].metric
    if without:
        return f"It cannot be shown in {metric} that the CSI of the frame is used by {listed(without)}."
    if not judged:
        return ""
    who = "Every variant uses" if len(judged) == len(scores) else f"{listed([s.variant for s in judged])} use"
    return f"{who} the CSI of the frame: with shuffled CSI the {metric} is worse."


def _against_reference(summary: ComparisonSummary, dataset: str, metric: str) -> str:
    differences = summary.differences_of(dataset, metric)
    if not differences:
        return ""
    found = {d.variant: d.standing for d in differences}
    details = {d.variant: f"{difference_words(d)}{unit(metric)}" for d in differences if d.standing in STATED}
    of_one = " (of these single trainings)" if len(summary.seeds) == 1 else ""
    if len(found) > 1 and set(found.values()) == {"not distinguishable"}:
        return f"Against {summary.reference}, in {metric}{of_one}: no variant is distinguishable."
    return f"Against {summary.reference}, in {metric}{of_one}: {_sorted(found, details)}."


def _sorted(standings: dict[str, str], details: dict[str, str]) -> str:
    """``better: a (...), b (...); worse: c (...); not distinguishable: d``."""
    parts = []
    for standing in (*STATED, "not distinguishable", "unknown"):
        found = [name for name, each in standings.items() if each == standing]
        names = [f"{name} ({details[name]})" if name in details else name for name in found]
        if names:
            parts.append(f"{NOT_JUDGED if standing == 'unknown' else standing}: {', '.join(names)}")
    return "; ".join(parts)


def _missing_seeds(score: VariantScore, summary: ComparisonSummary) -> str:
    """Seeds whose run is missing."""
    means = zip(summary.seeds, score.seeds, strict=True)
    lost = [str(seed) for seed, mean in means if mean is None and seed not in score.silent]
    if not lost:
        return ""
    return f"{score.variant} has no result for seed {listed(lost)}, and is not judged: runs.json says why."


def _silent_seeds(score: VariantScore, summary: ComparisonSummary) -> str:
    """Seeds whose run is done without a value on any frame."""
    if not score.silent:
        return ""
    seeds = listed([str(seed) for seed in score.silent])
    return f"{score.variant} has no value (NaN) on any frame with seed {seeds}, and is not judged."


def _missing(score: VariantScore, summary: ComparisonSummary) -> str:
    """Frames without a value, of the seeds that have values at all."""
    missing = score.missing - score.frames * len(score.silent)
    if not missing:
        return ""
    return (
        f"{score.variant} has no value (NaN) on {missing} of {score.frames * _runs(score)} frames, over its "
        f"{counted(_runs(score), 'seed')}: its means are of the others, and nothing in its favour follows from them."
    )


def _runs(score: VariantScore) -> int:
    return sum(mean is not None for mean in score.seeds)


def _caveats(summary: ComparisonSummary) -> list[str]:
    notes = []
    count = len(summary.seeds)
    if count < FEW_SEEDS:
        notes.append(
            f"Each variant was trained with {counted(count, 'seed')} only"
            + (": what a seed does is not known, and is in none of the intervals." if count == 1 else
               ": how much a result owes to its seeds is known roughly.")
        )  # fmt: skip
    for dataset in summary.datasets:
        groups, people = summary.groups[dataset], summary.people[dataset]
        if groups < 2:
            notes.append(
                f"There is only one {PARTS[summary.part]} {summary.by} of {dataset}, so there are no intervals, and "
                "nothing on it is judged: its frames resemble one another and cannot stand in for other recordings."
            )
            continue
        if groups < FEW_GROUPS:
            notes.append(f"The intervals on {dataset} stand on {counted(groups, summary.by)} only, and are too narrow.")
        if summary.by == "sequence" and 0 < people < FEW_GROUPS:
            notes.append(
                f"The {PARTS[summary.part]} sequences of {dataset} are of {counted(people, 'subject')}: the intervals "
                "speak of further sequences of these, not of other people."
            )
    judged = [dataset for dataset in summary.datasets if over_words(summary, dataset)]
    if any(len(summary.differences_of(dataset, summary.metrics[0])) > 1 for dataset in judged):
        notes.append(
            "The intervals of the differences hold together for all variants under one metric, not over the "
            f"{len(summary.metrics)} metrics. Those of skill and of the use of CSI hold one by one: at "
            f"{summary.confidence:.0%}, one in {round(1 / (1 - summary.confidence))} looks like something by chance."
        )
    return notes


def _caption(summary: ComparisonSummary, dataset: str) -> str:
    return (
        f"{dataset}: means over frames, then over {counted(len(summary.seeds), 'seed')} ± their standard deviation; "
        f"skill = 1 - error / error of the best blind baseline{interval_clause(summary, dataset)}"
    )
