"""Windows against a slow loop, on nominal and on irregular clocks; holes are marked, large ones rejected."""

import numpy as np
import pytest

from csi2pc.csi.features import CHANNELS, channels
from csi2pc.csi.layouts import HT40
from csi2pc.csi.prepare import PrepareConfig, prepare
from csi2pc.csi.read import read_capture
from csi2pc.csi.windows import clock, windows_at
from csi2pc.errors import ConfigError, ShapeError
from csi2pc.types import Capture

CONFIG = PrepareConfig(window=10, duration=0.1)


def capture_at(rng, times, *, links=2, tones=6, **fields):
    csi = (rng.normal(size=(len(times), links, tones)) + 1j * rng.normal(size=(len(times), links, tones)) + 3)
    csi = csi.astype(np.complex64)
    fields.setdefault("valid", np.ones(csi.shape, dtype=bool))
    return Capture(csi=np.where(fields["valid"], csi, 0), timestamps=np.asarray(times, dtype=float),
                   subcarriers=np.arange(1, tones + 1), rx=links, **fields)  # fmt: skip


def slow_window(capture, time, config):
    """The definition, slot by slot: features (A, S, C, T) and valid (A, S, T)."""
    _, links, tones = capture.csi.shape
    spacing = config.duration / config.window
    instants = [time - config.duration / 2 + (i + 0.5) * spacing for i in range(config.window)]
    values = np.zeros((links, tones, config.window), dtype=np.complex64)
    valid = np.zeros(values.shape, dtype=bool)
    for a in range(links):
        packets = []
        for instant in instants:
            nearest = int(np.argmin(np.abs(capture.timestamps - instant)))
            near = abs(capture.timestamps[nearest] - instant) <= config.tolerance * spacing + 1e-6
            hole = np.any(~capture.valid[nearest, a] & (capture.csi[nearest, a] == 0))
            packets.append(nearest if near and capture.valid[nearest, a].any() and not hole else None)
        for i, packet in enumerate(packets):
            others = [k for k, other in enumerate(packets) if other is not None]
            if packet is not None:
                valid[a, :, i] = capture.valid[packet, a]
            if others:
                values[a, :, i] = capture.csi[packets[min(others, key=lambda k: (abs(k - i), k))], a]
    return np.moveaxis(channels(values, config.channels), 0, 2), valid


def assert_equals_loop(capture, times, config):
    windows = windows_at(capture, times, config)
    kept = 0
    for f, time in enumerate(times):
        features, valid = slow_window(capture, time, config)
        if valid.mean() < 1 - config.max_unmeasured - 1e-9 or not valid.any():
            assert f not in windows.kept
            continue
        assert windows.kept[kept] == f
        assert np.array_equal(windows.valid[kept], valid)
        assert np.allclose(windows.features[kept], features, atol=1e-6)
        kept += 1
    assert kept == len(windows) == windows.report.read
    assert len(windows.report.skipped) == len(times) - kept
    return windows


@pytest.mark.parametrize("kind", CHANNELS)
@pytest.mark.parametrize("tolerance", [0.5, 1.0])
def test_equals_the_loop_with_jitter_gaps_and_dead_links(rng, kind, tolerance):
    times = np.sort(rng.uniform(0, 3, 250))
    times = times[(times < 1) | (times > 1.3)]
    valid = rng.random((len(times), 2, 6)) > 0.02
    valid[20:23, 1] = False
    config = PrepareConfig(window=8, duration=0.1, channels=kind, tolerance=tolerance, max_unmeasured=0.6)
    windows = assert_equals_loop(capture_at(rng, times, valid=valid), rng.uniform(-0.2, 3.2, 60), config)
    assert 0 < len(windows) < 60
    assert windows.features.dtype == np.float32 and windows.features.shape[1:] == (2, 6, CHANNELS[kind], 8)


def test_equals_the_loop_on_a_real_irregular_capture(real_data):
    capture = prepare(read_capture(real_data / "esp32_ht40" / "csi.csv"), CONFIG)
    windows = assert_equals_loop(capture, clock(capture, rate=10)[:60], CONFIG)
    assert 0.8 < windows.valid.mean() < 1


