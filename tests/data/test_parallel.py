from __future__ import annotations

import pytest
import torch

from csi2pc.data.frames import FrameError
from csi2pc.data.parallel import map_in_order
from csi2pc.errors import ConfigError, DataError


def square(value: int) -> int:
    return value * value


@pytest.mark.parametrize("workers", [0, 2])
def test_results_come_in_order_whatever_the_number_of_workers(workers):
    items = list(range(7))
    assert list(map_in_order(square, items, workers=workers, description="squares")) == [i * i for i in items]
    assert list(map_in_order(square, [], workers=workers, description="nothing")) == []


def refuse(error: Exception) -> None:
    raise error


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("error", [DataError("a: b"), ConfigError("c"), FrameError("reason", "d")])
def test_errors_arrive_as_they_were_raised_whatever_the_number_of_workers(workers, error):
    with pytest.raises(type(error)) as caught:
        list(map_in_order(refuse, [error, error], workers=workers, description="errors"))
    assert type(caught.value) is type(error) and str(caught.value) == str(error)
    assert getattr(caught.value, "reason", "") == getattr(error, "reason", "")


@pytest.mark.parametrize("workers", [0, 2])
def test_a_fault_of_the_program_stays_one(workers):
    with pytest.raises(ZeroDivisionError, match="by hand"):
        list(map_in_order(refuse, [ZeroDivisionError("by hand")], workers=workers, description="errors"))


def test_the_global_random_state_is_left_alone():
    before = torch.get_rng_state()
    list(map_in_order(square, [1, 2], workers=0, description="squares"))
    assert torch.equal(torch.get_rng_state(), before)
