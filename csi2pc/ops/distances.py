"""Distances between the points of two clouds, exact: by differences of coordinates, never by the matrix product.

``|x|^2 + |y|^2 - 2 x.y`` loses all digits of a small distance between points far from the origin, and is not 0 between
equal points; ``torch.cdist`` uses it by default for more than 25 points.
"""

from __future__ import annotations

import torch
from torch import Tensor


def pairwise_distances(x: Tensor, y: Tensor, *, squared: bool = False, out: Tensor | None = None) -> Tensor:
    """Euclidean distances between all points of two clouds.

    Args:
        x: ``(..., N, 3)``.
        y: ``(..., M, 3)``.
        squared: leave out the square root.
        out: where to write the result, for inputs without gradient.

    Returns:
        ``(..., N, M)`` in the unit of the input (or its square). Equal points are at exactly 0. The gradient at 0 is
        not finite without ``squared``; :func:`safe_sqrt` of the squared distances is.
    """
    if x.requires_grad or y.requires_grad:
        total = (x.unsqueeze(-2) - y.unsqueeze(-3)).square().sum(-1)
        return total if squared else total.sqrt()
    x, y = x.unsqueeze(-2), y.unsqueeze(-3)  # (..., N, 1, 3), (..., 1, M, 3)
    # One coordinate at a time and in place: faster than summing an (..., N, M, 3) array, and a third of its memory.
    total = torch.sub(x[..., 0], y[..., 0], out=out).square_()
    difference = x[..., 1] - y[..., 1]
    total.addcmul_(difference, difference)
    torch.sub(x[..., 2], y[..., 2], out=difference)
    total.addcmul_(difference, difference)
    return total if squared else total.sqrt_()


def safe_sqrt(squared: Tensor) -> Tensor:
    """Square root whose gradient at 0 is 0 instead of infinite: coincident points do not pull on each other."""
    positive = squared > 0
    return torch.where(positive, torch.where(positive, squared, 1).sqrt(), 0)
