"""Laws of the level step."""

import numpy as np

from csi2pc.csi.level import level_packets


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
