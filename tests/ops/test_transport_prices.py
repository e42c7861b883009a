"""Prices never contradict an arc, and entropic ones come near the optimum."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from csi2pc.ops.transport_prices import entropic_prices, feasible_prices, spread


def test_feasible_prices_are_tight_somewhere_in_every_row_and_column(rng):
    costs = cdist(rng.normal(size=(30, 3)), rng.normal(size=(41, 3)))
    source_price, target_price, reduced = feasible_prices(costs, rng.normal(size=30))
    np.testing.assert_allclose(reduced, costs - source_price[:, None] - target_price, atol=1e-12)
    np.testing.assert_allclose(reduced.min(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(reduced.min(axis=1), 0, atol=1e-12)


def test_spread_is_what_prices_cannot_take_away(rng):
    costs = cdist(rng.normal(size=(30, 3)), rng.normal(size=(41, 3)))
    shifted = costs + rng.normal(size=(30, 1)) + rng.normal(size=41)
    assert spread(shifted) == pytest.approx(spread(costs), rel=1e-9)
    assert spread(np.full((4, 5), 3.0)) == 0


@pytest.mark.parametrize("size", [20, 600])
@pytest.mark.parametrize("shape", ["like", "clumped", "collapsed", "far"])
def test_entropic_prices_bound_the_optimum_closely(rng, size, shape):
    pred, target = rng.normal(size=(size, 3)), rng.normal(size=(size, 3))
    if shape == "clumped":
        pred[: size // 2] = pred[0] + 0.02 * pred[: size // 2]
    pred = {"collapsed": 1e-3 * pred, "far": pred + [20, 0, 0]}.get(shape, pred)
    costs = cdist(pred, target)
    scale = spread(costs)
    source_price, target_price, _ = feasible_prices(costs, entropic_prices(costs, scale))
    bound = source_price.mean() + target_price.mean()
    best = costs[linear_sum_assignment(costs)].mean()
    assert best - 0.05 * scale < bound <= best + 1e-9


@pytest.mark.parametrize("costs", [np.zeros((7, 9)), np.full((300, 520), 4.0), np.add.outer(np.arange(5.0), [1, 1])])
def test_costs_that_do_not_differ_give_finite_prices(costs):
    assert np.isfinite(entropic_prices(costs, 1.0)).all()
    assert np.isfinite(entropic_prices(costs, 1e-12)).all()
