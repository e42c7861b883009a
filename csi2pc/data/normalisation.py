"""Statistics of the training part: what standardises features, and where in the room the points lie."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ..errors import DataError
from ..types import Sample
from .mean_cloud import mean_cloud

#: Entries that vary less than this (in the features' own unit) count as constant and are only centred.
CONSTANT = 1e-6


@dataclass(frozen=True, eq=False)
class Normalisation:
    """Fitted on training frames alone; saved with the weights and undone before any metric.

    Attributes:
        feature_mean, feature_std: float32 ``(A, S, C)``: each (link, subcarrier, channel) has its own, so that the
            room's static response is taken out and what moves in it is seen at unit scale.
        centre: float32 ``(3,)`` metres: mean of all training points.
        anchors: float32 ``(N, 3)`` metres: points drawn from the training clouds, see
            :func:`~csi2pc.data.mean_cloud.mean_cloud`.
        scale: metres: their root mean square distance from the centre along one axis.
    """

    feature_mean: np.ndarray
    feature_std: np.ndarray
    centre: np.ndarray
    anchors: np.ndarray
    scale: float


def fit_normalisation(samples: Iterable[Sample], *, points: int, seed: int) -> Normalisation:
    """Fit means and spreads over samples, measured entries only; every frame weighs the same in the points.

    Args:
        samples: training frames.
        points: how many anchors to draw.
        seed: of that draw.

    Raises:
        DataError: there is no sample, or all target points coincide.
    """
    count = total = squares = None
    clouds: list[np.ndarray] = []
    centre, spread = np.zeros(3), 0.0
    for sample in samples:
        measured = sample.valid[:, :, None].astype(np.float64)  # A, S, 1, T
        values = sample.features.astype(np.float64)  # A, S, C, T
        if count is None:
            count = np.zeros(measured.shape[:3])
            total = np.zeros(values.shape[:3])
            squares = np.zeros(values.shape[:3])
        count += measured.sum(axis=-1)
        total += (values * measured).sum(axis=-1)
        squares += (values**2 * measured).sum(axis=-1)
        cloud = sample.points.astype(np.float64)
        centre += cloud.mean(axis=0)
        spread += (cloud**2).sum(axis=1).mean()
        clouds.append(sample.points)
    frames = len(clouds)
    if not frames:
        raise DataError("normalisation needs at least one training frame; got none")
    some = np.maximum(count, 1)
    mean = total / some
    std = np.sqrt(np.maximum(squares / some - mean**2, 0))
    centre /= frames
    variance = spread / frames - (centre**2).sum()
    if not variance > 0:
        raise DataError(f"training points must spread in space; all {frames} frames have theirs at {centre} m")
    return Normalisation(
        feature_mean=mean.astype(np.float32),
        feature_std=np.where(std > CONSTANT, std, 1.0).astype(np.float32),
        centre=centre.astype(np.float32),
        anchors=mean_cloud(clouds, points, seed=seed),
        scale=float(np.sqrt(variance / 3)),
    )
