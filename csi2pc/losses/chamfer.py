"""Chamfer distance: how far each point is from the nearest point of the other cloud.

With ``a_i = min_j |x_i - y_j|`` and ``b_j = min_i |x_i - y_j|``, in the convention of PoinTr (Yu et al., ICCV 2021)
and most completion papers::

    CD-L1 = (mean a + mean b) / 2        metres
    CD-L2 = mean a^2 + mean b^2          square metres, no factor 1/2

Both are 0 for equal clouds, and also for clouds that differ only in how often their points are repeated.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..ops.distances import safe_sqrt
from ..ops.neighbours import nearest
from .clouds import per_cloud


def chamfer_l1(
    pred: Tensor,
    target: Tensor,
    pred_mask: Tensor | None = None,
    target_mask: Tensor | None = None,
    *,
    pred_weights: Tensor | None = None,
    target_weights: Tensor | None = None,
) -> Tensor:
    """CD-L1: mean distance to the nearest point, averaged over both directions.

    Arguments, result and errors as in :func:`csi2pc.losses.clouds.per_cloud`; weights turn the means into weighted
    means. The gradient between coincident points is 0.
    """

    def pair(x: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Tensor:
        forth, back = nearest_squared(x, y)
        return (torch.dot(a, safe_sqrt(forth)) + torch.dot(b, safe_sqrt(back))) / 2

    return per_cloud(
        pair, pred, target, pred_mask, target_mask, pred_weights=pred_weights, target_weights=target_weights
    )


def chamfer_l2(
    pred: Tensor,
    target: Tensor,
    pred_mask: Tensor | None = None,
    target_mask: Tensor | None = None,
    *,
    pred_weights: Tensor | None = None,
    target_weights: Tensor | None = None,
) -> Tensor:
    """CD-L2: mean squared distance to the nearest point, summed over both directions.

    Arguments, result and errors as in :func:`csi2pc.losses.clouds.per_cloud`; weights turn the means into weighted
    means.
    """

    def pair(x: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Tensor:
        forth, back = nearest_squared(x, y)
        return torch.dot(a, forth) + torch.dot(b, back)

    return per_cloud(
        pair, pred, target, pred_mask, target_mask, pred_weights=pred_weights, target_weights=target_weights
    )


def nearest_squared(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Squared distances from each ``x (N, 3)`` to its nearest ``y (M, 3)``, ``(N,)``, and the other way, ``(M,)``."""
    forth = (x - y[nearest(x, y)[:, 0]]).square().sum(-1)
    back = (y - x[nearest(y, x)[:, 0]]).square().sum(-1)
    return forth, back
