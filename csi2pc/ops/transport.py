"""Exact optimal transport between two clouds: the earth mover's distance, for equal and unequal sizes.

Popular "EMD" losses are approximations that come out far too low or too high; this one is the optimum of the
linear program, and certified as such: the plan's cost and a lower bound from the dual program agree.

Equal sizes are an assignment problem (:func:`scipy.optimize.linear_sum_assignment`). Unequal sizes are solved by
column generation: a linear program over the few thousand arcs a plan may plausibly use, whose dual prices are then
checked against *all* arcs; arcs that would lower the cost are added until there are none. Two things make both quick.
Entropic transport (:mod:`csi2pc.ops.transport_prices`) first estimates the prices, which picks the right arcs nearly
always, and the problem is stated in reduced costs, so that the solver starts from those prices instead of from nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd

import numpy as np
from scipy.optimize import linear_sum_assignment, linprog
from scipy.sparse import csc_array
from scipy.spatial.distance import cdist

from ..errors import DataError
from .transport_prices import entropic_prices, feasible_prices, spread

#: Arcs taken at first for each source and each target, those with the smallest reduced cost. A plan uses fewer
#: than 2 per point on average; 10 leave a round or two of adding arcs to do, and fewer leave more.
START_ARCS = 10
#: An assignment of so few points takes less time than prices, whatever the clouds.
FEW_POINTS = 128
#: Arcs that may be added for each point in one round.
MORE_ARCS = 4
#: An arc is worth adding when it lowers the cost by more than this share of the problem's spread of costs.
TOLERANCE = 1e-10
#: The plan's cost may exceed the dual lower bound by at most this share of the spread of costs.
CERTIFIED = 1e-9
#: What rounding may add to either, as a share of the largest cost. Costs that spread less than this count as equal.
ROUNDING = 1e-12


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
    if sources == targets and _easy(costs):
        return _plan(costs, *linear_sum_assignment(costs), np.ones(sources))
    scale = max(spread(costs), ROUNDING * np.abs(costs).max()) or 1.0
    source_price, target_price, reduced = feasible_prices(costs, entropic_prices(costs, scale))
    if sources == targets:  # any prices leave the optimum where it is
        return _plan(costs, *linear_sum_assignment(reduced), np.ones(sources))
    return _generate_columns(costs, source_price, target_price, reduced, scale)


def _easy(costs: np.ndarray) -> bool:
    """Whether an assignment is found sooner than good prices are: few points, or few sources that compete."""
    return len(costs) <= FEW_POINTS or 2 * len(np.unique(costs.argmin(axis=1))) > len(costs)


def _plan(costs: np.ndarray, source: np.ndarray, target: np.ndarray, units: np.ndarray) -> TransportPlan:
    mass = units / units.sum()
    return TransportPlan(float(mass @ costs[source, target]), source, target, mass)


def _generate_columns(
    costs: np.ndarray, source_price: np.ndarray, target_price: np.ndarray, reduced: np.ndarray, scale: float
) -> TransportPlan:
    sources, targets = costs.shape
    common = gcd(sources, targets)
    supply, demand = targets // common, sources // common  # whole units, so that every basic plan is whole too
    rounding = ROUNDING * np.abs(costs).max()
    arcs = _smallest(reduced, START_ARCS)
    arcs |= _staircase(sources, targets, supply, demand)
    while True:
        source, target = np.nonzero(arcs)
        reduced_costs = reduced[source, target] / scale
        units, source_change, target_change = _solve(
            reduced_costs, source, target, supply=np.full(sources, supply), demand=np.full(targets, demand)
        )
        source_price = source_price + source_change * scale
        target_price = target_price + target_change * scale
        reduced = costs - source_price[:, None] - target_price
        worthwhile = (reduced < -TOLERANCE * scale - rounding / 4) & ~arcs
        target_price = target_price + np.minimum(reduced.min(axis=0), 0)  # feasible again, hence a lower bound
        if not worthwhile.any():
            break
        if np.count_nonzero(worthwhile) > MORE_ARCS * (sources + targets):
            worthwhile &= _smallest(np.where(worthwhile, reduced, np.inf), MORE_ARCS)
        arcs |= worthwhile
        reduced = costs - source_price[:, None] - target_price
    used = units > 0
    plan = _plan(costs, source[used], target[used], units[used])
    bound = source_price.mean() + target_price.mean()
    if plan.cost - bound > CERTIFIED * scale + rounding:
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
