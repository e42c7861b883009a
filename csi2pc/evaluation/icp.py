"""How well a predicted cloud fits its target once it may be moved as a rigid body: point-to-point ICP.

Written from Besl and McKay (IEEE TPAMI 14(2), 1992): pair every predicted point with the target point nearest to it,
move the cloud by the rigid motion that brings the pairs closest in the sense of least squares, and again. Pairs further
apart than a reach are left out, and the motion comes from the singular value decomposition of the pairs' covariance
(Kabsch, Acta Cryst. A32, 1976) with the guard against mirrors of Umeyama (IEEE TPAMI 13(4), 1991).

ICP starts where the clouds lie, so it forgives a misplaced cloud only as far as its reach, and its result is a local
one. It is here for comparison with earlier work; it says little of a cloud that was not near to begin with.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree

#: Pairs have to be nearer than this many metres.
REACH = 0.02
#: Ends when fitness and RMSE (metres) both change by less than this, or after so many rounds: the values with which
#: Open3D's ``ICPConvergenceCriteria`` starts.
TOLERANCE, ROUNDS = 1e-6, 30
#: Pairs lie on a line (as one or two always do) where the second singular value of their covariance is at most this
#: share of the first; the values are squared lengths.
FLAT = 1e-9


class Fit(NamedTuple):
    """What ICP ends with.

    Attributes:
        fitness: share of the predicted points with a target point within reach, 0 to 1.
        rmse: root of the mean squared distance of these pairs, metres; NaN where there is none.
        rotation, translation: ``(3, 3)`` and ``(3,)`` metres: ``q = R p + t`` moves the prediction onto the target.
    """

    fitness: float
    rmse: float
    rotation: np.ndarray
    translation: np.ndarray


def icp(pred: np.ndarray, target: np.ndarray, tree: cKDTree | None = None, *, reach: float = REACH) -> Fit:
    """Align the prediction with the target, starting from where it lies.

    Args:
        pred: float64 ``(N, 3)`` metres.
        target: float64 ``(M, 3)`` metres.
        tree: of the target, where there is one already.
        reach: how near the points of a pair have to be, metres.

    Returns:
        The fit after the last round. Without any pair in reach nothing can be moved: fitness 0, RMSE NaN.
    """
    tree = tree or cKDTree(target)
    rotation, translation = np.eye(3), np.zeros(3)
    source, found, fitness, rmse = _pairs(pred, tree, reach)
    for _ in range(ROUNDS):
        if not len(source):
            break
        rotation, translation = rigid_motion(pred[source], target[found])
        before = fitness, rmse
        source, found, fitness, rmse = _pairs(pred @ rotation.T + translation, tree, reach)
        if abs(fitness - before[0]) < TOLERANCE and abs(rmse - before[1]) < TOLERANCE:
            break
    return Fit(fitness, rmse, rotation, translation)


def rigid_motion(source: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rotation and translation that bring paired points closest: the least sum of ``|R p + t - q|^2``.

    Pairs that lie on a line, one or two among them, leave the turn about it open; they are moved without a turn, so
    that the result never hangs on an arbitrary choice.

    Args:
        source, target: float64 ``(K, 3)`` metres, K at least 1, paired row by row.

    Returns:
        ``(3, 3)`` with determinant +1, and ``(3,)`` metres.
    """
    centre, aim = source.mean(axis=0), target.mean(axis=0)
    left, spread, right = np.linalg.svd((target - aim).T @ (source - centre))
    if spread[1] <= FLAT * spread[0]:
        return np.eye(3), aim - centre
    guard = np.array([1.0, 1.0, np.sign(np.linalg.det(left) * np.linalg.det(right))])
    rotation = (left * guard) @ right
    return rotation, aim - rotation @ centre


def _pairs(moved: np.ndarray, tree: cKDTree, reach: float) -> tuple[np.ndarray, np.ndarray, float, float]:
    """Positions in the prediction and in the target of the pairs within reach, fitness and RMSE."""
    distance, nearest = tree.query(moved, distance_upper_bound=reach)
    inside = np.flatnonzero(np.isfinite(distance))
    rmse = float(np.sqrt(np.mean(np.square(distance[inside])))) if len(inside) else float("nan")
    return inside, nearest[inside], len(inside) / len(moved), rmse
