"""Sinkhorn's scaling, carried to convergence: a positive kernel becomes a plan with given row and column sums.

``P = K exp(f + g)`` with ``f (N,)``, ``g (M,)`` such that the rows of P sum to ``a`` and its columns to ``b``. Five
things make it fast and safe:

* **Absorption** (Schmitzer, SIAM J. Sci. Comput. 2019). ``K exp(f + g)`` is formed once and a round is two
  matrix-vector products with it; when the scalings u, v leave the range in which float32 is safe, they are absorbed
  into f and g and the product is formed again. Nothing overflows, and an entry that underflowed comes back in time.
  Where sums are off by more than LOST, the next round is done on logarithms, which crosses any range at once.
* **Annealing** (the same paper). Scaling first a blurred kernel, K to a power below 1, gives a start close to the end:
  potentials grow with the power.
* **Newton steps** (as by Brauer et al., Scale Space and Variational Methods 2017). Rounds mend sums that are off here
  and there, but carry mass from one region to another only slowly. So every few rounds all potentials take a common
  step, damped, which conjugate gradients find.
* **Over-relaxation** (Thibault et al., Algorithms 2021). A half-round raises its correction to the power omega > 1.
* **A safeguard**. Every half-round must raise the dual objective. One that would not is done plainly,
  with omega = 1, which always does; and a Newton step is shortened until it does. So the iteration cannot diverge.
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

#: Over-relaxation. More of it is worth little, since Newton steps do what it is good at.
OMEGA = 1.5

#: Relative error of a sum beyond which the scalings take a round on logarithms.
LOST = 10.0

#: Powers of the kernel that are scaled first, each until its error is below BLURRED or for at most WARM_UP rounds.
POWERS = (1 / 64, 1 / 16, 1 / 4, 1 / 2)
BLURRED = 0.05
WARM_UP = 100

#: Rounds before each Newton step, and the largest error of a sum at which one is worth taking.
SWEEPS = 5
NEAR = 2.0

#: A Newton step is found to this share of its residual, or with so many iterations. DAMPING is what the curvature is
#: raised by, as a share of each column's sum (Levenberg and Marquardt): undamped steps overshoot where groups of points
#: hardly exchange mass yet. All by trial, on the pairs of ``benchmarks/losses.py``.
FORCING = 0.4
ITERATIONS = 40
DAMPING = 3e-3

#: Lengths of a Newton step that are tried before it is left out.
TRIALS = 8


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
        rounds: rounds taken: updates of all rows and all columns, and iterations of Newton steps, which cost as much.
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
        max_rounds: stop there otherwise. Rounds of annealing and iterations of Newton steps count as well.
        patience: stop as well when the error has not fallen by a tenth within as many rounds, or when the most blurred
            kernel, the easiest to scale, is not scaled within as many: then little mass can go where it should.
        start: the scaling of a similar kernel; without it the start is annealed.
    """
    log_a = a.log()
    f, g, rounds = (log_a, torch.zeros_like(b), 0) if start is None else (start.f, start.g, 0)
    for power, following in zip(POWERS, (*POWERS[1:], 1), strict=True) if start is None else ():
        hasty = patience is not None and power == POWERS[0]
        few, goal = min(patience if hasty else WARM_UP, max_rounds - rounds), max(tolerance, BLURRED)
        blurred = _scale(kernel, a, b, f, g, power=power, tolerance=goal, max_rounds=few, patience=None)
        if hasty and blurred.error > goal:
            return blurred
        growth, rounds = following / power, rounds + blurred.rounds
        f, g = log_a + growth * (blurred.f - log_a), growth * blurred.g
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
    product without u and v, and ``column_error`` is that of the columns as the last update of v left them. When u or v
    leaves exp(+-ABSORB), both go into f and g, and the outer loop forms the product again, which leaves the plan as it
    stands unchanged.
    """
    rounds, column_error, goal, deadline = 0, None, math.inf, patience or max_rounds
    sweeps = 0  # since the last Newton step
    while True:
        plan = kernel.plan(f, g, power)
        u, v = torch.ones_like(a), torch.ones_like(b)
        while max(_spread(u)[1], _spread(v)[1]) < ABSORB:
            row_surplus = u * plan.row_sums(v) / a
            if column_error is None:
                column_error, _ = _spread(v * plan.column_sums(u) / b)
            error = max(_spread(row_surplus)[0], column_error)
            if patience and error < goal:
                goal, deadline = 0.9 * error, rounds + patience
            if error <= tolerance or rounds >= min(max_rounds, deadline):
                return Scaling(f + u.log(), g + v.log(), error, rounds)
            room = min(ITERATIONS, max_rounds - rounds - TRIALS)
            if sweeps >= SWEEPS and error < NEAR and room > 0:
                u, v, column_error, cost = _newton_step(plan, u / row_surplus, v, a, b, room)
                rounds, sweeps = rounds + cost, 0
                continue
            u = u * _correction(row_surplus, a)
            column_surplus = v * plan.column_sums(u) / b
            factor = _correction(column_surplus, b)
            v = v * factor
            column_error, _ = _spread(column_surplus * factor)
            rounds, sweeps = rounds + 1, sweeps + 1
        f, g = f + u.log(), g + v.log()
        if error > LOST:
            f = a.log() - kernel.log_row_sums(g, power)
            g = b.log() - kernel.log_column_sums(f, power)
            column_error, rounds = 0.0, rounds + 1


def _correction(surplus: Tensor, marginal: Tensor) -> Tensor:
    """Factor for rows (or columns) that have ``surplus`` times the sum they should have."""
    excess = OMEGA * surplus.log()
    relaxed = (-excess).exp()
    gain = torch.dot(marginal, surplus * (1 - relaxed) - excess)
    return relaxed if gain >= 0 else surplus.reciprocal()


def _newton_step(
    plan: Plan, u: Tensor, v: Tensor, a: Tensor, b: Tensor, most: int
) -> tuple[Tensor, Tensor, float, int]:
    """u and v after a step of g for which the row sums stay ``a``; the columns' error; what it cost, in rounds.

    With rows as they should be, the dual objective depends on g alone. It is concave, its gradient is what the columns
    lack, and a step that ends where it still rises has raised it all the way.
    """
    sums = v * plan.column_sums(u)
    step, iterations = _newton_direction(plan, u, v, a, sums, b - sums, most)
    slope, length = torch.dot(b - sums, step).item(), ABSORB / max(ABSORB, step.abs().max().item())
    for trial in range(TRIALS if slope > 0 else 0):
        v_tried = v * (length * step).exp()
        u_tried = a / plan.row_sums(v_tried)
        sums_tried = v_tried * plan.column_sums(u_tried)
        slope_tried = torch.dot(b - sums_tried, step).item()
        error, drift = _spread(sums_tried / b)
        if slope_tried >= 0 and drift < math.inf:
            return u_tried, v_tried, error, iterations + trial + 1
        length *= min(max(0.2, slope / (slope - slope_tried)), 0.7)  # 0.2 as well where sums are lost to underflow
    return u, v, _spread(sums / b)[0], iterations + TRIALS


def _newton_direction(
    plan: Plan, u: Tensor, v: Tensor, a: Tensor, sums: Tensor, lack: Tensor, most: int
) -> tuple[Tensor, int]:
    """Step of g that makes up for what the columns lack, were their sums linear in g; and iterations taken.

    Conjugate gradients on ``((1 + DAMPING) diag(sums) - P^T diag(1 / a) P) step = lack``, preconditioned by the sums.
    """
    step, rest = torch.zeros_like(lack), lack.clone()
    eased = rest / sums
    direction, size = eased, torch.dot(rest, eased).item()
    enough = FORCING**2 * size
    for iteration in range(most):
        carried = v * plan.column_sums(u * (u * plan.row_sums(v * direction)) / a)
        image = (1 + DAMPING) * sums * direction - carried
        curvature = torch.dot(direction, image).item()
        if size <= enough or curvature <= 0:
            return step, iteration
        step, rest = step + size / curvature * direction, rest - size / curvature * image
        eased = rest / sums
        before, size = size, torch.dot(rest, eased).item()
        direction = eased + size / before * direction
    return step, most


def _spread(ratios: Tensor) -> tuple[float, float]:
    """How far positive ratios are from 1 at most: the largest difference, and the largest logarithm."""
    low, high = (value.item() for value in torch.aminmax(ratios))
    return max(high - 1, 1 - low), max(math.log(high), -math.log(low)) if 0 < low and high < math.inf else math.inf
