"""Frames narrower than their channel: their own 20 MHz by the channel specification, and a note of the noise beside."""

import numpy as np
import pytest
from nexmon_pcap import datagram, floats, integers, pcap

from csi2pc.csi.describe import phase_spread
from csi2pc.csi.layouts import LEGACY20
from csi2pc.csi.nexmon import read_nexmon
from csi2pc.csi.nexmon_band import primary_centre
from csi2pc.csi.nexmon_values import FLOAT12
from csi2pc.errors import ConfigError, DataError

#: Channel specification -> tones, middle of the whole channel and of its primary 20 MHz (Hz).
CHANNELS = {
    0x1006: (64, 2437e6, 2437e6), 0xD82E: (128, 5230e6, 5220e6), 0xD92E: (128, 5230e6, 5240e6),
    0xE06A: (256, 5530e6, 5500e6), 0xE16A: (256, 5530e6, 5520e6), 0xE26A: (256, 5530e6, 5540e6),
    0xE36A: (256, 5530e6, 5560e6),
}  # fmt: skip


def write(path, words, chanspec, **options):
    packets = [datagram(one, sequence=16 * i, chanspec=chanspec, **options) for i, one in enumerate(words)]
    path.write_bytes(pcap(packets))
    return path


@pytest.mark.parametrize("chanspec", CHANNELS)
def test_the_primary_part_of_every_channel(tmp_path, rng, chanspec):
    tones, middle, own = CHANNELS[chanspec]
    path = write(tmp_path / "a.pcap", [integers(rng, tones) for _ in range(3)], chanspec)
    (whole,), (part,) = read_nexmon(path), read_nexmon(path, band=20)
    assert (whole.center_frequency, whole.bandwidth) == (middle, tones * 312500)
    assert (part.center_frequency, part.bandwidth) == (own, 20e6)
    assert np.array_equal(part.subcarriers, LEGACY20)
    shift = round((own - middle) / 312500)
    assert np.array_equal(part.csi, whole.csi[..., np.searchsorted(whole.subcarriers, LEGACY20 + shift)])
    assert not whole.report.notes and not part.report.notes


def test_frames_that_leave_noise_in_the_channel_are_counted(tmp_path, rng):
    narrow = rng.integers(-10, 11, (256, 2)).astype("<i2")
    narrow[128:192] *= 300  # as an FFT: the lowest 20 MHz
    words = [integers(rng, 256), narrow.view("<u4")[:, 0], narrow.view("<u4")[:, 0]]
    path = write(tmp_path / "a.pcap", words, 0xE06A)
    (note,) = read_nexmon(path)[0].report.notes
    assert note.startswith("2 of 3 packets hold noise") and "band=20" in note
    assert not read_nexmon(path, band=20)[0].report.notes


def test_the_extractors_own_example(real_data):
    path = real_data / "captures" / "nexmon" / "example_4366c0.pcap"
    (whole,), (part,) = read_nexmon(path), read_nexmon(path, band=20)
    assert "293 of 293 packets hold noise" in whole.report.notes[0]
    power = [
        np.median((np.abs(whole.csi[..., (whole.subcarriers + 128) // 64 == n]) ** 2).mean((1, 2))) for n in range(4)
    ]
    below = 10 * np.log10(power[0] / np.array(power[1:]))
    assert (below > 43.5).all() and (below < 49).all()
    assert part.center_frequency == 5500e6
    assert phase_spread(whole)["ratio"] < 1 < 3 < phase_spread(part)["ratio"]


def test_what_cannot_be_told_is_refused(tmp_path, rng):
    path = write(tmp_path / "a.pcap", [floats(rng, FLOAT12, 256)], 0xE56A, chip=106)
    assert primary_centre(0xE56A, 256) is None and len(read_nexmon(path)[0]) == 1
    with pytest.raises(DataError, match="names no primary channel: 1"):
        read_nexmon(path, band=20)
    with pytest.raises(ConfigError, match="band must be 20"):
        read_nexmon(path, band=40)
