"""PicoScenes logs: csiread packet by packet, every device and segment version, damaged files."""

import json
import subprocess
import sys

import numpy as np
import picoscenes_log as pico
import pytest

from csi2pc.csi.intel_ax import ax_layout
from csi2pc.csi.layouts import HT20, HT40, INTEL5300_HT20, INTEL5300_HT40, LEGACY20, VHT80
from csi2pc.csi.picoscenes import looks_like_picoscenes, read_picoscenes
from csi2pc.errors import DataError

SAMPLE = "captures/picoscenes/picoscenes_iwl5300_example.csi"
#: What csiread makes of a file, in a process that it may take down.
CSIREAD = """
import csiread, json, sys, numpy as np
log = csiread.Picoscenes(sys.argv[1], {"CSI": [30, 3, 3], "MPDU": 1}, if_report=False)
log.read()
csi, info, basic = log.raw["CSI"]["CSI"], log.raw["CSI"]["Info"], log.raw["RxSBasic"]
np.savez(sys.argv[2], csi=csi, rx=info["NumRx"], tx=info["NumTx"] + info["NumESS"], sel=info["ANTSEL"])
print(json.dumps({"basic": basic.tolist(), "names": basic.dtype.names}))
"""


@pytest.fixture
def write(tmp_path):
    def write(*parts):
        path = tmp_path / "log.csi"
        path.write_bytes(b"".join(parts))
        return path

    return write


def one(
    body, *, basic_version=4, csi_version=4, ticks=1000, info=None, packet=None, zero=False, basic=None, **options
):  # fmt: skip
    """One frame of any device."""
    shared = {name: options[name] for name in ("device", "kind", "width", "rx") if name in options}
    first = pico.basic(basic_version, ticks=ticks, **shared, **(basic or {}))
    segments = [
        pico.segment("RxSBasic", basic_version, first, closing_zero=zero),
        *([pico.segment("ExtraInfo", 1, info, closing_zero=zero)] if info else []),
        pico.segment("CSI", csi_version, pico.csi(csi_version, body, **options), closing_zero=zero),
    ]
    return pico.frame(segments, pico.mpdu() if packet is None else packet)


def integers(rng, shape, limit):
    """Complex integers, none 0."""
    parts = rng.integers(1, limit, (2, *shape)) * rng.choice([-1, 1], (2, *shape))
    return parts[0] + 1j * parts[1]


