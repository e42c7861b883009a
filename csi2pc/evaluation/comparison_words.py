"""A comparison in plain words and as a table for the terminal. The words follow from the numbers alone.

"Better" and "worse" are said only where an interval stays on one side of 0, and the intervals of all differences under
one metric hold together. Everything else is not distinguishable.
"""

from __future__ import annotations

from rich import box
from rich.table import Table

from .comparison import ComparisonSummary, PairedDifference, VariantScore
from .statistics import PARTS
from .summary import FEW_GROUPS, WORTH
from .wording import arrow, counted, interval_words, listed, number, unit

#: With fewer seeds than this, how much a result owes to its seed is hardly known.
FEW_SEEDS = 5


def comparison_words(summary: ComparisonSummary) -> list[str]:
    """What the numbers say, one sentence a list entry: what is missing, the verdicts, then what qualifies them."""
    sentences = []
    if summary.done < summary.planned:
        sentences.append(
            f"UNFINISHED: {summary.done} of {summary.planned} runs are done; everything below is about these alone."
        )
    if summary.part in WORTH:
        sentences.append(WORTH[summary.part])
    for dataset in summary.datasets:
        where = f"On {dataset}, " if len(summary.datasets) > 1 else ""
        sentences += [_start_sentence(where, text) for text in _verdicts(summary, dataset)]
    return sentences + _caveats(summary)


def comparison_table(summary: ComparisonSummary, dataset: str, *, metrics: int = 4) -> Table:
    """One row a variant: of the first metrics the mean over seeds with its spread, and the skill in the first one."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=0, title=_caption(summary, dataset), title_justify="left")
    table.add_column("variant", no_wrap=True)
    shown = summary.metrics[:metrics]
    for metric in shown:
        table.add_column(f"{metric}{unit(metric)} {arrow(metric)}", justify="right")
    table.add_column(f"skill in {summary.metrics[0]}", justify="right")
    for variant in summary.variants:
        scores = [summary.score(dataset, variant, metric) for metric in shown]
        if scores[0] is not None:
            table.add_row(variant, *(mean_words(score) for score in scores), skill_words(scores[0]))
    return table


def mean_words(score: VariantScore | None) -> str:
    """Mean over seeds, spread, and how many values are missing."""
    if score is None or score.mean is None:
        return "-"
    spread = "" if score.spread is None else f" ± {score.spread:.4f}"
    return f"{number(score.mean)}{spread}" + (f" ({score.missing} missing)" if score.missing else "")


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


def _verdicts(summary: ComparisonSummary, dataset: str) -> list[str]:
    metric = summary.metrics[0]
    scores = [s for v in summary.variants if (s := summary.score(dataset, v, metric)) is not None]
    return [
        *_against_blind(scores, metric),
        *_use_of_csi(scores, metric),
        *(text for each in summary.metrics if (text := _against_reference(summary, dataset, each))),
        *(_missing(score) for score in scores if score.missing),
    ]


def _against_blind(scores: list[VariantScore], metric: str) -> list[str]:
    better = [s.variant for s in scores if s.skill_low is not None and s.skill_low > 0]
    worse = [s.variant for s in scores if s.skill_high is not None and s.skill_high < 0]
    rest = [s.variant for s in scores if s.variant not in (*better, *worse)]
    parts = []
    if better:
        parts.append(f"{listed(better)} {_beat(better)} the best blind baseline in {metric}")
    if worse:
        parts.append(f"{listed(worse)} {_is(worse)} worse than it" if better else f"{listed(worse)} {_is(worse)} worse than the best blind baseline in {metric}")
    if rest:
        parts.append(f"{listed(rest)} {_is(rest)} not distinguishable from it" if parts else f"{listed(rest)} {_is(rest)} not distinguishable from the best blind baseline in {metric}")
    return ["; ".join(parts) + "."] if parts else []


def _use_of_csi(scores: list[VariantScore], metric: str) -> list[str]:
    uses = [s for s in scores if s.csi_high is not None and s.csi_high < 0]
    known = [s for s in scores if s.csi_high is not None]
    without = [s.variant for s in known if s not in uses]
    sentences = []
    if uses and not without:
        sentences.append(f"every variant uses the CSI of the frame: its {metric} is lower than with shuffled CSI.")
    elif without:
        sentences.append(f"it cannot be shown that {listed(without)} {_use(without)} the CSI of the frame in {metric}.")
    return sentences


def _against_reference(summary: ComparisonSummary, dataset: str, metric: str) -> str:
    differences = summary.differences_of(dataset, metric)
    if not differences:
        return ""
    parts = []
    for standing in ("better", "worse"):
        found = [d for d in differences if d.standing == standing]
        if found:
            parts.append(f"{listed([f'{d.variant} ({difference_words(d)}{unit(metric)})' for d in found])} {_is(found)} {standing}")
    rest = [d.variant for d in differences if d.standing in ("not distinguishable", "unknown")]
    if not parts:
        return f"in {metric} no variant is distinguishable from {summary.reference}."
    if rest:
        parts.append(f"{listed(rest)} {_is(rest)} not distinguishable")
    return f"in {metric}, against {summary.reference}: {'; '.join(parts)}."


def _missing(score: VariantScore) -> str:
    return (
        f"{score.variant} has no value (NaN) on {score.missing} of {score.frames * len(score.seeds)} frames, over all "
        "seeds: its means are of the others, and nothing in its favour can be concluded from them."
    )


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
        if groups < FEW_GROUPS:
            notes.append(f"The intervals on {dataset} stand on {counted(groups, summary.by)} only, and are too narrow.")
        if summary.by == "sequence" and 0 < people < FEW_GROUPS:
            notes.append(
                f"The {PARTS[summary.part]} sequences of {dataset} are of {counted(people, 'subject')}: the intervals "
                "speak of further sequences of these, not of other people."
            )
    if any(len(summary.differences_of(d, summary.metrics[0])) > 1 for d in summary.datasets):
        notes.append(
            "The intervals of the differences hold together for all variants under one metric, not over the "
            f"{len(summary.metrics)} metrics, which are not independent either."
        )
    return notes


def _caption(summary: ComparisonSummary, dataset: str) -> str:
    return (
        f"{dataset}: means over frames, then over {counted(len(summary.seeds), 'seed')} ± their standard deviation; "
        f"skill = 1 - error / error of the best blind baseline, with {summary.confidence:.0%} intervals over "
        f"{summary.groups[dataset]} {summary.by}s and the seeds"
    )


def _start_sentence(where: str, text: str) -> str:
    """A sentence that begins with a variant's name keeps it as it is."""
    first = text.split(" ", 1)[0]
    known = first in ("in", "every", "it")
    return where + text if where or not known else text[0].upper() + text[1:]


def _is(names: list) -> str:
    return "is" if len(names) == 1 else "are"


def _beat(names: list) -> str:
    return "beats" if len(names) == 1 else "beat"


def _use(names: list) -> str:
    return "uses" if len(names) == 1 else "use"
