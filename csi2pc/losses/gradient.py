"""Values whose gradient is known already: backward is then a multiplication, and no matrix is kept for it."""

from __future__ import annotations

import torch
from torch import Tensor


def with_gradient(value: Tensor, *known: tuple[Tensor, Tensor]) -> Tensor:
    """``value``, a scalar, differentiable once with the given gradients.

    Args:
        value: scalar, computed without autograd.
        known: pairs of an input and d value / d input, of equal shape.
    """
    inputs, gradients = zip(*known, strict=True)
    return _KnownGradient.apply(value, len(inputs), *inputs, *gradients)


class _KnownGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx, value: Tensor, count: int, *tensors: Tensor) -> Tensor:
        ctx.save_for_backward(*tensors[count:])
        return value.clone()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, upstream: Tensor) -> tuple[Tensor | None, ...]:
        gradients = ctx.saved_tensors
        return None, None, *(upstream * gradient for gradient in gradients), *([None] * len(gradients))


def transport_cost(x: Tensor, y: Tensor, cost: Tensor, plan: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """``sum(plan * cost)`` and its gradients by ``x (N, 3)`` and ``y (M, 3)`` for a fixed plan ``(N, M)``.

    Coincident points do not pull on each other: the gradient of their distance counts as 0.
    """
    return torch.dot(plan.flatten(), cost.flatten()), *pull_at(x, y, (plan / cost).masked_fill_(cost == 0, 0))


def pull_at(x: Tensor, y: Tensor, strength: Tensor) -> tuple[Tensor, Tensor]:
    """``sum_j s_ij (x_i - y_j)``, ``(N, 3)``, and ``sum_i s_ij (y_j - x_i)``, ``(M, 3)``."""
    # Three products with vectors: faster on a CPU than one with a matrix of three columns.
    towards_y = torch.stack([strength.mv(coordinate) for coordinate in y.t().contiguous()], 1)
    towards_x = torch.stack([strength.t().mv(coordinate) for coordinate in x.t().contiguous()], 1)
    return x * strength.sum(1, keepdim=True) - towards_y, y * strength.sum(0).unsqueeze(1) - towards_x
