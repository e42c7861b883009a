from __future__ import annotations

import pytest

from csi2pc.data.file_names import filled, find_placeholder, matching, seconds_of
from csi2pc.errors import ConfigError


def test_files_are_found_by_the_number_in_their_name(tmp_path):
    for name in ("cam1_000010.png", "cam1_9.png", "cam2_x.png", "other.txt", "cam1_9.jpg"):
        (tmp_path / name).write_text("")
    found = {path.name: text for path, text in matching(tmp_path, "cam*_{index}.png")}
    assert found == {"cam1_000010.png": "000010", "cam1_9.png": "9", "cam2_x.png": None}


def test_a_star_leaves_the_whole_number_to_the_placeholder(tmp_path):
    (tmp_path / "frame1234.5.ply").write_text("")
    assert [text for _, text in matching(tmp_path, "*{time_s}.ply")] == ["1234.5"]


@pytest.mark.parametrize(
    ("placeholder", "text", "seconds"),
    [
        ("time_s", "12.25", 12.25),
        ("time_ms", "12250", 12.25),
        ("time_us", "0012250000", 12.25),
        ("time_ns", "1700000000123456789", 1700000000.1234567),
    ],
)
def test_times_in_names(placeholder, text, seconds):
    assert seconds_of(placeholder, text) == seconds
    assert find_placeholder(f"a/b_{{{placeholder}}}.png") == placeholder
    assert filled(f"a/b_{{{placeholder}}}.png", text) == f"a/b_{text}.png"


@pytest.mark.parametrize("pattern", ["a/{index}_{time_s}.png", "a.png", "{index}/a.png", "a/{}.png", "[ab]{index}.png"])
def test_other_patterns_are_refused(pattern):
    with pytest.raises(ConfigError, match="got"):
        find_placeholder(pattern)


def test_an_absolute_pattern_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="relative to the data root"):
        list(matching(tmp_path, "/data/{index}.png"))
