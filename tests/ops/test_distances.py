from __future__ import annotations

import math

import pytest
import torch

from csi2pc.ops.distances import pairwise_distances, safe_sqrt


@pytest.mark.parametrize("requires_grad", [False, True])
@pytest.mark.parametrize("squared", [False, True])
def test_agrees_with_loops_on_batches(requires_grad, squared):
    x, y = torch.randn(2, 5, 3, dtype=torch.float64), torch.randn(2, 7, 3, dtype=torch.float64)
    found = pairwise_distances(x.requires_grad_(requires_grad), y, squared=squared)
    for k in range(2):
        for i in range(5):
            for j in range(7):
                distance = math.dist(x[k, i].tolist(), y[k, j].tolist())
                assert found[k, i, j].item() == pytest.approx(distance ** (2 if squared else 1))


def test_equal_points_are_at_zero_far_from_the_origin():
    x = torch.randn(40, 3) * 0.01 + 100
    assert (pairwise_distances(x, x).diagonal() == 0).all()
    assert (torch.cdist(x, x).diagonal() != 0).any()


def test_writes_into_what_it_is_given():
    x, y, out = torch.randn(4, 3), torch.randn(6, 3), torch.empty(4, 6)
    assert pairwise_distances(x, y, out=out) is out
    torch.testing.assert_close(out, torch.cdist(x, y))


def test_square_root_has_a_gradient_of_zero_at_zero():
    values = torch.tensor([0.0, 4.0], requires_grad=True)
    root = safe_sqrt(values)
    root.sum().backward()
    assert root.tolist() == [0, 2] and values.grad.tolist() == [0, 0.25]
