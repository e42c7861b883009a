"""InfoCD: Chamfer distance with a contrastive term that spreads the matches (Lin et al., NeurIPS 2023).

With ``d_i`` the distance of point i to the nearest point of the other cloud, one direction is the mean over i of::

    -log( exp(-d_i / tau) / (sum_k exp(-d_k / tau))^lambda )  =  d_i / tau + lambda log sum_k exp(-d_k / tau)

and the loss is the mean of both directions. The released code has lambda = 1e-7: of the two summands it keeps one.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import ConfigError
from ..ops.distances import safe_sqrt
from .chamfer import nearest_squared
from .clouds import check_choice, check_range, per_cloud

VARIANTS = ("paper", "released")

#: The released code: exponent of the sum, least squared distance, and what is added to each exponential.
RELEASED_LAMBDA = 1e-7
RELEASED_LEAST = 1e-9
RELEASED_EPSILON = 1e-7


def info_cd(
    pred: Tensor,
    target: Tensor,
    pred_mask: Tensor | None = None,
    target_mask: Tensor | None = None,
    *,
    variant: str = "paper",
    tau: float = 2.0,
    contrast: float = 0.5,
    pred_weights: Tensor | None = None,
    target_weights: Tensor | None = None,
) -> Tensor:
    """InfoCD of every pair of a batch.

    Args:
        pred, target, pred_mask, target_mask: as for :func:`csi2pc.losses.clouds.per_cloud`.
        variant: ``"paper"``: the contrastive term with its weight, in means, shifted by ``lambda log N`` so that it is
            0 at equality. ``"released"``: the released code, a sum over points in which the contrastive term has the
            weight 1e-7: half the summed CD-L1 distances to seven digits, with points within 32 um not pulled at all.
        tau: ``paper``: temperature, metres; 2 as the 0.5 d of the released code.
        contrast: ``paper``: weight lambda of the contrastive term, in [0, 1]. 0 leaves CD-L1 / tau; at 1 the loss is
            blind to a change of all distances by as much, so the default is halfway.
        pred_weights, target_weights: ``paper``: weighted means and sums.

    Returns:
        ``(B,)``. ``paper``: not negative, and 0 where all nearest distances are 0. ``released``: at equality
        ``N * 1.6e-5 + ...``, the clamp, not 0.

    Raises:
        ShapeError, DataError: as ``per_cloud``.
        ConfigError: an unknown variant, tau or contrast outside its range, or weights with ``released``.
    """
    check_choice("variant", variant, VARIANTS)
    check_range("tau", tau, 0)
    check_range("contrast", contrast, 0, 1, ends="[]")
    if variant == "released" and (pred_weights is not None or target_weights is not None):
        raise ConfigError("variant 'released' knows no weights: leave them out, or take variant 'paper'")

    def direction(squared: Tensor, weights: Tensor) -> Tensor:
        if variant == "released":
            half = squared.clamp(min=RELEASED_LEAST).sqrt() / 2
            total = (torch.exp(-half) + RELEASED_EPSILON).sum()
            return (half + RELEASED_LAMBDA * total.log()).sum()
        exponents = safe_sqrt(squared) / tau
        return torch.dot(weights, exponents) + contrast * torch.logsumexp(weights.log() - exponents, 0)

    def pair(x: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Tensor:
        forth, back = nearest_squared(x, y)
        return (direction(forth, a) + direction(back, b)) / 2

    return per_cloud(
        pair, pred, target, pred_mask, target_mask, pred_weights=pred_weights, target_weights=target_weights
    )
