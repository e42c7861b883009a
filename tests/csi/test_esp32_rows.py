"""The fast integer parser equals Python's own, and reading in blocks equals reading at once."""

import re

import numpy as np
import pytest

from csi2pc.csi import esp32_rows
from csi2pc.csi.esp32_rows import parse_int8, read_rows
from csi2pc.errors import DataError
from csi2pc.types import Report


def slow_parse(text):
    """Values of one text, or None where one of them is none that may be used."""
    tokens = [token for token in re.split(rb"[ ,]+", text) if token]
    if not all(re.fullmatch(rb"-?[0-9]{1,3}", token) for token in tokens):
        return None
    values = [int(token) for token in tokens]
    return values if all(-128 <= value <= 127 for value in values) else None


def test_parse_equals_python_on_good_and_bad_texts(rng):
    alphabet = np.frombuffer(b"0123456789- ,,  x", dtype=np.uint8)
    texts = [b"", b" ", b"-128 127", b"128", b"-129", b"1 -", b"--1", b"1-1", b"007", b"1234", b"1\t2", b"+1"]
    texts += [rng.choice(alphabet, rng.integers(1, 12)).tobytes() for _ in range(3000)]
    texts += [b" ".join(b"%d" % v for v in rng.integers(-128, 128, 20)) for _ in range(50)]
    values, counts, reasons = parse_int8(texts)
    ends = np.cumsum(counts)
    assert ends[-1] == len(values)
    for text, end, count, reason in zip(texts, ends, counts, reasons, strict=True):
        expected = slow_parse(text)
        assert (expected is None) == bool(reason)
        if expected is not None:
            assert values[end - count : end].tolist() == expected


def test_no_texts():
    values, counts, reasons = parse_int8([])
    assert len(values) == len(counts) == len(reasons) == 0


def test_blocks_equal_one_pass(real_data, monkeypatch):
    path = real_data / "captures" / "esp32" / "example_100hz_pitraffic.csv"
    whole, whole_report = read_rows(path, report := Report()), report
    monkeypatch.setattr(esp32_rows, "BLOCK", 5000)
    blocks, blocks_report = read_rows(path, report := Report()), report
    assert blocks_report == whole_report
    for name in ("line", "mac", "fields", "first_word_invalid", "data", "stored"):
        assert np.array_equal(getattr(blocks, name), getattr(whole, name))
    every = np.flatnonzero(whole.stored == 128)
    assert np.array_equal(blocks.values(every), whole.values(every))


def test_a_file_that_cannot_be_opened(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        read_rows(tmp_path / "nowhere.csv", Report())