def test_on_mmfis_nominal_clock_window_k_is_frame_k(rng):
    frames = 297
    times = np.concatenate([(k - 1) * 0.1 + (np.arange(10) + 0.5) * 0.01 for k in range(1, frames + 1)])
    capture = capture_at(rng, times, timing="nominal")
    centres = (np.arange(1, frames + 1) - 0.5) * 0.1
    assert np.allclose(clock(capture, rate=10), centres)
    for at in (centres, clock(capture, rate=10)):
        windows = windows_at(capture, at, PrepareConfig(channels="amplitude_phase"))
        assert len(windows) == frames and windows.valid.all()
        amplitude = np.abs(capture.csi).reshape(frames, 10, 2, 6)
        assert np.array_equal(windows.features[:, :, :, 0], np.moveaxis(amplitude, 1, -1))


def test_a_missing_frame_is_rejected_and_named(rng):
    times = np.concatenate([(k - 1) * 0.1 + (np.arange(10) + 0.5) * 0.01 for k in (1, 3)])
    capture = capture_at(rng, times, source="S01/A02")
    windows = windows_at(capture, (np.arange(1, 4) - 0.5) * 0.1, CONFIG)
    assert windows.kept.tolist() == [0, 2]
    assert [(s.where, s.reason) for s in windows.report.skipped] == [
        ("S01/A02 window at 0.150 s", "more than 50% of the window unmeasured")
    ]


def test_a_slot_without_packet_repeats_its_neighbour_and_is_marked(rng):
    times = (np.arange(10) + 0.5) * 0.01
    capture = capture_at(rng, np.delete(times, 4))
    windows = windows_at(capture, [0.05], PrepareConfig(channels="amplitude_phase"))
    assert windows.valid[0].all((0, 1)).tolist() == [i != 4 for i in range(10)]
    assert np.array_equal(windows.features[0, ..., 4], windows.features[0, ..., 3])


def test_a_link_never_measured_is_zero_finite_and_marked(rng):
    valid = np.ones((10, 2, 6), dtype=bool)
    valid[:, 1] = False
    capture = capture_at(rng, (np.arange(10) + 0.5) * 0.01, valid=valid)
    windows = windows_at(capture, [0.05], CONFIG)
    assert np.isfinite(windows.features).all()
    assert windows.valid[0, 0].all() and not windows.valid[0, 1].any()
    assert not windows.features[0, 1, :, 1:].any()


def test_nothing_measured_is_rejected_whatever_is_allowed(rng):
    capture = capture_at(rng, [0.0, 0.01])
    assert len(windows_at(capture, [5.0], PrepareConfig(max_unmeasured=1.0))) == 0


def test_empty_captures_and_times(rng):
    empty = capture_at(rng, [])
    assert clock(empty, rate=10).shape == (0,)
    windows = windows_at(empty, [0.0, 1.0], CONFIG)
    assert windows.features.shape == (0, 2, 6, 3, 10) and len(windows.report.skipped) == 2
    assert len(windows_at(capture_at(rng, [0.0]), [], CONFIG)) == 0


def test_one_packet_gives_one_window_time(rng):
    assert clock(capture_at(rng, [2.0]), rate=10) == pytest.approx([2.05])


def test_epoch_seconds_do_not_lose_packets(rng):
    start = 1.7e9
    capture = capture_at(rng, start + (np.arange(100) + 0.5) * 0.01)
    windows = windows_at(capture, clock(capture, rate=10), CONFIG)
    assert len(windows) == 10 and windows.valid.all()


def test_bad_arguments(rng):
    capture = capture_at(rng, [0.0])
    with pytest.raises(ShapeError, match="1-d array of finite seconds"):
        windows_at(capture, [np.nan], CONFIG)
    with pytest.raises(ShapeError, match=r"got shape \(1, 1\)"):
        windows_at(capture, [[0.0]], CONFIG)
    with pytest.raises(ConfigError, match="rate must be more than 0 windows a second; got 0"):
        clock(capture, rate=0)


def test_the_real_mmfi_frame_is_one_whole_window(real_data):
    capture = prepare(read_capture(real_data / "mmfi" / "frame001.mat"), CONFIG)
    windows = windows_at(capture, clock(capture, rate=10), CONFIG)
    assert windows.features.shape == (1, 3, len(HT40), 3, 10) and windows.valid.all()
