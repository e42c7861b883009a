"""Laws of the level step."""

import numpy as np

from csi2pc.csi.level import level_by_agc, level_packets, level_to_power, level_together


def test_root_mean_square_over_measured_tones_is_one(rng):
    csi = (rng.normal(size=(5, 3, 50)) + 1j * rng.normal(size=(5, 3, 50))).astype(np.complex64) * 100
    valid = rng.random(csi.shape) > 0.3
    out = level_packets(csi, valid)
    for t, a in np.ndindex(5, 3):
        assert np.isclose(np.sqrt(np.mean(np.abs(out[t, a][valid[t, a]]) ** 2)), 1, rtol=1e-6)
    assert np.allclose(np.angle(out), np.angle(csi), atol=1e-6)


def test_a_gain_of_packet_and_antenna_changes_nothing(rng):
    csi = (rng.normal(size=(5, 3, 50)) + 1j * rng.normal(size=(5, 3, 50))).astype(np.complex64)
    valid = np.ones(csi.shape, dtype=bool)
    gain = rng.uniform(0.01, 100, (5, 3, 1)).astype(np.float32)
    assert np.allclose(level_packets(csi * gain, valid), level_packets(csi, valid), rtol=1e-5, atol=1e-6)


def test_unmeasured_links_stay_zero_and_huge_ones_stay_finite():
    csi = np.zeros((2, 1, 8), dtype=np.complex64)
    assert not level_packets(csi, np.zeros(csi.shape, dtype=bool)).any()
    csi[1] = 1e30
    assert np.allclose(np.abs(level_packets(csi, csi != 0)[1]), 1)


def random_csi(rng, shape):
    return (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(np.complex64) * 100


def test_one_level_for_all_links_keeps_their_ratios(rng):
    csi = random_csi(rng, (5, 3, 50)) * np.array([1, 5, 0.2], np.float32)[:, None]
    valid = rng.random(csi.shape) > 0.3
    out = level_together(csi, valid)
    assert np.allclose(out[:, 1] / out[:, 0], csi[:, 1] / csi[:, 0], rtol=1e-5)
    for t in range(5):
        assert np.isclose(np.sqrt(np.mean(np.abs(out[t][valid[t]]) ** 2)), 1, rtol=1e-6)
        assert np.array_equal(level_together(csi[t], valid[t]), out[t])


def test_the_recorded_power_is_that_of_all_links_together(rng):
    csi, decibels = random_csi(rng, (5, 3, 50)), np.array([-20.0, 0, 3, 10, 25])
    valid = rng.random(csi.shape) > 0.3
    out = level_to_power(csi, valid, decibels)
    for t in range(5):
        power = sum(np.mean(np.abs(out[t, a][valid[t, a]]) ** 2) for a in range(3))
        assert np.isclose(power, 10 ** (decibels[t] / 10), rtol=1e-5)
        assert np.array_equal(level_to_power(csi[t], valid[t], decibels[t]), out[t])
    nothing = np.zeros_like(csi)
    assert not level_to_power(nothing, nothing != 0, decibels).any()


def test_the_recorded_gain_is_taken_out(rng):
    csi, agc = random_csi(rng, (4, 2, 30)), np.array([0.0, 20, 40, -6])
    amplified = (csi * 10 ** (agc / 20)[:, None, None]).astype(np.complex64)
    out = level_by_agc(amplified, agc)
    assert np.allclose(out, csi, rtol=1e-5) and out.dtype == np.complex64
    assert np.array_equal(level_by_agc(amplified[1], agc[1]), out[1])

