"""Formats are recognised by content; what is not recognised says what was tried."""

import shutil

import numpy as np
import pytest
import yaml
from scipy.io import savemat

from csi2pc.csi.read import FORMATS, read_capture, recognise
from csi2pc.errors import ConfigError, DataError


@pytest.mark.parametrize(
    ("name", "device"), [("mmfi/frame001.mat", "mmfi"), ("captures/esp32/example_data.csv", "esp32")]
)
def test_content_decides_not_the_suffix(real_data, tmp_path, name, device):
    disguised = tmp_path / "capture.bin"
    shutil.copy(real_data / name, disguised)
    capture = read_capture(disguised)
    assert capture.device == device and capture.source == str(disguised)


def test_a_folder_of_frames(real_data, tmp_path):
    folder = tmp_path / "A01" / "wifi-csi"
    folder.mkdir(parents=True)
    shutil.copy(real_data / "mmfi" / "frame001.mat", folder)
    assert len(read_capture(folder)) == len(read_capture(folder.parent)) == 10


def test_missing_and_empty(tmp_path):
    with pytest.raises(DataError, match="nowhere: no such file"):
        read_capture(tmp_path / "nowhere")
    (tmp_path / "empty.csv").write_bytes(b"")
    with pytest.raises(DataError, match=r"empty\.csv: empty file"):
        read_capture(tmp_path / "empty.csv")


def test_unknown_content_lists_what_was_tried(tmp_path):
    path = tmp_path / "capture.csv"
    path.write_bytes(bytes(range(256)) * 10)
    with pytest.raises(DataError, match="no known capture format") as error:
        read_capture(path)
    for candidate in FORMATS:
        assert (candidate.name in str(error.value)) != candidate.folder
    with pytest.raises(DataError, match=r"MM-Fi sequence \(needs frame001\.mat"):
        read_capture(tmp_path)


def test_an_option_the_format_does_not_have(real_data):
    path = real_data / "mmfi" / "frame001.mat"
    assert recognise(path).name == "MM-Fi frame"
    with pytest.raises(ConfigError, match="MM-Fi frame reader has no option mac .* it has none"):
        read_capture(path, mac="11:22:33:44:55:66")


def test_a_schema_decides_about_arrays_called_as_mm_fis(rng, tmp_path):
    path = tmp_path / "walk.mat"
    amplitude, phase = rng.uniform(-20, 40, (3, 114, 7)), rng.uniform(-3, 3, (3, 114, 7))
    savemat(path, {"CSIamp": amplitude, "CSIphase": phase})
    schema = {
        "amplitude": "CSIamp", "phase": "CSIphase", "amplitude_unit": "dB", "axes": "rx subcarrier packet",
        "rate": 50, "subcarriers": "HT40",
    }  # fmt: skip
    assert recognise(path).name == "MM-Fi frame" and recognise(path, ["schema"]).name == "arrays with a schema"
    capture = read_capture(path, schema=schema)
    assert capture.device == "own" and len(capture) == 7
    wanted = np.moveaxis(10 ** (amplitude / 20) * np.exp(1j * phase), -1, 0)
    assert np.allclose(capture.csi, wanted, rtol=1e-6)


def test_options_that_yaml_took_for_numbers(real_data):
    address = yaml.safe_load("mac: 10:20:30:40:50:59")["mac"]
    assert isinstance(address, int)
    for name in ("esp32_ht40/csi.csv", "captures/nexmon/example_4366c0.pcap"):
        with pytest.raises(DataError, match=f"no packet from transmitter {address}; the file has"):
            read_capture(real_data / name, mac=address)
    assert len(read_capture(real_data / "captures" / "nexmon" / "example_4358.pcap", chip=4358)) == 1
