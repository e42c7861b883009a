"""ESP32 logs: both layouts, every training field, clocks, and what is skipped and why."""

import numpy as np
import pytest
from esp32_text import MAC, bins_of, header, row

from csi2pc.csi import esp32
from csi2pc.csi.esp32 import looks_like_esp32_csv
from csi2pc.csi.layouts import HT20, HT40, LEGACY20, VHT80
from csi2pc.csi.packet_times import unwrap_clock
from csi2pc.csi.phase import sanitise
from csi2pc.errors import ConfigError, DataError

BROKEN = "127 values, which fit no known layout of this packet"


def read_esp32_csv(path, **options):
    """The layout with most packets."""
    return esp32.read_esp32_csv(path, **options)[0]


def write(path, *lines):
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "log.csv"


@pytest.mark.parametrize("layout", [24, 25])
@pytest.mark.parametrize("with_header", [True, False])
def test_both_layouts_with_and_without_header(path, rng, layout, with_header):
    values, csi = bins_of(rng, LEGACY20, lambda k: k % 64, 64)
    lines = [row(values, layout=layout, local_timestamp=1000 * (i + 1), rssi=-40 - i, first_word=0) for i in range(3)]
    capture = read_esp32_csv(write(path, *([header(layout)] if with_header else []), *lines))
    assert len(capture) == capture.report.read == 3 and not capture.report.skipped
    assert np.allclose(capture.timestamps, [0.001, 0.002, 0.003])
    assert capture.rssi.tolist() == [-40, -41, -42] and (capture.noise_floor == -95).all()
    assert capture.center_frequency == 2437e6 and capture.bandwidth == 20e6
    measured = LEGACY20 != 1 if layout == 25 else np.ones(52, dtype=bool)  # first word: see below
    assert np.array_equal(capture.valid[0, 0], measured)
    assert np.array_equal(capture.csi[1, 0], np.where(measured, csi, 0))


def test_columns_are_found_by_the_header_where_it_differs(path, rng):
    values, csi = bins_of(rng, LEGACY20, lambda k: k % 64, 64)
    names = header(24).replace("bandwidth", "cwb").split(",")
    swapped = [names.index("mac"), names.index("rssi")]
    names[swapped[0]], names[swapped[1]] = names[swapped[1]], names[swapped[0]]
    parts = row(values, layout=24).split(",", 24)
    parts[swapped[0]], parts[swapped[1]] = parts[swapped[1]], parts[swapped[0]]
    capture = read_esp32_csv(write(path, ",".join(f'"{n}"' for n in names), ",".join(parts)))
    assert capture.rssi.tolist() == [-50] and np.array_equal(capture.csi[0, 0], csi)


def test_the_first_word_is_not_measured_where_it_is_a_used_subcarrier(path, rng):
    values, csi = bins_of(rng, LEGACY20, lambda k: k % 64, 64)
    for flag, expected in ((1, False), (0, True)):
        capture = read_esp32_csv(write(path, row(values, layout=24, first_word=flag)))
        at = np.flatnonzero(LEGACY20 == 1)[0]
        assert capture.valid[0, 0, at] == expected
        assert (capture.csi[0, 0, at] == csi[at]) == expected


@pytest.mark.parametrize("secondary", [1, 2])
def test_lltf_beside_a_secondary_channel_ascends(path, rng, secondary):
    values, csi = bins_of(rng, LEGACY20, lambda k: k + 32, 64)
    capture = read_esp32_csv(write(path, row(values, secondary_channel=secondary)))
    assert np.array_equal(capture.subcarriers, LEGACY20) and np.array_equal(capture.csi[0, 0], csi)
    assert capture.center_frequency == 2437e6


