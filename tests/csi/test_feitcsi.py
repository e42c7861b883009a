"""FeitCSI logs: round trips over formats, what physics says of the recordings, damaged files."""

import feitcsi_log as feit
import numpy as np
import pytest

from csi2pc.csi.feitcsi import looks_like_feitcsi, read_feitcsi
from csi2pc.csi.intel_ax import LAYOUTS, ax_layout
from csi2pc.csi.rotation import phase_jump
from csi2pc.errors import DataError

SAMPLES = {"HT20_2452.csi": (48, 56, 20e6), "HT40_2452.csi": (34, 114, 40e6), "VHT80_5500.csi": (40, 242, 80e6)}


@pytest.fixture
def write(tmp_path):
    def write(*parts):
        path = tmp_path / "log.csi"
        path.write_bytes(b"".join(parts))
        return path

    return write


def expected(values, kind, width):
    """Complex ``(n, A, S)`` of ``(n, rx, tx, tones)``: links rx fastest, the standard's rotation undone."""
    links = values.transpose(0, 2, 1, 3).reshape(len(values), -1, values.shape[-1])
    k = ax_layout(values.shape[-1], he=kind in ("he", "eht")).subcarriers
    if kind not in ("he", "eht") and width == 40:
        links = links * np.where(k > 0, -1j, 1)
    if kind == "vht" and width == 80:
        links = links * np.where(k >= -64, -1, 1)
    if kind == "vht" and width == 160:
        links = links * np.where((k < -192) | ((k >= 0) & (k < 64)), 1, -1)
    return links


@pytest.mark.parametrize("name", SAMPLES)
def test_recordings_look_like_radio_waves(real_data, name):
    packets, tones, bandwidth = SAMPLES[name]
    (capture,) = read_feitcsi(real_data / "captures/feitcsi" / name)
    assert capture.csi.shape == (packets, 2, tones) and not capture.report.skipped
    assert (capture.bandwidth, capture.rx, capture.tx) == (bandwidth, 2, 1)
    assert np.all((capture.rssi_antennas > -60) & (capture.rssi_antennas < -20))
    measured, k = capture.csi[..., capture.valid[0, 0]], capture.subcarriers[capture.valid[0, 0]]
    assert np.array_equal(capture.valid, np.broadcast_to(capture.valid[0, 0], capture.valid.shape))
    assert measured.size and not (measured == 0).any()
    following = np.flatnonzero(np.diff(k) == 1)
    slope = np.angle((measured[..., following + 1] * measured[..., following].conj()).sum(-1))
    delay = -slope / (2 * np.pi * 312.5e3)
    assert np.all((delay > 50e-9) & (delay < 250e-9))  # the receiver's window begins before the symbol, never behind it
    ripple = np.abs(np.diff(np.abs(measured[..., :]), axis=-1)) / np.abs(measured).mean(-1, keepdims=True)
    assert np.median(ripple) < 0.1
    borders = (0,) if tones < 200 else (-64, 0, 64)
    for border in borders:
        jump = phase_jump(capture.csi, capture.subcarriers, capture.valid, border=border)
        assert np.abs(np.angle(np.exp(1j * jump).mean(0))).max() < 0.15


def test_clocks_of_a_recording_agree(real_data):
    (capture,) = read_feitcsi(real_data / "captures/feitcsi/HT20_2452.csi")
    fine = np.diff(capture.fields["ftm_clock"]) % 2**32 / 320e6
    assert np.abs(fine - np.diff(capture.timestamps)).max() < 5e-6


@pytest.mark.parametrize(("kind", "width"), feit.TONES)
@pytest.mark.parametrize(("rx", "tx"), [(1, 1), (2, 1), (2, 2)])
def test_round_trip(write, rng, kind, width, rx, tx):
    records, values = feit.log(rng, packets=4, rx=rx, tx=tx, kind=kind, width=width)
    (capture,) = read_feitcsi(write(*records))
    layout = ax_layout(values.shape[-1], he=kind in ("he", "eht"))
    assert np.array_equal(capture.subcarriers, layout.subcarriers) and capture.bandwidth == width * 1e6
    assert np.array_equal(capture.valid, np.broadcast_to(~layout.pilots, capture.csi.shape))
    truth = np.where(layout.pilots, 0, expected(values, kind, width))
    assert np.array_equal(capture.csi, truth.astype(np.complex64))
    assert np.allclose(np.diff(capture.timestamps), 0.01)
    assert any("78.125 kHz" in note for note in capture.report.notes) == (kind in ("he", "eht"))


@pytest.mark.parametrize(("kind", "good", "first", "junk"), [("vht", 484, 242, 14), ("he", 1992, 996, 28)])
def test_entries_without_meaning_in_160_mhz_reports_are_left_out(write, rng, kind, good, first, junk):
    values = feit.values(rng, 2, 1, good)
    longer = np.insert(values, [first] * junk, 12345 + 12345j, axis=-1)
    plain, padded = (read_feitcsi(write(feit.record(v, kind=kind, width=160)))[0] for v in (values, longer))
    assert longer.shape[-1] == good + junk
    assert np.array_equal(plain.csi, padded.csi) and np.array_equal(plain.subcarriers, padded.subcarriers)


def test_pilots_are_where_the_standard_has_them():
    pilots = {(tones, he): layout.subcarriers[layout.pilots] for (tones, he), layout in LAYOUTS.items()}
    assert pilots[114, False].tolist() == [-53, -25, -11, 11, 25, 53]
    assert pilots[242, False].tolist() == [-103, -75, -39, -11, 11, 39, 75, 103]
    assert pilots[242, True].tolist() == [-116, -90, -48, -22, 22, 48, 90, 116]
    assert {key: len(found) for key, found in pilots.items()} == {
        (52, False): 4, (56, False): 4, (114, False): 6, (242, False): 8, (484, False): 16, (498, False): 16,
        (242, True): 8, (484, True): 16, (996, True): 16, (1992, True): 32, (2020, True): 32,
    }  # fmt: skip


