"""A device is there, or the message says that it is not."""

from __future__ import annotations

import pytest
import torch

from csi2pc.engine.predict import checked_device
from csi2pc.errors import ConfigError


def test_the_cpu_is_always_there():
    assert checked_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize("name", ["cuda:99", "gpu", "", "meta", "hpu"])
def test_a_device_that_cannot_compute_is_refused(name):
    with pytest.raises(ConfigError, match=f"device '{name}' is not available; torch says"):
        checked_device(name)