@pytest.mark.parametrize(("secondary", "center"), [(1, 2447e6), (2, 2427e6)])
@pytest.mark.parametrize("with_lltf", [True, False])
@pytest.mark.parametrize(("stbc", "count"), [(0, 128), (1, 121)])
def test_ht40_is_turned_back(path, rng, secondary, center, with_lltf, stbc, count):
    ht, csi = bins_of(rng, HT40, lambda k: k % count, count)
    legacy, _ = bins_of(rng, LEGACY20, lambda k: k + 32, 64)
    values = (legacy if with_lltf else []) + ht * (1 + stbc)
    line = row(values, sig_mode=1, bandwidth=1, stbc=stbc, secondary_channel=secondary)
    if stbc and not with_lltf:
        with pytest.raises(DataError, match="fit no known layout"):
            read_esp32_csv(write(path, line))
        return
    capture = read_esp32_csv(write(path, line))
    assert np.array_equal(capture.subcarriers, HT40) and capture.valid.all()
    assert capture.center_frequency == center and capture.bandwidth == 40e6
    assert np.array_equal(capture.csi[0, 0], np.where(HT40 > 0, csi * -1j, csi))


@pytest.mark.parametrize("with_lltf", [True, False])
def test_ht20(path, rng, with_lltf):
    ht, csi = bins_of(rng, HT20, lambda k: k % 64, 64)
    legacy, legacy_csi = bins_of(rng, LEGACY20, lambda k: k % 64, 64)
    line = row((legacy if with_lltf else []) + ht, layout=24, sig_mode=1)
    capture = read_esp32_csv(write(path, line))
    assert np.array_equal(capture.subcarriers, HT20) and np.array_equal(capture.csi[0, 0], csi)
    if with_lltf:
        capture = read_esp32_csv(path, training_field="lltf")
        assert np.array_equal(capture.csi[0, 0], legacy_csi)


def test_a_single_field_of_an_ht_packet_is_told_by_its_empty_bins(path, rng):
    values, csi = bins_of(rng, LEGACY20, lambda k: k % 64, 64)
    capture = read_esp32_csv(write(path, row(values, layout=24, sig_mode=1)))
    assert np.array_equal(capture.subcarriers, LEGACY20) and np.array_equal(capture.csi[0, 0], csi)


def test_packets_without_the_chosen_field_are_counted_not_padded(path, rng):
    legacy, _ = bins_of(rng, LEGACY20, lambda k: k + 32, 64)
    ht, _ = bins_of(rng, HT40, lambda k: k % 128, 128)
    lines = [row(legacy, secondary_channel=1, local_timestamp=1)]
    for i in range(3):
        lines.append(row(legacy + ht, secondary_channel=1, sig_mode=1, bandwidth=1, local_timestamp=2 + i))
    write(path, *lines)
    assert len(read_esp32_csv(path)) == 4
    assert len(read_esp32_csv(path, training_field="lltf")) == 4
    capture = read_esp32_csv(path, training_field="htltf")
    assert len(capture) == 3 and capture.csi.shape[-1] == 114
    assert [(s.where, s.reason) for s in capture.report.skipped] == [
        (f"{path} line 1", "packet without the training field htltf")
    ]
    write(path, lines[0])
    with pytest.raises(DataError, match="no usable packet: .*htltf: 1.*holds the training field htltf"):
        read_esp32_csv(path, training_field="htltf")
    with pytest.raises(ConfigError, match="must be one of auto, lltf, htltf, heltf; got 'ltf'"):
        read_esp32_csv(path, training_field="ltf")


def test_zero_iq_is_not_measured(path, rng):
    values, _ = bins_of(rng, LEGACY20, lambda k: k + 32, 64)
    values[2 * 40 : 2 * 40 + 2] = [0, 0]
    capture = read_esp32_csv(write(path, row(values, secondary_channel=1)))
    assert capture.subcarriers[~capture.valid[0, 0]].tolist() == [8]


