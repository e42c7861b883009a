"""How far a predicted cloud is from the measured one, frame by frame.

Clouds are in metres, and so are the metrics that are lengths; squared distances are in square metres, and F-scores are
shares without a unit (:data:`METRICS` says which is which).

Clouds are ragged plain arrays: masks are applied, and any normalisation undone, before they come here. A metric
never sees padding and never pads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree

from ..errors import ConfigError, DataError, ShapeError
from .transport import earth_movers_distance


class CloudPair:
    """A prediction and its target with the nearest distances both ways, computed once and shared by all metrics.

    Args:
        pred: float ``(N, 3)`` metres.
        target: float ``(M, 3)`` metres.

    Raises:
        ShapeError: a cloud is not ``(points, 3)``.
        DataError: a cloud is empty or holds a value that is not finite.
    """

    def __init__(self, pred: np.ndarray, target: np.ndarray) -> None:
        self.pred = _checked("prediction", pred)
        self.target = _checked("target", target)

    @cached_property
    def to_target(self) -> np.ndarray:
        """float64 ``(N,)``: from every predicted point to the nearest target point."""
        return cKDTree(self.target).query(self.pred)[0]

    @cached_property
    def to_pred(self) -> np.ndarray:
        """float64 ``(M,)``: from every target point to the nearest predicted point."""
        return cKDTree(self.pred).query(self.target)[0]


def chamfer_l1(pair: CloudPair) -> float:
    """Mean of the two mean nearest distances (the convention of PoinTr, ICCV 2021)."""
    return float((pair.to_target.mean() + pair.to_pred.mean()) / 2)


def chamfer_l2(pair: CloudPair) -> float:
    """Sum of the two mean squared nearest distances (the convention of PoinTr, ICCV 2021)."""
    return float(np.square(pair.to_target).mean() + np.square(pair.to_pred).mean())


def emd(pair: CloudPair) -> float:
    """Exact earth mover's distance, every cloud weighing 1 in all, for equal and unequal sizes."""
    return earth_movers_distance(pair.pred, pair.target)


def f_score(pair: CloudPair, threshold: float) -> float:
    """Harmonic mean of precision and recall at a distance below ``threshold`` (Tatarchenko et al., CVPR 2019).

    Precision is the share of predicted points with a target point nearer than ``threshold`` metres, recall the
    share of target points with a predicted one; 0 where both are 0.
    """
    precision = float(np.mean(pair.to_target < threshold))
    recall = float(np.mean(pair.to_pred < threshold))
    return 2 * precision * recall / (precision + recall) if precision + recall > 0 else 0.0


def f_score_1cm(pair: CloudPair) -> float:
    """:func:`f_score` at 1 cm."""
    return f_score(pair, 0.01)


def f_score_5cm(pair: CloudPair) -> float:
    """:func:`f_score` at 5 cm."""
    return f_score(pair, 0.05)


def f_score_10cm(pair: CloudPair) -> float:
    """:func:`f_score` at 10 cm."""
    return f_score(pair, 0.10)


def hausdorff(pair: CloudPair) -> float:
    """The largest nearest distance, either way: one stray point decides it."""
    return float(max(pair.to_target.max(), pair.to_pred.max()))


def hausdorff_95(pair: CloudPair) -> float:
    """The larger of the two 95th percentiles of the nearest distances (interpolated linearly)."""
    return float(max(np.percentile(pair.to_target, 95), np.percentile(pair.to_pred, 95)))


def centroid_error(pair: CloudPair) -> float:
    """Distance between the mean points: where the person is, whatever the shape."""
    return float(np.linalg.norm(pair.pred.mean(axis=0) - pair.target.mean(axis=0)))


def height_error(pair: CloudPair) -> float:
    """Absolute difference of the extents along y, the vertical axis of the project's frame."""
    return float(abs(np.ptp(pair.pred[:, 1]) - np.ptp(pair.target[:, 1])))


class Metric(NamedTuple):
    """One entry of :data:`METRICS`.

    Attributes:
        unit: ``"m"``, ``"m^2"``, or ``"1"`` for a share from 0 to 1.
        better: ``"lower"`` or ``"higher"``.
        function: value of one :class:`CloudPair`.
    """

    unit: str
    better: str
    function: Callable[[CloudPair], float]

    def error(self, value: np.ndarray) -> np.ndarray:
        """``value`` where lower is better; its distance from the perfect 1 where higher is."""
        return value if self.better == "lower" else 1.0 - value


#: Every per-frame metric by name. A new one is a function of a :class:`CloudPair` and a line here.
METRICS: dict[str, Metric] = {
    "chamfer_l1": Metric("m", "lower", chamfer_l1),
    "chamfer_l2": Metric("m^2", "lower", chamfer_l2),
    "emd": Metric("m", "lower", emd),
    "f_score_1cm": Metric("1", "higher", f_score_1cm),
    "f_score_5cm": Metric("1", "higher", f_score_5cm),
    "f_score_10cm": Metric("1", "higher", f_score_10cm),
    "hausdorff": Metric("m", "lower", hausdorff),
    "hausdorff_95": Metric("m", "lower", hausdorff_95),
    "centroid_error": Metric("m", "lower", centroid_error),
    "height_error": Metric("m", "lower", height_error),
}

#: What is computed unless told otherwise: everything.
DEFAULT_METRICS: tuple[str, ...] = tuple(METRICS)


def frame_metrics(
    pred: np.ndarray, target: np.ndarray, *, metrics: Sequence[str] = DEFAULT_METRICS
) -> dict[str, float]:
    """Score one predicted cloud against the measured one.

    Args:
        pred: float ``(N, 3)`` metres, in the project's frame (x right, y down, z forward).
        target: float ``(M, 3)`` metres, in the same frame; N and M may differ.
        metrics: names out of :data:`METRICS`.

    Returns:
        name to value, in the unit :data:`METRICS` states, in the order asked for.

    Raises:
        ConfigError: a metric is not known.
        ShapeError: a cloud is not ``(points, 3)``.
        DataError: a cloud is empty or holds a value that is not finite.
    """
    check_metrics(metrics)
    pair = CloudPair(pred, target)
    return {name: METRICS[name].function(pair) for name in metrics}


def check_metrics(metrics: Sequence[str]) -> None:
    """Refuse names that are not in :data:`METRICS`, none at all, and one named twice.

    Raises:
        ConfigError: see above.
    """
    if isinstance(metrics, str) or not metrics or len(set(metrics)) < len(metrics) or set(metrics) - set(METRICS):
        raise ConfigError(
            f"metrics must be a list of different names out of {', '.join(METRICS)}; got {metrics!r}; correct the list"
        )


def _checked(name: str, cloud: np.ndarray) -> np.ndarray:
    cloud = np.asarray(cloud, dtype=np.float64)
    if cloud.ndim != 2 or cloud.shape[1] != 3:
        raise ShapeError(f"the {name} must be (points, 3) in metres; got {cloud.shape}; score one frame at a time")
    if len(cloud) == 0:
        raise DataError(f"the {name} must have at least one point; got none; leave the frame out and count it")
    finite = np.isfinite(cloud).all(axis=1)
    if not finite.all():
        raise DataError(
            f"every point of the {name} must be finite; {np.sum(~finite)} of {len(cloud)} are not; "
            "leave the frame out and count it"
        )
    return cloud
