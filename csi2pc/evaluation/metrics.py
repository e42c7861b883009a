"""How far a predicted cloud is from the measured one, frame by frame.

Clouds are in metres, and so are the metrics that are lengths; squared distances are in square metres; F-scores, DCD,
coverage and the fitness of ICP have no unit (:data:`METRICS` says which is which).

Clouds are ragged plain arrays: masks are applied, and any normalisation undone, before they come here. A metric
never sees padding and never pads. What several metrics need, trees, nearest points and ICP, is computed once a pair.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree

from ..errors import ConfigError, DataError, ShapeError
from ..ops.transport import earth_movers_distance
from .icp import Fit, icp

#: DCD's alpha in 1/m^2 and what is added to its counts, as in the released code and :mod:`csi2pc.losses.dcd`.
DCD_ALPHA, DCD_EPSILON = 1000.0, 1e-6


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
    def pred_tree(self) -> cKDTree:
        """Finds the nearest predicted points."""
        return cKDTree(self.pred)

    @cached_property
    def target_tree(self) -> cKDTree:
        """Finds the nearest target points."""
        return cKDTree(self.target)

    @property
    def to_target(self) -> np.ndarray:
        """float64 ``(N,)`` metres: from every predicted point to the nearest target point."""
        return self._to_target[0]

    @property
    def to_pred(self) -> np.ndarray:
        """float64 ``(M,)`` metres: from every target point to the nearest predicted point."""
        return self._to_pred[0]

    @property
    def nearest_target(self) -> np.ndarray:
        """int64 ``(N,)``: which target point is nearest to every predicted point; one of those equally near."""
        return self._to_target[1]

    @property
    def nearest_pred(self) -> np.ndarray:
        """int64 ``(M,)``: which predicted point is nearest to every target point; one of those equally near."""
        return self._to_pred[1]

    @cached_property
    def aligned(self) -> Fit:
        """The prediction moved onto the target by :func:`~csi2pc.evaluation.icp.icp`."""
        return icp(self.pred, self.target, self.target_tree)

    @cached_property
    def _to_target(self) -> tuple[np.ndarray, np.ndarray]:
        return self.target_tree.query(self.pred)

    @cached_property
    def _to_pred(self) -> tuple[np.ndarray, np.ndarray]:
        return self.pred_tree.query(self.target)


def chamfer_l1(pair: CloudPair) -> float:
    """Mean of the two mean nearest distances (the convention of PoinTr, ICCV 2021)."""
    return float((pair.to_target.mean() + pair.to_pred.mean()) / 2)


def chamfer_l2(pair: CloudPair) -> float:
    """Sum of the two mean squared nearest distances (the convention of PoinTr, ICCV 2021)."""
    return float(np.square(pair.to_target).mean() + np.square(pair.to_pred).mean())


def emd(pair: CloudPair) -> float:
    """Exact earth mover's distance, every cloud weighing 1 in all, for equal and unequal sizes."""
    return earth_movers_distance(pair.pred, pair.target)


def dcd(pair: CloudPair) -> float:
    """Density-aware Chamfer distance (Wu et al., NeurIPS 2021): 0 is best, 1 worst.

    The form of the released code, which is the default of :func:`csi2pc.losses.dcd.dcd`: squared distances in the
    exponent with alpha 1000 / m^2, counts to the power 1, each direction multiplied by the ratio of the sizes. At this
    power it lies between 0 and 1 for unequal sizes as well. Equal clouds score 1e-6, which the released code adds to
    the counts. Beyond about 7 cm a pair counts as lost.
    """

    def direction(distance: np.ndarray, nearest: np.ndarray, size: int) -> float:
        crowd = np.bincount(nearest, minlength=size)[nearest]
        closeness = np.exp(-DCD_ALPHA * np.square(distance)) / (crowd + DCD_EPSILON)
        return 1 - closeness.mean() * len(distance) / size

    forth = direction(pair.to_target, pair.nearest_target, len(pair.target))
    back = direction(pair.to_pred, pair.nearest_pred, len(pair.pred))
    return float((forth + back) / 2)


def coverage(pair: CloudPair) -> float:
    """Share of the target points that are some predicted point's nearest: low where a prediction clumps.

    It cannot exceed N / M. Of target points that coincide one is taken, so that a target with doubled points is never
    covered in full.
    """
    return len(np.unique(pair.nearest_target)) / len(pair.target)


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


def extent_error(pair: CloudPair) -> float:
    """Euclidean norm of the three differences of the boxes' extents along x, y and z: how large, wherever it is."""
    return float(np.linalg.norm(np.ptp(pair.pred, axis=0) - np.ptp(pair.target, axis=0)))


def icp_fitness(pair: CloudPair) -> float:
    """Share of the predicted points with a target point nearer than 2 cm, after aligning the prediction by ICP."""
    return pair.aligned.fitness


def icp_rmse(pair: CloudPair) -> float:
    """Root of the mean squared distance of the pairs behind :func:`icp_fitness`, below 2 cm; NaN without a pair.

    By itself it says nothing: a prediction of which one point fits may have the smallest of all.
    """
    return pair.aligned.rmse


class Metric(NamedTuple):
    """One entry of :data:`METRICS`.

    Attributes:
        unit: ``"m"``, ``"m^2"``, or ``"1"`` for a number from 0 to 1.
        better: ``"lower"`` or ``"higher"``.
        function: value of one :class:`CloudPair`; NaN where there is none (:func:`icp_rmse` alone).
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
    "dcd": Metric("1", "lower", dcd),
    "f_score_1cm": Metric("1", "higher", f_score_1cm),
    "f_score_5cm": Metric("1", "higher", f_score_5cm),
    "f_score_10cm": Metric("1", "higher", f_score_10cm),
    "coverage": Metric("1", "higher", coverage),
    "hausdorff": Metric("m", "lower", hausdorff),
    "hausdorff_95": Metric("m", "lower", hausdorff_95),
    "centroid_error": Metric("m", "lower", centroid_error),
    "height_error": Metric("m", "lower", height_error),
    "extent_error": Metric("m", "lower", extent_error),
    "icp_fitness": Metric("1", "higher", icp_fitness),
    "icp_rmse": Metric("m", "lower", icp_rmse),
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
