"""Nearest neighbours between two clouds: a KD-tree on the CPU, brute force in row blocks elsewhere."""

from __future__ import annotations

import torch
from torch import Tensor

from .distances import pairwise_distances

#: Entries of the distance matrix held at once by the brute-force search: 4 M floats are 16 MB.
BLOCK_ENTRIES = 1 << 22


def nearest(x: Tensor, y: Tensor, *, k: int = 1) -> Tensor:
    """Indices of the ``k`` points of ``y`` that lie nearest to each point of ``x``, nearest first.

    Args:
        x: ``(N, 3)``, finite.
        y: ``(M, 3)``, finite.
        k: from 1 to M.

    Returns:
        int64 ``(N, k)``. Among equal distances the choice is arbitrary. No gradient.
    """
    x, y = x.detach(), y.detach()
    if x.device.type == "cpu":
        return _kd_tree(x, y, k)
    rows = max(1, BLOCK_ENTRIES // len(y))
    return torch.cat([_brute_force(block, y, k) for block in x.split(rows)])


def _kd_tree(x: Tensor, y: Tensor, k: int) -> Tensor:
    from scipy.spatial import cKDTree

    tree = cKDTree(y.double().numpy())
    _, index = tree.query(x.double().numpy(), k=[*range(1, k + 1)])
    return torch.from_numpy(index)


def _brute_force(x: Tensor, y: Tensor, k: int) -> Tensor:
    distances = pairwise_distances(x, y, squared=True)
    if k == 1:
        return distances.argmin(1, keepdim=True)
    return distances.topk(k, dim=1, largest=False).indices
