"""Atheros logs: parity with csiread, round trips of written records in both byte orders, damage."""

import numpy as np
import pytest

from csi2pc.csi.atheros import looks_like_atheros, read_atheros
from csi2pc.csi.layouts import HT20, HT40
from csi2pc.errors import DataError


def record(
    values, *, ticks=0, order="little", channel=2437, rssi=(50, 45, 50, 40), noise=0, payload=b"\xaa" * 30, size=None
):
    """One record. ``values`` int (tones, tx, rx, 2): imaginary and real part; None is a record without CSI."""
    packed, tones, rx, tx = b"", 0, 0, 0
    if values is not None:
        tones, tx, rx, _ = values.shape
        bits = "".join(f"{int(value) & 1023:010b}"[::-1] for value in values.reshape(-1))
        packed = np.packbits(np.array(list(bits), dtype=np.uint8), bitorder="little").tobytes()
    body = ticks.to_bytes(8, order) + len(packed).to_bytes(2, order) + channel.to_bytes(2, order)
    body += bytes([0, noise & 255, 0x8F, int(tones == 114), tones, rx, tx, *(value & 255 for value in rssi)])
    body += len(payload).to_bytes(2, order) + packed + payload
    return (len(body) if size is None else size).to_bytes(2, order) + body


def random_values(rng, tones=56, rx=3, tx=2):
    return rng.integers(-512, 512, (tones, tx, rx, 2))


def as_links(values):
    """complex (A, tones)."""
    csi = values[..., 1] + 1j * values[..., 0]
    return csi.transpose(1, 2, 0).reshape(-1, len(values))


@pytest.fixture
def write(tmp_path):
    def write(*records):
        path = tmp_path / "log.dat"
        path.write_bytes(b"".join(records))
        return path

    return write


@pytest.mark.parametrize(
    ("name", "order", "stray"), [("ath_csi_1.dat", "little", 0), ("sample_csi_packet_big_endian.dat", "big", 1)]
)
def test_equals_csiread(real_data, tmp_path, name, order, stray):
    csiread = pytest.importorskip("csiread")
    path = real_data / "captures" / "atheros" / name
    copy = tmp_path / "copy.dat"
    copy.write_bytes(path.read_bytes()[stray:])
    oracle = csiread.Atheros(str(copy), nrxnum=3, ntxnum=2, tones=56, if_report=False)
    oracle.read(endian=order)
    (capture,) = read_atheros(path)
    assert len(capture) == oracle.count and not capture.report.skipped
    # The same values; csiread calls the outer of the two axes rx, the tool's own decoder tx.
    np.testing.assert_array_equal(capture.csi, oracle.csi.reshape(len(capture), 56, 6).transpose(0, 2, 1))
    np.testing.assert_allclose(capture.timestamps, oracle.timestamp * 1e-6, rtol=1e-12)
    np.testing.assert_array_equal(capture.rssi, oracle.rssi - 95)
    np.testing.assert_array_equal(
        capture.rssi_antennas, np.stack([oracle.rssi_1, oracle.rssi_2, oracle.rssi_3], axis=1)
    )
    np.testing.assert_array_equal(capture.fields["rate"], oracle.Rate)
    np.testing.assert_array_equal(capture.subcarriers, HT20)
    assert capture.center_frequency == oracle.tx_channel[0] * 1e6 and capture.noise_floor is None


def test_the_chain_with_most_power_has_the_largest_amplitudes(real_data):
    (capture,) = read_atheros(real_data / "captures" / "atheros" / "ath_csi_1.dat")
    level = np.abs(capture.csi).mean(axis=(0, 2)).reshape(capture.tx, capture.rx)
    assert capture.rssi_antennas.mean(axis=0).argmax() == 1
    assert (level.argmax(axis=1) == 1).all()


@pytest.mark.parametrize("order", ["little", "big"])
@pytest.mark.parametrize("tones", [56, 114])
@pytest.mark.parametrize("rx", [1, 2, 3])
@pytest.mark.parametrize("tx", [1, 2, 3])
@pytest.mark.parametrize("leading", [True, False])
def test_round_trip(write, rng, order, tones, rx, tx, leading):
    values = [random_values(rng, tones, rx, tx) for _ in range(3)]
    records = [record(packet, ticks=1000 * i, order=order) for i, packet in enumerate(values)]
    first = {"little": b"\x00", "big": b"\xff"}[order] if leading else b""
    (capture,) = read_atheros(write(first, *records))
    assert (capture.rx, capture.tx, len(capture)) == (rx, tx, 3) and not capture.report.skipped
    expected = np.stack([as_links(packet) for packet in values])
    if tones == 114:
        expected[..., HT40 > 0] *= -1j  # the 40 MHz rotation is in the record and out of the capture
        assert capture.center_frequency is None and capture.bandwidth == 40e6
    np.testing.assert_array_equal(capture.csi, expected)
    np.testing.assert_allclose(capture.timestamps, [0, 1e-3, 2e-3])
    assert capture.valid.all() and looks_like_atheros(records[0])


