"""What a comparison says: scores of several variants on the same test frames, and how they differ.

:mod:`csi2pc.evaluation.compared_runs` makes it from per-frame rows.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from ..errors import DataError
from .settings import EvaluationConfig
from .statistics import PARTS
from .strict_json import exactly, read_json, write_json

#: Format of the saved summary; a file of another version is refused.
VERSION = 1


@dataclass(frozen=True)
class VariantScore:
    """One variant under one metric on one data set.

    Attributes:
        dataset, variant, metric: names.
        seeds: each seed's mean over frames, in the order of :attr:`ComparisonSummary.seeds`; None where the run is
            missing, or has no value on any frame.
        mean: mean of these; None where there is none.
        spread: their sample standard deviation; None with fewer than two.
        frames: frames of the test part.
        missing: frames without a value (NaN), over all seeds.
        silent: seeds whose run is there, but has no value on any frame.
        blind: the best blind baseline of this data set and metric; None where there is none.
        blind_mean: its mean.
        skill, skill_low, skill_high: 1 - E(variant) / E(blind) and its interval; None where not defined.
        shuffled_skill: the same of the model fed shuffled CSI: what is left without the CSI of the frame.
        csi, csi_low, csi_high: mean error with the frame's own CSI minus with shuffled CSI, and its interval: negative
            where the model uses the CSI.
    """

    dataset: str
    variant: str
    metric: str
    seeds: tuple[float | None, ...]
    mean: float | None
    spread: float | None
    frames: int
    missing: int
    silent: tuple[int, ...]
    blind: str | None
    blind_mean: float | None
    skill: float | None
    skill_low: float | None
    skill_high: float | None
    shuffled_skill: float | None
    csi: float | None
    csi_low: float | None
    csi_high: float | None

    @property
    def whole(self) -> bool:
        """Whether every seed has a value on every frame; otherwise nothing can be said in the variant's favour."""
        return not self.missing and None not in self.seeds

    @property
    def standing(self) -> str:
        """Against blind: "better", "worse", "not distinguishable", or "unknown"."""
        if not self.whole or self.skill_low is None or self.skill_high is None:
            return "unknown"
        return "better" if self.skill_low > 0 else "worse" if self.skill_high < 0 else "not distinguishable"


@dataclass(frozen=True)
class PairedDifference:
    """A variant minus the reference under one metric, on the frames and seeds where both have a value.

    Attributes:
        dataset, metric, variant, other: names; ``other`` is the reference.
        difference, low, high: mean difference in the metric's unit, and its interval, which holds together with those
            of all variants under this metric; None where not defined.
        frames, groups, seeds: what it stands on.
        standing: "better", "worse", "not distinguishable", or "unknown" where there is no interval, or a seed or the
            value of a frame is missing on either side.
    """

    dataset: str
    metric: str
    variant: str
    other: str
    difference: float | None
    low: float | None
    high: float | None
    frames: int
    groups: int
    seeds: int
    standing: str


@dataclass(frozen=True)
class ComparisonSummary:
    """What a comparison says, ready to be printed, drawn or saved.

    Attributes:
        reference: the variant that the others are compared with.
        part: which part of the data was scored.
        by: ``"sequence"`` or ``"subject"``: what was resampled besides seeds.
        resamples, confidence, seed: how the intervals were made.
        datasets, variants, seeds, metrics: the axes, in the order that was asked for.
        groups: data set -> different sequences (or subjects) in it.
        people: data set -> different subjects in it, 0 where they are not named.
        planned, done: runs asked for, and runs that are in here.
        scores: one a data set, variant and metric.
        differences: one a data set, metric and variant besides the reference.
    """

    reference: str
    part: str
    by: str
    resamples: int
    confidence: float
    seed: int
    datasets: tuple[str, ...]
    variants: tuple[str, ...]
    seeds: tuple[int, ...]
    metrics: tuple[str, ...]
    groups: dict[str, int]
    people: dict[str, int]
    planned: int
    done: int
    scores: tuple[VariantScore, ...]
    differences: tuple[PairedDifference, ...]

    def __post_init__(self) -> None:
        if self.part not in PARTS:
            raise DataError(f"the part must be one of {', '.join(PARTS)}; got {self.part!r}; name the one scored")

    def score(self, dataset: str, variant: str, metric: str) -> VariantScore | None:
        """That score; None where no run of the variant is done."""
        wanted = (dataset, variant, metric)
        return next((s for s in self.scores if (s.dataset, s.variant, s.metric) == wanted), None)

    def differences_of(self, dataset: str, metric: str) -> tuple[PairedDifference, ...]:
        """All differences from the reference under one metric on one data set."""
        return tuple(d for d in self.differences if (d.dataset, d.metric) == (dataset, metric))


def write_comparison(path: str | Path, summary: ComparisonSummary) -> None:
    """Save as strict JSON (null for what is missing, never NaN), atomically."""
    write_json(path, {"version": VERSION, **asdict(summary)})


def read_comparison(path: str | Path) -> ComparisonSummary:
    """Read what :func:`write_comparison` wrote.

    Raises:
        DataError: the file is missing, is not strict JSON, or is no comparison of this version.
    """
    try:
        content = read_json(path, version=VERSION)
        # the first files of this version do not say which seeds are silent
        content["scores"] = tuple(exactly(VariantScore, {"silent": (), **score}) for score in content["scores"])
        content["differences"] = tuple(exactly(PairedDifference, item) for item in content["differences"])
        for name in ("groups", "people"):
            if not isinstance(content[name], dict) or any(type(v) is not int for v in content[name].values()):
                raise ValueError(f"{name} must map data sets to whole numbers")
        summary = exactly(ComparisonSummary, content)
        how = {name: getattr(summary, name) for name in ("by", "resamples", "confidence", "seed")}
        EvaluationConfig(**how)  # slices are made with the same settings: refuse what cannot be
        return summary
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DataError(
            f"a comparison must be a file saved by this version; {path}: {error}; run csi2pc compare again"
        ) from error
