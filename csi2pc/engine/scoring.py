"""Clouds become per-frame rows: every metric of every method on every frame, in as many processes as are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from ..data.parallel import map_in_order
from ..evaluation.baselines import Clouds
from ..evaluation.metrics import frame_metrics
from ..evaluation.rows import FrameRows, make_rows
from ..evaluation.settings import EvaluationConfig
from ..progress import console
from ..types import FrameId


def score_clouds(
    frames: Sequence[FrameId], targets: Sequence[np.ndarray], clouds: Clouds, config: EvaluationConfig
) -> FrameRows:
    """The rows of all methods of ``clouds``.

    Args:
        frames, targets: the F frames and their target clouds, each float ``(N, 3)`` metres.
        clouds: method to one cloud a frame; None, or a cloud that is not finite, has no value.
        config: metrics and workers.
    """
    pairs = [(target, [of[i] for of in clouds.values()]) for i, target in enumerate(targets)]
    score = partial(_score_frame, config.metrics)
    results = list(map_in_order(score, pairs, workers=config.workers, description="scoring frames"))
    scores = {method: [of[number] for of in results] for number, method in enumerate(clouds)}
    # the sensor is the origin of the project's frame
    distance = [float(np.linalg.norm(target.mean(axis=0, dtype=np.float64))) for target in targets]
    return make_rows(frames, [len(target) for target in targets], scores, distance=distance)


def _score_frame(
    metrics: Sequence[str], pair: tuple[np.ndarray, list[np.ndarray | None]]
) -> list[dict[str, float] | None]:
    """Metrics of each method's cloud against the target; None for a method without a cloud, or with one not finite."""
    target, clouds = pair
    return [
        None if cloud is None or not np.isfinite(cloud).all() else frame_metrics(cloud, target, metrics=metrics)
        for cloud in clouds
    ]


def not_finite(clouds: Clouds) -> dict[str, int]:
    """Method to the number of frames for which its cloud is not finite, where there are any; printed as well."""
    counts = {
        method: sum(cloud is not None and not np.isfinite(cloud).all() for cloud in of) for method, of in clouds.items()
    }
    counts = {method: count for method, count in counts.items() if count}
    for method, count in counts.items():
        console.print(f"{method}: {count} of {len(clouds[method])} clouds are not finite; these frames have no value")
    return counts
