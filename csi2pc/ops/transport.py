"""Exact optimal transport between two clouds: the earth mover's distance, for equal and unequal sizes.

Popular "EMD" losses are approximations that come out far too low or too high; this one is the optimum of the
linear program, and certified as such: the plan's cost and a lower bound from the dual program agree.

Equal sizes are an assignment problem (:func:`scipy.optimize.linear_sum_assignment`). Unequal sizes are solved by
column generation: a linear program over the few hundred arcs a plan may plausibly use, whose dual prices are then
checked against *all* arcs; arcs that would lower the cost are added until there are none. Two things make it quick.
Entropic transport (Sinkhorn) first estimates the prices, which picks the right arcs nearly always, and the program
is stated in reduced costs, so that the simplex method starts from those prices instead of from nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd

import numpy as np
from scipy.optimize import linear_sum_assignment, linprog
from scipy.sparse import csc_array
from scipy.spatial.distance import cdist

from ..errors import DataError

#: Arcs taken at first for each source and each target, those with the smallest reduced cost. A plan uses fewer
#: than 2 per point on average; 6 leave rarely more than one round of adding arcs to do.
START_ARCS = 6
#: Arcs that may be added for each point in one round.
MORE_ARCS = 4
#: An arc is worth adding when it lowers the cost by more than this share of the problem's spread of costs.
TOLERANCE = 1e-10
#: The plan's cost may exceed the dual lower bound by at most this share of the spread of costs.
CERTIFIED = 1e-9


@dataclass(frozen=True, eq=False)
class TransportPlan:
    """How the mass of one cloud, 1/N a point, is carried to the other, 1/M a point.

    Attributes:
        cost: sum of mass times distance, in the unit of the distances.
        source, target: int64 ``(K,)``, the two ends of every arc that carries mass; at most N + M - 1 arcs.
        mass: float64 ``(K,)``, positive, summing to 1.
    """

    cost: float
    source: np.ndarray
    target: np.ndarray
    mass: np.ndarray


def earth_movers_distance(pred: np.ndarray, target: np.ndarray) -> float:
    """Exact earth mover's distance between two clouds of uniform weight under Euclidean distance.

    Args:
        pred: ``(N, 3)`` metres, at least one point.
        target: ``(M, 3)`` metres, at least one point; N and M may differ.

    Returns:
        metres: how far, on average, mass has to be carried.
    """
    return transport_plan(cdist(pred, target)).cost


def transport_plan(costs: np.ndarray) -> TransportPlan:
    """The cheapest way to carry uniform mass from N sources to M targets, exactly.

    Args:
        costs: float ``(N, M)``, finite: the cost of carrying one unit of mass over each arc.

    Raises:
        DataError: the solver could not certify an optimum, which no finite costs are known to cause.
    """
    costs = np.asarray(costs, dtype=np.float64)
    sources, targets = costs.shape
    if sources == 1 or targets == 1:
        source, target = (index.ravel() for index in np.indices(costs.shape))
        return _plan(costs, source, target, np.ones(costs.size))
    source_price, target_price = _entropic_prices(costs)
    if sources == targets:
        # the same optimum as with the costs themselves, but several times faster on a collapsed cloud
        source, target = linear_sum_assignment(costs - source_price[:, None] - target_price)
        return _plan(costs, source, target, np.ones(sources))
    return _generate_columns(costs, source_price, target_price)


def _plan(costs: np.ndarray, source: np.ndarray, target: np.ndarray, units: np.ndarray) -> TransportPlan:
    mass = units / units.sum()
    return TransportPlan(float(mass @ costs[source, target]), source, target, mass)


def _spread(costs: np.ndarray) -> float:
    """Mean size of what is left of the costs after row and column means: only this tells one plan from another."""
    rest = costs - costs.mean(axis=0) - costs.mean(axis=1, keepdims=True) + costs.mean()
    return float(np.abs(rest).mean())


def _entropic_prices(costs: np.ndarray, *, rounds: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Dual feasible prices near the optimum: Sinkhorn's scaling at 8 falling temperatures, absorbed at each."""
    sources, targets = costs.shape
    source_price = costs.mean(axis=1) - costs.mean()  # (N,)
    target_price = costs.mean(axis=0)  # (M,)
    spread = _spread(costs)
    tiny = np.finfo(np.float64).tiny
    for temperature in spread * np.geomspace(1.0, 0.002, 8) if spread > 0 else ():
        kernel = np.exp(np.minimum(-(costs - source_price[:, None] - target_price) / temperature, 600.0))  # (N, M)
        rows, columns = np.ones(sources), np.ones(targets)
        for _ in range(rounds):
            rows = 1 / (sources * (kernel @ columns) + tiny)
            columns = 1 / (targets * (rows @ kernel) + tiny)
        if not (np.all(np.isfinite(rows) & (rows > 0)) and np.all(np.isfinite(columns) & (columns > 0))):
            break
        source_price += temperature * np.log(rows)
        target_price += temperature * np.log(columns)
    source_price = (costs - target_price).min(axis=1)
    target_price = (costs - source_price[:, None]).min(axis=0)
    return source_price, target_price


