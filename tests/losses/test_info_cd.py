from __future__ import annotations

import oracles
import pytest
import torch
from oracles import pair_of_clouds

from csi2pc.losses import chamfer_l1, info_cd


@pytest.mark.parametrize("contrast", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("tau", [0.1, 2.0])
def test_paper_agrees_with_loops(tau, contrast):
    x, y = (cloud.double() for cloud in pair_of_clouds("iid", 12, 15))
    ours = info_cd(x[None], y[None], tau=tau, contrast=contrast).item()
    assert ours == pytest.approx(oracles.info_cd(x, y, tau, contrast), rel=1e-9)


def test_released_agrees_with_loops():
    x, y = (cloud.double() for cloud in pair_of_clouds("iid", 12, 15))
    assert info_cd(x[None], y[None], variant="released").item() == pytest.approx(
        oracles.info_cd_released(x, y), rel=1e-12
    )


def test_released_is_chamfer():
    x, y = (cloud.double()[None] for cloud in pair_of_clouds("mid", 40, 40))
    x.requires_grad_()
    by_info, by_chamfer = (
        torch.autograd.grad(loss.sum(), x)[0] for loss in (info_cd(x, y, variant="released"), chamfer_l1(x, y))
    )
    assert torch.cosine_similarity(by_info.flatten(), by_chamfer.flatten(), 0) > 0.999999


def test_contrast_evens_the_distances_out():
    """At full contrast the loss falls when near pairs move apart towards the mean."""
    target = torch.zeros(1, 1, 3)
    uneven, even = (torch.tensor([[[a, 0, 0], [-b, 0, 0]]]) for a, b in ((0.1, 0.5), (0.3, 0.3)))
    assert info_cd(even, target, contrast=1.0, tau=0.1) < info_cd(uneven, target, contrast=1.0, tau=0.1)
