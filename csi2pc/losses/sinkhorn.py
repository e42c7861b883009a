"""Sinkhorn divergence: entropic transport, without the bias that makes its clouds shrink (Feydy et al., AISTATS 2019).

With ``OT_eps(x, y) = min_P sum P C + eps KL(P | a b^T)`` and C the distance to the power p::

    S_eps(x, y) = OT_eps(x, y) - OT_eps(x, x) / 2 - OT_eps(y, y) / 2

It goes from EMD (eps to 0) to an energy distance (eps to infinity), and is 0 at equality for any eps.
"""

from __future__ import annotations

import warnings

import torch
from torch import Tensor

from ..ops.distances import pairwise_distances
from .clouds import check_choice, check_integer, check_range, per_cloud
from .gradient import pull_at, with_gradient
from .scaling import CEILING, FLOOR, scale

#: Least and largest blur, metres. Beyond, cost over eps leaves float32, or holds no digit of the cost.
BLURS = (1e-6, 1e3)

#: Constant, as that of apml: Python's default filter then shows it once for a line of a program.
MISSED = (
    "a plan of sinkhorn misses its marginals by more than the tolerance: a larger max_rounds, or a larger blur, brings "
    "it nearer"
)


def sinkhorn(
    pred: Tensor,
    target: Tensor,
    pred_mask: Tensor | None = None,
    target_mask: Tensor | None = None,
    *,
    power: int = 1,
    blur: float = 0.01,
    tolerance: float = 0.005,
    max_rounds: int = 500,
    pred_weights: Tensor | None = None,
    target_weights: Tensor | None = None,
) -> Tensor:
    """Sinkhorn divergence of every pair of a batch, in metres to the power ``power``.

    Potentials are logarithms throughout (:mod:`csi2pc.losses.scaling`), so that a small blur does not overflow.

    Args:
        pred, target, pred_mask, target_mask, pred_weights, target_weights: as for
            :func:`csi2pc.losses.clouds.per_cloud`; weights are the masses.
        power: p of ``C = |x - y|^p / p``, 1 or 2.
        blur: metres, from 1e-6 to 1e3; ``eps = blur^p``. 1 cm is about the spacing of a few thousand points on a
            person. The loss is off by eps times the rounding of its dtype, which in float32 is much at a large blur.
        tolerance: stop when no row or column sum of a plan is off by more than this share. The loss, a dual
            objective, is then off by about its square.
        max_rounds: stop there otherwise, with a UserWarning.

    Returns:
        ``(B,)``; 0 at equality, and not negative when converged.

    Raises:
        ShapeError, DataError: as ``per_cloud``.
        ConfigError: an option outside its range.
    """
    check_choice("power", power, (1, 2))
    check_range("blur", blur, *BLURS, ends="[]")
    check_range("tolerance", tolerance, 0)
    check_integer("max_rounds", max_rounds, 1)

    errors: list[float] = []

    def pair(x: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Tensor:
        with torch.no_grad():
            centre = y.mean(0)
            at_x, at_y = x - centre, y - centre
            options = {"power": power, "epsilon": blur**power, "tolerance": tolerance, "max_rounds": max_rounds}
            cross, x_pull, y_pull, cross_error = _entropic(at_x, at_y, a, b, **options)
            x_self, x_self_pull, x_error = _entropic_self(at_x, a, **options)
            y_self, y_self_pull, y_error = _entropic_self(at_y, b, **options)
            errors.extend((cross_error, x_error, y_error))
            loss = cross - (x_self + y_self) / 2
        return with_gradient(loss, (x, x_pull - x_self_pull / 2), (y, y_pull - y_self_pull / 2))

    losses = per_cloud(
        pair, pred, target, pred_mask, target_mask, pred_weights=pred_weights, target_weights=target_weights
    )
    if max(errors) > tolerance:
        warnings.warn(MISSED, stacklevel=2)
    return losses


def _entropic(
    x: Tensor, y: Tensor, a: Tensor, b: Tensor, *, power: int, epsilon: float, tolerance: float, max_rounds: int
) -> tuple[Tensor, Tensor, Tensor, float]:
    """``OT_eps(x, y)``, its gradients by x and y (by duality, those of the plan held fixed), and the marginal error."""
    cost = pairwise_distances(x, y, squared=power == 2).div_(power)
    kernel = GibbsKernel(cost / -epsilon)
    scaling = scale(kernel, a, b, tolerance=tolerance, max_rounds=max_rounds)
    plan = kernel.plan(scaling.f, scaling.g).matrix
    potentials = torch.dot(a, scaling.f - a.log()) + torch.dot(b, scaling.g - b.log())
    pulls = pull_at(x, y, _strength(plan, cost, power))
    return epsilon * (potentials - plan.sum() + 1), *pulls, scaling.error


def _entropic_self(
    x: Tensor, a: Tensor, *, power: int, epsilon: float, tolerance: float, max_rounds: int
) -> tuple[Tensor, Tensor, float]:
    """``OT_eps(x, x)``, its gradient by x, and the marginal error. One potential serves both sides, and its mean with
    the next converges in far fewer rounds than going from side to side (Feydy et al., section 3.1)."""
    cost = pairwise_distances(x, x, squared=power == 2).div_(power)
    kernel, f = GibbsKernel(cost / -epsilon), a.log()
    for _ in range(max_rounds):
        surplus = f + kernel.log_row_sums(f, 1) - a.log()
        error = surplus.abs().max().item()
        if error <= tolerance:
            break
        f = f - surplus / 2
    plan = kernel.plan(f, f).matrix
    pull, _ = pull_at(x, x, _strength(plan, cost, power))
    return epsilon * (2 * torch.dot(a, f - a.log()) - plan.sum() + 1), 2 * pull, error


def _strength(plan: Tensor, cost: Tensor, power: int) -> Tensor:
    """Pull between two points over the difference of their coordinates."""
    return plan if power == 2 else (plan / cost).masked_fill_(cost == 0, 0)


class GibbsKernel:
    """``exp(log_kernel)``, ``(N, M)``, as a kernel to be scaled."""

    def __init__(self, log_kernel: Tensor) -> None:
        self.log_kernel = log_kernel

    def plan(self, f: Tensor, g: Tensor, power: float = 1) -> GibbsPlan:
        exponents = (self.log_kernel * power).add_(f[:, None]).add_(g)
        return GibbsPlan(exponents.clamp_(FLOOR, CEILING).exp_())

    def log_row_sums(self, g: Tensor, power: float) -> Tensor:
        return (self.log_kernel * power + g).logsumexp(1)

    def log_column_sums(self, f: Tensor, power: float) -> Tensor:
        return (self.log_kernel * power + f[:, None]).logsumexp(0)


class GibbsPlan:
    """A plan kept as a matrix."""

    def __init__(self, matrix: Tensor) -> None:
        self.matrix = matrix
        self.row_sums = matrix.mv
        self.column_sums = matrix.t().mv
