"""APML as its authors released it, twice: the dense PyTorch code and the sparse CUDA code (arXiv 2512.19743).

Both build the mean of two softmins and normalise rows and columns 20 times. That is written here as ``P = u K v`` with
K formed once: the same numbers, for two products with vectors a round instead of four passes over the matrix. They
differ from each other, and from the paper, in distances, ties, pruning and in what is averaged; each function says how.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ..ops.distances import pairwise_distances
from .scaling import FLOOR

#: Rounds of row and column normalisation, and what is added to gaps and sums (dense) or bounds them (sparse).
ROUNDS = 20
EPSILON = 1e-8


def official_plan(x: Tensor, y: Tensor, p_min: float) -> tuple[Tensor, Tensor]:
    """Distances and plan, each ``(N, M)``, of the released dense code.

    Distances come from ``torch.cdist``, which multiplies matrices for more than 25 points; a row whose two nearest are
    equally far is uniform over **all** points; column sums are 1, row sums whatever 20 rounds made of them.
    """
    cost = torch.cdist(x.float(), y.float())
    kernel = (_official_softmin(cost, 1, p_min) + _official_softmin(cost, 0, p_min)).div_(2)
    return cost, _normalise(kernel, lambda scaling, sums: scaling / (sums + EPSILON))


def sparse_official_plan(x: Tensor, y: Tensor, p_min: float, threshold: float) -> tuple[Tensor, Tensor]:
    """Distances and plan, each ``(N, M)``, of the released CUDA code.

    Distances are differences; ties share. Similarities up to ``threshold`` are dropped before Sinkhorn, and an entry
    that survives in one softmin alone is **not** halved: the mean is over the softmins that kept it.
    """
    cost = pairwise_distances(x.float(), y.float())
    by_row, by_column = (_pruned_softmin(cost, dim, p_min, threshold) for dim in (1, 0))
    kept_by = (by_row > 0).float() + (by_column > 0).float()
    kernel = (by_row + by_column) / kept_by.clamp_(min=1)
    return cost, _normalise(kernel, lambda scaling, sums: torch.where(sums > EPSILON, scaling / sums, scaling))


def _official_softmin(cost: Tensor, dim: int, p_min: float) -> Tensor:
    count = cost.shape[dim]
    if count == 1:
        return torch.ones_like(cost)
    excess, second = _excess_and_gap(cost, dim)
    softmin = torch.softmax(excess.mul_(math.log((1 - p_min) / (count - 1)) / (second + EPSILON)), dim)
    return softmin.masked_fill_(second == 0, 1 / count)


def _pruned_softmin(cost: Tensor, dim: int, p_min: float, threshold: float) -> Tensor:
    count = cost.shape[dim]
    if count == 1:
        return torch.ones_like(cost)
    excess, second = _excess_and_gap(cost, dim)
    exponents = excess.mul_(math.log((1 - p_min) / (count - 1)) / second.clamp_(min=EPSILON))
    similarity = exponents.clamp_(min=FLOOR).exp_()
    similarity.masked_fill_(similarity <= max(threshold, 2 * math.exp(FLOOR)), 0)
    return similarity / similarity.sum(dim, keepdim=True)


def _excess_and_gap(cost: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """Distances less the smallest, and the second smallest of them: 0 where two are smallest."""
    excess = cost - cost.amin(dim, keepdim=True)
    smallest = excess == 0
    second = excess.masked_fill(smallest, math.inf).amin(dim, keepdim=True)  # topk is slower
    return excess, second.masked_fill_(smallest.sum(dim, keepdim=True, dtype=torch.int32) > 1, 0)


def _normalise(kernel: Tensor, update: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """Rows, then columns, ROUNDS times; ``update`` turns a scaling and the sums it gives into the next scaling."""
    u, v = torch.ones_like(kernel[:, 0]), torch.ones_like(kernel[0])
    for _ in range(ROUNDS):
        u = update(u, u * kernel.mv(v))
        v = update(v, v * kernel.t().mv(u))
        if not (_is_moderate(u) and _is_moderate(v)):  # else both overflow on hard clouds, while u K v does not
            kernel.mul_(u[:, None]).mul_(v)
            u, v = torch.ones_like(u), torch.ones_like(v)
    return kernel.mul_(u[:, None]).mul_(v)


def _is_moderate(scaling: Tensor) -> bool:
    low, high = torch.aminmax(scaling)
    return 1e-9 < low.item() and high.item() < 1e9
