"""The Hampel filter against the definition written as a loop, and what it must leave alone."""

import numpy as np
import pytest

from csi2pc.csi.hampel import hampel
from csi2pc.errors import ConfigError


def slow(series, valid, half, threshold):
    values, still = series.copy(), valid.copy()
    for t in range(len(series)):
        near = [series[i] for i in range(max(0, t - half), min(len(series), t + half + 1)) if valid[i]]
        if not valid[t] or len(near) < 3:
            continue
        middle = np.median(near)
        limit = threshold * 1.4826 * np.median(np.abs(np.array(near) - middle))
        if abs(series[t] - middle) > max(limit, 1e-6 * abs(middle)):
            values[t], still[t] = middle, False
    return values, still


@pytest.mark.parametrize(("half", "threshold"), [(1, 3.0), (3, 2.0), (5, 3.0), (40, 3.0)])
def test_equals_the_loop_over_series(rng, half, threshold):
    values = rng.normal(5, 1, (60, 2, 3))
    values[rng.random(values.shape) < 0.05] *= 4
    valid = rng.random(values.shape) > 0.2
    got, still = hampel(values, valid, half=half, threshold=threshold)
    for series in np.ndindex(2, 3):
        one = (slice(None), *series)
        expected, expected_valid = slow(values[one], valid[one], half, threshold)
        assert np.allclose(got[one], expected) and np.array_equal(still[one], expected_valid)
        alone, alone_valid = hampel(values[one], valid[one], half=half, threshold=threshold)
        assert np.array_equal(alone, got[one]) and np.array_equal(alone_valid, still[one])
    assert still.sum() < valid.sum()


def test_a_spike_goes_and_is_marked_and_a_smooth_series_stays():
    smooth = np.sin(np.arange(100) / 15).astype(np.float32) + 3
    spiked = smooth.copy()
    spiked[40] = 9
    got, still = hampel(spiked, np.ones(100, bool), half=5)
    assert abs(got[40] - smooth[40]) < 0.2 and np.flatnonzero(~still).tolist() == [40]
    assert got.dtype == np.float32 and np.array_equal(np.delete(got, 40), np.delete(spiked, 40))


def test_rounding_of_a_constant_is_no_outlier():
    values = np.full(50, 0.7, np.float32)
    values[20] = np.nextafter(values[20], 1)
    values[30] = 0.71
    _, still = hampel(values, np.ones(50, bool), half=4)
    assert np.flatnonzero(~still).tolist() == [30]


def test_what_was_not_measured_is_neither_judged_nor_used(rng):
    values, valid = rng.normal(5, 1, (40, 2)), rng.random((40, 2)) > 0.3
    spoiled = np.where(valid, values, 1e9)
    one, other = (hampel(v, valid, half=3) for v in (values, spoiled))
    assert np.array_equal(one[1], other[1]) and np.array_equal(one[0][valid], other[0][valid])
    assert np.all(other[0][~valid] == 1e9)


def test_nothing_measured_and_nothing_at_all():
    values, still = hampel(np.zeros((9, 2)), np.zeros((9, 2), bool), half=2)
    assert not values.any() and not still.any()
    assert hampel(np.zeros((0, 2)), np.zeros((0, 2), bool), half=2)[0].shape == (0, 2)


@pytest.mark.parametrize(("half", "threshold"), [(0, 3.0), (2, 0.0), (2, float("nan"))])
def test_bad_settings_are_refused(half, threshold):
    with pytest.raises(ConfigError, match="hampel needs half >= 1 and threshold > 0; got"):
        hampel(np.zeros(5), np.ones(5, bool), half=half, threshold=threshold)
