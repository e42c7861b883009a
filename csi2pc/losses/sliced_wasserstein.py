"""Sliced Wasserstein distance: the mean, over directions, of the transport cost between the clouds' shadows on a line.

On a line transport is sorting, so a direction costs N log N. Directions are a fixed spiral over the half sphere, not
drawn: the loss is a function of the clouds alone (Bonneel et al., J. Math. Imaging Vis. 2015).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .clouds import check_choice, check_integer, per_cloud


def sliced_wasserstein(
    pred: Tensor,
    target: Tensor,
    pred_mask: Tensor | None = None,
    target_mask: Tensor | None = None,
    *,
    power: int = 1,
    directions: int = 64,
    pred_weights: Tensor | None = None,
    target_weights: Tensor | None = None,
) -> Tensor:
    """Sliced Wasserstein distance of every pair of a batch, to the power ``power``, in metres to that power.

    Args:
        pred, target, pred_mask, target_mask, pred_weights, target_weights: as for
            :func:`csi2pc.losses.clouds.per_cloud`; weights are the masses.
        power: 1 or 2.
        directions: number of lines; the more, the less the loss depends on how the clouds are turned.

    Returns:
        ``(B,)``; 0 at equality. Clouds a translation t apart: ``|t| / 2`` (power 1) or ``|t|^2 / 3`` (power 2), the
        mean of ``|t . direction|^p``.

    Raises:
        ShapeError, DataError: as ``per_cloud``.
        ConfigError: an option outside its range.
    """
    check_choice("power", power, (1, 2))
    check_integer("directions", directions, 1)

    def pair(x: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Tensor:
        lines = spiral(directions).to(x)
        centre = y.detach().mean(0)
        return transport_on_line((x - centre) @ lines.t(), (y - centre) @ lines.t(), a, b, power).mean()

    return per_cloud(
        pair, pred, target, pred_mask, target_mask, pred_weights=pred_weights, target_weights=target_weights
    )


def transport_on_line(x: Tensor, y: Tensor, a: Tensor, b: Tensor, power: int) -> Tensor:
    """Cost ``(L,)`` of carrying masses ``a (N,)`` at ``x (N, L)`` to ``b (M,)`` at ``y (M, L)``, on L lines.

    Mass is carried in order: the quantile functions are compared on the union of their steps.
    """
    x, x_order = x.sort(0)
    y, y_order = y.sort(0)
    x_level, y_level = a.double()[x_order].cumsum(0), b.double()[y_order].cumsum(0)  # (N, L), (M, L)
    levels = torch.cat([x_level, y_level]).sort(0).values
    width = torch.diff(levels, dim=0, prepend=torch.zeros_like(levels[:1]))
    middle = (levels - width / 2).t().contiguous()  # (L, N + M)
    at_x = torch.searchsorted(x_level.t().contiguous(), middle).clamp_(max=len(x) - 1).t()
    at_y = torch.searchsorted(y_level.t().contiguous(), middle).clamp_(max=len(y) - 1).t()
    gap = x.gather(0, at_x) - y.gather(0, at_y)  # (N + M, L)
    return (width.to(x.dtype) * (gap.abs() if power == 1 else gap.square())).sum(0)


def spiral(count: int) -> Tensor:
    """Unit vectors ``(count, 3)`` spread evenly over the half sphere z > 0 (Fibonacci spiral), float64."""
    k = torch.arange(count, dtype=torch.float64) + 0.5
    z = 1 - k / count
    radius, angle = (1 - z * z).sqrt(), math.pi * (3 - math.sqrt(5)) * k
    return torch.stack([radius * angle.cos(), radius * angle.sin(), z], 1)
