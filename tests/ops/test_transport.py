"""Exact transport against the whole linear program, and the laws of a distance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment, linprog
from scipy.spatial.distance import cdist

from csi2pc.errors import DataError
from csi2pc.ops import transport as module
from csi2pc.ops.transport import earth_movers_distance, transport_plan


def dense_optimum(costs, source_mass=None, target_mass=None):
    """The transport program over all arcs at once, as a text book states it."""
    sources, targets = costs.shape
    balance = np.zeros((sources + targets, sources * targets))
    for i in range(sources):
        balance[i, i * targets : (i + 1) * targets] = 1
    for j in range(targets):
        balance[sources + j, j::targets] = 1
    masses = [np.ones(sources) if source_mass is None else source_mass]
    masses += [np.ones(targets) if target_mass is None else target_mass]
    mass = np.concatenate([mass / mass.sum() for mass in masses])
    tight = {"dual_feasibility_tolerance": 1e-10, "primal_feasibility_tolerance": 1e-10}
    return linprog(costs.ravel(), A_eq=balance, b_eq=mass, bounds=(0, None), method="highs", options=tight).fun


def check_plan(plan, costs):
    """The plan carries all mass from uniform to uniform, and costs what it says."""
    sources, targets = costs.shape
    assert np.all(plan.mass > 0)
    np.testing.assert_allclose(np.bincount(plan.source, plan.mass, sources), 1 / sources, rtol=1e-12)
    np.testing.assert_allclose(np.bincount(plan.target, plan.mass, targets), 1 / targets, rtol=1e-12)
    assert plan.cost == pytest.approx(plan.mass @ costs[plan.source, plan.target], rel=1e-12, abs=1e-15)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    sources=st.integers(1, 24),
    targets=st.integers(1, 24),
    spread=st.sampled_from([0.0, 1e-3, 1.0, 50.0]),
    offset=st.sampled_from([0.0, 10.0]),
    grid=st.booleans(),
)
def test_equals_the_whole_linear_program(seed, sources, targets, spread, offset, grid):
    rng = np.random.default_rng(seed)
    pred = rng.normal(size=(sources, 3)) * spread
    target = rng.normal(size=(targets, 3)) + offset
    target = np.round(target) if grid else target  # many equal distances
    costs = cdist(pred, target)
    plan = transport_plan(costs)
    check_plan(plan, costs)
    assert plan.cost == pytest.approx(dense_optimum(costs), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("sizes", [(40, 90), (64, 32), (57, 57)])
@pytest.mark.parametrize("shape", ["like", "collapsed", "clumped"])
def test_equals_the_whole_linear_program_at_size(rng, sizes, shape):
    target = rng.normal(size=(sizes[1], 3)) * [0.2, 0.5, 0.1]
    pred = rng.normal(size=(sizes[0], 3)) * {"like": [0.2, 0.5, 0.1], "collapsed": 1e-6, "clumped": 0.02}[shape]
    pred[: sizes[0] // 2] += 0.3 if shape == "clumped" else 0.0
    costs = cdist(pred, target)
    plan = transport_plan(costs)
    check_plan(plan, costs)
    assert plan.cost == pytest.approx(dense_optimum(costs), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("shape", ["collinear", "duplicates", "coincident", "grid", "line and point"])
@pytest.mark.parametrize("sizes", [(30, 30), (29, 30), (40, 25)])
def test_equals_the_whole_linear_program_on_degenerate_clouds(rng, sizes, shape):
    pred, target = (rng.normal(size=(size, 3)) for size in sizes)
    if shape == "collinear":
        pred, target = pred[:, :1] * [1, 2, 0], target[:, :1] * [1, 2, 0]
    elif shape == "duplicates":
        pred, target = pred[rng.integers(0, 5, sizes[0])], target[rng.integers(0, 3, sizes[1])]
    elif shape == "coincident":
        pred[:] = pred[0]
    elif shape == "grid":
        pred, target = np.round(pred), np.round(target)
    else:
        pred, target = pred * [1, 0, 0], np.repeat([[0.0, 1, 0]], sizes[1], axis=0)
    costs = cdist(pred, target)
    plan = transport_plan(costs)
    check_plan(plan, costs)
    assert plan.cost == pytest.approx(dense_optimum(costs), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("sizes", [(128, 301), (300, 299)])
def test_real_sizes_are_certified(rng, sizes):
    costs = cdist(rng.normal(size=(sizes[0], 3)), rng.normal(size=(sizes[1], 3)))
    plan = transport_plan(costs)  # raises where the dual bound does not meet the cost
    check_plan(plan, costs)
    assert len(plan.mass) <= sum(sizes) - 1


@pytest.mark.parametrize("shape", ["like", "clumped", "collapsed"])
def test_equal_sizes_are_an_assignment(rng, shape):
    pred, target = rng.normal(size=(200, 3)), rng.normal(size=(200, 3))
    if shape != "like":
        pred[: 100 if shape == "clumped" else None] *= 0.01
    costs = cdist(pred, target)
    plan = transport_plan(costs)
    check_plan(plan, costs)
    assert plan.cost == pytest.approx(costs[linear_sum_assignment(costs)].mean(), rel=1e-12)
    assert np.array_equal(np.sort(plan.target), np.arange(200))


@pytest.mark.parametrize(("scale", "shift"), [(1e-9, 0.0), (1e6, 0.0), (1e-3, 1e4)])
def test_any_unit_and_distance(rng, scale, shift):
    pred, target = rng.normal(size=(23, 3)) * scale, rng.normal(size=(31, 3)) * scale + [shift, 0, 0]
    costs = cdist(pred, target)
    plan = transport_plan(costs)
    check_plan(plan, costs)
    assert plan.cost == pytest.approx(dense_optimum(costs / costs.max()) * costs.max(), rel=1e-9)


@pytest.mark.parametrize("sizes", [(12, 12), (9, 21)])
def test_masses_that_are_not_uniform(rng, sizes):
    costs = cdist(rng.normal(size=(sizes[0], 3)), rng.normal(size=(sizes[1], 3)))
    source_mass, target_mass = rng.uniform(size=sizes[0]) ** 4, 1.0 * (np.arange(sizes[1]) % 3)
    plan = transport_plan(costs, source_mass, target_mass)
    carried = np.zeros(sizes)
    carried[plan.source, plan.target] = plan.mass
    np.testing.assert_allclose(carried.sum(axis=1), source_mass / source_mass.sum(), rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(carried.sum(axis=0), target_mass / target_mass.sum(), rtol=1e-9, atol=1e-15)
    assert plan.cost == pytest.approx(dense_optimum(costs, source_mass, target_mass), rel=1e-9)
    assert transport_plan(costs, source_mass).cost == pytest.approx(dense_optimum(costs, source_mass), rel=1e-9)
    whole = np.full(sizes[0], 3), np.full(sizes[1], 7)
    assert transport_plan(costs, *whole).cost == pytest.approx(transport_plan(costs).cost, rel=1e-9)


@pytest.mark.filterwarnings("ignore:numItermax")
def test_a_plan_that_is_not_the_best_is_refused(rng, monkeypatch):
    costs = cdist(rng.normal(size=(40, 3)), rng.normal(size=(50, 3)))
    monkeypatch.setattr(module, "PIVOTS", 60)
    with pytest.raises(DataError, match="between 40 and 50 points must be certified by its dual"):
        transport_plan(costs)


def test_laws_of_a_distance(rng):
    pred, target = rng.normal(size=(20, 3)), rng.normal(size=(33, 3))
    value = earth_movers_distance(pred, target)
    assert earth_movers_distance(target, pred) == pytest.approx(value, rel=1e-9)
    assert earth_movers_distance(pred + [3, -2, 10], target + [3, -2, 10]) == pytest.approx(value, rel=1e-9)
    assert earth_movers_distance(100 * pred, 100 * target) == pytest.approx(100 * value, rel=1e-9)
    assert earth_movers_distance(rng.permutation(pred), target) == pytest.approx(value, rel=1e-9)
    assert earth_movers_distance(pred, pred + [0.3, 0, 0.4]) == pytest.approx(0.5, rel=1e-9)
    assert earth_movers_distance(pred, np.repeat(pred, 3, axis=0)) == pytest.approx(0, abs=1e-12)
    assert value >= np.linalg.norm(pred.mean(axis=0) - target.mean(axis=0))


@pytest.mark.parametrize("sizes", [(1, 1), (1, 7), (7, 1), (5, 5), (4, 6)])
def test_coincident_points_cost_nothing(sizes):
    assert earth_movers_distance(np.ones((sizes[0], 3)), np.ones((sizes[1], 3))) == 0


def test_all_costs_equal():
    assert transport_plan(np.full((6, 9), 2.5)).cost == pytest.approx(2.5)