def _generate_columns(costs: np.ndarray, source_price: np.ndarray, target_price: np.ndarray) -> TransportPlan:
    sources, targets = costs.shape
    common = gcd(sources, targets)
    supply, demand = targets // common, sources // common  # whole units, so that every basic plan is whole too
    spread = _spread(costs) or 1.0
    reduced = costs - source_price[:, None] - target_price  # (N, M), never negative
    arcs = _smallest(reduced, START_ARCS)
    arcs |= _staircase(sources, targets, supply, demand)
    while True:
        source, target = np.nonzero(arcs)
        reduced_costs = reduced[source, target] / spread
        units, source_change, target_change = _solve(
            reduced_costs, source, target, supply=np.full(sources, supply), demand=np.full(targets, demand)
        )
        source_price = source_price + source_change * spread
        target_price = target_price + target_change * spread
        reduced = costs - source_price[:, None] - target_price
        worthwhile = (reduced < -TOLERANCE * spread) & ~arcs
        target_price = target_price + np.minimum(reduced.min(axis=0), 0)  # feasible again, hence a lower bound
        if not worthwhile.any():
            break
        arcs |= worthwhile & _smallest(np.where(worthwhile, reduced, np.inf), MORE_ARCS)
        reduced = costs - source_price[:, None] - target_price
    used = units > 0
    plan = _plan(costs, source[used], target[used], units[used])
    bound = source_price.mean() + target_price.mean()
    if plan.cost - bound > CERTIFIED * spread + 1e-12 * np.abs(costs).max():
        raise DataError(
            f"the optimal transport between {sources} and {targets} points must be certified by its dual bound; "
            f"the plan costs {plan.cost!r}, the bound is {bound!r}; leave emd out of the metrics and report the clouds"
        )
    return plan


def _smallest(values: np.ndarray, count: int) -> np.ndarray:
    """Bool like ``values``: the ``count`` smallest of each row and of each column."""
    chosen = np.zeros(values.shape, dtype=bool)
    for axis in (0, 1):
        first = min(count, values.shape[axis])
        nearest = np.argpartition(values, first - 1, axis=axis).take(np.arange(first), axis=axis)
        np.put_along_axis(chosen, nearest, True, axis=axis)
    return chosen


def _staircase(sources: int, targets: int, supply: int, demand: int) -> np.ndarray:
    """Arcs of the north-west corner rule: with them a plan exists whatever the other arcs are."""
    starts = np.union1d(np.arange(sources) * supply, np.arange(targets) * demand)
    arcs = np.zeros((sources, targets), dtype=bool)
    arcs[starts // supply, starts // demand] = True
    return arcs


def _solve(
    costs: np.ndarray, source: np.ndarray, target: np.ndarray, *, supply: np.ndarray, demand: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Units on each of the K arcs, and the change of the prices of the sources (N,) and of the targets (M,)."""
    count = len(costs)
    ends = np.stack([source, len(supply) + target], axis=1).ravel()  # each arc leaves one source, enters one target
    balance = csc_array(
        (np.ones(2 * count), ends, np.arange(0, 2 * count + 1, 2)), shape=(len(supply) + len(demand), count)
    )
    result = linprog(
        costs,
        A_eq=balance,
        b_eq=np.concatenate([supply, demand]).astype(np.float64),
        bounds=(0, None),
        method="highs-ds",
        options={"presolve": False, "dual_feasibility_tolerance": 1e-10},  # presolving takes longer than solving
    )
    if result.status != 0:
        raise DataError(
            f"the transport program over {count} arcs must have an optimum; the solver says: {result.message}; "
            "leave emd out of the metrics and report the clouds"
        )
    prices = result.eqlin.marginals
    return np.rint(result.x), prices[: len(supply)], prices[len(supply) :]
