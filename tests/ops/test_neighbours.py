from __future__ import annotations

import pytest
import torch

from csi2pc.ops import neighbours
from csi2pc.ops.neighbours import nearest


@pytest.mark.parametrize("n, m, k", [(1, 1, 1), (30, 20, 1), (30, 20, 5), (7, 6, 6)])
def test_tree_and_brute_force_find_the_nearest(n, m, k):
    x, y = torch.randn(n, 3), torch.randn(m, 3)
    expected = torch.cdist(x, y).topk(k, largest=False).indices
    assert torch.equal(nearest(x, y, k=k), expected)
    assert torch.equal(neighbours._brute_force(x, y, k), expected)


def test_takes_points_that_require_grad():
    x = torch.randn(5, 3, requires_grad=True)
    assert nearest(x, x)[:, 0].tolist() == list(range(5))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_blocks_on_another_device(monkeypatch):
    monkeypatch.setattr(neighbours, "BLOCK_ENTRIES", 64)
    x, y = torch.randn(50, 3), torch.randn(20, 3)
    assert torch.equal(nearest(x.cuda(), y.cuda(), k=3).cpu(), nearest(x, y, k=3))