def test_processed_logs_hold_double_precision(write, rng):
    values = feit.values(rng) / 7
    (capture,) = read_feitcsi(write(feit.record(values, number="<f8")))
    truth = values[:, 0].astype(np.complex64)
    assert np.array_equal(capture.csi[0][capture.valid[0]], truth[capture.valid[0]])


def test_clocks_host_before_card_before_fine(write, rng):
    values = feit.values(rng)
    host = [feit.record(values + i, host=1_700_000_000_000_000 + 2500 * i, card=i, ftm=i) for i in range(5)]
    card = [feit.record(values + i, card=(2**32 - 5000 + 2500 * i) % 2**32) for i in range(5)]
    fine = [feit.record(values + i, ftm=(2**32 - 10**6 + 800_000 * i) % 2**32) for i in range(5)]
    for records, start in ((host, 1.7e9), (card, (2**32 - 5000) / 1e6), (fine, (2**32 - 10**6) / 320e6)):
        times = read_feitcsi(write(*records))[0].timestamps
        assert times[0] == pytest.approx(start) and np.allclose(np.diff(times), 2.5e-3, atol=5e-7)


def test_layouts_are_split_and_transmitters_told_apart(write, rng):
    wide, _ = feit.log(rng, packets=3, kind="vht", width=80)
    small, _ = feit.log(rng, packets=5, source=b"abcdef")
    path = write(*(record for pair in zip(small, [*wide, b"", b""], strict=True) for record in pair))
    captures = read_feitcsi(path)
    assert [c.csi.shape for c in captures] == [(5, 2, 56), (3, 2, 242)]
    assert all(any("2 transmitters" in note for note in c.report.notes) for c in captures)
    (own,) = read_feitcsi(path, mac="61-62-63-64-65-66")
    assert len(own) == 5 and own.report.counts == {"another transmitter": 3}
    with pytest.raises(DataError, match="no packet from transmitter 00:00:00:00:00:01; the file has 61:62"):
        read_feitcsi(path, mac="00:00:00:00:00:01")


def test_rssi_of_antennas_and_together(write, rng):
    levels = [(40, 40), (0, 50), (0, 0)]
    records = [feit.record(feit.values(rng), rssi=rssi, card=i) for i, rssi in enumerate(levels)]
    (capture,) = read_feitcsi(write(*records))
    assert np.allclose(capture.rssi_antennas[:2], [[-40, -40], [np.nan, -50]], equal_nan=True)
    assert np.allclose(capture.rssi, [-40 + 10 * np.log10(2), -50, np.nan], atol=1e-4, equal_nan=True)
    (single,) = read_feitcsi(write(feit.record(feit.values(rng, rx=1), rssi=(0, 33))))
    assert single.rssi_antennas.tolist() == [[-33]]


@pytest.mark.parametrize(
    "damage", ["junk before", "junk between", "cut end", "size", "tones", "missing piece", "unknown tones"]
)
def test_damaged_records_are_skipped_and_the_next_one_is_found(write, rng, damage):
    records, values = feit.log(rng, packets=8)
    lost, reason = {3}, "damaged record"
    if damage == "junk before":
        records.insert(0, b"junk" * 25)
        lost = set()
    elif damage == "junk between":
        records.insert(3, bytes(rng.integers(0, 256, 1000, dtype=np.uint8)))
        lost = set()
    elif damage == "cut end":
        records[7], lost, reason = records[7][:-1], {7}, "record cut off by the end of the file"
    elif damage == "size":
        records[3] = b"\xff\xff\xff\x7f" + records[3][4:]
    elif damage == "tones":
        records[3] = records[3][:52] + b"\x39" + records[3][53:]
    elif damage == "missing piece":
        records[3] = records[3][:300] + records[3][400:]
    else:
        records[3], reason = feit.record(feit.values(rng, tones=30), card=5_030_000), "30 tones: no known layout"
    (capture,) = read_feitcsi(write(*records))
    kept = [i for i in range(8) if i not in lost]
    assert np.array_equal(capture.csi[:, :, 0], values[kept][:, :, 0, 0])
    assert capture.report.counts == {reason: 1} and capture.report.read == len(kept)


def test_what_does_not_fit_is_counted(write, rng):
    good = feit.record(feit.values(rng), card=1)
    wrong_width = feit.record(feit.values(rng), width=80, card=2)
    empty = feit.record(np.zeros((2, 1, 56)), card=3)
    (capture,) = read_feitcsi(write(good, wrong_width, empty))
    assert capture.report.counts == {"56 tones at 80 MHz: no known layout": 1, "every value is 0": 1}
    with pytest.raises(DataError, match="no usable feitcsi packet: 0 read, 1 skipped"):
        read_feitcsi(write(empty))


def test_recognition(rng):
    records, _ = feit.log(rng, packets=3)
    assert looks_like_feitcsi(records[0]) and looks_like_feitcsi(records[0][:300])
    assert looks_like_feitcsi(b"x" * 1000 + records[0] + records[1]) and not looks_like_feitcsi(b"x" + records[0])
    for other in (b"", b"\0" * 70000, bytes(rng.integers(0, 256, 1 << 16, dtype=np.uint8)), b"CSI_DATA," * 9000):
        assert not looks_like_feitcsi(other)
