from __future__ import annotations

import oracles
import pytest
import torch
from oracles import pair_of_clouds

from csi2pc.losses import dcd


@pytest.mark.parametrize("variant", ["released", "paper"])
@pytest.mark.parametrize("alpha, power", [(1000.0, 1.0), (5.0, 0.5), (5.0, 0.0)])
@pytest.mark.parametrize("n, m", [(12, 12), (9, 17)])
def test_agrees_with_loops(variant, alpha, power, n, m):
    x, y = (cloud.double() for cloud in pair_of_clouds("mid", n, m))
    ours = dcd(x[None], y[None], variant=variant, alpha=alpha, count_power=power).item()
    assert ours == pytest.approx(oracles.dcd(x, y, alpha, power, variant == "released"), rel=1e-9)


def test_released_can_be_negative_for_unequal_sizes_and_paper_cannot():
    cloud = torch.randn(1, 20, 3)
    repeated = cloud.repeat_interleave(9, 1)
    assert dcd(cloud, repeated, count_power=0.5).item() < -0.5
    assert 0 <= dcd(cloud, repeated, count_power=0.5, variant="paper").item() <= 1


def test_crowding_costs():
    target = torch.randn(1, 30, 3)
    crowded = target[:, :1].expand(1, 30, 3).clone()
    assert dcd(crowded, target, alpha=1.0) > 0.4
