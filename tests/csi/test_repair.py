"""Laws of repair: measured tones are untouched, filled ones follow the channel, nothing is filled from nothing."""

import numpy as np
import pytest

from csi2pc.csi.layouts import HT40
from csi2pc.csi.repair import nearest_measured, repair


def two_paths(slope):
    """A channel of two paths with a delay (STO) of ``slope`` radians an index in common, (1, 1, S)."""
    smooth = 10 * (1 + 0.3 * np.exp(-1j * (0.05 * HT40 + 1)))
    return (smooth * np.exp(1j * slope * HT40))[None, None].astype(np.complex64)


@pytest.mark.parametrize("slope", [0.0, 0.5, -1.5, 3.0])
def test_fills_what_was_there_whatever_the_sto(slope):
    csi = two_paths(slope)
    valid = np.ones(csi.shape, dtype=bool)
    valid[..., [0, 20, 21, 56, 57, 90, 113]] = False
    filled = repair(np.where(valid, csi, 0), valid, HT40)
    assert np.array_equal(filled[valid], csi[valid])
    assert np.abs(filled - csi).max() < 0.02 * np.abs(csi).max()


def test_interpolating_without_the_line_would_cut_the_corner():
    csi = two_paths(1.5)
    naive = (csi[..., 9] + csi[..., 11]) / 2
    assert abs(naive - csi[..., 10]).item() > 5


def test_what_stands_at_unmeasured_tones_is_ignored_and_nothing_is_nan():
    csi = two_paths(0.4)
    valid = np.ones(csi.shape, dtype=bool)
    valid[..., 30:40] = False
    poisoned = csi.copy()
    poisoned[~valid] = np.nan
    assert np.array_equal(repair(poisoned, valid, HT40), repair(csi, valid, HT40))


@pytest.mark.parametrize("measured", [0, 1, 5])
def test_almost_nothing_measured_stays_zero(measured):
    csi = two_paths(0.1)
    valid = np.zeros(csi.shape, dtype=bool)
    valid[..., :measured] = True
    filled = repair(csi, valid, HT40)
    assert np.array_equal(filled[valid], csi[valid])
    assert not filled[~valid].any()


def test_packets_are_repaired_one_by_one(rng):
    csi = (rng.normal(size=(7, 3, 114)) + 1j * rng.normal(size=(7, 3, 114))).astype(np.complex64)
    valid = rng.random(csi.shape) > rng.random((7, 3, 1))
    together = repair(csi, valid, HT40)
    assert np.isfinite(together).all()
    for t, a in np.ndindex(7, 3):
        assert np.array_equal(together[t, a], repair(csi[t, a], valid[t, a], HT40))


def test_nearest_measured_equals_a_loop(rng):
    valid = rng.random((20, 9)) > 0.6
    valid[0] = False
    below, above = nearest_measured(valid)
    for row in range(1, 20):
        there = np.flatnonzero(valid[row])
        if not there.size:
            continue
        for s in range(9):
            assert below[row, s] == max((k for k in there if k <= s), default=there[0])
            assert above[row, s] == min((k for k in there if k >= s), default=there[-1])
