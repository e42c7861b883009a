"""Interpolation to other subcarriers: measured ones stay, smooth channels come back, nothing is extrapolated."""

import numpy as np
import pytest
from made_captures import paths

from csi2pc.csi.interpolate import interpolate_subcarriers
from csi2pc.csi.layouts import HT20, HT40, INTEL5300_HT20, INTEL5300_HT40

FULL = np.arange(-58, 59)


def steep(rng, indices):
    """A smooth channel under a line that turns by more than half a turn between the tones of an Intel 5300."""
    line = rng.uniform(-0.7, 0.7, (5, 2, 1)) * FULL + rng.uniform(-3, 3, (5, 2, 1))
    csi = paths(np.arange(5) / 100, FULL, 2) * np.exp(1j * line)
    return csi[..., np.searchsorted(FULL, indices)], csi


@pytest.mark.parametrize("indices", [HT40, HT20, INTEL5300_HT40, INTEL5300_HT20])
def test_a_smooth_channel_comes_back_under_a_steep_line(rng, indices):
    csi, full = steep(rng, indices)
    wanted = np.arange(indices[0], indices[-1] + 1)
    got, valid = interpolate_subcarriers(csi, np.ones(csi.shape, bool), indices, wanted)
    assert valid.all()
    assert np.abs(got - full[..., np.searchsorted(FULL, wanted)]).max() < 0.02
    assert np.array_equal(got[..., np.searchsorted(wanted, indices)], csi)


def test_nothing_is_extrapolated(rng):
    csi, _ = steep(rng, HT20)
    got, valid = interpolate_subcarriers(csi, np.ones(csi.shape, bool), HT20, [-30, -29, -28, 28, 29, 58])
    assert valid[0, 0].tolist() == [False, False, True, True, False, False]
    assert not got[~valid].any() and got[valid].all()


def test_a_hole_is_crossed_and_marked_and_the_outermost_is_not_crossed(rng):
    csi, full = steep(rng, HT40)
    valid = np.ones(csi.shape, bool)
    valid[:, 0, 50], valid[:, 1, -1] = False, False
    spoiled = np.where(valid, csi, 1e9)
    got, still = interpolate_subcarriers(spoiled, valid, HT40, HT40)
    assert np.array_equal(still, valid)
    assert np.abs(got[:, 0] - csi[:, 0]).max() < 0.02
    assert not got[:, 1, -1].any() and np.array_equal(got[:, 1, :-1], csi[:, 1, :-1])


def test_equals_one_packet_at_a_time(rng):
    csi, _ = steep(rng, HT40)
    valid = rng.random(csi.shape) > 0.2
    wanted = [-57, -3, 0, 3, 30]
    got, still = interpolate_subcarriers(csi, valid, HT40, wanted)
    for t, a in np.ndindex(5, 2):
        one, one_valid = interpolate_subcarriers(csi[t, a], valid[t, a], HT40, wanted)
        assert np.allclose(one, got[t, a]) and np.array_equal(one_valid, still[t, a])


def test_nothing_measured_gives_nothing():
    got, valid = interpolate_subcarriers(np.zeros((2, 114), np.complex64), np.zeros((2, 114), bool), HT40, [-3, 0])
    assert got.shape == (2, 2) and got.dtype == np.complex64 and not got.any() and not valid.any()
