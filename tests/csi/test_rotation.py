"""Undoing the 40 MHz rotation."""

import numpy as np
import pytest

from csi2pc.csi.layouts import HT40
from csi2pc.csi.rotation import undo_ht40_rotation


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_undoes_the_transmitters_rotation_exactly(rng, dtype):
    csi = (rng.normal(size=(5, 3, 114)) + 1j * rng.normal(size=(5, 3, 114))).astype(dtype)
    rotated = np.where(HT40 > 0, csi.real * 1j - csi.imag, csi).astype(dtype)
    back = undo_ht40_rotation(rotated, HT40)
    assert back.dtype == dtype
    assert np.array_equal(back, csi)


def test_leaves_its_input_alone(rng):
    csi = rng.normal(size=(2, 114)) + 1j
    before = csi.copy()
    undo_ht40_rotation(csi, HT40)
    assert np.array_equal(csi, before)
