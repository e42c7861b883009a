"""Blocks as they come give what one pass gives, whatever the blocks, gaps, holes and filters."""

from dataclasses import replace

import numpy as np
import pytest
from made_captures import made

from csi2pc.csi.prepare import prepare
from csi2pc.csi.prepare_config import PrepareConfig
from csi2pc.csi.stream import PrepareStream, concatenate, prepare_stream
from csi2pc.errors import DataError
from csi2pc.types import Report

CONFIGS = {
    "packets alone": PrepareConfig(),
    "hampel": PrepareConfig(hampel=4),
    "savitzky_golay": PrepareConfig(smoothing="savitzky_golay", smoothing_window=9),
    "both, complex": PrepareConfig(hampel=3, smoothing="savitzky_golay", smoothed="complex", phase="joint"),
    "resampled": PrepareConfig(rate=90.0),
    "resampled slowly": PrepareConfig(rate=7.0),
    "hampel, resampled, smoothed": PrepareConfig(hampel=2, rate=120.0, smoothing="savitzky_golay", smoothing_window=5),
    "butterworth": PrepareConfig(rate=100.0, smoothing="butterworth", cutoff=15.0),
    "all": PrepareConfig(hampel=3, rate=80.0, smoothing="butterworth", smoothed="complex", phase="antenna_ratio"),
}


@pytest.fixture
def capture(rng):
    """Irregular packets, two gaps, holes, a link that drops out, a tone that is never measured, outliers."""
    whole = made(packets=400, holes=0.01, indices=np.arange(-6, 7), noise=0.01)
    times = whole.timestamps + rng.uniform(-0.004, 0.004, len(whole))
    times[150:] += 0.35
    times[310:] += 2.0
    times[50:53] = times[50]
    valid = whole.valid.copy()
    valid[200:230, 1] = False
    valid[..., 3] = False
    csi = np.where(valid, whole.csi, 0)
    csi[rng.integers(0, 400, 20)] *= 8
    return replace(whole, csi=csi, valid=valid, timestamps=times)


def blocks_of(capture, sizes):
    edges = np.cumsum([0, *sizes])
    blocks = [capture.select(slice(a, b)) for a, b in zip(edges[:-1], edges[1:], strict=True) if a < len(capture)]
    return [replace(block, report=Report(read=len(block))) for block in blocks]


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("largest", [1, 40, 300])
def test_blocks_equal_one_pass(capture, rng, name, largest):
    if largest == 1:
        capture = capture.select(slice(130, 200))
    config = replace(CONFIGS[name], level="packet")
    sizes = rng.integers(1, largest + 1, len(capture))
    got, whole = concatenate(list(prepare_stream(blocks_of(capture, sizes), config))), prepare(capture, config)
    assert np.array_equal(got.timestamps, whole.timestamps)
    assert np.array_equal(got.valid, whole.valid) and (got.rx, got.tx) == (whole.rx, whole.tx)
    tolerance = 1e-5 if config.smoothing == "butterworth" else 1e-6
    assert np.allclose(got.csi, whole.csi, rtol=0, atol=tolerance * np.abs(whole.csi).max())
    assert (got.rssi is None) == (config.rate is not None)


@pytest.mark.parametrize("name", CONFIGS)
def test_a_packet_waits_for_no_more_than_stated(name):
    config, steady = CONFIGS[name], made(packets=300, indices=np.arange(-6, 7))
    stream = PrepareStream(config)
    step = 0.01 if config.rate is None else 1 / config.rate
    delay = config.hampel * 0.01 + config.smoothing_reach * step + (0 if config.rate is None else 0.01 + step)
    last = -np.inf
    for time, block in zip(steady.timestamps, blocks_of(steady, [1] * len(steady)), strict=True):
        ready = stream.push(block)
        last = ready.timestamps[-1] if len(ready) else last
        assert last >= time - delay - 1e-5 or time - delay < step


def test_what_is_held_does_not_grow(capture):
    endless = [replace(capture, timestamps=capture.timestamps + 10.0 * i) for i in range(6)]
    for config in CONFIGS.values():
        stream, held = PrepareStream(config), []
        for part in endless:
            stream.push(part)
            held.append(0 if stream._held is None else len(stream._held))
        assert len(set(held[1:])) <= 2 and max(held) <= 200


def test_packets_too_sparse_to_resample_are_not_hoarded():
    sparse = made(packets=300, rate=2.0, indices=np.arange(-6, 7))
    stream = PrepareStream(PrepareConfig(rate=100.0, hampel=2))
    for block in blocks_of(sparse, [10] * 30):
        assert not len(stream.push(block))
        assert len(stream._held) < 10


def test_reports_of_blocks_are_kept_once(capture):
    blocks = blocks_of(capture, [200, 200])
    blocks[0].report.skip("packet 3", "damaged")
    out = list(prepare_stream(blocks, CONFIGS["hampel"]))
    merged = concatenate(out).report
    assert merged.read == 400 and merged.counts == {"damaged": 1}


def test_a_block_that_does_not_continue_is_refused(capture):
    stream = PrepareStream(CONFIGS["hampel"])
    stream.push(capture.select(slice(100, 200)))
    with pytest.raises(DataError, match="before the end of what precedes it"):
        stream.push(capture.select(slice(0, 50)))
    with pytest.raises(DataError, match="does not continue .* one layout at a time"):
        stream.push(made(indices=np.arange(1, 5)))


def test_nothing_pushed_gives_nothing():
    assert PrepareStream(CONFIGS["hampel"]).finish() is None and not list(prepare_stream([], PrepareConfig()))


def test_fields_that_only_some_recorded_are_left_out(capture):
    one, other = blocks_of(capture, [10, 10])
    whole = concatenate([one, replace(other, rssi=None, fields={})])
    assert whole.rssi is None and not whole.fields and np.array_equal(whole.agc, capture.agc[:20])