def test_every_bad_line_is_listed_with_its_number_and_reason(path, rng):
    values, _ = bins_of(rng, LEGACY20, lambda k: k % 64, 64)
    good = row(values)
    bad = {
        2: ("I (311) wifi: new channel", "no CSI_DATA line"),
        3: (good[: len(good) // 2], "truncated line"),
        4: (row(values[:-1], length=128), "127 values, which fit no known layout"),
        5: (row([*values[:-1], 128]), "a value outside -128..127"),
        6: (good.replace("[", "[x"), "a value that is no integer"),
        7: (good.replace(MAC, "AA:BB"), "no MAC address"),
        8: (good.replace(",-50,", ",-5x0,"), "a field that must be an integer is none"),
        9: (good.replace("CSI_DATA,", "CSI_DATA,1,"), "26 fields before the data"),
        10: (good + good, "malformed line"),
        11: (row(values, channel=77), "no channel of that number"),
        12: (row(values, sig_mode=3), "128 values, which fit no known layout"),
        13: (row(values + values), "256 values, which fit no known layout"),
        14: (good.replace(",-50,", f",{10**30},"), "out of the range of 32 bits"),
        15: ("", None),
        16: (row([], length=128), "0 values, which fit no known layout"),
        17: (good[:-40], "truncated line"),
    }
    capture = read_esp32_csv(write(path, good, *(line for line, _ in bad.values())))
    assert len(capture) == 1
    found = {int(s.where.rsplit(" ", 1)[1]): s.reason for s in capture.report.skipped}
    assert set(found) == {n for n, (_, reason) in bad.items() if reason}
    for number, reason in found.items():
        assert bad[number][1] in reason


def test_no_usable_packet_counts_the_reasons(path):
    write(path, header(25), "CSI_DATA,1,2", "CSI_DATA,1,2")
    with pytest.raises(DataError, match=r"log\.csv: no usable packet: 0 read, 2 skipped \(truncated line.*: 2\)"):
        read_esp32_csv(path)
    write(path, header(25))
    with pytest.raises(DataError, match="no usable packet: 0 read, 0 skipped"):
        read_esp32_csv(path)
    write(path, "type,seq,mac,rssi,channel,local_timestamp,sig_len,data")
    with pytest.raises(DataError, match="must name local_timestamp, len; len missing"):
        read_esp32_csv(path)


def test_transmitters_are_counted_and_selected(path, rng):
    values, _ = bins_of(rng, LEGACY20, lambda k: k % 64, 64)
    other = "aa:bb:cc:00:11:33"
    lines = [row(values, mac=mac, local_timestamp=i) for i, mac in enumerate([MAC, other, MAC])]
    capture = read_esp32_csv(write(path, *lines))
    assert len(capture) == 3 and capture.report.notes[0].startswith(f"2 transmitters in one capture ({MAC}: 2")
    capture = read_esp32_csv(path, mac=other)
    assert len(capture) == 1 and capture.report.counts == {"another transmitter": 2}
    with pytest.raises(DataError, match=rf"no packet from transmitter 00:.*{MAC} \(2 packets\)"):
        read_esp32_csv(path, mac="00:00:00:00:00:00")


def test_another_channel_is_another_capture(path, rng):
    values, _ = bins_of(rng, LEGACY20, lambda k: k % 64, 64)
    lines = [row(values, channel=channel, local_timestamp=i) for i, channel in enumerate([1, 14, 14])]
    most, other = esp32.read_esp32_csv(write(path, *lines))
    assert len(most) == 2 and most.center_frequency == 2484e6
    assert len(other) == 1 and other.center_frequency == 2412e6
    assert not most.report.skipped and "layout=1: 1 packets" in most.report.notes[0]


def clocked(path, rng, ticks):
    """A log with one packet a tick, all different, whose RSSI counts the packets."""
    lines = []
    for i, tick in enumerate(ticks):
        values, _ = bins_of(rng, LEGACY20, lambda k: k % 64, 64)
        lines.append(row(values, local_timestamp=tick, rssi=-i))
    capture = read_esp32_csv(write(path, *lines))
    return capture, (-capture.rssi).astype(int).tolist()


def test_clock_wraps_around(path, rng):
    capture, kept = clocked(path, rng, [2**32 - 2000, 2**32 - 1000, 500, 1500])
    assert kept == [0, 1, 2, 3] and not capture.report.skipped
    assert np.allclose(np.diff(capture.timestamps), [0.001, 0.0015, 0.001])


def test_a_clock_logged_as_signed_is_the_same():
    assert np.allclose(unwrap_clock(np.array([-2000, -1000])), unwrap_clock(np.array([2**32 - 2000, 2**32 - 1000])))


def test_one_packet_out_of_line_is_skipped(path, rng):
    capture, kept = clocked(path, rng, [1000, 2000, 90_000_000, 3000, 4000, 10, 5000])
    assert kept == [0, 1, 3, 4, 6]
    assert capture.report.counts == {"clock out of line with the packets before and after": 2}


def test_a_restart_keeps_the_longest_run_and_never_sorts(path, rng):
    capture, kept = clocked(path, rng, [9_000_000, 9_001_000, 5000, 6000, 7000, 8000])
    assert kept == [2, 3, 4, 5]
    assert capture.report.counts == {"clock ran backwards; only the longest run of packets is kept": 2}


def test_repeated_packets_are_skipped_but_equal_times_are_not(path, rng):
    values, _ = bins_of(rng, LEGACY20, lambda k: k % 64, 64)
    others, _ = bins_of(rng, LEGACY20, lambda k: k % 64, 64)
    capture = read_esp32_csv(write(path, *(row(v, local_timestamp=7) for v in (values, values, others))))
    assert len(capture) == 2 and capture.report.counts == {"repeated packet": 1}
    assert np.allclose(np.diff(capture.timestamps), 0)


@pytest.mark.parametrize(
    ("head", "expected"),
    [(b'"CSI_DATA",1,2', True), (b"boot\r\nCSI_DATA,STA", True), (b"type,role,mac,local_timestamp,data\n", True),
     (b"", False), (b"type,value\n", False), (b"my CSI_DATA,", False), (bytes(range(256)), False)],
)  # fmt: skip
def test_recognition(head, expected):
    assert looks_like_esp32_csv(head) == expected


@pytest.mark.parametrize(
    ("name", "packets", "tones", "skipped"),
    [
        ("captures/esp32/example_100hz_pitraffic.csv", 833, 52, {BROKEN: 1}),
        ("captures/esp32/example_data.csv", 33, 52, {"repeated packet": 27}),
        ("esp32_ht40/csi.csv", 2000, 114, {}),
        ("rooms/csi/room3/v18/3-mt-experiment-1-v18.csv", 550, 52, {}),
    ],
)
def test_real_logs(real_data, name, packets, tones, skipped):
    capture = read_esp32_csv(real_data / name)
    assert capture.csi.shape == (packets, 1, tones) and capture.report.counts == skipped
    assert np.all(np.diff(capture.timestamps) >= 0)
    # The bins taken are those in use: none is empty throughout, but for the first word's.
    empty = capture.subcarriers[~capture.valid.any((0, 1))]
    assert empty.tolist() == ([1] if name.startswith("captures") else [])


def test_every_real_room_capture_is_whole(real_data):
    paths = sorted((real_data / "rooms" / "csi").rglob("*.csv"))
    assert len(paths) == 36
    for path in paths:
        capture = read_esp32_csv(path)
        assert len(capture) + len(capture.report.skipped) == 550 and capture.valid.mean() > 0.999


@pytest.mark.parametrize(
    "name", ["captures/esp32/example_100hz_pitraffic.csv", "rooms/csi/roomK/v23/3-mt-experiment-1-v23.csv"]
)
def test_the_bins_are_in_order(real_data, name):
    """Taken in order the response is continuous across the centre; halves taken the other way round are not."""
    capture = read_esp32_csv(real_data / name)
    mean = sanitise(capture.csi, capture.subcarriers, capture.valid)[:, 0].mean(0)
    below, above = mean[capture.subcarriers == -1], mean[capture.subcarriers == 2]
    assert abs(np.angle(above / below)) < 0.3 and abs(np.log(np.abs(above / below))) < 0.2


def test_ht40_of_a_real_log_is_rotated_and_turned_back(real_data):
    capture = read_esp32_csv(real_data / "esp32_ht40" / "csi.csv")
    csi = sanitise(capture.csi, HT40)[:, 0]
    below, above = csi[:, HT40 == -2], csi[:, HT40 == 2]
    step = np.angle((above * below.conj()).sum())
    assert abs(step) < 0.3  # as recorded, it would be 90 degrees away from this


def test_windows_line_ends(path, rng):
    values, csi = bins_of(rng, LEGACY20, lambda k: k % 64, 64)
    path.write_bytes((header(24) + "\r\n" + row(values, layout=24) + "\r\n").encode())
    assert np.array_equal(read_esp32_csv(path).csi[0, 0], csi)


@pytest.mark.parametrize(
    ("field", "count", "rotated"), [(LEGACY20, 53, False), (HT20, 57, False), (HT40, 117, True), (VHT80, 245, False),
                                    (HT20, 64, False), (HT40, 128, True), (VHT80, 256, False)],
)  # fmt: skip
@pytest.mark.parametrize("with_header", [True, False])
def test_logs_of_c5_c6_and_c61(path, rng, field, count, rotated, with_header):
    """One field a packet, ascending, told by its length and its empty bins; the gains are kept."""
    values, csi = bins_of(rng, field, lambda k: k + count // 2, count)
    gains = [{"agc_gain": 30 + i, "fft_gain": 250 + i, "id": 7 + i} for i in range(3)]
    lines = [row(values, layout=14, local_timestamp=1000 * i, noise_floor=159, **g) for i, g in enumerate(gains)]
    capture = read_esp32_csv(write(path, *([header(14)] if with_header else []), *lines))
    assert np.array_equal(capture.subcarriers, field) and capture.valid.all() and len(capture) == 3
    np.testing.assert_array_equal(capture.csi[2, 0], np.where(rotated & (field > 0), csi * -1j, csi))
    assert capture.bandwidth == (40e6 if rotated else 20e6)
    assert capture.center_frequency == (None if rotated else 2437e6)  # the log does not name the second channel
    assert capture.fields["agc_gain"].tolist() == [30, 31, 32] and capture.fields["sequence"].tolist() == [7, 8, 9]
    assert capture.fields["fft_gain"].tolist() == [250, 251, 252] and (capture.noise_floor == -97).all()


def test_twelve_bits_as_logged_by_a_c5(path, rng):
    """Two bytes a number, low one first, or the number itself: the same CSI, imaginary part first."""
    numbers = rng.integers(-2048, 2048, 52)
    low, high = (numbers & 0xFF).astype(np.int8), (numbers >> 8) & 0x0F
    logged = np.stack([low, high], 1).reshape(-1).tolist() + [0, 0]
    for values in (logged, numbers.tolist()):
        capture = read_esp32_csv(write(path, row(values, layout=14, channel=36)))
        assert capture.subcarriers.tolist() == [*range(-26, 0, 2), *range(2, 27, 2)]
        np.testing.assert_array_equal(capture.csi[0, 0], numbers[1::2] + 1j * numbers[::2])
        assert capture.center_frequency == 5180e6 and len(read_esp32_csv(path, training_field="lltf")) == 1


def test_the_order_and_rotation_of_packets_that_espressif_prints():
    """Around the centre of a C5 and of a C6 packet at 40 MHz: ascending, and 90 degrees from one half to the other."""
    for below, above in ((-3 + 24j, -28 - 6j), (-35 - 30j, 24 - 38j)):
        assert abs(np.angle(above / below) - np.pi / 2) < 0.15


def test_values_of_a_gain_compensation_are_kept(path, rng):
    values, csi = bins_of(rng, LEGACY20, lambda k: k % 64, 64)
    capture = read_esp32_csv(write(path, row([3 * v for v in values], layout=24)))
    np.testing.assert_array_equal(capture.csi[0, 0], 3 * csi)


def test_packets_without_the_commonest_field_are_a_layout_of_their_own(path, rng):
    legacy, legacy_csi = bins_of(rng, LEGACY20, lambda k: k + 32, 64)
    wide, _ = bins_of(rng, HT40, lambda k: k % 128, 128)
    lines = [row(legacy, secondary_channel=1, local_timestamp=1, layout=24)]
    for i in range(3):
        lines.append(row(wide, secondary_channel=1, sig_mode=1, bandwidth=1, local_timestamp=2 + i, layout=24))
    most, other = esp32.read_esp32_csv(write(path, *lines))
    assert most.csi.shape == (3, 1, 114) and other.csi.shape == (1, 1, 52)
    np.testing.assert_array_equal(other.csi[0, 0], legacy_csi)
    assert not most.report.skipped and "2 layouts in one file" in most.report.notes[0]


def test_a_row_on_a_channel_that_its_chip_cannot_hear_is_skipped(path, rng):
    values, _ = bins_of(rng, LEGACY20, lambda k: k % 64, 64)
    with pytest.raises(DataError, match="no channel of that number: 1"):
        read_esp32_csv(write(path, row(values, layout=24, channel=36)))
