"""Filters in time on captures: run by run, some series at a time, and what they leave alone."""

import importlib
from dataclasses import replace

import numpy as np
import pytest
from made_captures import made

from csi2pc.csi.hampel import hampel
from csi2pc.csi.in_time import filter_in_time
from csi2pc.csi.prepare import prepare_packets
from csi2pc.csi.prepare_config import PrepareConfig
from csi2pc.csi.smoothing import butterworth, savitzky_golay

CONFIGS = [
    PrepareConfig(hampel=3),
    PrepareConfig(smoothing="savitzky_golay", smoothing_window=7),
    PrepareConfig(smoothing="savitzky_golay", smoothed="complex"),
    PrepareConfig(hampel=2, rate=100.0, smoothing="butterworth"),
]


@pytest.fixture
def capture():
    """Prepared packet by packet, with two spikes and a gap of half a second after packet 40."""
    whole = made(packets=90, holes=0.02, indices=np.arange(-6, 7))
    csi = whole.csi.copy()
    csi[20, 1, 4] *= 5
    csi[60, 0] *= 4
    times = whole.timestamps + np.where(np.arange(90) >= 40, 0.5, 0)
    return prepare_packets(replace(whole, csi=csi, timestamps=times), PrepareConfig(level="agc"))


@pytest.mark.parametrize("config", CONFIGS)
def test_nothing_is_filtered_across_a_gap(capture, config):
    whole = filter_in_time(capture, config)
    parts = [filter_in_time(capture.select(part), config) for part in (slice(0, 40), slice(40, None))]
    assert np.allclose(whole.csi, np.concatenate([part.csi for part in parts]), atol=1e-6)
    assert np.array_equal(whole.valid, np.concatenate([part.valid for part in parts]))
    assert np.array_equal(whole.timestamps, np.concatenate([part.timestamps for part in parts]))


@pytest.mark.parametrize("config", CONFIGS)
def test_a_few_series_at_a_time_are_all_at_once(capture, config, monkeypatch):
    whole = filter_in_time(capture, config)
    monkeypatch.setattr(importlib.import_module("csi2pc.csi.in_time"), "BLOCK", 500)
    few = filter_in_time(capture, config)
    assert np.allclose(few.csi, whole.csi, atol=1e-6) and np.array_equal(few.valid, whole.valid)


def test_hampel_changes_amplitudes_of_outliers_alone(capture):
    got = filter_in_time(capture, PrepareConfig(hampel=3))
    outliers = capture.valid & ~got.valid
    assert outliers[20, 1, 4] and outliers[60, 0].sum() == capture.valid[60, 0].sum() and not got.valid[outliers].any()
    assert np.array_equal(got.csi[~outliers], capture.csi[~outliers])
    assert np.allclose(np.angle(got.csi), np.angle(capture.csi), atol=1e-5)
    amplitude, valid = hampel(np.abs(capture.csi[40:]), capture.valid[40:], half=3)
    assert np.allclose(np.abs(got.csi[40:]), amplitude, rtol=1e-5) and np.array_equal(got.valid[40:], valid)


def test_smoothing_of_the_amplitude_leaves_the_phase_and_the_complex_one_does_not(capture):
    amplitude, both = (filter_in_time(capture, config) for config in CONFIGS[1:3])
    assert np.allclose(np.angle(amplitude.csi), np.angle(capture.csi), atol=1e-5)
    expected = savitzky_golay(np.abs(capture.csi[:40]), capture.valid[:40], window=7, order=2)
    assert np.allclose(np.abs(amplitude.csi[:40]), expected.clip(0), rtol=1e-5)
    assert np.allclose(both.csi[:40], savitzky_golay(capture.csi[:40], capture.valid[:40], window=11, order=2))
    for got in (amplitude, both):
        assert np.array_equal(got.valid, capture.valid) and np.array_equal(got.csi[~got.valid], capture.csi[~got.valid])


def test_resampling_drops_what_was_recorded_by_packet_and_says_what_it_did(capture):
    got = filter_in_time(capture, PrepareConfig(rate=50.0))
    assert got.rssi is None and got.agc is None and got.rssi_antennas is None and not got.fields
    assert np.allclose(np.diff(got.timestamps)[:18], 0.02) and (np.diff(got.timestamps) > 0.4).sum() == 1
    assert got.report.notes == [f"resampled to 50 Hz: {len(got)} of 90 packets, 1 gaps left open"]
    assert not capture.report.notes and (got.csi != 0).all()


def test_butterworth_runs_on_the_uniform_instants(capture):
    plain = filter_in_time(capture, PrepareConfig(rate=100.0, max_gap=1.0))
    got = filter_in_time(capture, PrepareConfig(rate=100.0, max_gap=1.0, smoothing="butterworth", smoothed="complex"))
    expected = butterworth(plain.csi, plain.valid, rate=100.0, cutoff=20.0, order=2)
    assert np.allclose(got.csi, expected, atol=1e-6) and len(got) > 130
