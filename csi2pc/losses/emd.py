"""Exact earth mover's distance: the least mean distance over which one cloud has to be carried to become the other.

:mod:`csi2pc.ops.transport` solves it, for clouds of equal and of unequal sizes and any weights. What is popular under
the name is neither: an auction cut off after 50 rounds comes out low, and ``approxmatch``, an approximate soft match,
comes out high.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..ops.distances import pairwise_distances
from .clouds import per_cloud
from .gradient import transport_cost, with_gradient


def emd(
    pred: Tensor,
    target: Tensor,
    pred_mask: Tensor | None = None,
    target_mask: Tensor | None = None,
    *,
    pred_weights: Tensor | None = None,
    target_weights: Tensor | None = None,
) -> Tensor:
    """Exact EMD of every pair of a batch, metres; a mean over points.

    The time grows with up to the third power of the size and differs widely from cloud to cloud
    (``benchmarks/losses.py`` prints it for equal sizes). Computed on the CPU, wherever the points are.

    Args:
        pred, target, pred_mask, target_mask, pred_weights, target_weights: as for
            :func:`csi2pc.losses.clouds.per_cloud`; weights are the masses.

    Returns:
        ``(B,)``; 0 at equality. The gradient is that of the optimal plan held fixed, which is EMD's own gradient
        wherever it has one; coincident points do not pull on each other.

    Raises:
        ShapeError, DataError: as ``per_cloud``.
    """

    def pair(x: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Tensor:
        with torch.no_grad():
            centre = y.mean(0)
            cost = pairwise_distances(x, y)
            plan = optimal_plan(cost, a, b)
            loss, x_gradient, y_gradient = transport_cost(x - centre, y - centre, cost, plan)
        return with_gradient(loss, (x, x_gradient), (y, y_gradient))

    return per_cloud(
        pair, pred, target, pred_mask, target_mask, pred_weights=pred_weights, target_weights=target_weights
    )


def optimal_plan(cost: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """The plan ``(N, M)`` with row sums ``a`` and column sums ``b`` that costs least.

    Raises:
        DataError: the problem was not solved.
    """
    from ..ops.transport import transport_plan  # here, since it loads scipy

    uniform = bool((a == a[0]).all()) and bool((b == b[0]).all())
    masses = () if uniform else (a.double().cpu().numpy(), b.double().cpu().numpy())
    solved = transport_plan(cost.double().cpu().numpy(), *masses)
    plan = torch.zeros_like(cost)
    plan[torch.from_numpy(solved.source), torch.from_numpy(solved.target)] = torch.from_numpy(solved.mass).to(cost)
    return plan
