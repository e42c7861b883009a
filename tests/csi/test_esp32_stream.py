"""Packets from a stream are those of the finished log, whatever pieces its text comes in; restarts are noticed."""

import numpy as np
import pytest
from esp32_text import bins_of, header, row

from csi2pc.csi.esp32 import read_esp32_csv
from csi2pc.csi.esp32_fields import HTLTF20, HTLTF40, LLTF
from csi2pc.csi.esp32_jsonl import read_esp32_jsonl
from csi2pc.csi.esp32_stream import MOVED, Esp32Stream
from csi2pc.csi.layouts import LEGACY20
from csi2pc.types import Report


def fed(stream, text, rng, largest=5000):
    """All that comes out of a text in pieces, and the report."""
    pieces, report, start = [], Report(), 0
    while start < len(text):
        stop = start + int(rng.integers(1, largest))
        pieces += stream.feed(text[start:stop], report)
        start = stop
    return pieces + stream.finish(report), report


def together(pieces):
    return np.concatenate([p.capture.timestamps for p in pieces]), np.concatenate([p.capture.csi for p in pieces])


@pytest.mark.parametrize(
    ("name", "field", "options"),
    [
        ("esp32_ht40/csi.csv", HTLTF40, {}), ("captures/esp32/example_100hz_pitraffic.csv", LLTF, {}),
        ("captures/esp32/example_data.csv", LLTF, {}), ("rooms/csi/room3/v18/3-mt-experiment-1-v18.csv", LLTF, {}),
        ("esp32_multi/pretrain-1775182186.csi.jsonl", LLTF, {"receiver": "1"}),
        ("esp32_multi/pretrain-1775182186.csi.jsonl", HTLTF20, {"receiver": "2"}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("largest", [300, 100_000])
def test_equals_the_reader_of_the_finished_log(real_data, rng, name, field, options, largest):
    read = read_esp32_jsonl if name.endswith("jsonl") else read_esp32_csv
    chosen = "lltf" if field is LLTF else "htltf"
    expected = read(real_data / name, training_field=chosen, **options)[0]
    pieces, _ = fed(Esp32Stream(name, field, **options), (real_data / name).read_bytes(), rng, largest)
    times, csi = together(pieces)
    np.testing.assert_array_equal(times, expected.timestamps)
    np.testing.assert_array_equal(csi, expected.csi)
    assert not any(piece.restarted for piece in pieces)


def log(rng, ticks, **fields):
    """Lines of packets, all different, at given ticks."""
    lines = [row(bins_of(rng, LEGACY20, lambda k: k % 64, 64)[0], local_timestamp=t, **fields) for t in ticks]
    return "".join(line + "\n" for line in lines).encode()


@pytest.mark.parametrize(
    "ticks", [[2**32 - 2000, 2**32 - 1000, 500, 1500], [1000, 2000, 90_000_000, 3000, 4000, 10, 5000], [5, 5, 6, 6, 7]]
)
def test_clocks_as_the_reader_sees_them(tmp_path, rng, ticks):
    text = log(rng, ticks)
    (tmp_path / "log.csv").write_bytes(text)
    expected = read_esp32_csv(tmp_path / "log.csv")[0]
    pieces, report = fed(Esp32Stream("log", LLTF), text, rng, 200)
    np.testing.assert_array_equal(together(pieces)[0], expected.timestamps)
    assert report.counts == expected.report.counts


def test_a_packet_waits_for_the_next_one(rng):
    stream, text = Esp32Stream("log", LLTF), log(rng, [1000, 2000, 3000])
    lines = text.splitlines(keepends=True)
    assert stream.feed(lines[0], Report()) == []
    assert [len(p.capture) for p in stream.feed(lines[1] + lines[2][:-1], Report())] == [1]
    assert [len(p.capture) for p in stream.finish(Report())] == [1, 1]


def test_a_restart_is_noticed_and_goes_on(rng):
    pieces, report = fed(Esp32Stream("log", LLTF), log(rng, [9_000_000, 9_001_000, 5000, 6000, 7000]), rng, 300)
    runs = [piece.restarted for piece in pieces]
    assert sum(runs) == 1 and not report.skipped
    assert together(pieces)[0].tolist() == pytest.approx([9.0, 9.001, 0.005, 0.006, 0.007])
    assert sum(len(p.capture) for p in pieces[: runs.index(True)]) == 2


def test_repeated_packets_are_skipped_over_pieces(rng):
    line = log(rng, [7])
    pieces, report = fed(Esp32Stream("log", LLTF), line * 5 + log(rng, [8]), rng, 100)
    assert len(together(pieces)[0]) == 2 and report.counts == {"repeated packet": 4}


def test_a_stream_that_moves_to_another_channel_begins_anew(rng):
    text = log(rng, [1000, 2000]) + log(rng, [2500], channel=11) + log(rng, [3000])
    moved = np.arange(MOVED + 5) * 1000 + 4000
    pieces, report = fed(Esp32Stream("log", LLTF), text + log(rng, moved, channel=11), rng)
    assert report.counts == {"on another channel than the packets before": 1 + MOVED}
    assert together(pieces)[0].tolist() == pytest.approx([0.001, 0.002, 0.003, *(moved[MOVED:] * 1e-6)])
    assert [p.restarted for p in pieces if p.capture.timestamps[0] >= 0.004].count(True) == 1
    assert pieces[-1].capture.center_frequency == 2462e6


def test_other_transmitters_receivers_and_fields_are_counted(rng):
    text = log(rng, [1000, 2000]) + log(rng, [2500], mac="aa:bb:cc:00:11:33") + b'{"iq_hex": "00", "timestamp": 1}\n'
    stream = Esp32Stream("log", LLTF, mac="aa:bb:cc:00:11:22")
    pieces, report = fed(stream, text, rng)
    assert len(together(pieces)[0]) == 2
    assert report.counts["another transmitter"] == 1 and len(report.skipped) == 2
    pieces, report = fed(Esp32Stream("log", HTLTF40), text, rng)
    assert not pieces and report.counts["packet without htltf40"] == 3


def test_garbage_and_bad_headers_do_not_stop_a_stream(rng):
    noise = rng.integers(0, 256, 3000, dtype=np.uint8).tobytes()
    bad = b"type,id,mac,local_timestamp,data\n"
    good = [log(rng, [1000 * i]) for i in range(1, 6)]
    last = [b'{"iq_hex": 5}', header(25).encode(), good[3], good[4]]
    text = b"\n".join([good[0], noise, good[1] + bad + good[2], *last])
    pieces, report = fed(Esp32Stream("log", LLTF), text, rng, 700)
    assert together(pieces)[0].tolist() == pytest.approx([0.001, 0.002, 0.003, 0.004, 0.005])
    assert any("header row must name" in reason for reason in report.counts)
