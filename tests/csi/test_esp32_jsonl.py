"""JSON lines of several receivers: which one, which clock, and what is no packet."""

import json

import numpy as np
import pytest
from esp32_text import bins_of

from csi2pc.csi.esp32_jsonl import looks_like_esp32_jsonl, read_esp32_jsonl
from csi2pc.csi.layouts import HT20, HT40, LEGACY20
from csi2pc.errors import ConfigError, DataError

SAMPLE = "esp32_multi/pretrain-1775182186.csi.jsonl"


def record(values, **fields):
    """A packet. ``values``: integers as stored, imaginary part first."""
    known = {"timestamp": 1.7e9, "node_id": 1, "iq_hex": np.array(values, dtype=np.int8).tobytes().hex()}
    return json.dumps(known | fields)


def write(path, *lines):
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "log.jsonl"


def test_a_packet_is_what_the_chip_stored(path, rng):
    values, csi = bins_of(rng, LEGACY20, lambda k: k % 64, 64)
    times = [1.7e9, 1.7e9 + 0.02]
    [capture] = read_esp32_jsonl(write(path, *(record(values, timestamp=t, rssi=-40) for t in times)))
    np.testing.assert_array_equal(capture.csi[0, 0], csi)
    assert capture.timestamps.tolist() == times and capture.rssi.tolist() == [-40, -40]
    assert capture.device == "esp32" and capture.center_frequency is None and capture.valid.all()


def test_both_receivers_of_a_real_log(real_data):
    path = real_data / SAMPLE
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for receiver, default in (("1", True), ("2", False)):
        [capture] = read_esp32_jsonl(path, receiver=receiver)
        packets = [x for x in lines if x["node_id"] == int(receiver) and "iq_hex" in x]
        assert len(capture) == len(packets) and len(capture.subcarriers) == 52
        np.testing.assert_array_equal(capture.timestamps, [x["timestamp"] for x in packets])
        raw = np.stack([np.frombuffer(bytes.fromhex(x["iq_hex"]), np.int8)[:128] for x in packets])
        expected = (raw[:, 1::2] + 1j * raw[:, ::2])[:, LEGACY20 % 64]
        np.testing.assert_array_equal(capture.csi[:, 0], expected)
        assert capture.rssi is None and "cannot be dBm" in capture.report.notes[0]
        assert capture.report.counts == {
            "record without CSI (type vitals)": 236, "record without CSI (type feature)": 236,
            "record without CSI (type not named)": 2,
        }  # fmt: skip
        if default:
            chosen = read_esp32_jsonl(path)[0]
            assert len(chosen) == len(capture) and "2 (2650 packets)" in chosen.report.notes[-1]
    with pytest.raises(DataError, match=r"no packet of receiver 3; the file has 1 \(2659 packets\)"):
        read_esp32_jsonl(path, receiver="3")


def test_the_wide_field_of_a_real_log(real_data):
    [capture] = read_esp32_jsonl(real_data / SAMPLE, training_field="htltf")
    assert len(capture) == 503 + 23 and np.array_equal(capture.subcarriers, HT20)
    assert capture.valid.mean() > 0.999


def test_the_receivers_own_clock_is_taken_where_every_packet_has_it(path, rng):
    values, _ = bins_of(rng, HT40, lambda k: k % 128, 128)
    own = [record(values, timestamp=1.7e9 + 0.5 * i, local_timestamp=2**32 - 1000 + 10_000 * i) for i in range(2)]
    own[1] = own[1].replace(str(2**32 + 9000), "9000")
    [capture] = read_esp32_jsonl(write(path, *own))
    assert np.diff(capture.timestamps) == pytest.approx([0.01]) and len(capture.subcarriers) == 114
    [capture] = read_esp32_jsonl(write(path, *own, record(values, timestamp=1.7e9 + 1)))
    assert np.diff(capture.timestamps) == pytest.approx([0.5, 0.5])


def test_what_is_no_packet_is_listed(path, rng):
    values, _ = bins_of(rng, LEGACY20, lambda k: k % 64, 64)
    good = record(values)
    bad = {
        2: ("{", "no JSON object"),
        3: ("[1, 2]", "no JSON object"),
        4: (good[:-30], "no JSON object"),
        5: ('{"type": "vitals"}', "record without CSI (type vitals)"),
        6: (record(values, timestamp="x"), "no timestamp"),
        7: (record(values, timestamp=float("nan")), "no timestamp"),
        8: (record(values, iq_hex=5), "hexadecimal"),
        9: (record(values, iq_hex="0g"), "hexadecimal"),
        10: (record(values, subcarriers=63), "128 bytes in iq_hex"),
        11: (record(values[:-1]), "127 bytes"),
        12: (record([]), "0 bytes"),
        13: ("", None),
        14: (record(values[:40]), "40 values, which fit no known layout"),
        15: (record(values, channel=77), "no channel of that number"),
        16: ("[" * 60_000, "no JSON object"),
        17: (record(values, timestamp=True), "no timestamp"),
        18: (record(values, timestamp=9e9), "more than 30 days from the middle"),
        19: (good.replace("1700000000.0", "9" * 400), "no timestamp"),
    }
    captures = read_esp32_jsonl(write(path, good, *(line for line, _ in bad.values())))
    assert len(captures[0]) == 1
    found = {int(s.where.rsplit(" ", 1)[1]): s.reason for s in captures[0].report.skipped}
    assert set(found) == {n for n, (_, reason) in bad.items() if reason}
    for number, (_, reason) in bad.items():
        assert reason is None or reason in found[number]


def test_nothing_usable_and_a_wrong_field_are_refused(path, rng):
    with pytest.raises(DataError, match="no usable packet: 0 read, 1 skipped"):
        read_esp32_jsonl(write(path, '{"type": "vitals"}'))
    with pytest.raises(ConfigError, match="training_field must be one of"):
        read_esp32_jsonl(path, training_field="wide")


@pytest.mark.parametrize(
    ("head", "expected"),
    [(b'{"type": "vitals"}\n{"timestamp": 1, "iq_hex": "0102"}\n', True), (b'{"iq_hex": "0102"}', False), (b"", False),
     (b'{"timestamp": 1, "iq_hex": "01', False), (bytes(range(256)), False), (b'CSI_DATA,"iq_hex"', False)],
)  # fmt: skip
def test_recognition(head, expected):
    assert looks_like_esp32_jsonl(head) == expected
