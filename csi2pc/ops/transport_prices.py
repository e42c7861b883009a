"""Prices near the optimum of a transport problem, by entropic transport (Sinkhorn): coarse first, then fine.

A price is a dual variable. At the optimum every arc that carries mass costs exactly what the prices of its two ends
add up to, and none costs less. :mod:`csi2pc.ops.transport` is exact whatever prices it starts from; from good ones it
is quick.
"""

from __future__ import annotations

import numpy as np

#: Temperatures as shares of the spread of the costs: the high ones on a part of the points, where a round costs next to
#: nothing, the low ones on all. With fewer low ones the exact solver was slower on person-like clouds of 1,200 points.
COARSE = (1.0, 0.5, 0.25, 0.12, 0.06, 0.03)
FINE = (0.02, 0.01, 0.005, 0.0025)
#: Rounds of scaling at each temperature.
ROUNDS = 40
#: Over-relaxation of the scaling: plain rounds (1) need many more for prices as good; 1.9 ran away on some clouds.
RELAXATION = 1.7
#: Plain rounds at the start of each temperature, since over-relaxation from afar can run away.
PLAIN_ROUNDS = 3
#: The coarse stage keeps at least this many points of a cloud.
COARSE_POINTS = 256
#: Exponents are held within this: single precision would overflow above 88 and crawl through denormals below -87.
EXPONENT = np.float32(60)


def spread(costs: np.ndarray) -> float:
    """Mean size of what is left of the costs after row and column means: only this tells one plan from another."""
    rest = costs - costs.mean(axis=0)
    rest -= rest.mean(axis=1, keepdims=True)
    return float(np.abs(rest, out=rest).mean())


def feasible_prices(costs: np.ndarray, source_price: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The highest prices of the targets, then of the sources, that contradict no arc.

    Args:
        costs: float ``(N, M)``.
        source_price: float ``(N,)``, in the unit of the costs, to start from.

    Returns:
        prices ``(N,)`` and ``(M,)``, and the reduced costs ``(N, M)``, cost less both prices: not below 0 but for
        rounding, and 0 at least once in every row and column.
    """
    reduced = costs - source_price[:, None]
    target_price = reduced.min(axis=0)
    reduced -= target_price
    slack = reduced.min(axis=1)
    reduced -= slack[:, None]
    return source_price + slack, target_price, reduced


def entropic_prices(costs: np.ndarray, scale: float) -> np.ndarray:
    """Prices ``(N,)`` of the sources near the optimum for uniform masses.

    Method: Sinkhorn's scaling with falling temperature, the factors absorbed into the prices at each (Schmitzer, SIAM
    J. Sci. Comput. 41, 2019), over-relaxed (Thibault et al., Algorithms 14, 2021), in single precision.

    Args:
        costs: float64 ``(N, M)``, finite.
        scale: :func:`spread` of the costs, or anything positive where that is 0.
    """
    price = costs.mean(axis=1)
    rows, columns = (max(1, size // COARSE_POINTS) for size in costs.shape)
    coarse = costs[::rows, ::columns]
    coarse_price = _scaled(coarse, price[::rows], scale * np.array(COARSE))
    _, target_price, _ = feasible_prices(coarse, coarse_price)
    price = (costs[:, ::columns] - target_price).min(axis=1)
    return _scaled(costs, price, scale * np.array(FINE))


def _scaled(costs: np.ndarray, source_price: np.ndarray, temperatures: np.ndarray) -> np.ndarray:
    sources, targets = costs.shape
    source_price, _, reduced = feasible_prices(costs, source_price)
    reduced = reduced.astype(np.float32)
    kernel = np.empty_like(reduced)
    for temperature in temperatures:
        np.multiply(reduced, np.float32(-1 / temperature), out=kernel)
        np.exp(np.clip(kernel, -EXPONENT, EXPONENT, out=kernel), out=kernel)
        rows, columns = np.ones(sources, dtype=np.float32), np.ones(targets, dtype=np.float32)
        with np.errstate(all="ignore"):  # a factor that is lost is seen below
            for done in range(ROUNDS):
                relaxation = np.float32(1 if done < PLAIN_ROUNDS else RELAXATION)
                rows = rows ** (1 - relaxation) * (np.float32(sources) * (kernel @ columns)) ** -relaxation
                columns = columns ** (1 - relaxation) * (np.float32(targets) * (rows @ kernel)) ** -relaxation
            source_change, target_change = (np.float32(temperature) * np.log(factor) for factor in (rows, columns))
        if not (np.isfinite(source_change).all() and np.isfinite(target_change).all()):
            break
        source_price = source_price + source_change
        reduced -= source_change[:, None]
        reduced -= target_change
    return source_price
