"""Sinkhorn's scaling, carried to convergence: a positive kernel becomes a plan with given row and column sums.

``P = K exp(f + g)`` with ``f (N,)``, ``g (M,)`` such that the rows of P sum to ``a`` and its columns to ``b``. Four
things make it fast and safe:

* **Absorption** (Schmitzer, SIAM J. Sci. Comput. 2019). ``K exp(f + g)`` is formed once and a round is two
  matrix-vector products with it; when the scalings u, v leave the range in which float32 is safe, they are absorbed
  into f and g and the product is formed again. Nothing overflows, and an entry that underflowed comes back in time.
  Where sums are off by more than LOST, the next round is done on logarithms, which crosses any range at once.
* **Annealing** (the same paper). Scaling first a blurred kernel, K to a power below 1, gives a start close to the end:
  potentials grow with the power.
* **Over-relaxation** (Thibault et al., Algorithms 2021). A half-round raises its correction to the power omega > 1.
* **A safeguard** (the same paper). Every half-round must raise the dual objective. One that would not is done plainly,
  with omega = 1, which always does; so the iteration cannot diverge.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

#: Scalings are absorbed beyond exp(+-ABSORB).
ABSORB = 20.0

#: Exponents below this count as this: exp is many times slower where its result is denormal, and exp(FLOOR + 2 ABSORB)
#: times any number of points is nothing beside a marginal.
FLOOR = -80.0

#: Exponents above this count as this: a start may be far off, and infinity would not come back.
CEILING = 60.0


#: Omega grows from the first to the second of these between the rounds of RAMP. Chosen by trial: easy clouds are done
#: before the ramp, where little over-relaxation is best, and hard ones want much of it.
OMEGA = (1.5, 1.9)
RAMP = (20, 80)

#: Relative error of a sum beyond which the scalings take a round on logarithms.
LOST = 10.0

#: Powers of the kernel that are scaled first, for at most WARM_UP rounds each. Clumped and collapsed clouds then take
#: fewer rounds in all; clouds near each other pay with a few more.
POWERS = (1 / 16, 1 / 8, 1 / 4, 1 / 2)
WARM_UP = 15


class Plan(Protocol):
    """A matrix ``K exp(f + g)`` for fixed f and g, held in whatever way."""

    def row_sums(self, v: Tensor) -> Tensor:
        """``P v``, ``(N,)``."""

    def column_sums(self, u: Tensor) -> Tensor:
        """``P^T u``, ``(M,)``."""


class Kernel(Protocol):
    """A positive matrix ``(N, M)`` that can be scaled."""

    def plan(self, f: Tensor, g: Tensor, power: float) -> Plan:
        """The matrix, to a power, with its rows scaled by ``exp(f)`` and its columns by ``exp(g)``."""

    def log_row_sums(self, g: Tensor, power: float) -> Tensor:
        """``log sum_j K_ij^power exp(g_j)``, ``(N,)``, whatever its size."""

    def log_column_sums(self, f: Tensor, power: float) -> Tensor:
        """``log sum_i K_ij^power exp(f_i)``, ``(M,)``, whatever its size."""


@dataclass(frozen=True)
class Scaling:
    """Result of :func:`scale`.

    Attributes:
        f, g: ``(N,)``, ``(M,)``: logarithms of the scalings of rows and columns.
        error: largest relative error of a row or column sum.
        rounds: rounds taken, each one update of all rows and all columns.
    """

    f: Tensor
    g: Tensor
    error: float
    rounds: int


def scale(
    kernel: Kernel,
    a: Tensor,
    b: Tensor,
    *,
    tolerance: float,
    max_rounds: int,
    patience: int | None = None,
    start: Scaling | None = None,
) -> Scaling:
    """Scale ``kernel`` until its row sums are ``a`` and its column sums ``b``.

    Args:
        kernel: the matrix; each row and column of it holds something.
        a, b: ``(N,)``, ``(M,)``, positive, each summing to 1.
        tolerance: stop when no row or column sum is off by more than this share.
        max_rounds: stop there otherwise; the rounds of annealing are counted as well.
        patience: stop as well when the error has not fallen by a tenth within as many rounds.
        start: the scaling of a similar kernel; without it the start is annealed.
    """
    log_a = a.log()
    if start is not None:
        options = {"tolerance": tolerance, "max_rounds": max_rounds, "patience": patience}
        return _scale(kernel, a, b, start.f, start.g, power=1, **options)
    f, g, rounds = log_a, torch.zeros_like(b), 0
    for power in POWERS:
        few = min(WARM_UP, max_rounds - rounds)
        blurred = _scale(kernel, a, b, f, g, power=power, tolerance=tolerance, max_rounds=few, patience=None)
        f, g, rounds = log_a + 2 * (blurred.f - log_a), 2 * blurred.g, rounds + blurred.rounds
    left = max_rounds - rounds
    last = _scale(kernel, a, b, f, g, power=1, tolerance=tolerance, max_rounds=left, patience=patience)
    return Scaling(last.f, last.g, last.error, rounds + last.rounds)


def _scale(
    kernel: Kernel,
    a: Tensor,
    b: Tensor,
    f: Tensor,
    g: Tensor,
    *,
    power: float,
    tolerance: float,
    max_rounds: int,
    patience: int | None,
) -> Scaling:
    """Scale the kernel to a power, starting from f and g.

    At the head of the inner loop the plan as it stands is ``diag(u) K^power exp(f + g) diag(v)``: ``plan`` holds the
    product without u and v, whose logarithms stay within ``drift``, and ``column_error`` is that of the columns as the
    last update of v left them. When drift reaches ABSORB, u and v go into f and g, and the outer loop forms the product
    again, which leaves the plan as it stands unchanged.
    """
    rounds, column_error, goal, deadline = 0, math.inf, math.inf, patience or max_rounds
    while True:
        plan = kernel.plan(f, g, power)
        u, v = torch.ones_like(a), torch.ones_like(b)
        drift = 0.0  # at least as large as any logarithm in u and v
        while drift < ABSORB:
            row_surplus = u * plan.row_sums(v) / a
            row_error, row_drift = _spread(row_surplus)
            error = max(row_error, column_error)
            if patience and error < goal:
                goal, deadline = 0.9 * error, rounds + patience
            if error <= tolerance or rounds >= min(max_rounds, deadline):
                return Scaling(f + u.log(), g + v.log(), error, rounds)
            omega = _omega(rounds)
            u = u * _correction(row_surplus, a, omega)
            column_surplus = v * plan.column_sums(u) / b
            factor = _correction(column_surplus, b, omega)
            v = v * factor
            column_error, _ = _spread(column_surplus * factor)
            rounds += 1
            drift += omega * max(row_drift, _spread(column_surplus)[1])
            if drift >= ABSORB:
                drift = max(_spread(u)[1], _spread(v)[1])
        f, g = f + u.log(), g + v.log()
        if error > LOST:
            f = a.log() - kernel.log_row_sums(g, power)
            g = b.log() - kernel.log_column_sums(f, power)
            column_error, rounds = 0.0, rounds + 1


def _omega(rounds: int) -> float:
    progress = (rounds - RAMP[0]) / (RAMP[1] - RAMP[0])
    return OMEGA[0] + (OMEGA[1] - OMEGA[0]) * min(max(progress, 0.0), 1.0)


def _correction(surplus: Tensor, marginal: Tensor, omega: float) -> Tensor:
    """Factor for rows (or columns) that have ``surplus`` times the sum they should have."""
    excess = omega * surplus.log()
    relaxed = (-excess).exp()
    gain = torch.dot(marginal, surplus * (1 - relaxed) - excess)
    return relaxed if gain >= 0 else surplus.reciprocal()


def _spread(ratios: Tensor) -> tuple[float, float]:
    """How far positive ratios are from 1 at most: the largest difference, and the largest logarithm."""
    low, high = (value.item() for value in torch.aminmax(ratios))
    return max(high - 1, 1 - low), max(math.log(high), -math.log(low)) if 0 < low and high < math.inf else math.inf
