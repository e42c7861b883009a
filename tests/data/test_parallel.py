from __future__ import annotations

import pytest
import torch

from csi2pc.data.parallel import map_in_order


def square(value: int) -> int:
    return value * value


@pytest.mark.parametrize("workers", [0, 2])
def test_results_come_in_order_whatever_the_number_of_workers(workers):
    items = list(range(7))
    assert list(map_in_order(square, items, workers=workers, description="squares")) == [i * i for i in items]
    assert list(map_in_order(square, [], workers=workers, description="nothing")) == []


def test_the_global_random_state_is_left_alone():
    before = torch.get_rng_state()
    list(map_in_order(square, [1, 2], workers=0, description="squares"))
    assert torch.equal(torch.get_rng_state(), before)
