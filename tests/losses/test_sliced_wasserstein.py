from __future__ import annotations

import oracles
import pytest
import torch
from oracles import pair_of_clouds

from csi2pc.losses import sliced_wasserstein
from csi2pc.losses.sliced_wasserstein import spiral


@pytest.mark.parametrize("n, m", [(1, 1), (20, 20), (13, 29)])
def test_agrees_with_scipy_on_each_line(n, m):
    x, y = (cloud.double() for cloud in pair_of_clouds("iid", n, m))
    ours = sliced_wasserstein(x[None], y[None], directions=16).item()
    assert ours == pytest.approx(oracles.sliced_wasserstein(x, y, spiral(16)), rel=1e-9)


@pytest.mark.parametrize("power, factor", [(1, 1 / 2), (2, 1 / 3)])
def test_translated_clouds(power, factor):
    cloud = torch.randn(1, 50, 3)
    shift = torch.tensor([0.3, -0.2, 0.6])
    value = sliced_wasserstein(cloud + shift, cloud, power=power, directions=512).item()
    assert value == pytest.approx(factor * shift.norm().item() ** power, rel=0.02)


def test_directions_are_unit_and_even():
    lines = spiral(64)
    torch.testing.assert_close(lines.norm(dim=1), torch.ones(64, dtype=torch.float64))
    second_moment = lines.t() @ lines / 64
    torch.testing.assert_close(second_moment, torch.eye(3, dtype=torch.float64) / 3, rtol=0, atol=0.02)
