from __future__ import annotations

import numpy as np
import pytest
from moving_person import capture_at, clouds_at, path

from csi2pc.csi.read import read_capture
from csi2pc.data.clock_offset import SMOOTH, STEP, _correlations, _even, estimate_offset
from csi2pc.data.motion_energy import Energy, cloud_energy, csi_energy
from csi2pc.errors import DataError


def curves(seed, *, duration, offset, related=True):
    """Curves of a capture at about 90 packets a second and of clouds at 10, whose clock is behind by ``offset``."""
    rng = np.random.default_rng(seed)
    walked = path(rng, duration=duration)
    csi = csi_energy(capture_at(np.sort(rng.uniform(0, duration, int(90 * duration))), walked, rng))
    times = np.sort(np.arange(0, duration, 0.1) + rng.normal(0, 0.003, round(duration * 10)))
    seen = walked if related else path(rng, duration=duration)
    return csi, cloud_energy(clouds_at(times, seen, rng), times - offset)


@pytest.mark.parametrize(("seed", "offset"), [(0, 0.0), (1, 3.37), (2, -12.4), (3, 1.7e9)])
def test_a_known_offset_is_found_within_a_tenth_of_a_second(seed, offset):
    estimate = estimate_offset(*curves(seed, duration=90, offset=offset))
    assert estimate.offset == pytest.approx(offset, abs=0.1)
    assert estimate.confident and estimate.peak > 0.5 and estimate.overlap > 60


@pytest.mark.parametrize("seed", range(4))
def test_unrelated_motion_is_not_believed(seed):
    assert not estimate_offset(*curves(seed, duration=60, offset=0.0, related=False)).confident


def test_two_receivers_of_one_person_agree(rng):
    walked = path(rng, duration=90)
    one, two = (csi_energy(capture_at(np.sort(rng.uniform(0, 90, 8000)), walked, rng)) for _ in range(2))
    estimate = estimate_offset(one, Energy(two.times + 5.0, two.values))
    assert estimate.confident and estimate.offset == pytest.approx(-5.0, abs=0.1)


def test_correlations_equal_the_slow_way(rng):
    one, two = rng.random(40), rng.random(25)
    one[7:11] = np.nan
    two[3] = np.nan
    correlation, count = _correlations(one, two)
    for place, lag in enumerate(range(-24, 40)):
        pairs = [(one[n], two[n - lag]) for n in range(40) if 0 <= n - lag < 25]
        pairs = np.array([pair for pair in pairs if np.isfinite(pair).all()]).reshape(-1, 2)
        assert count[place] == len(pairs)
        if len(pairs) > 2:
            assert correlation[place] == pytest.approx(np.corrcoef(pairs.T)[0, 1], abs=1e-9)


def test_curves_come_to_equal_steps_by_averages_and_holes_stay_holes():
    energy = Energy(np.r_[np.arange(0, 5, 0.05), np.arange(8, 10, 0.05)], np.r_[np.zeros(100), np.ones(40)])
    start, values = _even(energy)
    times = start + np.arange(len(values)) * STEP
    border = np.minimum(np.abs(times - 4.95 - SMOOTH / 2), np.abs(times - 8 + SMOOTH / 2)) < 0.01
    hole = (times > 4.95 + SMOOTH / 2) & (times < 8 - SMOOTH / 2)
    np.testing.assert_array_equal(np.isnan(values)[~border], hole[~border])
    assert (values[times < 4.5] < values[-1]).all()


def test_what_cannot_be_compared_says_so(rng):
    times = np.arange(0, 60, 0.1)
    moving = Energy(times, rng.random(len(times)))
    for other, match in (
        (Energy(np.empty(0), np.empty(0)), "too little to compare: 0"),
        (Energy(times[:20], moving.values[:20]), "too little"),
        (Energy(times, np.ones(len(times))), "does not change"),
    ):
        with pytest.raises(DataError, match=match):
            estimate_offset(moving, other)
    with pytest.raises(DataError, match="too short"):
        estimate_offset(Energy(times[:35], moving.values[:35]), Energy(times[:35], moving.values[35:70]))


def test_two_real_receivers_on_one_clock(real_data):
    path = real_data / "esp32_multi" / "pretrain-1775182186.csi.jsonl"
    one, two = (csi_energy(read_capture(path, receiver=number, training_field="lltf")) for number in "12")
    estimate = estimate_offset(one, Energy(two.times - 3.0, two.values))
    assert estimate.confident and estimate.offset == pytest.approx(3.0, abs=0.1)
