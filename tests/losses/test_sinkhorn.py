from __future__ import annotations

import warnings

import pytest
import torch
from oracles import pair_of_clouds

from csi2pc.losses import emd, sinkhorn


@pytest.mark.parametrize("name", ["mid", "iid", "clumped"])
def test_goes_to_exact_transport_as_the_blur_vanishes(name):
    x, y = (cloud.double()[None] for cloud in pair_of_clouds(name, 60, 60))
    exact = emd(x, y).item()
    errors = [abs(sinkhorn(x, y, blur=blur, max_rounds=5000).item() / exact - 1) for blur in (0.1, 0.01, 0.001)]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 0.01


def test_goes_to_the_energy_distance_as_the_blur_grows():
    x, y = (cloud.double()[None] for cloud in pair_of_clouds("iid", 20, 25))
    mean = [torch.cdist(p, q).mean().item() for p, q in ((x, y), (x, x), (y, y))]
    energy = mean[0] - mean[1] / 2 - mean[2] / 2
    assert sinkhorn(x, y, blur=1e3, tolerance=1e-8).item() == pytest.approx(energy, rel=1e-3)


def test_translation_at_power_two():
    """The debiased divergence of translated clouds is exactly half the squared translation, at any blur."""
    cloud = torch.randn(1, 40, 3, dtype=torch.float64)
    shift = torch.tensor([0.3, -0.2, 0.6], dtype=torch.float64)
    for blur in (0.05, 0.5):
        value = sinkhorn(cloud + shift, cloud, power=2, blur=blur, tolerance=1e-6, max_rounds=5000).item()
        assert value == pytest.approx(shift.square().sum().item() / 2, rel=1e-4)


def test_warns_of_missed_marginals_once_for_a_line_that_is_run_often():
    x, y = (cloud[None] for cloud in pair_of_clouds("clumped", 60, 60))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(3):
            sinkhorn(x, y, max_rounds=3)
        sinkhorn(x, y)
    assert [warning.filename for warning in caught] == [__file__]
    assert "misses its marginals" in str(caught[0].message)
