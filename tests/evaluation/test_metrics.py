"""Every metric against a slow oracle that can be read at a glance."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from csi2pc import losses
from csi2pc.errors import ConfigError, DataError, ShapeError
from csi2pc.evaluation.icp import icp
from csi2pc.evaluation.metrics import (
    DCD_EPSILON,
    DEFAULT_METRICS,
    METRICS,
    CloudPair,
    frame_metrics,
)
from csi2pc.ops.transport import earth_movers_distance


def distance(p, q):
    return math.sqrt(sum((a - b) ** 2 for a, b in zip(p, q, strict=True)))


def nearest(cloud, other):
    return [min(distance(p, q) for q in other) for p in cloud]


def mean(values):
    return sum(values) / len(values)


def percentile(values, percent):
    values = sorted(values)
    position = (len(values) - 1) * percent / 100
    below, above = math.floor(position), math.ceil(position)
    return values[below] + (values[above] - values[below]) * (position - below)


def dcd(here, there):
    """One direction, as the equation reads."""
    chosen = [min(range(len(there)), key=lambda k: distance(p, there[k])) for p in here]
    worth = [math.exp(-1000 * distance(p, there[k]) ** 2) / (chosen.count(k) + 1e-6) for p, k in zip(here, chosen)]
    return mean([1 - w * len(here) / len(there) for w in worth]), len(set(chosen)) / len(there)


def oracle(pred, target):
    a, b = nearest(pred, target), nearest(target, pred)

    def f_score(threshold):
        precision, recall = mean([d < threshold for d in a]), mean([d < threshold for d in b])
        return 0 if precision + recall == 0 else 2 * precision * recall / (precision + recall)

    def extent(cloud, axis):
        return max(p[axis] for p in cloud) - min(p[axis] for p in cloud)

    (forth, coverage), (back, _) = dcd(pred, target), dcd(target, pred)
    extents = [[extent(cloud, axis) for axis in range(3)] for cloud in (pred, target)]
    fit = icp(np.array(pred), np.array(target))  # its own oracle is in test_icp

    centroids = [[mean([p[axis] for p in cloud]) for axis in range(3)] for cloud in (pred, target)]
    return {
        "chamfer_l1": (mean(a) + mean(b)) / 2,
        "chamfer_l2": mean([d * d for d in a]) + mean([d * d for d in b]),
        "emd": earth_movers_distance(np.array(pred), np.array(target)),  # its own oracle is in test_transport
        "dcd": (forth + back) / 2,
        "f_score_1cm": f_score(0.01),
        "f_score_5cm": f_score(0.05),
        "f_score_10cm": f_score(0.10),
        "coverage": coverage,
        "hausdorff": max(a + b),
        "hausdorff_95": max(percentile(a, 95), percentile(b, 95)),
        "centroid_error": distance(*centroids),
        "height_error": abs(extents[0][1] - extents[1][1]),
        "extent_error": distance(*extents),
        "icp_fitness": fit.fitness,
        "icp_rmse": fit.rmse,
    }


@pytest.mark.parametrize("sizes", [(1, 1), (1, 9), (12, 1), (30, 30), (25, 41)])
@pytest.mark.parametrize("spread", [0.01, 0.1, 1.0])
def test_agrees_with_the_oracle(rng, sizes, spread):
    pred, target = (rng.normal(size=(n, 3)) * spread + [0, 0, 3] for n in sizes)
    values = frame_metrics(pred, target)
    expected = oracle(pred.tolist(), target.tolist())
    assert list(values) == list(DEFAULT_METRICS) == list(METRICS)
    for name, value in values.items():
        assert value == pytest.approx(expected[name], rel=1e-9, abs=1e-12, nan_ok=name == "icp_rmse"), name


def test_a_perfect_prediction(rng):
    cloud = rng.normal(size=(50, 3))
    for name, value in frame_metrics(rng.permutation(cloud), cloud).items():
        least = DCD_EPSILON if name == "dcd" else 1e-12  # the released code adds it to the counts
        assert value == pytest.approx(0 if METRICS[name].better == "lower" else 1, abs=least)
        assert METRICS[name].error(value) == pytest.approx(0, abs=least)


@pytest.mark.parametrize("sizes", [(1, 1), (40, 40), (25, 70), (70, 25)])
def test_dcd_is_the_loss_by_default(rng, sizes):
    for spread in (0.02, 0.2):
        pred, target = (rng.normal(size=(n, 3)) * spread + [0, 0, 3] for n in sizes)
        value = frame_metrics(pred, target, metrics=["dcd"])["dcd"]
        loss = losses.LOSSES["dcd"](torch.tensor(pred)[None], torch.tensor(target)[None])
        assert loss.dtype == torch.float64
        assert value == pytest.approx(float(loss[0]), rel=1e-9)
        assert 0 <= value <= 1


def test_clumping_loses_coverage_and_dcd(rng):
    target = rng.uniform(size=(200, 3))
    spread = target + 1e-4 * rng.normal(size=(200, 3))
    clumped = np.concatenate([spread[:20].repeat(10, axis=0)])
    values = [frame_metrics(pred, target, metrics=["coverage", "dcd"]) for pred in (spread, clumped)]
    assert [v["coverage"] for v in values] == [1.0, 0.1]
    assert values[1]["dcd"] > 0.8 > 0.01 > values[0]["dcd"]


def test_a_pair_computes_what_is_shared_once(rng):
    pair = CloudPair(rng.normal(size=(9, 3)), rng.normal(size=(7, 3)))
    assert pair.aligned is pair.aligned and pair.to_target is pair.to_target
    np.testing.assert_array_equal(
        pair.to_pred, np.linalg.norm(pair.target - pair.pred[pair.nearest_pred], axis=1)
    )


def test_nothing_in_reach_has_no_icp_error(rng):
    cloud = rng.normal(size=(5, 3))
    values = frame_metrics(cloud + 100, cloud, metrics=["icp_fitness", "icp_rmse"])
    assert values["icp_fitness"] == 0 and math.isnan(values["icp_rmse"])


def test_nothing_in_reach_scores_no_f(rng):
    cloud = rng.normal(size=(5, 3))
    assert frame_metrics(cloud + 100, cloud, metrics=["f_score_10cm"]) == {"f_score_10cm": 0.0}


def test_only_what_is_asked_for_in_that_order(rng):
    cloud = rng.normal(size=(5, 3)).astype(np.float32)
    assert list(frame_metrics(cloud, cloud, metrics=["hausdorff", "chamfer_l1"])) == ["hausdorff", "chamfer_l1"]


@pytest.mark.parametrize("metrics", ["emd", [], ["emd", "emd"], ["chamfer"]])
def test_bad_lists_are_refused(metrics):
    with pytest.raises(ConfigError, match="metrics must be a list of different names"):
        frame_metrics(np.zeros((1, 3)), np.zeros((1, 3)), metrics=metrics)


def test_bad_clouds_are_refused():
    good, bad = np.zeros((4, 3)), np.zeros((4, 3))
    bad[1:3, 0] = np.nan, np.inf
    with pytest.raises(DataError, match="prediction must have at least one point"):
        frame_metrics(np.zeros((0, 3)), good)
    with pytest.raises(DataError, match="target must have at least one point"):
        frame_metrics(good, np.zeros((0, 3)))
    with pytest.raises(DataError, match="2 of 4 are not"):
        frame_metrics(bad, good)
    with pytest.raises(ShapeError, match=r"prediction must be \(points, 3\).*got \(2, 4, 3\)"):
        frame_metrics(np.zeros((2, 4, 3)), good)
