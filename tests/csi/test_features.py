"""Channels are finite, invertible where they should be, and say nothing where nothing was measured."""

import numpy as np
import pytest

from csi2pc.csi.features import CHANNELS, LOG_FLOOR, amplitude_phase, channels, log_amplitude_sin_cos


@pytest.fixture
def csi(rng):
    return (rng.normal(size=(4, 6)) + 1j * rng.normal(size=(4, 6))).astype(np.complex64)


@pytest.mark.parametrize("kind", CHANNELS)
def test_count_dtype_and_zeros(kind, csi):
    csi[0] = 0
    csi[1] = 1e-30
    out = channels(csi, kind)
    assert out.shape == (CHANNELS[kind], 4, 6) and out.dtype == np.float32
    assert np.isfinite(out).all()
    assert not out[1:, 0].any()


def test_amplitude_phase_gives_the_csi_back(csi):
    amplitude, phase = amplitude_phase(csi)
    assert np.allclose(amplitude * np.exp(1j * phase), csi, atol=1e-5)


def test_log_amplitude_sin_cos_gives_the_csi_back(csi):
    level, sine, cosine = log_amplitude_sin_cos(csi)
    assert np.allclose((np.exp(level) - LOG_FLOOR) * (cosine + 1j * sine), csi, atol=1e-5)


def test_deep_fades_are_bounded():
    level = log_amplitude_sin_cos(np.array([0, 1e-20, 1e-3], dtype=np.complex64))[0]
    assert np.ptp(level) < 0.1
