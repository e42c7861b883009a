"""The fast parser of integers equals Python's own."""

import re

import numpy as np
import pytest

from csi2pc.csi.esp32_numbers import parse_integers


def slow_parse(text, limit):
    """Values of one text, or None where one of them is none that may be used."""
    tokens = [token for token in re.split(rb"[ ,]+", text) if token]
    if not all(re.fullmatch(rb"-?[0-9]{1,5}", token) for token in tokens):
        return None
    values = [int(token) for token in tokens]
    return values if all(-limit <= value < limit for value in values) else None


@pytest.mark.parametrize("limit", [128, 32768])
def test_parse_equals_python_on_good_and_bad_texts(rng, limit):
    alphabet = np.frombuffer(b"0123456789- ,,  x", dtype=np.uint8)
    texts = [b"", b" ", b"-128 127", b"128", b"-129", b"1 -", b"--1", b"1-1", b"007", b"1234", b"1\t2", b"+1"]
    texts += [b"-32768 32767", b"32768", b"-32769", b"99999", b"00001", b"123456", b"-"]
    texts += [rng.choice(alphabet, rng.integers(1, 12)).tobytes() for _ in range(3000)]
    texts += [b" ".join(b"%d" % v for v in rng.integers(-128, 128, 20)) for _ in range(50)]
    values, counts, reasons = parse_integers(texts, np.full(len(texts), limit))
    ends = np.cumsum(counts)
    assert ends[-1] == len(values) and values.dtype == np.int16
    for text, end, count, reason in zip(texts, ends, counts, reasons, strict=True):
        expected = slow_parse(text, limit)
        assert (expected is None) == bool(reason)
        if expected is not None:
            assert values[end - count : end].tolist() == expected


def test_each_text_has_a_limit_of_its_own():
    _, _, reasons = parse_integers([b"200", b"200", b"2 x"], np.array([128, 256, 128]))
    assert reasons == ["a value outside -128..127", "", "a value that is no integer of one to five digits"]


def test_no_texts():
    values, counts, reasons = parse_integers([], np.empty(0))
    assert len(values) == len(counts) == len(reasons) == 0
