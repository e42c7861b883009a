"""Lines come whole out of any pieces, and reading in blocks equals reading at once."""

from dataclasses import fields

import numpy as np
import pytest

from csi2pc.csi import esp32_rows
from csi2pc.csi.esp32_csv import CsvLines
from csi2pc.csi.esp32_rows import LONGEST_LINE, LineSplitter, Rows, read_rows
from csi2pc.errors import DataError
from csi2pc.types import Report


def test_blocks_equal_one_pass(real_data, monkeypatch):
    path = real_data / "captures" / "esp32" / "example_100hz_pitraffic.csv"
    whole = read_rows(path, whole_report := Report(), CsvLines())
    monkeypatch.setattr(esp32_rows, "BLOCK", 5000)
    blocks = read_rows(path, blocks_report := Report(), CsvLines())
    assert blocks_report == whole_report
    for field in fields(Rows):
        np.testing.assert_array_equal(getattr(blocks, field.name), getattr(whole, field.name))
    every = np.flatnonzero(whole.stored == 128)
    assert np.array_equal(blocks.values(every), whole.values(every))


def test_lines_are_whole_however_the_text_is_cut(rng):
    text = b"".join(b"x" * n + b"\n" for n in rng.integers(0, 9, 200)) + b"open"
    for size in (1, 2, 7, 10_000):
        splitter, lines = LineSplitter(), []
        for start in range(0, len(text), size):
            lines += splitter.feed(text[start : start + size])
        assert lines + splitter.rest() == text.split(b"\n") and splitter.rest() == []


def test_a_line_without_end_is_not_kept():
    splitter = LineSplitter()
    for _ in range(50):
        assert splitter.feed(b"x" * 10_000) == []
    [line] = splitter.feed(b"x\n")
    assert len(line) <= LONGEST_LINE + 10_000 + 2
    rows = CsvLines()([b"CSI_DATA," + line], 1, "log", report := Report())
    assert not len(rows) and report.counts == {f"a line of more than {LONGEST_LINE} bytes": 1}


def test_a_file_that_cannot_be_opened_or_is_empty(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        read_rows(tmp_path / "nowhere.csv", Report(), CsvLines())
    (tmp_path / "empty").touch()
    with pytest.raises(DataError, match="empty file"):
        read_rows(tmp_path / "empty", Report(), CsvLines())