def test_chains_that_received_nothing(write, rng):
    records = [record(random_values(rng, rx=2), ticks=i, rssi=(50, 45, -128, 40)) for i in range(2)]
    (capture,) = read_atheros(write(*records))
    np.testing.assert_array_equal(capture.rssi_antennas, [[45, 40]] * 2)
    (capture,) = read_atheros(write(record(random_values(rng, rx=2), rssi=(50, 45, -128, -128), noise=-96)))
    np.testing.assert_array_equal(capture.rssi_antennas, [[45, np.nan]])
    assert capture.noise_floor[0] == -96


def test_clock_wraps_at_32_bits_unless_it_is_wider(write, rng):
    wrap = (1 << 32) - 500
    records = [record(random_values(rng), ticks=t) for t in (wrap, 500)]
    assert read_atheros(write(*records))[0].duration == pytest.approx(1e-3)
    records = [record(random_values(rng), ticks=t) for t in (wrap, wrap + 1000, wrap + 2000)]
    assert read_atheros(write(*records))[0].duration == pytest.approx(2e-3)


def test_layouts_and_channels_are_split(write, rng):
    records = [record(random_values(rng), ticks=i) for i in range(3)]
    records += [record(random_values(rng, tones=114), ticks=3), record(random_values(rng), ticks=4, channel=2462)]
    captures = read_atheros(write(*records))
    assert [len(capture) for capture in captures] == [3, 1, 1]
    assert {capture.center_frequency for capture in captures} == {2437e6, 2462e6, None}


def test_records_without_csi_are_noted(write, rng):
    records = [record(None), record(random_values(rng), ticks=1), record(None, ticks=2), record(None, ticks=3)]
    (capture,) = read_atheros(write(*records))
    assert len(capture) == 1 and not capture.report.skipped
    assert "3 records without CSI passed over" in capture.report.notes


@pytest.mark.parametrize("damage", ["cut end", "bytes lost", "bytes between", "wrong length", "wrong antennas"])
@pytest.mark.parametrize("order", ["little", "big"])
def test_damaged_records_are_skipped_and_the_next_one_is_found(write, rng, damage, order):
    values = [random_values(rng) for _ in range(4)]
    records = [record(packet, ticks=i, order=order) for i, packet in enumerate(values)]
    kept = [0, 1, 3]
    if damage == "cut end":
        records[3], kept = records[3][:-40], [0, 1, 2]
    elif damage == "bytes lost":
        records[2] = records[2][:80] + records[2][90:]
    elif damage == "bytes between":
        records.insert(2, rng.bytes(50))
        kept = [0, 1, 2, 3]
    elif damage == "wrong length":
        records[2] = record(values[2], ticks=2, order=order, size=17)
    else:
        records[2] = records[2][:19] + b"\x07" + records[2][20:]
    (capture,) = read_atheros(write(*records))
    np.testing.assert_array_equal(capture.csi, [as_links(values[i]) for i in kept])
    assert len(capture.report.skipped) == 1 and "byte" in capture.report.skipped[0].where
    if damage == "cut end":
        assert capture.report.counts == {"record cut off by the end of the file": 1}


def test_links_that_are_all_zero_are_not_measured(write, rng):
    values = random_values(rng)
    values[:, 0, 1] = 0
    values[5, 0, 0] = 0
    (capture,) = read_atheros(write(record(values), record(np.zeros_like(values), ticks=1)))
    assert len(capture) == 1 and capture.report.counts == {"every value is 0": 1}
    np.testing.assert_array_equal(capture.valid[0].all(1), [True, False, True, True, True, True])


def test_files_without_csi(write, rng):
    with pytest.raises(DataError, match="zero bytes"):
        read_atheros(write(b""))
    with pytest.raises(DataError, match="no usable atheros packet"):
        read_atheros(write(rng.bytes(5000)))
    with pytest.raises(DataError, match="no usable atheros packet"):
        read_atheros(write(b"\xff"))


def test_recognition(real_data, rng):
    assert not looks_like_atheros(rng.bytes(65536)) and not looks_like_atheros(b"")
    for path in (real_data / "captures").rglob("*.*"):
        assert looks_like_atheros(path.read_bytes()[:65536]) == (path.parent.name == "atheros"), path
