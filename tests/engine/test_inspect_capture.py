"""What inspect says agrees with the capture, in about ten lines and as JSON."""

import json

import pytest
from PIL import Image

from csi2pc.csi import read_capture
from csi2pc.engine.inspect_capture import in_words, inspect_capture
from csi2pc.errors import ConfigError


def test_a_walk_in_words(real_data):
    path = real_data / "esp32_ht40" / "csi.csv"
    about = inspect_capture(path)
    assert json.loads(json.dumps(about, allow_nan=False)) == about
    lines = dict(line.split(maxsplit=1) for line in in_words(about))
    assert len(lines) <= 14
    assert lines["packets"].startswith(f"{len(read_capture(path)):,} by esp32")
    assert lines["layout"] == "1 rx x 1 tx, 114 subcarriers (-58..-2, 2..58)"
    assert "packets/s; median interval" in lines["time"] and "(recorded)" in lines["time"]
    assert "2452 MHz centre frequency" in lines["channel"] and "40 MHz wide" in lines["channel"]
    assert "RSSI -44..-32 dBm" in lines["levels"] and "times less" in lines["phase"]
    assert "SIMULATED" not in lines["capture"]


def test_nothing_is_said_of_what_is_not_known(real_data):
    about = inspect_capture(real_data / "mmfi" / "frame001.mat")
    lines = dict(line.split(maxsplit=1) for line in in_words(about))
    assert about["center_frequency_hz"] is None and about["rssi_dbm"] is None and "levels" not in lines
    assert "(nominal)" in lines["time"] and lines["channel"] == "40 MHz wide"


def test_simulated_provenance_notes_and_layouts_are_shown(real_data):
    about = inspect_capture(real_data / "mmfi" / "frame001.mat")
    about |= {
        "synthetic": True, "layouts": about["layouts"] * 2, "notes": [f"note {n}" for n in range(9)],
        "skipped": {"cut off": 3, **{f"reason {n}": 1 for n in range(6)}},
        "provenance": {"source": "a.dat", "format": "Intel 5300", "bytes": 1234, "csi2pc": "1", "converted": "2026"},
    }  # fmt: skip
    text = "\n".join(in_words(about))
    for part in ("SIMULATED", "layout 0 of 2", "and 5 more", "9 (cut off: 3; reason 0: 1", "; 3 more reasons)",
                 "a.dat (Intel 5300, 1,234 bytes)"):  # fmt: skip
        assert part in text


def test_plot_and_layout(real_data, tmp_path):
    path = real_data / "mmfi" / "frame001.mat"
    inspect_capture(path, plot=tmp_path / "figure.png")
    assert Image.open(tmp_path / "figure.png").width == 1800
    with pytest.raises(ConfigError, match=r"layout must be 0\.\.0"):
        inspect_capture(path, layout=1)
