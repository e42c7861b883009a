"""The numbers of a capture agree with the slow way, and JSON can hold them."""

import json

import numpy as np
import pytest
from captures import full_capture, plain_capture

from csi2pc.csi import describe as module
from csi2pc.csi import read_capture
from csi2pc.csi.describe import describe, describe_times, gaps, phase_spread
from csi2pc.types import Capture


def test_a_page_that_json_can_hold(rng):
    for capture in (full_capture(rng), plain_capture(rng), plain_capture(rng).select(slice(1)),
                    plain_capture(rng).select(slice(0)), full_capture(rng, 1)):  # fmt: skip
        about = describe(capture)
        assert json.loads(json.dumps(about, allow_nan=False)) == about
        assert about["packets"] == len(capture)
    about = describe(full_capture(rng))
    assert about["synthetic"] and about["timing"] == "nominal" and about["skipped"] == {"cut off": 1}
    assert about["noise_floor_dbm"] == {"lowest": -92, "median": -92, "highest": -92, "known": 1}
    assert 0 < about["rssi_antennas"]["known"] < 1
    assert about["subcarriers"] == {"count": 114, "indices": "-58..-2, 2..58"}


def test_gaps_and_rate():
    times = np.concatenate([np.arange(50) * 0.01, 2 + np.arange(50) * 0.01, [2.55]])
    limit, starts, ends = gaps(times)
    assert np.isclose(limit, 0.05) and np.allclose(starts, [0.49, 2.49]) and np.allclose(ends, [2.0, 2.55])
    about = describe_times(times)
    assert np.isclose(about["rate_hz"], 100) and np.isclose(about["mean_rate_hz"], 100 / 2.55)
    assert about["gaps"]["count"] == 2
    assert np.isclose(about["gaps"]["longest_s"], 1.51) and np.isclose(about["duration_s"], 2.55)
    assert gaps(np.zeros(5))[0] is None and describe_times(np.zeros(5))["rate_hz"] is None
    assert np.isclose(describe_times(np.repeat(np.arange(9) / 10, 3))["rate_hz"], 10)


def test_phase_spread_is_the_circular_standard_deviation(rng, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 7)
    capture = full_capture(rng, 40)
    spread = []
    for link in range(6):
        for tone in range(114):
            valid = capture.valid[:, link, tone]
            mean = np.exp(1j * np.angle(capture.csi[valid, link, tone])).mean()
            spread.append(np.sqrt(-2 * np.log(np.abs(mean))))
    assert np.isclose(phase_spread(capture)["raw"], np.median(spread))


@pytest.mark.parametrize("sigma", [0.01, 0.1])
def test_sanitising_leaves_the_noise(rng, sigma):
    tones = np.arange(-28, 29)
    line = rng.uniform(-0.3, 0.3, (500, 1, 1)) * tones + rng.uniform(-3, 3, (500, 1, 1))
    csi = np.exp(1j * (line + sigma * rng.normal(size=(500, 1, 57)))).astype(np.complex64)
    spread = phase_spread(Capture(csi, np.ones(csi.shape, bool), np.arange(500.0), tones))
    assert spread["raw"] > 1.5 and np.isclose(spread["sanitised"], sigma, rtol=0.1)


@pytest.mark.parametrize("name", ["mmfi/frame001.mat", "esp32_ht40/csi.csv"])
def test_real_phase_varies_ten_times_less_when_sanitised(real_data, name):
    assert phase_spread(read_capture(real_data / name))["ratio"] > 10
