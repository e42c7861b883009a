from __future__ import annotations

import oracles
import pytest
import torch
from oracles import pair_of_clouds

from csi2pc.losses import chamfer_l1, chamfer_l2


@pytest.mark.parametrize("n, m", [(1, 1), (7, 7), (20, 33)])
def test_agrees_with_loops(n, m):
    x, y = (cloud.double() for cloud in pair_of_clouds("iid", n, m))
    assert chamfer_l1(x[None], y[None]).item() == pytest.approx(oracles.chamfer_l1(x, y), rel=1e-12)
    assert chamfer_l2(x[None], y[None]).item() == pytest.approx(oracles.chamfer_l2(x, y), rel=1e-12)


def test_two_points():
    origin, there = torch.zeros(1, 1, 3), torch.tensor([[[3.0, 4.0, 0.0]]])
    assert chamfer_l1(origin, there).item() == 5
    assert chamfer_l2(origin, there).item() == 50


def test_does_not_see_how_often_a_point_is_repeated():
    cloud = torch.randn(1, 9, 3)
    assert chamfer_l1(cloud, cloud.repeat_interleave(3, 1)).item() == 0


def test_no_pull_between_coincident_points():
    cloud = torch.randn(1, 9, 3, requires_grad=True)
    chamfer_l1(cloud, cloud.detach()).sum().backward()
    assert (cloud.grad == 0).all()
