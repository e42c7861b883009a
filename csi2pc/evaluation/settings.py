"""What an evaluation computes, and how sure it has to be.

A constant cloud is a fair rival only under the metric that it was optimised for. There is one for Chamfer L1 always,
and one each for Chamfer L2 and EMD where these are among the metrics. The other metrics (DCD, F-scores, coverage,
Hausdorff, centroid, height, extent, ICP) have no constant cloud of their own: the model is compared with whichever of
these does best under them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from ..errors import ConfigError
from ..types import FrameId
from .metrics import DEFAULT_METRICS, check_metrics

#: Resamples at most: the ends of an interval lie still long before, and each costs memory.
MOST_RESAMPLES = 100_000


@dataclass(frozen=True)
class EvaluationConfig:
    """Metrics, blind baselines and intervals of one evaluation.

    Attributes:
        metrics: names out of :data:`csi2pc.evaluation.metrics.METRICS`; all of them by default. The first one
            chooses the best, median and worst frames and is quoted first.
        every: score the first frame of each sequence and every n-th after it; 1 (default) scores all. Exact EMD
            of all methods on the 64,000 test frames of MM-Fi takes days, and neighbouring frames are nearly the same
            picture. Whatever is made of the rows says so.
        by: what is resampled for the intervals: ``"sequence"`` (default) or ``"subject"``. Neighbouring frames of
            a sequence are nearly the same picture, so frames are never resampled. Subjects are the stricter
            choice, for test sets of many people; it needs frames that carry a subject's name.
        resamples: bootstrap resamples, at least 1,000: the ends of a 95 % interval rest on the outer 2.5 % of
            them, and with the default of 2,000 these are 50 values a side. At most :data:`MOST_RESAMPLES`.
        confidence: share of the resamples inside an interval, 0.5 to 0.999; 0.95 is the field's habit.
        constant_steps: steps of optimising each constant cloud, at least 1. More than the default of 300 hardly
            change its Chamfer distance. The one under EMD takes half as many, of 4 frames instead of 32: an exact
            transport plan costs far more than nearest neighbours.
        workers: processes that score frames, 0 or more; 0 scores in this one. Exact EMD is nearly all the work.
        seed: of the resampling, of the shuffled CSI and of the baselines' draws; any integer from 0.
    """

    metrics: list[str] = field(default_factory=lambda: list(DEFAULT_METRICS))
    every: int = 1
    by: Literal["sequence", "subject"] = "sequence"
    resamples: int = 2000
    confidence: float = 0.95
    constant_steps: int = 300
    workers: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        check_metrics(self.metrics)
        if self.every < 1:
            raise ConfigError(f"every must be at least 1; got {self.every}; 1 scores all frames, 10 every 10th")
        if self.by not in ("sequence", "subject"):
            raise ConfigError(f"by must be 'sequence' or 'subject'; got {self.by!r}; frames are never resampled")
        if self.resamples < 1000:
            raise ConfigError(f"resamples must be at least 1000; got {self.resamples}; fewer give ragged intervals")
        if self.resamples > MOST_RESAMPLES:
            raise ConfigError(
                f"resamples must be at most {MOST_RESAMPLES}; got {self.resamples}; more change nothing and take memory"
            )
        if not 0.5 <= self.confidence <= 0.999:
            raise ConfigError(f"confidence must be a share from 0.5 to 0.999; got {self.confidence}; 0.95 is usual")
        if self.constant_steps < 1:
            raise ConfigError(f"constant_steps must be at least 1; got {self.constant_steps}; 300 is enough")
        if self.workers < 0:
            raise ConfigError(f"workers must be 0 or more; got {self.workers}; 0 scores in this process")
        if self.seed < 0:
            raise ConfigError(f"seed must be 0 or more; got {self.seed}; any such integer will do")

    def chosen(self, frames: Sequence[FrameId]) -> list[int]:
        """Positions of the frames to score: of each sequence the first in the list, and every n-th after it."""
        seen: Counter[str] = Counter()
        positions = []
        for position, frame in enumerate(frames):
            if seen[frame.sequence] % self.every == 0:
                positions.append(position)
            seen[frame.sequence] += 1
        return positions
