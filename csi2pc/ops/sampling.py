"""Choosing points of a cloud: never a point twice, never a point that was not there.

Both samplers return indices and a mask rather than points, so that whatever else belongs to a point can be chosen
along with it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import ShapeError


def farthest_point_sample(points: Tensor, count: int, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Choose ``count`` points that cover the cloud evenly: each new one is the farthest from those chosen so far.

    The farthest point strategy of Eldar et al. (1997), as used on point clouds by PointNet++ (Qi et al., 2017). There
    the first point is random, or simply the first of the array; here it is the one farthest from the centroid, so that
    the result is deterministic and, ties apart, does not depend on the order of the points. Of equal candidates the
    lowest index wins. Time grows with ``N * count``.

    Args:
        points: ``(B, N, 3)``, floating point.
        count: number of points to choose, K >= 1.
        mask: ``(B, N)`` bool, True where a point is real; None when all are.

    Returns:
        Indices ``(B, K)`` int64 into N, and a mask ``(B, K)`` bool. A cloud of n < K real points gives each of
        them once, and False (with index 0) for the other K - n.

    Raises:
        ShapeError: wrong shapes, or ``count`` below 1.
    """
    mask = _check(points, count, mask)
    batch, _, _ = points.shape
    index = torch.zeros(batch, count, dtype=torch.int64, device=points.device)
    kept = torch.arange(count, device=points.device) < mask.sum(1, keepdim=True)  # (B, K)
    steps = int(kept.sum(1).max()) if batch else 0
    if steps == 0:
        return index, kept
    coordinates = points.detach().masked_fill(~mask.unsqueeze(-1), 0.0).mT.contiguous()  # (B, 3, N)
    centroid = coordinates.sum(2, keepdim=True) / mask.sum(1).clamp(min=1)[:, None, None]
    distance = (coordinates - centroid).square_().sum(1)  # (B, N)
    # -inf marks what may not be chosen: padding, and points already chosen (another at the same place still may).
    farthest = distance.masked_fill(~mask, -torch.inf).argmax(1, keepdim=True)  # (B, 1)
    nearest = torch.full_like(distance, torch.inf).masked_fill_(~mask, -torch.inf)
    for step in range(steps):
        index[:, step : step + 1] = farthest
        chosen = coordinates.gather(2, farthest.unsqueeze(1).expand(-1, 3, -1))  # (B, 3, 1)
        distance = (coordinates - chosen).square_().sum(1)
        torch.minimum(nearest, distance, out=nearest)
        nearest.scatter_(1, farthest, -torch.inf)
        farthest = nearest.argmax(1, keepdim=True)
    return index.masked_fill_(~kept, 0), kept


def random_sample(
    points: Tensor, count: int, mask: Tensor | None = None, *, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Choose ``count`` points uniformly without replacement; arguments and result as
    :func:`farthest_point_sample`, with a ``generator`` on the device of ``points`` that fixes the choice."""
    mask = _check(points, count, mask)
    batch, size, _ = points.shape
    draw = torch.rand(batch, size, generator=generator, device=points.device, dtype=torch.float64)
    order = draw.masked_fill(~mask, 2.0).argsort(dim=1)[:, :count]  # real points first, shuffled
    index = torch.zeros(batch, count, dtype=torch.int64, device=points.device)
    index[:, : order.shape[1]] = order
    kept = torch.arange(count, device=points.device) < mask.sum(1, keepdim=True)
    return index.masked_fill_(~kept, 0), kept


def _check(points: Tensor, count: int, mask: Tensor | None) -> Tensor:
    if points.ndim != 3 or points.shape[-1] != 3 or not points.is_floating_point():
        raise ShapeError(f"points must be floating point (B, N, 3); got {points.dtype} {tuple(points.shape)}")
    if count < 1:
        raise ShapeError(f"count must be at least 1 point; got {count}")
    if mask is None:
        return torch.ones(points.shape[:2], dtype=torch.bool, device=points.device)
    if mask.shape != points.shape[:2] or mask.dtype != torch.bool:
        raise ShapeError(
            f"mask must be bool {tuple(points.shape[:2])} like points; got {mask.dtype} {tuple(mask.shape)}"
        )
    return mask