def test_equals_csiread_packet_by_packet(real_data, tmp_path):
    pytest.importorskip("csiread")
    path = real_data / SAMPLE
    command = [sys.executable, "-c", CSIREAD, str(path), str(tmp_path / "theirs.npz")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    said = json.loads(done.stdout.strip().splitlines()[-1])
    theirs = np.load(tmp_path / "theirs.npz")
    basic = {name: np.array([row[i] for row in said["basic"]]) for i, name in enumerate(said["names"])}
    captures, at = read_picoscenes(path), 0
    for capture in captures:
        chosen = (theirs["rx"] == capture.rx) & (theirs["tx"] == capture.tx)
        csi = theirs["csi"][chosen][:, :, : capture.rx, : capture.tx]  # (n, S, rx, tx)
        assert np.array_equal(capture.csi, csi.transpose(0, 3, 2, 1).reshape(capture.csi.shape))
        assert np.array_equal(capture.fields["device_clock"], basic["Timestamp"][chosen])
        assert np.array_equal(capture.noise_floor, basic["NoiseFloor"][chosen])
        assert np.array_equal(capture.rssi, basic["RSSI"][chosen])
        assert np.array_equal(capture.fields["antenna_sel"], theirs["sel"][chosen])
        at += len(capture)
    assert at == len(theirs["rx"]) == 112
    assert not captures[0].report.skipped


def test_what_the_recording_says(real_data):
    capture = read_picoscenes(real_data / SAMPLE)[0]
    assert capture.csi.shape == (99, 2, 30) and capture.device == "picoscenes-intel5300"
    assert capture.center_frequency == 2.437e9 and capture.bandwidth == 20e6
    assert np.array_equal(capture.subcarriers, INTEL5300_HT20) and np.all(capture.agc == 63)
    assert capture.duration == pytest.approx(10.398, abs=1e-3)
    level = (np.abs(capture.csi) ** 2).mean(2)
    stronger = level[:, 0] > level[:, 1]
    assert (stronger == (capture.rssi_antennas[:, 0] > capture.rssi_antennas[:, 1])).mean() > 0.95
    assert any("changing antennas (CA: 95 packets, CB: 4 packets)" in note for note in capture.report.notes)


@pytest.mark.parametrize("basic_version", range(1, 6))
@pytest.mark.parametrize("csi_version", range(1, 7))
def test_every_version_of_the_segments(write, rng, basic_version, csi_version):
    frames, values = pico.log(rng, packets=3, basic_version=basic_version, csi_version=csi_version)
    (capture,) = read_picoscenes(write(*frames))
    assert np.array_equal(capture.csi, values.transpose(0, 3, 2, 1).reshape(3, 2, 30))
    assert np.allclose(capture.timestamps, [10, 10.01, 10.02])
    assert capture.rssi.tolist() == [-60] * 3 and capture.noise_floor.tolist() == [-90] * 3
    assert capture.rssi_antennas.tolist() == [[-62, -64]] * 3 and capture.agc.tolist() == [40] * 3
    assert capture.fields["sequence"].tolist() == [0, 1, 2] and capture.center_frequency == 2.437e9
    assert capture.fields["transmitter"][0].tobytes() == b"\x02\x11\x22\x33\x44\x55"
    assert capture.fields["mcs"].tolist() == [3] * 3 and capture.fields["format"].tolist() == [1] * 3


def test_names_with_a_closing_zero_and_unknown_segments(write, rng):
    values = pico.intel5300_values(rng)
    frame = one(pico.intel5300_body(values), zero=True)
    assert len(read_picoscenes(write(frame))[0]) == 1
    segments = [
        pico.segment("RxSBasic", 5, pico.basic(5), closing_zero=True),
        pico.segment("SDRExtra", 9, b"whatever", closing_zero=True),
        pico.segment("CSI", 6, pico.csi(6, pico.intel5300_body(values)), closing_zero=True),
        pico.segment("LegacyCSI", 6, b"not ours", closing_zero=True),
    ]
    (capture,) = read_picoscenes(write(pico.frame(segments)))
    assert np.array_equal(capture.csi[0], values.transpose(2, 1, 0).reshape(2, 30))
    assert capture.fields["sequence"].tolist() == [-1] and not capture.fields["transmitter"].any()


@pytest.mark.parametrize(("rx", "tx", "width"), [(1, 1, 20), (2, 2, 40), (3, 1, 20), (3, 3, 40)])
def test_intel_5300(write, rng, rx, tx, width):
    values = pico.intel5300_values(rng, rx, tx)
    frame = one(pico.intel5300_body(values), rx=rx, tx=tx, width=width, antenna_sel=0b100100)
    (capture,) = read_picoscenes(write(frame))
    assert np.array_equal(capture.csi[0], values.transpose(2, 1, 0).reshape(-1, 30))
    assert np.array_equal(capture.subcarriers, INTEL5300_HT20 if width == 20 else INTEL5300_HT40)
    assert (capture.rx, capture.tx, capture.bandwidth) == (rx, tx, width * 1e6)


def test_three_antennas_of_an_intel_5300_stand_in_the_order_of_its_ports(write, rng):
    values = pico.intel5300_values(rng, 3, 1)
    body = pico.intel5300_body(values)
    swapped = one(body, rx=3, antenna_sel=0b010010, basic={"chains": (-50, -60, -70)})  # chains on C, A, B
    impossible = one(body, rx=3, antenna_sel=0b000000, ticks=2000)
    (capture,) = read_picoscenes(write(swapped, impossible))
    links = values[:, :, 0].T
    assert np.array_equal(capture.csi[0], links[[1, 2, 0]]) and np.array_equal(capture.csi[1], links)
    assert capture.rssi_antennas[0].tolist() == [-50, -60, -70]


def test_subcarriers_of_half_a_channel_are_shifted(write, rng):
    (capture,) = read_picoscenes(write(one(pico.intel5300_body(pico.intel5300_values(rng)), offset=-32)))
    assert np.array_equal(capture.subcarriers, INTEL5300_HT20 - 32)


@pytest.mark.parametrize(("width", "k"), [(20, HT20), (40, HT40)])
@pytest.mark.parametrize(("rx", "tx"), [(1, 1), (3, 2)])
def test_qca9300(write, rng, width, k, rx, tx):
    values = integers(rng, (len(k), tx, rx), 512)
    body = pico.qca9300_body(values)
    frame = one(body, device=pico.QCA9300, width=width, tones=len(k), rx=rx, tx=1, extra=tx - 1)
    (capture,) = read_picoscenes(write(frame))
    truth = values.transpose(1, 2, 0).reshape(rx * tx, len(k)) * (np.where(k > 0, -1j, 1) if width == 40 else 1)
    assert np.array_equal(capture.csi[0], truth) and np.array_equal(capture.subcarriers, k)
    assert (capture.device, capture.tx) == ("picoscenes-qca9300", tx)


@pytest.mark.parametrize(
    ("kind", "width", "tones"),
    [(0, 20, 52), (1, 20, 56), (2, 40, 114), (2, 80, 242), (2, 160, 498), (3, 20, 242), (3, 80, 996), (4, 160, 2020)],
)
@pytest.mark.parametrize(("device", "name"), [(pico.AX200, "ax200"), (pico.AX210, "ax210")])
def test_ax200_and_ax210_have_the_imaginary_part_first(write, rng, kind, width, tones, device, name):
    layout = ax_layout(tones, he=kind >= 3)
    values = integers(rng, (2, 2, tones), 3000)  # rx, tx, tones
    body = np.stack([values.imag, values.real], -1).astype("<i2").tobytes()
    (capture,) = read_picoscenes(write(one(body, device=device, kind=kind, width=width, tones=tones, rx=2, tx=2)))
    values = np.delete(values, np.arange(*layout.junk), -1)
    truth = np.where(layout.pilots, 0, values.transpose(1, 0, 2).reshape(4, -1) * layout.turn)
    assert np.array_equal(capture.csi[0], truth)
    assert np.array_equal(capture.valid[0], np.broadcast_to(~layout.pilots, truth.shape))
    assert np.array_equal(capture.subcarriers, layout.subcarriers)
    assert (capture.device, capture.bandwidth) == (f"picoscenes-{name}", width * 1e6)


@pytest.mark.parametrize(("version", "number"), [(1, "<c16"), (2, "<c16"), (2, "<c8")])
@pytest.mark.parametrize("order", "CR")
def test_software_radio(write, rng, version, number, order):
    k = VHT80
    values = rng.normal(size=(len(k), 2, 3)) + 1j * rng.normal(size=(len(k), 2, 3))  # tones, tx, rx
    body = pico.matrix_body(k, values, version=version, number=number, order=order)
    frame = one(body, csi_version=6, device=pico.USRP, kind=2, width=80, tones=len(k), rx=3, tx=2)
    (capture,) = read_picoscenes(write(frame))
    truth = values.transpose(1, 2, 0).reshape(6, len(k)).astype(np.complex64)
    assert np.array_equal(capture.csi[0], truth) and capture.valid.all()
    assert np.array_equal(capture.subcarriers, k) and capture.device == "picoscenes-usrp"


def test_what_a_software_radio_interpolated_is_not_valid(write, rng):
    k = np.arange(-26, 27)
    values = rng.normal(size=(53, 1, 1)) + 2
    legacy = one(pico.matrix_body(k, values), device=pico.USRP, kind=0, tones=53, rx=1)
    (capture,) = read_picoscenes(write(legacy))
    assert np.array_equal(k[capture.valid[0, 0]], LEGACY20) and capture.csi[0, 0, 26] == 0
    sequence = rng.permutation(53)
    mixed = one(pico.matrix_body(k[sequence], values[sequence]), device=pico.USRP, kind=0, tones=53, rx=1)
    assert np.array_equal(read_picoscenes(write(mixed))[0].csi, capture.csi)
    partial = one(pico.matrix_body(k[:20], values[:20]), device=pico.USRP, kind=0, tones=20, rx=1)
    assert read_picoscenes(write(partial))[0].valid.all()


def test_of_several_estimates_the_first_is_read(write, rng):
    values = rng.normal(size=(56, 1, 2, 3)) + 1
    frame = one(pico.matrix_body(HT20, values), device=pico.USRP, tones=56, rx=2, csis=3)
    (capture,) = read_picoscenes(write(frame))
    assert np.array_equal(capture.csi[0], values[:, 0, :, 0].T.astype(np.complex64))
    assert any("3 estimates a packet" in note for note in capture.report.notes)


def test_clock_of_the_host_before_that_of_the_device(write, rng):
    body = pico.intel5300_body(pico.intel5300_values(rng))
    host = [one(body, ticks=i, basic={"system": 1_700_000_000_000_000_000 + 20_000_000 * i}) for i in range(3)]
    wrapping = [one(body, ticks=(2**32 - 10_000 + 10_000 * i) % 2**32) for i in range(3)]
    wide = [one(body, ticks=2**32 - 10_000 + 10_000 * i) for i in range(3)]
    for frames, start, step in ((host, 1.7e9, 0.02), (wrapping, 4294.957296, 0.01), (wide, 4294.957296, 0.01)):
        times = read_picoscenes(write(*frames))[0].timestamps
        assert times[0] == pytest.approx(start) and np.allclose(np.diff(times), step, atol=1e-6)


def test_devices_channels_and_antennas_are_split(write, rng):
    intel = pico.intel5300_body(pico.intel5300_values(rng))
    values = integers(rng, (2, 1, 56), 3000)
    other = np.stack([values.imag, values.real], -1).astype("<i2").tobytes()
    frames = [one(intel, ticks=i) for i in range(4)]
    frames += [one(intel, ticks=i, carrier=2_412_000_000) for i in range(4, 7)]
    frames += [one(other, device=pico.AX210, kind=kind, tones=56, ticks=10 + kind) for kind in (1, 2)]
    captures = read_picoscenes(write(*frames))
    assert [(len(c), c.center_frequency, c.device) for c in captures] == [
        (4, 2.437e9, "picoscenes"), (3, 2.412e9, "picoscenes"), (2, 2.437e9, "picoscenes"),
    ]  # fmt: skip


def test_transmitters(write, rng):
    body = pico.intel5300_body(pico.intel5300_values(rng))
    request = pico.mpdu(b"abcdef", control=0x00B4, length=16)
    packets = [pico.mpdu(b"abcdef"), request, pico.mpdu(b"123456"), b"\xd4\0" + bytes(8)]
    path = write(*(one(body, ticks=i, packet=packet) for i, packet in enumerate(packets)))
    (capture,) = read_picoscenes(path)
    assert any("3 transmitters" in note for note in capture.report.notes)
    (capture,) = read_picoscenes(path, mac="61:62:63:64:65:66")
    assert len(capture) == 2 and capture.fields["sequence"].tolist() == [7, -1]
    with pytest.raises(DataError, match="no packet from transmitter ff:ff"):
        read_picoscenes(path, mac="ff:ff:ff:ff:ff:ff")


@pytest.mark.parametrize(
    "damage",
    ["junk before", "junk between", "cut end", "length", "magic", "segment length", "missing piece", "frame version"],
)
def test_damaged_frames_are_skipped_and_the_next_one_is_found(write, rng, damage):
    frames, values = pico.log(rng, packets=8)
    lost, reason = {3}, "damaged record"
    if damage == "junk before":
        frames.insert(0, b"junk" * 25)
        lost = set()
    elif damage == "junk between":
        frames.insert(3, bytes(rng.integers(0, 256, 1000, dtype=np.uint8)))
        lost = set()
    elif damage == "cut end":
        frames[7], lost, reason = frames[7][:-1], {7}, "record cut off by the end of the file"
    elif damage == "length":
        frames[3] = b"\xff\xff\xff\x7f" + frames[3][4:]
    elif damage == "magic":
        frames[3] = frames[3][:4] + b"\0" + frames[3][5:]
    elif damage == "segment length":
        frames[3] = frames[3][:13] + b"\x7f" + frames[3][14:]
    elif damage == "missing piece":
        frames[3] = frames[3][:100] + frames[3][200:]
    else:
        frames[3] = frames[3][:8] + b"\x07" + frames[3][9:]
    (capture,) = read_picoscenes(write(*frames))
    kept = [i for i in range(8) if i not in lost]
    assert capture.fields["sequence"].tolist() == kept
    assert np.array_equal(capture.csi, values[kept].transpose(0, 3, 2, 1).reshape(len(kept), 2, 30))
    assert capture.report.counts == {reason: 1}


def test_wrong_frame_length_costs_no_other_frame(write, rng):
    frames, _ = pico.log(rng, packets=5)
    frames[1] = (len(frames[1]) + 96).to_bytes(4, "little") + frames[1][4:]
    (capture,) = read_picoscenes(write(*frames))
    assert capture.fields["sequence"].tolist() == [0, 1, 2, 3, 4]


def test_what_does_not_fit_is_counted(write, rng):
    good = pico.intel5300_body(pico.intel5300_values(rng))
    frames = [
        one(good, ticks=1),
        one(good, ticks=2, csi_version=1, tones=56),
        one(good, ticks=3, device=0x802),
        one(good, ticks=4, size=5000),
        one(good[:-1], ticks=5),
        one(good, ticks=6, width=80),
        one(bytes(len(good)), ticks=7),
        one(b"", ticks=8, device=pico.USRP),
        one(pico.matrix_body([1, 1, 2], np.ones((3, 1, 1))), ticks=9, device=pico.USRP, tones=3, rx=1),
        pico.frame([pico.segment("RxSBasic", 1, pico.basic(1))]),
        pico.frame([pico.segment("RxSBasic", 9, pico.basic(1)), pico.segment("CSI", 2, pico.csi(2, good))]),
        pico.frame([pico.segment("RxSBasic", 1, b"short"), pico.segment("CSI", 2, pico.csi(2, good))]),
    ]
    captures = read_picoscenes(write(*frames))
    assert len(captures) == 1 and len(captures[0]) == 1
    report = captures[0].report
    assert len(report.skipped) == 11 and report.read == 1
    assert {"no CSI known of device type 0x0802", "CSI longer than its segment", "no segment CSI", "every value is 0",
            "segment RxSBasic of unknown version 9", "segment RxSBasic too short"} <= set(report.counts)  # fmt: skip
    with pytest.raises(DataError, match="no usable picoscenes packet"):
        read_picoscenes(write(frames[9]))


def test_values_that_are_not_finite_are_skipped(write, rng):
    values = rng.normal(size=(56, 1, 1)) + 1
    bad = values.copy()
    bad[3] = np.inf
    bodies = [pico.matrix_body(HT20, both) for both in (values, bad)]
    frames = [one(body, device=pico.USRP, tones=56, rx=1, ticks=i) for i, body in enumerate(bodies)]
    (capture,) = read_picoscenes(write(*frames))
    assert capture.report.counts == {"CSI or time is not finite": 1} and len(capture) == 1


def test_recognition(rng):
    frames, _ = pico.log(rng, packets=2)
    assert looks_like_picoscenes(frames[0]) and looks_like_picoscenes(b"x" * 777 + frames[0][:60])
    magic = pico.MAGIC.to_bytes(4, "little")
    noise = bytes(rng.integers(0, 256, 1 << 16, dtype=np.uint8))
    for other in (b"", bytes(70000), noise, magic, b"abcd" + magic + b"\1\0\3" * 9):
        assert not looks_like_picoscenes(other)
