"""Exact optimal transport between two clouds: the earth mover's distance, for equal and unequal sizes and weights.

Popular "EMD" losses are approximations that come out far too low or too high; this one is the optimum of the
linear program, and certified as such: the plan's cost and a lower bound from the dual program agree.

The solver is the network simplex of POT (Bonneel et al., ACM Trans. Graph. 30(6), 2011), or, where clouds of equal size
lie so near each other that few points compete, the assignment of :func:`scipy.optimize.linear_sum_assignment`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from ..errors import DataError

#: An assignment of so few points is found sooner than the simplex has started, whatever the clouds.
FEW_POINTS = 128
#: Pivots after which the simplex gives up; a million points would not take as many.
PIVOTS = 10**9
#: The plan's cost may exceed the dual lower bound by at most this share of the largest cost.
CERTIFIED = 1e-10


@dataclass(frozen=True, eq=False)
class TransportPlan:
    """How the mass of one cloud is carried to the other; each has mass 1.

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


def transport_plan(
    costs: np.ndarray, source_mass: np.ndarray | None = None, target_mass: np.ndarray | None = None
) -> TransportPlan:
    """The cheapest way to carry mass from N sources to M targets, exactly.

    Args:
        costs: float ``(N, M)``, finite: the cost of carrying one unit of mass over each arc.
        source_mass, target_mass: ``(N,)`` and ``(M,)``, not negative, in any unit: the share of each point. Uniform
            where None.

    Raises:
        DataError: the solver could not certify an optimum, which no finite costs are known to cause.
    """
    costs = np.ascontiguousarray(costs, dtype=np.float64)
    sources, targets = costs.shape
    uniform = source_mass is None and target_mass is None
    if uniform and sources == targets and _easy(costs):
        source, target = linear_sum_assignment(costs)
        return _plan(costs, source, target, np.ones(sources))
    if uniform:  # whole units: no sum of them is ever rounded
        common = gcd(sources, targets)
        supply, demand = np.full(sources, targets / common), np.full(targets, sources / common)
    else:
        supply, demand = _shares(source_mass, sources), _shares(target_mass, targets)
    return _simplex(costs, supply, demand)


def _easy(costs: np.ndarray) -> bool:
    """Whether an assignment is found soonest: few points, or few sources that compete."""
    return len(costs) <= FEW_POINTS or 2 * len(np.unique(costs.argmin(axis=1))) > len(costs)


def _shares(mass: np.ndarray | None, size: int) -> np.ndarray:
    mass = np.ones(size) if mass is None else np.asarray(mass, dtype=np.float64)
    return mass / mass.sum()


def _simplex(costs: np.ndarray, supply: np.ndarray, demand: np.ndarray) -> TransportPlan:
    from ot.lp import emd  # here, since loading it takes a second

    # What is common to a row or a column tells no plan from another, and the solver's tolerances are absolute.
    rest = costs - costs.min(axis=1, keepdims=True)
    rest -= rest.min(axis=0)
    rest /= rest.max() or 1.0
    units, solved = emd(supply, demand, rest, numItermax=PIVOTS, log=True, center_dual=False)
    source, target = np.nonzero(units > 0)
    plan = _plan(costs, source, target, units[source, target])
    source_price, target_price = solved["u"], solved["v"]
    target_price = target_price + np.minimum((rest - source_price[:, None] - target_price).min(axis=0), 0)
    bound = (supply @ source_price + demand @ target_price) / supply.sum()  # no arc contradicts these prices
    gap = plan.mass @ rest[source, target] - bound
    if not gap <= CERTIFIED:
        raise DataError(
            f"a transport plan between {len(supply)} and {len(demand)} points must be certified by its dual bound; "
            f"this one exceeds it by {gap:.1e} of the largest cost; leave emd out and report the clouds"
        )
    return plan


def _plan(costs: np.ndarray, source: np.ndarray, target: np.ndarray, units: np.ndarray) -> TransportPlan:
    mass = units / units.sum()
    return TransportPlan(float(mass @ costs[source, target]), source, target, mass)
