"""HyperCD: Chamfer distance in a hyperbolic space, which weighs near pairs more than far ones (Lin et al., ICCV 2023).

With d the distance to the nearest point of the other cloud, ``arccosh(1 + alpha d^2) = 2 asinh(d sqrt(alpha / 2))``.
The paper averages this both ways and adds the two means.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..ops.distances import safe_sqrt
from .chamfer import nearest_squared
from .clouds import check_choice, check_range, per_cloud

VARIANTS = ("default", "released")

#: The released code clamps the argument of arccosh to at least 1 + RELEASED_EPSILON.
RELEASED_EPSILON = 1e-5


def hyper_cd(
    pred: Tensor,
    target: Tensor,
    pred_mask: Tensor | None = None,
    target_mask: Tensor | None = None,
    *,
    variant: str = "default",
    alpha: float = 1.0,
    pred_weights: Tensor | None = None,
    target_weights: Tensor | None = None,
) -> Tensor:
    """HyperCD of every pair of a batch: a sum of two means, without unit.

    Args:
        pred, target, pred_mask, target_mask, pred_weights, target_weights: as for
            :func:`csi2pc.losses.clouds.per_cloud`; weights turn the means into weighted means.
        variant: ``"default"``: the asinh form, whose gradient holds down to distance 0. ``"released"``: arccosh with
            its argument clamped, as in the released code: 0.0089 instead of 0 at equality, and no gradient below
            3.2 mm (at alpha = 1).
        alpha: curvature, in 1/m^2; 1 in paper and code.

    Returns:
        ``(B,)``; 0 at equality (``released``: 2 arccosh(1 + 1e-5)).

    Raises:
        ShapeError, DataError: as ``per_cloud``.
        ConfigError: an unknown variant, or alpha not positive.
    """
    check_choice("variant", variant, VARIANTS)
    check_range("alpha", alpha, 0)

    def length(squared: Tensor) -> Tensor:
        if variant == "released":
            return torch.acosh((1 + alpha * squared).clamp(min=1 + RELEASED_EPSILON))
        return 2 * torch.asinh(safe_sqrt(squared) * math.sqrt(alpha / 2))

    def pair(x: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Tensor:
        forth, back = nearest_squared(x, y)
        return torch.dot(a, length(forth)) + torch.dot(b, length(back))

    return per_cloud(
        pair, pred, target, pred_mask, target_mask, pred_weights=pred_weights, target_weights=target_weights
    )
