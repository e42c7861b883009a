"""What the runs of a comparison left beside its summary: values of every seed, logs, and clouds of a few frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .rows import MODEL, FrameRows

#: What is said where the blind baselines of variants differ.
BLIND_DIFFERS = (
    "No blind baseline is shown here, for it is not the same for all variants, as where they predict different numbers "
    "of points. The tables of scores and skill hold each variant's own."
)


@dataclass(frozen=True, eq=False)
class ComparedFrame:
    """One frame with the clouds of all variants, of one seed.

    Attributes:
        label, frame: why it is shown, and which it is.
        target: float ``(N, 3)`` metres.
        predictions: variant to its cloud; None where it has none.
        baseline_name, baseline: the blind baseline.
        baseline_value: its value on this frame; NaN where there is none. A variant may have the baseline's name.
        metric: what is quoted.
        values: variant to its value on this frame; NaN where there is none.
    """

    label: str
    frame: str
    target: np.ndarray
    predictions: Mapping[str, np.ndarray | None]
    baseline_name: str
    baseline: np.ndarray
    baseline_value: float
    metric: str
    values: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class ComparedDataset:
    """What the runs of one data set left, beside the summary.

    Attributes:
        dataset: name.
        seeds: variant to metric to float ``(S, F)``: every value of every seed.
        blind: the frames, and the scores of the blind baselines on them; none where variants' baselines differ.
        frames: best, median and worst frame of the reference.
        seed: the seed that made the clouds of these frames.
        blind_differs: whether they do.
    """

    dataset: str
    seeds: Mapping[str, Mapping[str, np.ndarray]]
    blind: FrameRows
    frames: Sequence[ComparedFrame]
    seed: int | None
    blind_differs: bool = False

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
