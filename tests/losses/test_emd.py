from __future__ import annotations

import oracles
import pytest
import torch
from oracles import pair_of_clouds

from csi2pc.losses import emd


@pytest.mark.parametrize("name", ["mid", "iid", "clumped"])
def test_agrees_with_trying_every_assignment(name):
    x, y = (cloud.double() for cloud in pair_of_clouds(name, 6, 6))
    assert emd(x[None], y[None]).item() == pytest.approx(oracles.emd(x, y) / 6, rel=1e-9)


def test_unequal_sizes_equal_the_assignment_of_repeated_points():
    x, y = (cloud.double()[None] for cloud in pair_of_clouds("iid", 12, 18))
    repeated = emd(x.repeat_interleave(3, 1), y.repeat_interleave(2, 1)).item()
    assert emd(x, y).item() == pytest.approx(repeated, rel=1e-8)


@pytest.mark.parametrize("sizes", [(20, 20), (19, 20), (20, 12)])
def test_uniform_plans_agree_with_the_whole_linear_programme(sizes):
    x, y = (cloud.double()[None] for cloud in pair_of_clouds("clumped", *sizes))
    x.requires_grad_()
    value = emd(x, y)
    (gradient,) = torch.autograd.grad(value.sum(), x)
    nearly = torch.ones(1, sizes[0], dtype=torch.float64)
    nearly[0, 0] += 1e-9  # no longer uniform, hence by the programme over all pairs
    general = emd(x, y, pred_weights=nearly)
    (expected,) = torch.autograd.grad(general.sum(), x)
    assert value.item() == pytest.approx(general.item(), rel=1e-6)
    torch.testing.assert_close(gradient, expected, rtol=1e-5, atol=1e-7)


def test_weights_equal_repetition():
    x, y = (cloud.double()[None] for cloud in pair_of_clouds("iid", 8, 9))
    counts = torch.tensor([1, 2, 1, 1, 1, 1, 1, 1])
    weighted = emd(x, y, pred_weights=counts[None].double()).item()
    assert weighted == pytest.approx(emd(x.repeat_interleave(counts, 1), y).item(), rel=1e-8)


def test_closed_forms():
    cloud = torch.randn(1, 50, 3)
    shift = torch.tensor([3.0, 4.0, 0.0])
    assert emd(cloud + shift, cloud).item() == pytest.approx(5, rel=1e-5)
    assert emd(cloud[:, torch.randperm(50)], cloud).item() == 0
    moved = (cloud + shift).requires_grad_()
    emd(moved, cloud).sum().backward()
    torch.testing.assert_close(moved.grad[0].sum(0), shift / 5, rtol=1e-4, atol=1e-5)
