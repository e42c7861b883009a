from __future__ import annotations

import numpy as np
import pytest

from csi2pc.csi.layouts import HT40
from csi2pc.csi.mmfi import read_mmfi_frame
from csi2pc.csi.phase import joint_line
from csi2pc.errors import ConfigError
from csi2pc.sim.hardware import HardwareConfig, measured

SPACING = 312.5e3
IDEAL = HardwareConfig(
    phase=False, timing_jitter=0, gain_jitter=0, outlier_share=0, snr=None, rotation=False, bits=0, zero_share=0
)


@pytest.fixture
def response(rng):
    delays = 30e-9 * rng.uniform(size=5)
    gains = rng.normal(size=(200, 3, 5)) + 1j * rng.normal(size=(200, 3, 5))
    return 1e-3 * gains @ np.exp(-2j * np.pi * SPACING * HT40 * delays[:, None])


def _measured(response, rng, **options):
    config = HardwareConfig(**{**vars(IDEAL), **options})
    return measured(response, HT40, spacing=SPACING, config=config, rng=rng)


def test_ideal_hardware_only_sets_the_level(response, rng):
    csi = _measured(response, rng)
    np.testing.assert_allclose(np.abs(csi).mean(axis=-1), IDEAL.level)
    ratio = csi / response
    np.testing.assert_allclose(ratio, ratio[..., :1].repeat(len(HT40), axis=-1), rtol=1e-9)


def test_phase_is_random_by_packet_and_common_to_antennas(response, rng):
    turn = np.angle(_measured(response, rng, phase=True) / response)
    np.testing.assert_allclose(turn, turn[:, :1, :1] + 0 * turn, atol=1e-9)
    assert abs(np.exp(1j * turn[:, 0, 0]).mean()) < 0.2


def test_timing_turns_subcarriers_in_proportion_and_alike_for_antennas(response, rng):
    slope = np.angle(_measured(response, rng, timing_jitter=6e-9) / response) / (2 * np.pi * SPACING * HT40)
    np.testing.assert_allclose(slope, slope[:, :1, :1] + 0 * slope, atol=1e-15)
    assert slope[:, 0, 0].std() == pytest.approx(6e-9, rel=0.2)


def test_gain_jitter_is_in_decibels_by_antenna_and_packet(response, rng):
    level = 20 * np.log10(np.abs(_measured(response, rng, gain_jitter=1.2)).mean(axis=-1) / IDEAL.level)
    assert level.std() == pytest.approx(1.2, rel=0.1) and abs(np.corrcoef(level.T)[0, 1]) < 0.3
    wild = 20 * np.log10(
        np.abs(_measured(response, rng, outlier_share=0.08, outlier_gain=4.0)).mean(axis=-1) / IDEAL.level
    )
    assert 0.03 < np.mean(np.abs(wild) > 0.1) < 0.13


def test_noise_has_the_asked_power(response, rng):
    clean = _measured(response, rng)
    noise = _measured(response, rng, snr=20.0) - clean
    ratio = np.mean(np.abs(clean) ** 2, axis=(0, 2)) / np.mean(np.abs(noise) ** 2, axis=(0, 2))
    np.testing.assert_allclose(10 * np.log10(ratio), 20.0, atol=0.3)


def test_the_upper_half_stands_a_quarter_turn_ahead(response, rng):
    turn = _measured(response, rng, rotation=True) / _measured(response, rng)
    np.testing.assert_allclose(turn[..., HT40 < 0], 1, atol=1e-12)
    np.testing.assert_allclose(turn[..., HT40 > 0], 1j, atol=1e-12)


def test_the_converter_gives_integers_within_its_bits(response, rng):
    csi = _measured(response, rng, bits=8, level=200.0)
    parts = np.stack([csi.real, csi.imag])
    np.testing.assert_array_equal(parts, np.rint(parts))
    assert np.abs(parts).max() == 127


def test_zeros_come_as_often_as_asked(response, rng):
    assert np.mean(_measured(response, rng, zero_share=0.01) == 0) == pytest.approx(0.01, rel=0.2)


def test_defaults_resemble_the_genuine_frame(real_data, response, rng):
    """Level and spread of the antennas' mean amplitude over packets, against MM-Fi's one frame at hand."""
    from scipy.io import loadmat

    genuine = 10 ** (loadmat(real_data / "mmfi" / "frame001.mat")["CSIamp"] / 20)
    genuine = genuine.mean(axis=1)
    ours = np.abs(measured(response, HT40, spacing=SPACING, config=HardwareConfig(), rng=rng)).mean(axis=-1)
    assert np.median(ours) == pytest.approx(np.median(genuine), rel=0.1)
    assert 0.3 < np.std(20 * np.log10(ours)) / np.std(20 * np.log10(genuine)) < 3


def test_default_timing_jitter_is_the_genuine_frames(real_data):
    capture = read_mmfi_frame(real_data / "mmfi" / "frame001.mat")  # without the rotation
    slope, _ = joint_line(capture.csi, HT40)
    assert np.std(slope) / (2 * np.pi * SPACING) == pytest.approx(HardwareConfig().timing_jitter, rel=0.4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bits": 1}, "bits must be 0"),
        ({"level": 0.0}, "level must be"),
        ({"zero_share": 1.5}, "zero_share must lie"),
        ({"timing_jitter": -1.0}, "timing_jitter must lie"),
    ],
)
def test_impossible_hardware_is_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        HardwareConfig(**options)
