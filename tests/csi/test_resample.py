"""Runs, instants and resampling against slow definitions; gaps are never bridged, nothing unmeasured is used."""

import numpy as np
import pytest

from csi2pc.csi.resample import gapless_runs, resample, uniform_instants
from csi2pc.errors import ConfigError, ShapeError


def slow(series, valid, times, instants, max_gap):
    out, measured = np.zeros(len(instants), series.dtype), np.zeros(len(instants), bool)
    have = np.flatnonzero(valid)
    for i, instant in enumerate(instants):
        before, after = have[times[have] <= instant], have[times[have] >= instant]
        if not len(before) or not len(after) or times[after[0]] - times[before[-1]] > max_gap:
            continue
        a, b, measured[i] = before[-1], after[0], True
        share = (instant - times[a]) / (times[b] - times[a]) if times[b] > times[a] else 0
        out[i] = (1 - share) * series[a] + share * series[b]
    return out, measured


@pytest.mark.parametrize("holes", [0.0, 0.3])
def test_equals_the_loop_over_series(rng, holes):
    times = np.sort(rng.uniform(0, 2, 150))
    times[80:] += 0.5
    values = rng.normal(size=(150, 2, 3)) + 1j * rng.normal(size=(150, 2, 3))
    valid = rng.random(values.shape) >= holes
    instants = np.concatenate([rng.uniform(-0.2, 2.8, 90), times[[3, 40, 149]]])
    got, measured = resample(values, valid, times, instants, max_gap=0.1)
    for series in np.ndindex(2, 3):
        one = (slice(None), *series)
        expected, expected_valid = slow(values[one], valid[one], times, instants, 0.1)
        assert np.allclose(got[one], expected) and np.array_equal(measured[one], expected_valid)
        alone = resample(values[one], valid[one], times, instants, max_gap=0.1)
        assert np.array_equal(alone[0], got[one]) and np.array_equal(alone[1], measured[one])
    assert not got[~measured].any() and 0 < measured.sum() < measured.size


def test_what_is_linear_in_time_comes_back_and_measured_instants_keep_their_value(rng):
    times = np.sort(rng.uniform(0, 1, 100))
    values = np.stack([3 * times - 1, 2j * times], 1)
    instants = np.concatenate([times, rng.uniform(times[0], times[-1], 50)])
    got, measured = resample(values, np.ones(values.shape, bool), times, instants, max_gap=1.0)
    assert measured.all() and np.allclose(got, np.stack([3 * instants - 1, 2j * instants], 1))
    assert np.array_equal(got[:100], values)


def test_runs_cover_all_packets_and_break_at_gaps(rng):
    times = np.cumsum(rng.choice([0.01, 0.02, 0.5], 200, p=[0.6, 0.35, 0.05]))
    runs = gapless_runs(times, max_gap=0.1)
    assert np.concatenate([np.arange(200)[run] for run in runs]).tolist() == list(range(200))
    assert len(runs) == 1 + (np.diff(times) > 0.1).sum()
    assert all((np.diff(times[run]) <= 0.1).all() for run in runs)
    assert gapless_runs(np.empty(0), max_gap=1) == []


@pytest.mark.parametrize("start", [0.0, 123.4, 1.7e9])
def test_instants_are_multiples_of_the_step_inside_the_runs(rng, start):
    times = start + np.cumsum(rng.choice([0.004, 0.011, 0.5], 300, p=[0.5, 0.45, 0.05]))
    instants = uniform_instants(times, rate=80, max_gap=0.1)
    numbers = instants * 80 - 0.5
    assert np.abs(numbers - np.round(numbers)).max() < 1e-3 and (np.diff(np.round(numbers)) >= 1).all()
    first, last = int(np.floor(times[0] * 80)) - 1, int(np.ceil(times[-1] * 80)) + 1
    runs = [(times[run][0], times[run][-1]) for run in gapless_runs(times, max_gap=0.1)]
    expected = [k for k in range(first, last) if any(a <= (k + 0.5) / 80 <= b for a, b in runs)]
    assert np.round(numbers).astype(int).tolist() == expected


def test_on_its_own_grid_a_capture_is_unchanged(rng):
    times = (np.arange(50) + 0.5) / 100
    instants = uniform_instants(times, rate=100, max_gap=0.1)
    assert np.array_equal(instants, times)
    values = rng.normal(size=(50, 4))
    assert np.array_equal(resample(values, np.ones((50, 4), bool), times, instants, max_gap=0.1)[0], values)


def test_a_huge_gap_costs_nothing():
    times = np.array([0.0, 0.01, 1e12, 1e12 + 0.01])
    assert len(uniform_instants(times, rate=100, max_gap=0.1)) <= 4


def test_no_packets_measure_nothing():
    got, measured = resample(np.zeros((0, 2)), np.zeros((0, 2), bool), np.empty(0), np.arange(3.0), max_gap=1)
    assert got.shape == (3, 2) and not measured.any()


def test_bad_input_is_refused():
    with pytest.raises(ConfigError, match="rate must be more than 0 instants a second; got 0"):
        uniform_instants(np.arange(3.0), rate=0, max_gap=1)
    for call in (gapless_runs, lambda times, max_gap: resample(times, times > -1, times, times, max_gap=max_gap)):
        with pytest.raises(ConfigError, match="max_gap must be more than 0 seconds; got 0"):
            call(np.arange(3.0), max_gap=0)
    with pytest.raises(ShapeError, match=r"timestamps must be \(3,\), one a packet, not decreasing"):
        resample(np.arange(3.0), np.ones(3, bool), np.array([0.0, 2, 1]), np.empty(0), max_gap=1)
