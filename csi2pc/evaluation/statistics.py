"""Means, skill and intervals from per-frame rows.

The skill of the model against a blind baseline is 1 - E(model) / E(baseline), E being the mean over frames of a
metric, or of 1 - metric where higher is better. Positive: the model is better than not looking at the CSI at all.

Intervals are percentile bootstrap intervals over sequences (or subjects), never frames: sequences are drawn with
repetition, and the ratio of the frame-weighted means is taken anew for every draw. Each comparison stands on the
frames where both sides have a value. *The* skill of a metric is the one against its best blind baseline. Which that
is, is chosen once on the whole part and kept in every resample: choosing anew would take a minimum over noise in
each of them and push the interval below the very number it is meant for. The choice is made against the model, and
every other comparison is there as well. A baseline without any error leaves no ratio to state, and none can be better.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np

from ..errors import DataError
from .metrics import METRICS, Metric
from .rows import MODEL, SHUFFLED, FrameRows
from .settings import EvaluationConfig
from .strict_json import exactly, read_json, write_json

#: Format of the saved summary; a file of another version is refused.
VERSION = 3

#: Draws of a group at most, resamples times groups: a matrix of them takes 8 bytes each, up to three at a time.
MOST_DRAWS = 200_000_000

#: Part of the data -> what its frames are called. Only those of the test part were held out.
PARTS = {"test": "held-out", "validation": "validation", "train": "training"}


@dataclass(frozen=True)
class Score:
    """What one method scored under one metric.

    Attributes:
        metric, method: names.
        mean: over the frames that have a value, in the metric's unit; None where none has.
        frames: how many frames that are.
        missing: how many frames have no value (NaN or an empty cell).
    """

    metric: str
    method: str
    mean: float | None
    frames: int
    missing: int


@dataclass(frozen=True)
class Comparison:
    """The model against one blind baseline under one metric, on the frames where both have a value.

    Attributes:
        metric: name.
        baseline: the blind method.
        best: whether this is the metric's best blind baseline, that is the first by :attr:`rank`.
        skill: 1 - E(model) / E(baseline); None where no frame is shared or the baseline is without error.
        skill_low, skill_high: its interval; None with fewer than two groups.
        difference: mean of the model minus mean of the baseline, in the metric's unit; None where no frame is shared.
        difference_low, difference_high: its interval; None with fewer than two groups.
        frames, groups: how many frames, and sequences or subjects, the comparison stands on.
    """

    metric: str
    baseline: str
    best: bool
    skill: float | None
    skill_low: float | None
    skill_high: float | None
    difference: float | None
    difference_low: float | None
    difference_high: float | None
    frames: int
    groups: int

    @property
    def rank(self) -> float:
        """Orders baselines, best first: the skill; -inf for one without error, inf for one without a shared frame."""
        if self.skill is not None:
            return self.skill
        return math.inf if self.difference is None else -math.inf


@dataclass(frozen=True)
class Summary:
    """Everything the numbers say, ready to be printed, drawn or saved.

    Attributes:
        part: which part of the data the rows are of, a key of :data:`PARTS`.
        frames: rows the summary was made from.
        groups: different sequences (or subjects) among them.
        by: ``"sequence"`` or ``"subject"``: what was resampled.
        every: one frame in so many of each sequence was scored; 1 is all.
        resamples, confidence, seed: how the intervals were made.
        scores: one a metric and method.
        comparisons: one a metric and blind baseline.
    """

    part: str
    frames: int
    groups: int
    by: str
    every: int
    resamples: int
    confidence: float
    seed: int
    scores: tuple[Score, ...]
    comparisons: tuple[Comparison, ...]

    def __post_init__(self) -> None:
        if self.part not in PARTS:
            raise DataError(f"the part must be one of {', '.join(PARTS)}; got {self.part!r}; name the one scored")

    @property
    def metrics(self) -> tuple[str, ...]:
        """Metrics in the order of the rows."""
        return tuple(dict.fromkeys(score.metric for score in self.scores))

    @property
    def methods(self) -> tuple[str, ...]:
        """Methods in the order of the rows."""
        return tuple(dict.fromkeys(score.method for score in self.scores))

    def score(self, metric: str, method: str) -> Score:
        """The score of ``method`` under ``metric``."""
        return next(score for score in self.scores if (score.metric, score.method) == (metric, method))

    def against(self, metric: str) -> tuple[Comparison, ...]:
        """All comparisons under ``metric``."""
        return tuple(comparison for comparison in self.comparisons if comparison.metric == metric)

    def best_blind(self, metric: str) -> Comparison | None:
        """The comparison with the best blind baseline, or None where there is none on any frame of the model."""
        return next((comparison for comparison in self.against(metric) if comparison.best), None)

    def shuffled(self, metric: str) -> Comparison | None:
        """The model against itself fed shuffled CSI: what the CSI of the very frame is worth to it."""
        return next((c for c in self.against(metric) if c.baseline == SHUFFLED), None)


def summarise(rows: FrameRows, config: EvaluationConfig | None = None, *, part: str = "test") -> Summary:
    """Means, skill against every blind baseline, and intervals.

    Args:
        rows: per-frame rows; the method ``"model"`` is judged, every other one is a blind baseline.
        config: how intervals are made; ``EvaluationConfig()`` by default.
        part: which part of the data the rows are of: "test", "validation" or "train".

    Raises:
        DataError: no rows, a frame with two rows, no model among the methods, an unknown metric or part, or, resampling
            subjects, a frame without a subject.
    """
    config = config or EvaluationConfig()
    check_rows(rows, config.by)
    group = group_numbers(rows, config.by)
    blind = [method for method in rows.methods if method != MODEL]
    comparisons: list[Comparison] = []
    for metric in rows.metrics:
        compared = [compare(rows, metric, baseline, group=group, config=config) for baseline in blind]
        best = best_of(compared)
        comparisons += [replace(comparison, best=comparison is best) for comparison in compared]
    return Summary(
        part=part,
        frames=len(rows),
        groups=int(group.max()) + 1,
        by=config.by,
        every=config.every,
        resamples=config.resamples,
        confidence=config.confidence,
        seed=config.seed,
        scores=tuple(_score(rows, metric, method) for metric in rows.metrics for method in rows.methods),
        comparisons=tuple(comparisons),
    )


def group_numbers(rows: FrameRows, by: str) -> np.ndarray:
    """int ``(F,)``: which sequence or subject (``by``) each row is of, counted from 0 without gaps."""
    _, group = np.unique([getattr(frame, by) for frame in rows.frames], return_inverse=True)
    return group


def best_of(compared: Sequence[Comparison]) -> Comparison | None:
    """The comparison with the best baseline, that is the one hardest to beat; None where no frame is shared."""
    return min((c for c in compared if c.difference is not None), key=lambda c: c.rank, default=None)


def write_summary(path: str | Path, summary: Summary) -> None:
    """Save as strict JSON (null for what is missing, never NaN), atomically."""
    write_json(path, {"version": VERSION, **asdict(summary)})


def read_summary(path: str | Path) -> Summary:
    """Read what :func:`write_summary` wrote.

    Raises:
        DataError: the file is missing, is not strict JSON, or is not a summary of this version.
    """
    try:
        content = read_json(path, version=VERSION)
        content["scores"] = tuple(exactly(Score, score) for score in content["scores"])
        content["comparisons"] = tuple(exactly(Comparison, item) for item in content["comparisons"])
        return _checked(exactly(Summary, content))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DataError(f"a summary must be a file saved by this version; {path}: {error}; evaluate again") from error


def _checked(summary: Summary) -> Summary:
    """What was read, once its parts belong together.

    Raises:
        ValueError: they do not, or no interval can be made with its settings.
    """
    EvaluationConfig(**{name: getattr(summary, name) for name in ("every", "by", "resamples", "confidence", "seed")})
    scored = {(score.metric, score.method) for score in summary.scores}
    lacking = next((pair for pair in product(summary.metrics, summary.methods) if pair not in scored), None)
    if lacking or not summary.metrics or MODEL not in summary.methods:
        what = f"lacks {' of '.join(lacking)!r:.80}" if lacking else "has none of the model"
        raise ValueError(f"it must hold a score of every method under every metric, and {what}")
    if any((c.metric, c.baseline) not in scored for c in summary.comparisons):
        raise ValueError("its comparisons must be with methods that are scored")
    return summary


def check_draws(groups: int, resamples: int) -> None:
    """Refuse what no memory is meant for.

    Raises:
        DataError: more than :data:`MOST_DRAWS`.
    """
    if groups * resamples > MOST_DRAWS:
        raise DataError(
            f"intervals are made of at most {MOST_DRAWS:,} draws; {resamples:,} resamples of {groups:,} groups are "
            "more: lower resamples, or resample subjects instead of sequences"
        )


def check_rows(rows: FrameRows, by: str) -> None:
    """Refuse rows that nothing can be said about.

    Args:
        rows: per-frame rows.
        by: "sequence" or "subject": what is to be resampled.

    Raises:
        DataError: no rows, a frame with two rows, no model among the methods, an unknown metric, or, resampling
            subjects, a frame without a subject.
    """
    if len(rows) == 0:
        raise DataError("a summary needs at least one row; got none; check that the part has frames")
    names = Counter((frame.sequence, frame.index) for frame in rows.frames)
    twice = [f"{sequence}#{index}" for (sequence, index), times in names.items() if times > 1]
    if twice:
        raise DataError(
            f"every frame must have one row; {len(twice)} have more, first {twice[0]}; a frame that is counted twice "
            "weighs double and may stand in two parts: check how the data were listed"
        )
    if MODEL not in rows.methods:
        raise DataError(f"the rows must hold the method {MODEL!r}; got {', '.join(rows.methods)}; evaluate again")
    unknown = [metric for metric in rows.metrics if metric not in METRICS]
    if unknown:
        raise DataError(f"metrics must be among {', '.join(METRICS)}; got {', '.join(unknown)}; evaluate again")
    if by == "subject" and not all(frame.subject for frame in rows.frames):
        nameless = sum(not frame.subject for frame in rows.frames)
        raise DataError(
            f"resampling subjects needs a subject on every frame; {nameless} of {len(rows)} have none; use by: sequence"
        )


def _score(rows: FrameRows, metric: str, method: str) -> Score:
    values = rows.column(method, metric)
    known = values[~np.isnan(values)]
    return Score(
        metric=metric,
        method=method,
        mean=float(known.mean()) if len(known) else None,
        frames=len(known),
        missing=len(values) - len(known),
    )


def compare(
    rows: FrameRows,
    metric: str,
    baseline: str,
    *,
    group: np.ndarray,
    config: EvaluationConfig,
    method: str = MODEL,
) -> Comparison:
    """One method against another under one metric, on the frames where both have a value.

    Args:
        rows: per-frame rows.
        metric, baseline: what is compared, and with which method.
        group: int ``(F,)``: what is resampled, of :func:`group_numbers`.
        config: how the interval is made.
        method: which is compared; stands for the model in what :class:`Comparison` says.

    Returns:
        the comparison, its ``best`` left False.
    """
    kind: Metric = METRICS[metric]
    errors = np.stack([kind.error(rows.column(name, metric)) for name in (method, baseline)])  # (2, F)
    shared = ~np.isnan(errors).any(axis=0)
    _, group = np.unique(group[shared], return_inverse=True)
    groups, frames = int(group.max()) + 1 if len(group) else 0, int(shared.sum())
    sums = np.stack([np.bincount(group, weights=error, minlength=groups) for error in errors[:, shared]])  # (2, G)
    counts = np.bincount(group, minlength=groups)  # (G,)
    sign = 1.0 if kind.better == "lower" else -1.0
    skill, difference = skill_and_difference(sums.sum(axis=1), counts.sum())
    intervals = [(None, None), (None, None)]
    if groups > 1:
        check_draws(groups, config.resamples)
        rng = np.random.default_rng(config.seed)
        times = rng.multinomial(groups, np.full(groups, 1 / groups), size=config.resamples)  # (R, G)
        drawn = skill_and_difference(sums @ times.T, times @ counts)
        intervals = [interval(drawn[0], config.confidence), interval(sign * drawn[1], config.confidence)]
    return Comparison(
        metric=metric,
        baseline=baseline,
        best=False,
        skill=or_none(skill),
        skill_low=intervals[0][0],
        skill_high=intervals[0][1],
        difference=or_none(sign * difference),
        difference_low=intervals[1][0],
        difference_high=intervals[1][1],
        frames=frames,
        groups=groups,
    )


def skill_and_difference(sums: np.ndarray, count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """From summed errors of model and baseline (2, ...) over ``count`` frames; NaN where not defined."""
    with np.errstate(divide="ignore", invalid="ignore"):
        skill = np.where(sums[1] > 0, 1 - sums[0] / sums[1], np.nan)
        return skill, (sums[0] - sums[1]) / count


def interval(values: np.ndarray, confidence: float) -> tuple[float | None, float | None]:
    """Percentile interval; none where a resample has no value, since leaving it out would flatter."""
    tail = (1 - confidence) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return or_none(low), or_none(high)


def or_none(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
