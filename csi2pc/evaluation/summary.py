"""The table of model, blind baselines and skill, and what it allows to say, in plain words.

The words follow from the numbers alone. "Better" and "worse" are said only where the interval of the skill stays on
one side of 0; where it includes 0, the model is not distinguishable from blind; where there is no interval, because
there is only one sequence, that is said instead. Where the model has no value on some frames, whatever is said of it
says so in the same sentence, and a mean that leaves frames out is marked. "Held-out" are frames of the test part
alone; of other parts the words say first what their numbers are worth.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from .metrics import METRICS
from .rows import MODEL, SHUFFLED
from .statistics import PARTS, Comparison, Score, Summary
from .wording import arrow, interval_words, listed, number, unit

#: With fewer groups than this, percentile intervals are known to be too narrow, and the summary says so.
FEW_GROUPS = 10

NOT_DISTINGUISHABLE = "not distinguishable from blind"

#: What numbers of other parts than test are worth.
WORTH = {
    "validation": "These are validation frames: the checkpoint was chosen on them, so the model may look too good.",
    "train": "These are training frames, which the model was fitted to: no evidence of what it does on any others.",
}
#: Blind baselines that know a label of each frame.
TOLD = {"nearest_action_time": "the action", "nearest_scene": "the room"}


def table(summary: Summary) -> Table:
    """The results as a table for the terminal: one row a metric; every method's mean; the skill and its interval.

    The best blind value of each row is underlined.
    """
    style = {"box": box.SIMPLE_HEAD, "show_edge": False, "padding": 0, "title_justify": "left", "title_style": ""}
    result = Table(title=_caption(summary), **style)
    header, body, best = _cells(summary)
    result.add_column(header[0], no_wrap=True)
    for name in header[1:]:  # 6 characters are a number as printed here: a narrow terminal breaks intervals only
        longest = max(6, *map(len, name.split("_")))
        result.add_column(name.replace("_", "\n"), justify="right", min_width=longest)
    for cells, underlined in zip(body, best, strict=True):
        result.add_row(*(Text(cell, "underline" if i == underlined else "") for i, cell in enumerate(cells)))
    return result


def markdown(summary: Summary) -> str:
    """The same table as Markdown, with the words below it. The best blind value of each row stands in bold."""
    header, body, best = _cells(summary)
    lines = [_caption(summary), "", _markdown_row(header), _markdown_row(["---"] + ["---:"] * (len(header) - 1))]
    for cells, bold in zip(body, best, strict=True):
        lines.append(_markdown_row([f"**{cell}**" if i == bold else cell for i, cell in enumerate(cells)]))
    return "\n".join([*lines, "", *(f"- {sentence}" for sentence in words(summary)), ""])


def words(summary: Summary) -> list[str]:
    """What the numbers say, one sentence a list entry: the verdict first, then what qualifies it.

    Before the verdict stands, for other parts than test, what their numbers are worth.
    """
    sentences = [WORTH[summary.part]] if summary.part in WORTH else []
    sentences += [verdict(summary, metric) for metric in summary.metrics[:1]]
    sentences += _other_metrics(summary)
    sentences += [_shuffled(summary, metric) for metric in summary.metrics[:1] if summary.shuffled(metric)]
    return sentences + _caveats(summary)


def verdict(summary: Summary, metric: str) -> str:
    """Whether the model beats every blind baseline under ``metric``, and if not, which it does not."""
    if summary.score(metric, MODEL).mean is None:
        return f"Nothing can be said about {metric}: the model has no value on any frame."
    compared = summary.against(metric)
    apart = [c.baseline for c in compared if c.difference is None]
    stated = [c for c in compared if c.difference is not None]
    if not stated:
        return f"Nothing can be said about {metric}: there is no blind baseline to compare the model with."
    where = f"on the {groups(summary)}"
    value = f"{metric} {number(summary.score(metric, MODEL).mean)}{unit(metric)}{_gaps(summary, metric)}"
    unsure = [c for c in stated if standing(c) == "unknown" and c.rank > 0]
    failed = [c for c in stated if standing(c) != "better" and c not in unsure]
    best = summary.best_blind(metric)
    if failed:
        reasons = "; ".join(f"{_against(c)}: {_reason(c)}" for c in failed)
        text = f"The model does NOT beat {listed([c.baseline for c in failed])} {where} ({value}; {reasons})."
    elif unsure:
        some = "" if len(unsure) == len(stated) else f" against {listed([c.baseline for c in unsure])}"
        text = (
            f"The model's {metric} is better than every blind baseline's {where} ({value}, {_against(best)}), "
            f"but without an interval{some} this may be chance."
        )
    else:
        text = f"The model beats every blind baseline {where} ({value}, {_against(best)})."
    if apart:
        text += f" No skill could be stated against {listed(apart)}."
    return text


def groups(summary: Summary) -> str:
    """How many sequences or subjects of which part, for example ``"20 held-out sequences"``."""
    return _count(summary, f"{PARTS[summary.part]} ")


def standing(comparison: Comparison) -> str:
    """``"better"``, ``"worse"`` or ``"not distinguishable from blind"``; ``"unknown"`` without an interval."""
    low, high = comparison.skill_low, comparison.skill_high
    if low is None or high is None:  # where a baseline without error leaves no ratio, the difference has the same sign
        ends = (comparison.difference_low, comparison.difference_high)
        low, high = ends if METRICS[comparison.metric].better == "higher" else (_minus(ends[1]), _minus(ends[0]))
    if low is None or high is None:
        return "unknown"
    if low > 0:
        return "better"
    return "worse" if high < 0 else NOT_DISTINGUISHABLE


def _minus(value: float | None) -> float | None:
    return None if value is None else -value


def _reason(comparison: Comparison) -> str:
    return {"worse": "worse than blind", "unknown": "no interval"}.get(standing(comparison), standing(comparison))


def _against(comparison: Comparison) -> str:
    if comparison.skill is None:
        return f"{comparison.baseline} is without error"
    return f"skill {_skill(comparison)} against {comparison.baseline}"


def _other_metrics(summary: Summary) -> list[str]:
    by_standing: dict[str, list[str]] = {}
    for metric in summary.metrics[1:]:
        best = summary.best_blind(metric)
        if best is not None and standing(best) != "unknown":
            gaps = _gaps(summary, metric).removeprefix(", ")
            by_standing.setdefault(standing(best), []).append(f"{metric} ({gaps})" if gaps else metric)
    phrases = {
        "better": "Against the best blind baseline of each, the model is also better in {}.",
        "worse": "It is worse than the best blind baseline in {}.",
        NOT_DISTINGUISHABLE: "It is not distinguishable from the best blind baseline in {}.",
    }
    if summary.metrics and (first := summary.best_blind(summary.metrics[0])) and standing(first) != "better":
        phrases["better"] = "Against the best blind baseline of each, the model is better in {}."
    return [phrases[key].format(listed(by_standing[key])) for key in phrases if key in by_standing]


def _shuffled(summary: Summary, metric: str) -> str:
    against = summary.shuffled(metric)
    if against.difference is None:
        return f"The model could not be compared with itself fed shuffled CSI in {metric}."
    interval = interval_words(against.difference_low, against.difference_high, "+.4f")
    difference = f"{metric} {against.difference:+.4f}{unit(metric)}{interval}, own CSI minus shuffled"
    difference += _gaps(summary, metric)
    uses = {
        "better": "The model uses the CSI of the frame",
        "worse": "The model is worse with the frame's own CSI than with shuffled CSI",
        "unknown": "Own against shuffled CSI, without an interval",
    }
    claim = uses.get(standing(against), "It cannot be shown that the model uses the CSI of the frame")
    return f"{claim} ({difference})."


def _caveats(summary: Summary) -> list[str]:
    notes = []
    if summary.groups == 1:
        notes.append(
            f"There is only one {PARTS[summary.part]} {summary.by}, so there are no intervals: its frames resemble "
            "one another and cannot stand in for other recordings."
        )
    elif summary.groups < FEW_GROUPS:
        notes.append(f"The intervals stand on {groups(summary)} only, and are too narrow for so few.")
    absent = {method: _absent(summary, method) for method in summary.methods}
    for method, missing in absent.items():
        if missing == summary.frames:
            notes.append(f"{method} has no value on any frame, so nothing is compared with it.")
        elif missing:
            notes.append(
                f"{method} has no value on {missing} of {summary.frames} frames; "
                "comparisons with it leave these frames out."
            )
        if method in TOLD:
            notes.append(f"{method} is told {TOLD[method]} of each frame; the model is not.")
    for metric in summary.metrics:
        scores = {method: summary.score(metric, method) for method in summary.methods}
        gaps = [f"{method} on {s.missing}" for method, s in scores.items() if s.missing > absent[method]]
        if gaps:
            notes.append(
                f"Of {summary.frames} frames, {metric} is not defined for {listed(gaps)}; means are over the others, "
                "and comparisons over frames where both have it."
            )
    return notes


def _absent(summary: Summary, method: str) -> int:
    """On how many frames a method has no value under any metric."""
    return min(score.missing for score in summary.scores if score.method == method)


def _gaps(summary: Summary, metric: str) -> str:
    """Words for the frames on which the model has no value under ``metric``; empty where there are none."""
    missing = summary.score(metric, MODEL).missing
    return f", without {missing} of {summary.frames} frames that have no value" if missing else ""


def _caption(summary: Summary) -> str:
    text = (
        f"{summary.frames} {PARTS[summary.part]} frames of {_count(summary)}{_thinned(summary)}. "
        "Means over frames (↓ lower is better, ↑ higher); skill = 1 - error / error of the best blind baseline"
    )
    if summary.groups > 1:
        text += f", with {summary.confidence:.0%} bootstrap intervals over {summary.by}s"
    return text + "."


def _cells(summary: Summary) -> tuple[list[str], list[list[str]], list[int | None]]:
    """Header, rows, and for each row the position of the best blind baseline."""
    methods = sorted(summary.methods, key=lambda method: (method != MODEL, method == SHUFFLED))
    header = ["metric", *methods, "skill"]
    body, best = [], []
    for metric in summary.metrics:
        chosen = summary.best_blind(metric)
        name = f"{metric}{unit(metric)} {arrow(metric)}"
        means = [_mean(summary.score(metric, method)) for method in methods]
        body.append([name, *means, _skill(chosen) if chosen else "-"])
        best.append(1 + methods.index(chosen.baseline) if chosen else None)
    return header, body, best


def _markdown_row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _skill(comparison: Comparison) -> str:
    if comparison.skill is None:
        return "-"
    return f"{comparison.skill:.2f}" + interval_words(comparison.skill_low, comparison.skill_high)


def _mean(score: Score) -> str:
    """A mean, marked where it leaves frames out."""
    return number(score.mean) + (f" ({score.missing} missing)" if score.missing and score.frames else "")


def _count(summary: Summary, kind: str = "") -> str:
    return f"{summary.groups} {kind}{summary.by}{'s' if summary.groups != 1 else ''}"


def _thinned(summary: Summary) -> str:
    return "" if summary.every == 1 else f", one frame in {summary.every} of each sequence"
