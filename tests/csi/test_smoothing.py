"""Savitzky-Golay against a least-squares loop and scipy, Butterworth against scipy; holes, ends, bad settings."""

import numpy as np
import pytest
from scipy.signal import butter, savgol_filter, sosfiltfilt

from csi2pc.csi.smoothing import butterworth, butterworth_memory, savitzky_golay
from csi2pc.errors import ConfigError

EVERY = slice(None)


@pytest.fixture(params=[False, True], ids=["real", "complex"])
def values(request, rng):
    out = rng.normal(size=(80, 2, 3))
    return out + 1j * rng.normal(size=out.shape) if request.param else out


def slow(series, valid, window, order):
    """Least squares over the measured part of each window, by numpy's own fit."""
    out = series.copy()
    for t in np.flatnonzero(valid):
        near = np.arange(max(0, t - window // 2), min(len(series), t + window // 2 + 1))
        near = near[valid[near]]
        if len(near) > order:
            powers = (near - t)[:, None] ** np.arange(order + 1)
            out[t] = np.linalg.lstsq(powers.astype(float), series[near], rcond=None)[0][0]
    return out


@pytest.mark.parametrize(("window", "order"), [(1, 0), (5, 2), (11, 3), (7, 6), (201, 2)])
def test_savitzky_golay_equals_the_loop_over_series(values, rng, window, order):
    valid = rng.random(values.shape) > 0.2
    got = savitzky_golay(values, valid, window=window, order=order)
    for series in np.ndindex(2, 3):
        one, mask = values[(EVERY, *series)], valid[(EVERY, *series)]
        assert np.allclose(got[(EVERY, *series)], slow(one, mask, window, order), atol=1e-7)
        assert np.allclose(got[(EVERY, *series)], savitzky_golay(one, mask, window=window, order=order), atol=1e-12)
    assert np.array_equal(got[~valid], values[~valid])


def test_savitzky_golay_is_scipys_away_from_the_ends(values):
    got = savitzky_golay(values, np.ones(values.shape, bool), window=9, order=3)
    expected = savgol_filter(values.real, 9, 3, axis=0) + 1j * savgol_filter(values.imag, 9, 3, axis=0)
    assert np.allclose(got[4:-4], expected[4:-4])


def test_savitzky_golay_keeps_a_polynomial_with_holes(rng):
    time = np.arange(50) / 10
    values, valid = 1 + 2 * time - 0.3 * time**2, rng.random(50) > 0.3
    assert np.allclose(savitzky_golay(values, valid, window=9, order=2), values)


@pytest.mark.parametrize("filtered", [
    lambda v, m: savitzky_golay(v, m, window=7), lambda v, m: butterworth(v, m, rate=100, cutoff=10),
])  # fmt: skip
def test_what_was_not_measured_is_not_used(values, rng, filtered):
    valid = rng.random(values.shape) > 0.2
    spoiled = np.where(valid, values, 1e9)
    one, other = filtered(values, valid), filtered(spoiled, valid)
    assert np.allclose(one[valid], other[valid]) and np.all(other[~valid] == 1e9)
    none = np.zeros(values.shape, bool)
    assert np.array_equal(filtered(values, none), values)
    assert filtered(values[:0], none[:0]).shape == (0, 2, 3)
    assert np.allclose(filtered(values[:1], ~none[:1]), values[:1])


def test_butterworth_is_scipys_forwards_and_backwards(values):
    got = butterworth(values, np.ones(values.shape, bool), rate=100, cutoff=12, order=3)
    sections = butter(3, 12, fs=100, output="sos")
    assert np.allclose(got, sosfiltfilt(sections, values, axis=0, padlen=12))
    assert np.allclose(got[:, 1, 2], butterworth(values[:, 1, 2], np.ones(80, bool), rate=100, cutoff=12, order=3))


def test_butterworth_filters_each_measured_stretch_by_itself(values):
    valid = np.ones(values.shape, bool)
    valid[30:33, 1], valid[50, 0, 2] = False, False
    got = butterworth(values, valid, rate=100, cutoff=12)
    for part in (np.s_[:30, 1], np.s_[33:, 1], np.s_[:50, 0, 2], np.s_[51:, 0, 2], np.s_[:, 0, 0]):
        assert np.allclose(got[part], butterworth(values[part], valid[part], rate=100, cutoff=12))


def test_butterworth_passes_slow_and_stops_fast_without_delay():
    time = np.arange(1000) / 100
    slow_part, fast_part = np.sin(2 * np.pi * 2 * time), np.sin(2 * np.pi * 35 * time)
    got = butterworth(slow_part + fast_part, np.ones(1000, bool), rate=100, cutoff=15)
    assert np.abs(got - slow_part)[100:-100].max() < 1e-3


@pytest.mark.parametrize("cutoff", [1.0, 20.0, 45.0])
def test_the_memory_of_butterworth_is_how_far_a_change_is_felt(rng, cutoff):
    values, memory = rng.normal(size=3000), butterworth_memory(rate=100, cutoff=cutoff, order=4)
    changed = values.copy()
    changed[: 1500 - memory] = 0
    difference = butterworth(values, np.ones(3000, bool), rate=100, cutoff=cutoff)
    difference -= butterworth(changed, np.ones(3000, bool), rate=100, cutoff=cutoff)
    assert np.abs(difference[1500:]).max() < 1e-5 < np.abs(difference[: 1500 - memory]).max()


@pytest.mark.parametrize(
    ("window", "order", "message"),
    [(10, 2, "must be odd.*got 10: take 11"), (0, 0, "must be odd"), (5, 5, "must be 0 to window - 1 = 4; got 5")],
)
def test_bad_savitzky_golay_is_refused(window, order, message):
    with pytest.raises(ConfigError, match=message):
        savitzky_golay(np.zeros(20), np.ones(20, bool), window=window, order=order)


@pytest.mark.parametrize(
    ("cutoff", "order", "message"),
    [(50.0, 4, "below half the rate, 50 Hz; got 50 Hz"), (0.0, 4, "above 0"), (float("nan"), 4, "got nan"),
     (5.0, 0, "order must be at least 1; got 0")],
)  # fmt: skip
def test_bad_butterworth_is_refused(cutoff, order, message):
    with pytest.raises(ConfigError, match=message):
        butterworth(np.zeros(20), np.ones(20, bool), rate=100.0, cutoff=cutoff, order=order)
