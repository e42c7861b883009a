"""Intel 5300 logs: parity with the official decode and csiread, round trips of written records, damage."""

import itertools

import numpy as np
import pytest

from csi2pc.csi.intel5300 import gain, looks_like_intel5300, read_intel5300, scaled_csi
from csi2pc.csi.intel5300_records import csi_size
from csi2pc.csi.layouts import INTEL5300_HT20, INTEL5300_HT40
from csi2pc.errors import DataError

HT20, HT40 = 0x0100, 0x0900


def record(values, *, ticks=0, count=1, antenna_sel=0b100100, rate=HT20, noise=-90, rssi=(40, 41, 42), agc=30):
    """One CSI record. ``values`` int (30, chains, streams, 2): real and imaginary part."""
    _, rx, tx, _ = values.shape
    bits = "".join(
        "000" + "".join(f"{int(value) & 255:08b}"[::-1] for value in tone.reshape(-1)) for tone in values
    )
    packed = np.packbits(np.array(list(bits), dtype=np.uint8), bitorder="little").tobytes()
    body = ticks.to_bytes(4, "little") + count.to_bytes(2, "little") + bytes(2)
    body += bytes([rx, tx, *rssi, noise & 255, agc, antenna_sel])
    body += len(packed).to_bytes(2, "little") + rate.to_bytes(2, "little") + packed
    return other(0xBB, body)


def other(code, body):
    return (len(body) + 1).to_bytes(2, "big") + bytes([code]) + body


def random_values(rng, rx, tx):
    return rng.integers(-128, 128, (30, rx, tx, 2))


def as_links(values, order):
    """complex (A, 30), receive chain ``i`` being antenna ``order[i]``."""
    _, rx, tx, _ = values.shape
    csi = np.empty((tx, rx, 30), dtype=complex)
    for chain, stream in itertools.product(range(rx), range(tx)):
        csi[stream, order[chain]] = values[:, chain, stream, 0] + 1j * values[:, chain, stream, 1]
    return csi.reshape(tx * rx, 30)


@pytest.fixture
def write(tmp_path):
    def write(*records):
        path = tmp_path / "log.dat"
        path.write_bytes(b"".join(records))
        return path

    return write


def test_equals_the_official_decode(real_data):
    loadmat = pytest.importorskip("scipy.io").loadmat
    folder = real_data / "captures" / "intel5300"
    official = loadmat(folder / "log.all_csi.6.7.6.matlab.mat")
    captures = read_intel5300(folder / "log.all_csi.6.7.6.dat")
    ours = {}
    for capture in captures:
        for i, count in enumerate(capture.fields["bfee_count"]):
            ours[int(count)] = capture, i, scaled_csi(capture)[i]
    assert len(ours) == len(official["csi"]) == 29
    for packet, scaled in zip(official["csi"][:, 0], official["csi_scaled"][:, 0], strict=True):
        packet = packet[0, 0]["csi"][0, 0] if packet.dtype == object else packet[0, 0]
        capture, i, own = ours[int(packet["bfee_count"].item())]
        assert (capture.rx, capture.tx) == (packet["Nrx"].item(), packet["Ntx"].item())
        np.testing.assert_array_equal(capture.csi[i], packet["csi"].reshape(-1, 30))
        np.testing.assert_allclose(own, scaled.reshape(-1, 30), rtol=0, atol=1e-8)
        for name in ("rssi_a", "rssi_b", "rssi_c", "rate"):
            assert capture.fields[name][i] == packet[name].item()
        assert capture.agc[i] == packet["agc"].item()


