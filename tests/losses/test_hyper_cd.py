from __future__ import annotations

import math

import oracles
import pytest
import torch
from oracles import pair_of_clouds

from csi2pc.losses import hyper_cd


@pytest.mark.parametrize("alpha", [0.5, 1.0, 30.0])
def test_agrees_with_loops(alpha):
    x, y = (cloud.double() for cloud in pair_of_clouds("mid", 12, 15))
    ours = hyper_cd(x[None], y[None], alpha=alpha).item()
    assert ours == pytest.approx(oracles.hyper_cd(x, y, alpha), rel=1e-9)
    released = hyper_cd(x[None], y[None], alpha=alpha, variant="released").item()
    assert released == pytest.approx(oracles.hyper_cd(x, y, alpha, least=1e-5), rel=1e-9)


def test_the_default_pulls_where_the_released_form_does_not():
    target = torch.zeros(1, 1, 3)
    for variant, pulls in (("default", True), ("released", False)):
        pred = torch.tensor([[[0.003, 0.0, 0.0]]], requires_grad=True)
        hyper_cd(pred, target, variant=variant).sum().backward()
        assert (pred.grad[0, 0, 0].item() > 0) is pulls
    assert hyper_cd(target, target, variant="released").item() == pytest.approx(2 * math.acosh(1 + 1e-5), rel=0.01)
