"""APML differentiated through its plan: the exact gradient of the converged loss, by implicit differentiation.

The plan ``P = K exp(f + g)`` depends on the points through K and, since its marginals are given, through f and g.
With ``lambda (N,)``, ``mu (M,)`` such that ``H = C - lambda - mu`` has no weighted row or column mean,
``sum_j P_ij H_ij = sum_i P_ij H_ij = 0``, the terms of f and g drop out (the adjoint method), and::

    d loss = sum_ij P_ij dC_ij + sum_ij P_ij H_ij d(log K_ij)

No round of Sinkhorn is kept for backward. The plan must be converged; its marginal error is the gradient's.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..ops.distances import pairwise_distances, safe_sqrt
from .apml_kernel import MatrixPlan, rate_of, second_smallest
from .gradient import with_gradient


def through_plan(x: Tensor, y: Tensor, plan: MatrixPlan, p_min: float) -> Tensor:
    """``sum(P C)``, a scalar, differentiable by ``x (N, 3)`` and ``y (M, 3)`` through C and P."""
    kernel = plan.kernel
    # The gradient has no unit, so it is taken on clouds about 1 in size, where nothing overflows. Powers of 2 round
    # nothing.
    extent = max(points.abs().max().item() for points in (kernel.x, kernel.y))
    unit = math.ldexp(1.0, math.frexp(extent)[1])
    with torch.enable_grad():
        x_leaf, y_leaf = (kernel.x / unit).requires_grad_(), (kernel.y / unit).requires_grad_()
        cost = safe_sqrt(pairwise_distances(x_leaf, y_leaf, squared=True))
        log_kernel = torch.logaddexp(_log_softmin(cost, 1, p_min), _log_softmin(cost, 0, p_min))
        fixed = plan.matrix
        residual = _without_means(cost.detach(), fixed)
        surrogate = (fixed * cost).sum() + (fixed * residual * log_kernel).sum()
        x_gradient, y_gradient = torch.autograd.grad(surrogate, (x_leaf, y_leaf))
    return with_gradient(unit * (fixed * cost).sum().detach(), (x, x_gradient), (y, y_gradient))


def _log_softmin(cost: Tensor, dim: int, p_min: float) -> Tensor:
    nearest = cost.amin(dim, keepdim=True)
    second = second_smallest(cost, nearest, dim).unsqueeze(dim)
    rate = rate_of(nearest, second, cost.shape[dim], p_min)
    # Where all distances are tied the rate is 0 for whatever they are; infinity would give it a gradient of NaN.
    rate = torch.where(second.isinf(), 0, rate)
    return torch.log_softmax(-rate * (cost - nearest), dim)


def _without_means(cost: Tensor, plan: Tensor, rounds: int = 500) -> Tensor:
    """``cost - lambda - mu`` with plan-weighted row and column means of 0, by conjugate gradients on mu."""
    rows, columns = plan.sum(1), plan.sum(0)
    row_mean = (plan * cost).sum(1) / rows
    mu = torch.zeros_like(columns)
    column_total = (plan * cost).sum(0)
    rest = column_total - row_mean @ plan
    direction, size = rest.clone(), rest.dot(rest)
    goal = column_total.dot(column_total) * (4 * torch.finfo(cost.dtype).eps) ** 2
    for _ in range(min(rounds, len(columns))):
        image = columns * direction - ((plan @ direction) / rows) @ plan
        curvature = direction.dot(image)
        if size <= goal or curvature <= 0:
            break
        step = size / curvature
        mu, rest = mu + step * direction, rest - step * image
        size, before = rest.dot(rest), size
        direction = rest + size / before * direction
    return cost - (row_mean - (plan @ mu) / rows)[:, None] - mu