@pytest.mark.parametrize("name", ["log.all_csi.6.7.6.dat", "sample_0x1_ap.dat"])
def test_equals_csiread(real_data, name):
    csiread = pytest.importorskip("csiread")
    path = real_data / "captures" / "intel5300" / name
    oracle = csiread.Intel(str(path), nrxnum=3, ntxnum=3, if_report=False)
    oracle.read()
    rssi, total = oracle.get_total_rss(), 0
    for capture in read_intel5300(path):
        same = np.flatnonzero((oracle.Nrx == capture.rx) & (oracle.Ntx == capture.tx))
        expected = oracle.csi[same][:, :, : capture.rx, : capture.tx].transpose(0, 3, 2, 1)
        np.testing.assert_array_equal(capture.csi, expected.reshape(len(same), -1, 30))
        ticks = oracle.timestamp_low[same] * 1e-6
        np.testing.assert_allclose(np.diff(capture.timestamps), np.diff(ticks), atol=1e-9)
        noise = oracle.noise[same]
        np.testing.assert_array_equal(capture.noise_floor, np.where(noise == -127, np.nan, noise))
        np.testing.assert_allclose(capture.rssi, rssi[same], rtol=1e-6)
        total += len(capture)
    assert total == oracle.count


@pytest.mark.parametrize("rx", [1, 2, 3])
@pytest.mark.parametrize("tx", [1, 2, 3])
@pytest.mark.parametrize("rate", [HT20, HT40])
def test_round_trip(write, rng, rx, tx, rate):
    orders = list(itertools.permutations(range(rx)))
    values = [random_values(rng, rx, tx) for _ in range(2 * len(orders))]
    records = []
    for i, packet in enumerate(values):
        order = orders[i % len(orders)]
        antenna_sel = sum(port << (2 * chain) for chain, port in enumerate(order))
        records.append(record(packet, ticks=1000 * i, antenna_sel=antenna_sel, rate=rate, noise=-127))
    (capture,) = read_intel5300(write(*records))
    assert (capture.rx, capture.tx, len(capture)) == (rx, tx, len(values))
    np.testing.assert_array_equal(capture.subcarriers, INTEL5300_HT40 if rate == HT40 else INTEL5300_HT20)
    assert capture.bandwidth == (40e6 if rate == HT40 else 20e6)
    for i, packet in enumerate(values):
        order = orders[i % len(orders)] if rx == 3 else range(rx)  # fewer stay as logged
        np.testing.assert_array_equal(capture.csi[i], as_links(packet, order))
    np.testing.assert_allclose(capture.timestamps, np.arange(len(values)) * 1e-3)
    np.testing.assert_array_equal(capture.rssi_antennas[0], [40, 41, 42][:rx])
    assert np.isnan(capture.noise_floor).all() and capture.valid.all()


def test_two_antennas_stay_as_logged_with_the_rssi_of_their_ports(write, rng):
    values = random_values(rng, 2, 1)
    (capture,) = read_intel5300(write(record(values, antenna_sel=0b0010, rssi=(40, 0, 42))))  # chain 0: C, chain 1: A
    np.testing.assert_array_equal(capture.csi[0], as_links(values, [0, 1]))
    np.testing.assert_array_equal(capture.rssi_antennas[0], [42, 40])


def test_impossible_antenna_order_is_left_and_noted(write, rng):
    values = random_values(rng, 3, 1)
    (capture,) = read_intel5300(write(record(values, antenna_sel=0b101010)))
    np.testing.assert_array_equal(capture.csi[0], as_links(values, [0, 1, 2]))
    assert np.isnan(capture.rssi_antennas).all()
    assert "1 packets whose antenna_sel names no order" in capture.report.notes[0]


def test_layouts_are_split_and_their_clock_is_one(write, rng):
    wrap = (1 << 32) - 1000
    ticks = [wrap, wrap + 500, 0, 500]
    kinds = [(3, 1, HT20), (3, 1, HT40), (3, 1, HT20), (2, 2, HT20)]
    records = [
        record(random_values(rng, rx, tx), ticks=t, rate=rate)
        for t, (rx, tx, rate) in zip(ticks, kinds, strict=True)
    ]
    captures = read_intel5300(write(*records))
    assert [len(capture) for capture in captures] == [2, 1, 1]
    np.testing.assert_allclose(captures[0].duration, 1e-3, atol=1e-9)
    assert all("3 layouts" in capture.report.notes[-1] for capture in captures)


