"""Windows from a stream are those of the finished capture, whatever pieces it comes in."""

import numpy as np
import pytest

from csi2pc.csi.esp32 import read_esp32_csv
from csi2pc.csi.prepare import prepare
from csi2pc.csi.prepare_config import PrepareConfig
from csi2pc.csi.window_stream import WindowStream
from csi2pc.csi.windows import BEGINNING, clock, windows_at
from csi2pc.errors import ConfigError
from csi2pc.types import Capture


def capture_at(rng, times):
    csi = rng.normal(size=(len(times), 1, 8)) + 1j * rng.normal(size=(len(times), 1, 8)) + 3
    return Capture(csi=csi.astype(np.complex64), valid=np.ones(csi.shape, dtype=bool), subcarriers=np.arange(1, 9),
                   timestamps=np.asarray(times, dtype=float))  # fmt: skip


def in_pieces(capture, config, rate, rng, largest):
    """Everything that a stream returns, and how much of it before its end."""
    stream, cut, start = WindowStream(config, rate=rate), [], 0
    while start < len(capture):
        stop = start + int(rng.integers(1, largest + 1))
        cut += stream.push(capture.select(slice(start, stop)))
        start = stop
    early = sum(map(len, cut))
    cut += stream.finish()
    assert all(len(windows) or windows.rejected for windows in cut)
    return cut, early


def assert_equals_offline(capture, config, rate, rng, *, largest=30, exact=True):
    times = clock(capture, rate=rate)
    expected = windows_at(prepare(capture, config), times, config)
    cut, early = in_pieces(capture, config, rate, rng, largest)
    features = np.concatenate([windows.features for windows in cut])
    np.testing.assert_array_equal(np.concatenate([windows.times for windows in cut]), times[expected.kept])
    np.testing.assert_array_equal(np.concatenate([windows.valid for windows in cut]), expected.valid)
    if exact:
        np.testing.assert_array_equal(features, expected.features)
    else:
        np.testing.assert_allclose(features, expected.features, atol=1e-4)
    assert sum(windows.rejected for windows in cut) == len(times) - len(expected)
    return len(expected), early


@pytest.mark.parametrize("rate", [3.0, 10.0, 25.0])
@pytest.mark.parametrize("largest", [1, 40, 10_000])
@pytest.mark.parametrize("tolerance", [0.5, 1.0])
def test_windows_with_jitter_and_gaps(rng, rate, largest, tolerance):
    times = np.sort(rng.uniform(5, 11, 500))
    times = times[(times < 7) | (times > 7.4)]
    config = PrepareConfig(window=8, duration=0.1, tolerance=tolerance)
    kept, early = assert_equals_offline(capture_at(rng, times), config, rate, rng, largest=largest)
    assert kept > 10 and (early >= kept - rate - 2)


@pytest.mark.parametrize(
    "changes", [{"hampel": 2}, {"smoothing": "savitzky_golay", "smoothing_window": 5}, {"rate": 100.0},
                {"rate": 100.0, "smoothing": "butterworth", "hampel": 2}],
)  # fmt: skip
def test_windows_of_packets_that_are_filtered_in_time(real_data, rng, changes):
    capture = read_esp32_csv(real_data / "esp32_ht40" / "csi.csv")[0].select(slice(0, 700))
    config = PrepareConfig(subcarriers=[-40, -4, 4, 40], **changes)
    kept, early = assert_equals_offline(capture, config, 10.0, rng, largest=80, exact=False)
    assert kept > 50 and early > 40


def test_a_pause_of_years_is_passed_over_at_once(rng):
    times = np.concatenate([np.arange(200) * 0.01, 1.7e9 + np.arange(200) * 0.01])
    cut, _ = in_pieces(capture_at(rng, times), PrepareConfig(), 10.0, rng, 50)
    centres = np.concatenate([windows.times for windows in cut])
    assert 36 <= len(centres) <= 40 and centres[0] < 1 and centres[-1] > 1.7e9 + 1.8
    span = times[-1] + 0.005 - (times[0] - 0.005)
    assert sum(windows.rejected for windows in cut) + len(centres) == pytest.approx(span * 10, abs=1)


def test_a_pause_of_a_minute_equals_offline(rng):
    times = np.concatenate([np.arange(200) * 0.01, 60 + np.arange(200) * 0.01])
    assert_equals_offline(capture_at(rng, times), PrepareConfig(), 10.0, rng)


@pytest.mark.parametrize("packets", [1, 2, 9, BEGINNING - 1, BEGINNING])
def test_short_streams(rng, packets):
    assert_equals_offline(capture_at(rng, np.arange(packets) * 0.01), PrepareConfig(max_unmeasured=0.95), 10.0, rng)


def test_nothing(rng):
    stream = WindowStream(PrepareConfig(), rate=10.0)
    assert stream.push(capture_at(rng, [])) == [] and stream.finish() == []
    with pytest.raises(ConfigError, match="rate must be more than 0"):
        WindowStream(PrepareConfig(), rate=0.0)


def test_what_is_held_does_not_grow(rng):
    stream = WindowStream(PrepareConfig(), rate=10.0)
    for k in range(40):
        stream.push(capture_at(rng, (100 * k + np.arange(100)) * 0.01))
        assert len(stream._held) < 130
