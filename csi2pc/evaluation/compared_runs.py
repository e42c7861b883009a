"""Several variants, each trained with several seeds, on the same test frames: what they score and how they differ.

A variant is compared with the reference frame by frame and seed by seed, so that what is hard for both cancels, and,
where both have the same network and batches, their common start and order of frames. The intervals of all differences
under one metric on one data set hold together: each is taken at 1 - (1 - confidence) / K for K differences
(Bonferroni). How intervals are made, and what over, is in :mod:`csi2pc.evaluation.crossed_interval`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import ConfigError, DataError
from .comparison import ComparisonSummary, PairedDifference, VariantScore
from .crossed_interval import Estimate, crossed_estimate
from .metrics import METRICS
from .rows import MODEL, SHUFFLED, FrameRows
from .settings import MOST_RESAMPLES
from .statistics import check_rows

_AXES = ("dataset", "variant", "seed")


@dataclass(frozen=True, eq=False)
class ComparedRun:
    """Per-frame rows of one run.

    Attributes:
        dataset, variant, seed: which run it is.
        rows: its rows, with the method "model" and the blind baselines.
    """

    dataset: str
    variant: str
    seed: int
    rows: FrameRows

    def __str__(self) -> str:
        return f"{self.dataset}/{self.variant}/seed{self.seed}"


def compare_runs(
    runs: Sequence[ComparedRun],
    *,
    reference: str,
    part: str = "test",
    by: str = "sequence",
    resamples: int = 10_000,
    confidence: float = 0.95,
    seed: int = 0,
    planned: int | None = None,
) -> ComparisonSummary:
    """Scores, skill and paired differences of the runs that are done.

    Args:
        runs: at least one, in the order in which variants and data sets are to be listed.
        reference: the variant to compare with; where none of its runs is done, there are no differences.
        part: which part of the data the rows are of.
        by: what is resampled besides seeds, "sequence" or "subject".
        resamples: of the groups, 1000 to :data:`csi2pc.evaluation.settings.MOST_RESAMPLES`; 10,000 give a standard
            error to within a percent.
        confidence: of the intervals.
        seed: of the bootstrap.
        planned: runs that were asked for; as many as there are by default.

    A variant or reference that lacks a seed, or a value on some frame, is not judged: what is missing may be missing
    because it went wrong.

    Raises:
        DataError: no run, two of one name, or runs of one data set that saw different frames or targets.
        ConfigError: ``by`` or ``confidence`` is not one of those above.
    """
    check_intervals(by, resamples, confidence)
    _refuse_different_frames(runs, by)
    datasets, variants, seeds = (tuple(dict.fromkeys(getattr(r, n) for r in runs)) for n in _AXES)
    metrics = tuple(dict.fromkeys(metric for run in runs for metric in run.rows.metrics))
    scores: list[VariantScore] = []
    differences: list[PairedDifference] = []
    groups, people = {}, {}
    for dataset in datasets:
        own = [run for run in runs if run.dataset == dataset]
        table = _Table(own, by, resamples=resamples, confidence=confidence, seed=seed)
        groups[dataset], people[dataset] = table.groups, table.people
        present = [variant for variant in variants if table.seeds_of(variant)]
        for metric in metrics:
            scores += [table.score(variant, metric, seeds) for variant in present]
            others = [variant for variant in present if variant != reference]
            if reference in present:
                differences += [table.difference(v, reference, metric, len(others), len(seeds)) for v in others]
    return ComparisonSummary(
        reference=reference, part=part, by=by, resamples=resamples, confidence=confidence, seed=seed,
        datasets=datasets, variants=variants, seeds=seeds, metrics=metrics, groups=groups, people=people,
        planned=len(runs) if planned is None else planned, done=len(runs),
        scores=tuple(scores), differences=tuple(differences),
    )  # fmt: skip


def check_intervals(by: str, resamples: int, confidence: float) -> None:
    """Refuse settings that no interval can be made with.

    Raises:
        ConfigError: see above.
    """
    fits = by in ("sequence", "subject") and 0.5 <= confidence <= 0.999 and 1000 <= resamples <= MOST_RESAMPLES
    if not fits:
        raise ConfigError(
            "intervals need by: sequence or subject, confidence from 0.5 to 0.999 and at least 1000 resamples, at most "
            f"{MOST_RESAMPLES}; got {by!r}, {confidence}, {resamples}"
        )


def _refuse_different_frames(runs: Sequence[ComparedRun], by: str) -> None:
    """Raises DataError unless all runs of a data set scored the same frames against the same targets."""
    if not runs:
        raise DataError("a comparison needs at least one run that is done; got none; see runs.json for the reasons")
    first: dict[str, ComparedRun] = {}
    names = set()
    for run in runs:
        check_rows(run.rows, by)
        if str(run) in names:
            raise DataError(f"every run must be named once; {run} is there twice")
        names.add(str(run))
        known = first.setdefault(run.dataset, run)
        if _what_was_scored(run.rows) != _what_was_scored(known.rows):
            raise DataError(
                f"runs are compared on the same test frames and targets; {run} and {known} scored different ones "
                f"({len(run.rows)} and {len(known.rows)} frames). Score both on the same data, or name two data sets"
            )


def _what_was_scored(rows: FrameRows) -> list[tuple]:
    """Which frames, and of their targets how many points and how far away."""
    distance = np.round(rows.distance, 6).tolist()
    return [
        (frame.sequence, frame.index, int(points), None if math.isnan(metres) else metres)
        for frame, points, metres in zip(rows.frames, rows.points, distance, strict=True)
    ]


class _Table:
    """The runs of one data set, and the resampling that all its numbers share."""

    def __init__(self, runs: Sequence[ComparedRun], by: str, **resampling: float) -> None:
        self.dataset = runs[0].dataset
        self.runs = {(run.variant, run.seed): run.rows for run in runs}
        self.frames = runs[0].rows.frames
        _, self.group = np.unique([getattr(frame, by) for frame in self.frames], return_inverse=True)  # (F,)
        self.resampling = resampling

    @property
    def groups(self) -> int:
        return int(self.group.max()) + 1

    @property
    def people(self) -> int:
        return len({frame.subject for frame in self.frames if frame.subject})

    def seeds_of(self, variant: str) -> list[int]:
        return [seed for name, seed in self.runs if name == variant]

    def score(self, variant: str, metric: str, seeds: Sequence[int]) -> VariantScore:
        own = self.seeds_of(variant)
        values = self._values(variant, MODEL, metric, own)
        means = {seed: _mean(row) for seed, row in zip(own, values, strict=True)}
        known = [mean for mean in means.values() if mean is not None]
        blind, blind_values = self._best_blind(variant, metric)
        error = METRICS[metric].error
        errors, blind_errors = error(values), error(blind_values)
        shuffled = error(self._values(variant, SHUFFLED, metric, own))
        skill = self._estimate(errors, blind_errors, of="skill")
        csi = self._estimate(errors, shuffled, of="difference")
        return VariantScore(
            dataset=self.dataset, variant=variant, metric=metric,
            seeds=tuple(means.get(seed) for seed in seeds),
            mean=float(np.mean(known)) if known else None,
            spread=float(np.std(known, ddof=1)) if len(known) > 1 else None,
            frames=len(self.frames), missing=int(np.isnan(values).sum()),
            silent=tuple(seed for seed in seeds if seed in means and means[seed] is None),
            blind=blind, blind_mean=_mean(blind_values[0]),
            skill=skill.value, skill_low=skill.low, skill_high=skill.high,
            shuffled_skill=self._estimate(shuffled, blind_errors, of="skill").value,
            csi=csi.value, csi_low=csi.low, csi_high=csi.high,
        )  # fmt: skip

    def difference(self, variant: str, other: str, metric: str, together: int, seeds_of_all: int) -> PairedDifference:
        """``variant`` minus ``other``; ``together`` intervals are to hold at once."""
        seeds = [seed for seed in self.seeds_of(variant) if seed in self.seeds_of(other)]
        kind, found = METRICS[metric], Estimate(None, None, None, 0, 0, 0)
        if seeds:
            errors = [kind.error(self._values(name, MODEL, metric, seeds)) for name in (variant, other)]
            confidence = 1 - (1 - self.resampling["confidence"]) / together
            found = self._estimate(*errors, of="difference", confidence=confidence)
        ends = (found.value, found.low, found.high)
        whole = found.seeds == seeds_of_all and found.frames == len(self.frames)
        standing = standing_of(found.low, found.high) if whole else "unknown"
        if kind.better == "higher":  # errors are 1 - value: their difference has the other sign
            ends = tuple(None if end is None else -end for end in (found.value, found.high, found.low))
        return PairedDifference(
            self.dataset, metric, variant, other, *ends, found.frames, found.groups, found.seeds, standing
        )

    def _values(self, variant: str, method: str, metric: str, seeds: Sequence[int]) -> np.ndarray:
        """float64 ``(seeds, F)``; NaN where there is no value."""
        return np.stack([self.runs[variant, seed].column(method, metric) for seed in seeds])

    def _best_blind(self, variant: str, metric: str) -> tuple[str | None, np.ndarray]:
        """The blind baseline that is hardest to beat on the frames that it shares with the model, and its values
        ``(1, F)``: the same for all seeds, since none of them looks at the model."""
        own = self.seeds_of(variant)
        error = METRICS[metric].error
        model = error(self._values(variant, MODEL, metric, own)).mean(axis=0)  # (F,)
        methods = [m for m in self.runs[variant, own[0]].methods if m not in (MODEL, SHUFFLED)]
        columns = {method: self._values(variant, method, metric, own[:1]) for method in methods}
        ratio = {}
        for method, values in columns.items():
            shared = ~(np.isnan(values[0]) | np.isnan(model))
            if shared.any():
                ratio[method] = error(values[0, shared]).sum() / max(model[shared].sum(), np.finfo(np.float64).tiny)
        if not ratio:
            return None, np.full((1, len(self.frames)), np.nan)
        best = min(ratio, key=ratio.__getitem__)
        return best, columns[best]

    def _estimate(self, errors: np.ndarray, other: np.ndarray, *, of: str, **changed: float) -> Estimate:
        return crossed_estimate(errors, other, self.group, of=of, **{**self.resampling, **changed})


def standing_of(low: float | None, high: float | None) -> str:
    """What an interval of a difference of errors says of the first: better, worse, not distinguishable, or unknown."""
    if low is None or high is None:
        return "unknown"
    return "better" if high < 0 else "worse" if low > 0 else "not distinguishable"


def _mean(values: np.ndarray) -> float | None:
    """Mean of the values that are there."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else None