def test_records_of_other_codes_are_noted_and_not_damage(write, rng):
    csi = [record(random_values(rng, 3, 2), ticks=i) for i in range(3)]
    frame = other(0xC1, rng.bytes(300))
    (capture,) = read_intel5300(write(frame, csi[0], frame, other(0xD0, b""), csi[1], csi[2], frame))
    assert len(capture) == 3 and not capture.report.skipped
    assert "4 records that hold no CSI passed over, by code (0xC1: 3, 0xD0: 1)" in capture.report.notes


@pytest.mark.parametrize("damage", ["cut end", "bytes lost", "bytes between", "wrong length", "cut middle"])
def test_damaged_records_are_skipped_and_the_next_one_is_found(write, rng, damage):
    values = [random_values(rng, 3, 2) for _ in range(4)]
    records = [record(packet, ticks=i) for i, packet in enumerate(values)]
    kept = [0, 1, 3]
    if damage == "cut end":
        records[3] = records[3][:100]
        kept = [0, 1, 2]
    elif damage == "bytes lost":
        records[2] = records[2][:80] + records[2][90:]
    elif damage == "bytes between":
        records.insert(2, rng.bytes(50))
        kept = [0, 1, 2, 3]
    elif damage == "wrong length":
        records[2] = b"\xff" + records[2][1:]
    else:
        records[2] = records[2][:1]
    (capture,) = read_intel5300(write(*records))
    for i, original in enumerate(kept):
        np.testing.assert_array_equal(capture.csi[i], as_links(values[original], [0, 1, 2]))
    assert len(capture) == len(kept) and len(capture.report.skipped) == 1
    assert "byte" in capture.report.skipped[0].where
    if damage == "cut end":
        assert capture.report.counts == {"record cut off by the end of the file": 1}


def test_links_that_are_all_zero_are_not_measured(write, rng):
    values = random_values(rng, 3, 1)
    values[:, 1] = 0
    values[3, 0] = 0
    dead = np.zeros((30, 3, 1, 2), dtype=int)
    (capture,) = read_intel5300(write(record(values, ticks=0), record(dead, ticks=1)))
    assert len(capture) == 1 and capture.report.counts == {"every value is 0": 1}
    np.testing.assert_array_equal(capture.valid[0].all(1), [True, False, True])
    np.testing.assert_allclose(scaled_csi(capture), capture.csi * gain(capture)[0])


def test_gain_without_any_power_is_not_a_number(write, rng):
    (capture,) = read_intel5300(write(record(random_values(rng, 1, 1), rssi=(0, 0, 0))))
    assert np.isnan(gain(capture)).all() and np.isnan(capture.rssi).all() and np.isnan(capture.rssi_antennas).all()


def test_gain_asks_for_what_it_needs(write, rng):
    (capture,) = read_intel5300(write(record(random_values(rng, 1, 1))))
    capture.fields.pop("rssi_b")
    with pytest.raises(DataError, match="rssi_a, rssi_b, rssi_c"):
        gain(capture)


def test_files_without_csi(write, rng, tmp_path):
    with pytest.raises(DataError, match="zero bytes"):
        read_intel5300(write(b""))
    with pytest.raises(DataError, match="no usable intel5300 packet"):
        read_intel5300(write(rng.bytes(5000)))
    with pytest.raises(DataError, match="no usable"):
        read_intel5300(write(b"\x01"))
    with pytest.raises(DataError, match="cannot be read"):
        read_intel5300(tmp_path / "missing.dat")


def test_recognition(real_data, rng):
    sample = (real_data / "captures" / "intel5300" / "sample_0x1_ap.dat").read_bytes()
    assert looks_like_intel5300(sample[:65536]) and looks_like_intel5300(sample[7:4000])
    assert not looks_like_intel5300(rng.bytes(65536)) and not looks_like_intel5300(b"")
    for path in (real_data / "captures").rglob("*.*"):
        if path.parent.name != "intel5300":
            assert not looks_like_intel5300(path.read_bytes()[:65536]), path
    assert csi_size(3, 2) == 60 * 6 + 12
