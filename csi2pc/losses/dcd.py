"""DCD: density-aware Chamfer distance (Wu et al., NeurIPS 2021), between 0 and 1 for clouds of one size.

A point i whose nearest point in the other cloud is k, which is the nearest of n_k points, costs::

    1 - exp(-alpha d^2) / n_k^lambda

so a point that many others crowd onto is worth less to each. The loss is the mean over the points of a cloud, averaged
over both directions.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..ops.distances import safe_sqrt
from ..ops.neighbours import nearest
from .clouds import check_choice, check_range, per_cloud

VARIANTS = ("released", "paper")

#: Added to the counts by the released code.
RELEASED_EPSILON = 1e-6


def dcd(
    pred: Tensor,
    target: Tensor,
    pred_mask: Tensor | None = None,
    target_mask: Tensor | None = None,
    *,
    variant: str = "released",
    alpha: float = 1000.0,
    count_power: float = 1.0,
    pred_weights: Tensor | None = None,
    target_weights: Tensor | None = None,
) -> Tensor:
    """DCD of every pair of a batch, without unit.

    Args:
        pred, target, pred_mask, target_mask: as for :func:`csi2pc.losses.clouds.per_cloud`.
        variant: ``"released"``: the squared distance in the exponent, and each direction multiplied by the ratio of
            the sizes of the clouds. With a power below 1 that makes unequal clouds **negative**: sizes of 1 to 9 that
            match perfectly score -0.56 at power 0.5. ``"paper"``: as the equations read, the distance itself in the
            exponent and no ratio: in [0, 1] always.
        alpha: in 1/m^2 (``released``) or 1/m (``paper``). 1000 is the released code's; for clouds of people in metres
            it leaves no gradient beyond about 10 cm, so smaller values train better.
        count_power: lambda, the power of the counts; 1 in paper and code (its train configurations use 0.5).
        pred_weights, target_weights: weights of the means.

    Returns:
        ``(B,)``; 0 at equality (up to the released code's 1e-6 in the counts).

    Raises:
        ShapeError, DataError: as ``per_cloud``.
        ConfigError: an unknown variant, alpha not positive, or a negative power.
    """
    check_choice("variant", variant, VARIANTS)
    check_range("alpha", alpha, 0)
    check_range("count_power", count_power, 0, ends="[)")

    def direction(x: Tensor, y: Tensor, weights: Tensor) -> Tensor:
        index = nearest(x, y)[:, 0]
        squared = (x - y[index]).square().sum(-1)
        crowd = torch.bincount(index, minlength=len(y))[index].to(x.dtype) ** count_power
        if variant == "released":
            closeness = torch.exp(-alpha * squared) / (crowd + RELEASED_EPSILON) * (len(x) / len(y))
        else:
            closeness = torch.exp(-alpha * safe_sqrt(squared)) / crowd
        return torch.dot(weights, 1 - closeness)

    def pair(x: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Tensor:
        return (direction(x, y, a) + direction(y, x, b)) / 2

    return per_cloud(
        pair, pred, target, pred_mask, target_mask, pred_weights=pred_weights, target_weights=target_weights
    )
