"""Bytes of a file and the records in it."""

import numpy as np
import pytest

from csi2pc.csi import file_bytes as module
from csi2pc.csi.file_bytes import file_bytes, gaps, positions_of, records_at, rows_at, whole_and_apart
from csi2pc.errors import DataError


def test_positions_do_not_depend_on_the_block(rng, monkeypatch):
    data = rng.integers(0, 4, 1000, dtype=np.uint8)
    expected = np.flatnonzero(data == 3)
    for block in (7, 1000, 5000):
        monkeypatch.setattr(module, "BLOCK", block)
        np.testing.assert_array_equal(np.concatenate(list(positions_of(3, data))), expected)


def test_rows_and_records_begin_where_they_are_told(rng):
    data = rng.integers(0, 256, 100, dtype=np.uint8)
    starts = np.array([0, 5, 96])
    np.testing.assert_array_equal(rows_at(data, starts, 4), [data[s : s + 4] for s in starts])
    layout = np.dtype([("first", "u1"), ("then", ">u2")])
    records = records_at(data, starts, layout)
    np.testing.assert_array_equal(records["then"], data[starts + 1].astype(int) * 256 + data[starts + 2])
    assert len(records_at(data, np.array([], dtype=int), layout)) == 0


@pytest.mark.parametrize(
    ("ends", "keep"),
    [
        ([10, 20, 30], [True, True, True]),
        ([10, 20, 31], [True, True, False]),  # runs past the end
        ([15, 20, 30], [False, True, True]),  # nothing begins at 15: bytes are missing in the first
        ([20, 25, 30], [True, False, True]),  # the third begins where the first ends: the second is its content
    ],
)
def test_of_records_that_overlap_one_is_taken(ends, keep):
    np.testing.assert_array_equal(whole_and_apart(np.array([0, 10, 20]), np.array(ends), 30), keep)


def test_gaps_are_what_no_record_covers():
    assert gaps(np.array([2, 10]), np.array([8, 12]), 15) == [(0, 2), (8, 10), (12, 15)]
    assert gaps(np.array([0]), np.array([15]), 15) == []


def test_unreadable_files(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        file_bytes(tmp_path)
    with pytest.raises(DataError, match="cannot be read"):
        file_bytes(tmp_path / "missing")
