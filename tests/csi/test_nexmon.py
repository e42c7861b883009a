"""Nexmon captures: parity with the official decode and csiread, round trips of written captures, damage."""

import struct

import numpy as np
import pytest
from nexmon_pcap import CHANSPECS, ETHERNET, MAC, datagram, floats, integers, pcap, pcapng

from csi2pc.csi.layouts import HT20, HT40, VHT80
from csi2pc.csi.nexmon import looks_like_nexmon, read_nexmon
from csi2pc.csi.nexmon_values import FLOAT9, FLOAT12, INT16, decode, recognise_format
from csi2pc.csi.rotation import phase_jump, undo_vht80_rotation
from csi2pc.errors import ConfigError, DataError

LAYOUTS = {64: HT20, 128: HT40, 256: VHT80}


def slow_decode(words, number_format):
    """The official tool's arithmetic, value by value, for one packet."""
    if not number_format.mantissa:
        return np.array([complex(*struct.unpack("<hh", struct.pack("<I", word))) for word in words.tolist()])
    bits, width = number_format.mantissa, number_format.exponent
    parts, largest = [], -(1 << (width - 1))
    for word in words.tolist():
        exponent = word % (1 << width)
        exponent -= (1 << width) * (exponent >= 1 << (width - 1))
        fields = [word >> (width + bits) & ((1 << bits) - 1), word >> width & ((1 << bits) - 1)]
        sizes = [field % (1 << (bits - 1)) for field in fields]
        if sizes[0] | sizes[1]:
            largest = max(largest, exponent + (sizes[0] | sizes[1]).bit_length() - 1)
        signs = [-1 if field >> (bits - 1) else 1 for field in fields]
        parts.append((exponent, list(zip(sizes, signs, strict=True))))
    return np.array([
        complex(*(sign * int(size * 2.0 ** (exponent + 10 - largest)) for size, sign in pair))
        for exponent, pair in parts
    ])  # fmt: skip


def expected(words, number_format):
    """One link, subcarriers in order, the rotation undone."""
    subcarriers = LAYOUTS[len(words)]
    csi = slow_decode(words, number_format)[subcarriers % len(words)]
    if len(words) == 128:
        csi[subcarriers > 0] *= -1j
    if len(words) == 256:
        csi[subcarriers >= -64] *= -1
    return csi


@pytest.fixture
def write(tmp_path):
    def write(content):
        path = tmp_path / "capture.pcap"
        path.write_bytes(content)
        return path

    return write


