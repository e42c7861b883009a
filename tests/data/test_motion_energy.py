from __future__ import annotations

import numpy as np
import pytest
from moving_person import capture_at, clouds_at, path
from scipy.stats import rankdata, spearmanr

from csi2pc.data.motion_energy import cloud_energy, csi_energy, ranks


def speed(energy, walked):
    times, place = walked
    speeds = np.r_[0.0, np.linalg.norm(np.diff(place, axis=0), axis=1)]
    return np.interp(energy.times, times, np.convolve(speeds, np.ones(20) / 20, mode="same"))


def test_both_curves_grow_with_the_persons_speed(rng):
    walked = path(rng, duration=40)
    csi = csi_energy(capture_at(np.sort(rng.uniform(0, 40, 3600)), walked, rng))
    times = np.arange(0, 40, 0.1)
    cloud = cloud_energy(clouds_at(times, walked, rng), times)
    assert spearmanr(csi.values, speed(csi, walked))[0] > 0.5
    assert spearmanr(cloud.values, speed(cloud, walked))[0] > 0.8
    assert (np.diff(csi.times) > 0).all() and (np.diff(cloud.times) > 0).all()


def test_gain_and_phase_of_packets_are_no_motion(rng):
    walked = path(rng, duration=10)
    capture = capture_at(np.arange(0, 10, 0.01), walked, rng)
    gains = (rng.uniform(0.3, 3, len(capture)) * np.exp(2j * np.pi * rng.random(len(capture)))).astype(np.complex64)
    other = csi_energy(capture.with_csi(capture.csi * gains[:, None, None]))
    np.testing.assert_allclose(other.values, csi_energy(capture).values, rtol=1e-4, atol=1e-6)


def test_nothing_is_said_of_gaps(rng):
    walked = path(rng, duration=10)
    times = np.arange(0, 10, 0.01)
    energy = csi_energy(capture_at(times[(times < 3) | (times > 6)], walked, rng))
    assert not ((energy.times > 3.1) & (energy.times < 5.9)).any()
    clouds = clouds_at(np.arange(0, 10, 0.1), walked, rng)
    clouds[30:60] = [None] * 30
    energy = cloud_energy(clouds, np.arange(0, 10, 0.1))
    assert not ((energy.times > 3.3) & (energy.times < 5.7)).any()


def test_too_little_gives_no_curve(rng):
    walked = path(rng, duration=1)
    assert len(csi_energy(capture_at(np.array([0.1]), walked, rng)).times) == 0
    assert len(cloud_energy([np.ones((3, 3))], np.array([0.0])).times) == 0
    assert len(cloud_energy([], np.empty(0)).times) == 0


@pytest.mark.parametrize("values", [[], [3.0], [1.0, 1.0], [5.0, 1.0, 1.0, 7.0, -2.0]])
def test_ranks_are_the_usual_ones_from_0_to_1(values):
    expected = (rankdata(values) - 1) / max(len(values) - 1, 1) if values else []
    np.testing.assert_allclose(ranks(np.array(values)), expected)
