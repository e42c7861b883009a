"""The mean of the training clouds: where the person is when nothing else is known.

It is a blind baseline, and where a model's points start from.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import DataError, ShapeError


def mean_cloud(clouds: Sequence[np.ndarray], count: int, *, seed: int) -> np.ndarray:
    """The average occupancy: points drawn out of all training targets pooled, every frame with equal weight.

    A cloud has no mean in the way a vector has; this one is a sample of the mean of the frames' distributions.
    Frames are drawn in turn and points within a frame without repetition, while there are enough.

    Args:
        clouds: training targets, each float ``(N_i, 3)`` metres; frames without points are left out.
        count: number of points to draw.
        seed: of the draw.

    Returns:
        float32 ``(count, 3)`` metres.

    Raises:
        DataError: no training cloud has a point.
        ShapeError: a cloud is not ``(points, 3)``, or ``count`` is less than 1.
    """
    clouds = usable(clouds, count)
    rng = np.random.default_rng(seed)
    turns = -(-count // len(clouds))
    frames = np.concatenate([rng.permutation(len(clouds)) for _ in range(turns)])[:count]
    draws = [
        clouds[frame][rng.choice(len(clouds[frame]), size=times, replace=times > len(clouds[frame]))]
        for frame, times in zip(*np.unique(frames, return_counts=True), strict=True)
    ]
    return np.concatenate(draws).astype(np.float32)  # (count, 3)


def usable(clouds: Sequence[np.ndarray], count: int) -> list[np.ndarray]:
    """Those of ``clouds`` that have points, as float64 ``(N_i, 3)``; raises as :func:`mean_cloud`."""
    if count < 1:
        raise ShapeError(f"a mean cloud needs at least one point; got count {count}: use the model's number of points")
    clouds = [np.asarray(cloud, dtype=np.float64) for cloud in clouds]
    for cloud in clouds:
        if cloud.ndim != 2 or cloud.shape[1] != 3:
            raise ShapeError(f"every training cloud must be (points, 3); got {cloud.shape}")
        if not np.isfinite(cloud).all():
            raise DataError("every training point must be finite; one is not; repair or leave out its frame")
    filled = [cloud for cloud in clouds if len(cloud)]
    if not filled:
        raise DataError(f"a mean cloud needs training points; the {len(clouds)} clouds hold none; check the split")
    return filled
