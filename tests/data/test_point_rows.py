from __future__ import annotations

import numpy as np
import pytest

from csi2pc.data.point_rows import read_rows
from csi2pc.errors import DataError


def test_rows_come_back_as_written(tmp_path, rng):
    rows = rng.normal(size=(6, 5))
    rows.tofile(tmp_path / "a.bin")
    np.testing.assert_array_equal(read_rows(tmp_path / "a.bin", columns=5), rows)
    (tmp_path / "empty.bin").write_bytes(b"")
    assert read_rows(tmp_path / "empty.bin", columns=5).shape == (0, 5)


def test_a_file_cut_within_a_row_is_refused(tmp_path, rng):
    path = tmp_path / "a.bin"
    rng.normal(size=(6, 3)).tofile(path)
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(DataError, match="cut short"):
        read_rows(path, columns=3)
    with pytest.raises(DataError, match="cannot read"):
        read_rows(tmp_path / "none.bin", columns=3)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1e300])
def test_numbers_that_are_no_metres_are_refused(tmp_path, rng, bad):
    rows = rng.normal(size=(6, 3))
    rows[2, 1] = bad
    rows.tofile(tmp_path / "a.bin")
    with pytest.raises(DataError, match="1 of 6 rows"):
        read_rows(tmp_path / "a.bin", columns=3)