@pytest.mark.parametrize(("name", "chip"), [("example_4358", "4358"), ("example_4366c0", "4366c0")])
@pytest.mark.parametrize("told", [True, False])
def test_equals_the_official_decode_and_csiread(real_data, name, chip, told):
    loadmat = pytest.importorskip("scipy.io").loadmat
    csiread = pytest.importorskip("csiread")
    folder = real_data / "captures" / "nexmon"
    official = loadmat(folder / f"{name}.matlab.mat")["csi_buff"]  # (datagrams, 256)
    oracle = csiread.Nexmon(str(folder / f"{name}.pcap"), chip=chip, bw=80, if_report=False)
    oracle.read()
    np.testing.assert_array_equal(official, oracle.csi)
    (capture,) = read_nexmon(folder / f"{name}.pcap", chip=chip if told else None)
    turned = np.where(VHT80 >= -64, -1, 1)
    links = len(oracle.csi) // len(capture)
    order = np.lexsort((oracle.core, oracle.spatial, oracle.seq)) if links > 1 else np.arange(len(oracle.csi))
    ours = (capture.csi * turned).reshape(-1, len(VHT80))
    np.testing.assert_array_equal(ours, official[order][:, VHT80 % 256])
    assert (capture.rx, capture.tx) == ((2, 2) if chip == "4358" else (1, 1))
    seconds = (oracle.sec + oracle.usec * 1e-6)[::links]
    np.testing.assert_allclose(capture.timestamps, seconds, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(capture.fields["sequence"], oracle.seq[::links])
    np.testing.assert_array_equal(capture.fields["mac"], oracle.src_addr[::links])
    assert capture.center_frequency == {"4358": 5775e6, "4366c0": 5530e6}[chip] and capture.bandwidth == 80e6
    assert any("names no chip" in note for note in capture.report.notes) == (chip == "4358" and not told)


def test_the_rotation_is_in_the_file_and_out_of_the_capture(real_data):
    (capture,) = read_nexmon(real_data / "captures" / "nexmon" / "example_4358.pcap")
    raw = undo_vht80_rotation(capture.csi, capture.subcarriers)
    assert (np.abs(phase_jump(raw, VHT80, border=-64)) > np.pi - 0.05).all()
    assert (np.abs(phase_jump(capture.csi, VHT80, border=-64)) < 0.05).all()
    for border in (-32, 32, 64):
        assert (np.abs(phase_jump(capture.csi, VHT80, border=border)) < 0.2).all()


@pytest.mark.parametrize("number_format", [INT16, FLOAT9, FLOAT12], ids=lambda f: f.name)
def test_decode_equals_the_slow_one(rng, number_format):
    draw = (lambda: integers(rng)) if number_format is INT16 else (lambda: floats(rng, number_format))
    words = np.stack([draw() for _ in range(20)])
    words[3], words[4, 1:] = 0, 0
    csi, exponent = decode(words, number_format)
    for packet, row in zip(words, csi, strict=True):
        np.testing.assert_array_equal(row, slow_decode(packet, number_format))
    assert (exponent == 0).all() == (number_format is INT16)


def test_exponent_puts_packets_on_one_scale():
    words = np.array([[3 << 14 << 0 | 0], [3 << 14 | 4]], dtype=np.uint32)  # mantissa alike, exponents 0 and 4
    csi, exponent = decode(words, FLOAT9)
    scaled = csi[:, 0] * 2.0**exponent
    assert scaled[1] == 16 * scaled[0] != 0


@pytest.mark.parametrize("number_format", [INT16, FLOAT9, FLOAT12], ids=lambda f: f.name)
def test_number_format_is_told_by_the_bits_left_empty(rng, number_format):
    draw = (lambda: integers(rng)) if number_format is INT16 else (lambda: floats(rng, number_format))
    words = np.concatenate([draw() for _ in range(8)])
    assert recognise_format(words) is number_format
    assert recognise_format(words[:100]) is None and recognise_format(np.zeros(1000, dtype=np.uint32)) is None


@pytest.mark.parametrize("tones", [64, 128, 256])
@pytest.mark.parametrize("chip", [1, 3, 101, 106])
@pytest.mark.parametrize("header", ["first", "rssi", "long"])
def test_round_trip(write, rng, tones, chip, header):
    number_format = {1: INT16, 101: INT16, 3: FLOAT9, 106: FLOAT12}[chip]
    draw = integers if number_format is INT16 else lambda rng, tones: floats(rng, number_format, tones)
    words = [draw(rng, tones) for _ in range(3)]
    packets = [datagram(w, sequence=16 * i, chip=chip, header=header) for i, w in enumerate(words)]
    (capture,) = read_nexmon(write(pcap(packets)))
    np.testing.assert_array_equal(capture.csi[:, 0], [expected(w, number_format) for w in words])
    np.testing.assert_array_equal(capture.subcarriers, LAYOUTS[tones])
    np.testing.assert_allclose(capture.timestamps - 1700000000, [0, 0.01, 0.02], atol=1e-6)
    np.testing.assert_array_equal(capture.fields["sequence"], [0, 16, 32])
    assert capture.fields["mac"].tobytes() == MAC * 3
    assert (capture.center_frequency, capture.bandwidth) == (CHANSPECS[tones][1], tones * 312500)
    if header == "first":
        assert capture.rssi is None and "frame_control" not in capture.fields
    else:
        assert (capture.rssi == -57).all() and (capture.fields["frame_control"] == 0x88).all()


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("form", ["micro", "nano", "raw", "cooked", "pcapng", "pcapng nano"])
def test_every_kind_of_network_capture(write, rng, order, form):
    words = [integers(rng) for _ in range(3)]
    packets = [datagram(w, sequence=i) for i, w in enumerate(words)]
    if form.startswith("pcapng"):
        content = pcapng(packets, order=order, resolution=9 if "nano" in form else None)
    else:
        content = pcap(packets, order=order, nano=form == "nano", link={"raw": 101, "cooked": 113}.get(form, 1))
    path = write(content)
    assert looks_like_nexmon(content[:65536])
    (capture,) = read_nexmon(path)
    np.testing.assert_array_equal(capture.csi[:, 0], [expected(w, INT16) for w in words])
    np.testing.assert_allclose(capture.timestamps - 1700000000, [0, 0.01, 0.02], atol=1e-6)
    assert not capture.report.skipped


def test_cores_and_streams_of_a_frame_become_one_packet(write, rng):
    places = [(core, stream) for core in range(3) for stream in range(2)]
    words = {(frame, place): integers(rng) for frame in range(4) for place in places}
    packets = []
    for frame in range(4):
        shuffled = [places[i] for i in rng.permutation(len(places))]
        for core, stream in shuffled:
            if (frame, core, stream) != (2, 1, 1):  # lost
                # frame 1 repeats the sequence number of frame 0: a retransmission
                sequence = 16 * max(frame, 1)
                packets.append(datagram(words[frame, (core, stream)], sequence=sequence, core=core, stream=stream))
    (capture,) = read_nexmon(write(pcap(packets)))
    assert (capture.rx, capture.tx, len(capture)) == (3, 2, 3)
    for row, frame in enumerate([0, 1, 3]):
        for link in range(6):
            np.testing.assert_array_equal(
                capture.csi[row, link], expected(words[frame, (link % 3, link // 3)], INT16)
            )
    assert capture.report.counts == {"frame without the datagrams of all cores and streams": 5}
    np.testing.assert_allclose(capture.timestamps - 1700000000, [0, 0.06, 0.17], atol=1e-6)


def test_frames_of_fewer_streams_are_a_layout_of_their_own(write, rng):
    packets = []
    for frame in range(5):
        for stream in range(2 if frame < 3 else 1):
            packets += [datagram(integers(rng), sequence=16 * frame, core=core, stream=stream) for core in range(2)]
    captures = read_nexmon(write(pcap(packets)))
    assert [(c.rx, c.tx, len(c)) for c in captures] == [(2, 2, 3), (2, 1, 2)]
    assert not captures[0].report.skipped


def test_transmitters_and_channels(write, rng):
    other = bytes.fromhex("aabbccddeeff")
    packets = [datagram(integers(rng), sequence=i, mac=other if i == 1 else MAC) for i in range(4)]
    packets.append(datagram(integers(rng), sequence=9, chanspec=0x1001))
    path = write(pcap(packets))
    captures = read_nexmon(path)
    assert [(len(c), c.center_frequency) for c in captures] == [(4, 2437e6), (1, 2412e6)]
    assert any("2 transmitters" in note for note in captures[0].report.notes)
    (only,) = read_nexmon(path, mac="AA:BB:CC:DD:EE:FF")
    assert len(only) == 1 and only.report.counts == {"another transmitter": 4}
    with pytest.raises(DataError, match="00:1a:2b:3c:4d:5e"):
        read_nexmon(path, mac="00:00:00:00:00:01")


def test_chip_is_asked_for_where_nothing_tells_it(write, rng):
    path = write(pcap([datagram(integers(rng), chip=0xDEAD)]))
    with pytest.raises(DataError, match="got 0xdead.*give chip=, one of 4339"):
        read_nexmon(path)
    (capture,) = read_nexmon(path, chip="bcm4339")
    assert len(capture) == 1
    with pytest.raises(ConfigError, match="chip must be one of"):
        read_nexmon(path, chip="4360")


def test_other_traffic_is_noted_and_not_damage(write, rng):
    words = integers(rng)
    packets = [b"\x60" + bytes(60), datagram(words, port=53), datagram(words), b"\x45" + bytes(30)]
    (capture,) = read_nexmon(write(pcap(packets)))
    assert len(capture) == 1 and not capture.report.skipped
    assert "3 packets that are not for UDP port 5500 passed over" in capture.report.notes


def test_damaged_datagrams_are_skipped_one_by_one(write, rng):
    good = datagram(integers(rng), sequence=1)
    bad_magic = good[:28] + b"\x12" + good[29:]
    too_long = good[:24] + b"\xff\xff" + good[26:]
    odd = datagram(integers(rng), sequence=2)
    odd = odd[:24] + struct.pack(">H", 8 + 18 + 200) + odd[26:]
    (capture,) = read_nexmon(write(pcap([good, bad_magic, too_long, odd, datagram(integers(rng), sequence=3)])))
    assert len(capture) == 2
    assert sorted(capture.report.counts) == [
        "damaged datagram", "datagram to port 5500 without Nexmon's magic bytes", "length that fits no bandwidth",
    ]  # fmt: skip


def test_snapshot_length_cuts_packets(write, rng):
    content = bytearray(pcap([datagram(integers(rng))] * 2))
    size = len(ETHERNET) + len(datagram(integers(rng)))
    at = 24
    struct.pack_into("<II", content, at + 8, 96, size)
    del content[at + 16 + 96 : at + 16 + size]
    (capture,) = read_nexmon(write(bytes(content)))
    assert capture.report.counts == {"packet cut off by the capture's snapshot length": 1}


@pytest.mark.parametrize("damage", ["cut end", "bytes lost", "bytes between", "wrong length", "zeros", "first header"])
def test_damaged_files_go_on_behind_the_damage(write, rng, damage):
    words = [integers(rng) for _ in range(5)]
    content = pcap([datagram(w, sequence=i) for i, w in enumerate(words)])
    size = (len(content) - 24) // 5
    second = 24 + size
    kept = [0, 2, 3, 4]
    if damage == "cut end":
        content, kept = content[:-30], [0, 1, 2, 3]
    elif damage == "bytes lost":
        content = content[: second + 100] + content[second + 110 :]
    elif damage == "bytes between":
        content, kept = content[:second] + rng.bytes(50) + content[second:], [0, 1, 2, 3, 4]
    elif damage == "wrong length":
        content = content[: second + 8] + struct.pack("<II", size + 90, size + 90) + content[second + 16 :]
    elif damage == "zeros":
        content = content[:second] + bytes(size) + content[second + size :]
    else:
        content, kept = content[:24] + b"\xff" * 16 + content[40:], [1, 2, 3, 4]
    (capture,) = read_nexmon(write(content))
    np.testing.assert_array_equal(capture.csi[:, 0], [expected(words[i], INT16) for i in kept])
    assert len(capture.report.skipped) == 1 and "byte" in capture.report.skipped[0].where


@pytest.mark.parametrize("damage", ["cut end", "bytes lost", "wrong length"])
def test_damaged_pcapng_goes_on_behind_the_damage(write, rng, damage):
    words = [integers(rng) for _ in range(4)]
    content = pcapng([datagram(w, sequence=i) for i, w in enumerate(words)])
    size = (len(content) - len(pcapng([]))) // 4
    second = len(content) - 3 * size
    kept = [0, 2, 3]
    if damage == "cut end":
        content, kept = content[: -size + 60], [0, 1, 2]
    elif damage == "bytes lost":
        content = content[: second + 100] + content[second + 108 :]
    else:
        content = content[: second + 4] + b"\xf0" + content[second + 5 :]
    (capture,) = read_nexmon(write(content))
    np.testing.assert_array_equal(capture.csi[:, 0], [expected(words[i], INT16) for i in kept])
    assert len(capture.report.skipped) == 1


def test_links_that_are_all_zero_are_not_measured(write, rng):
    dead = np.zeros(64, dtype=np.uint32)
    packets = [datagram(integers(rng), core=0), datagram(dead, core=1)]
    packets += [datagram(dead, core=0, sequence=32), datagram(dead, core=1, sequence=32)]
    (capture,) = read_nexmon(write(pcap(packets)))
    assert len(capture) == 1 and capture.report.counts == {"every value is 0": 1}
    np.testing.assert_array_equal(capture.valid[0].all(1), [True, False])


def test_files_without_csi(write, rng):
    with pytest.raises(DataError, match="zero bytes"):
        read_nexmon(write(b""))
    with pytest.raises(DataError, match="no network capture"):
        read_nexmon(write(rng.bytes(500)))
    with pytest.raises(DataError, match="no usable nexmon packet"):
        read_nexmon(write(pcap([])))
    with pytest.raises(DataError, match="no usable nexmon packet"):
        read_nexmon(write(pcap([])[:10]))
    with pytest.raises(DataError, match="no usable nexmon packet"):
        read_nexmon(write(pcapng([])))


def test_recognition(real_data, rng):
    assert not looks_like_nexmon(rng.bytes(65536)) and not looks_like_nexmon(b"")
    for path in (real_data / "captures").rglob("*.*"):
        assert looks_like_nexmon(path.read_bytes()[:65536]) == (path.suffix == ".pcap"), path
