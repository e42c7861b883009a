"""Subcarrier sets and how they are named in messages."""

import numpy as np
import pytest

from csi2pc.csi import layouts
from csi2pc.errors import DataError


@pytest.mark.parametrize(
    ("name", "count", "highest"),
    [("LEGACY20", 52, 26), ("HT20", 56, 28), ("HT40", 114, 58), ("VHT80", 242, 122),
     ("INTEL5300_HT20", 30, 28), ("INTEL5300_HT40", 30, 58)],
)  # fmt: skip
def test_sets_have_the_counts_of_the_standard(name, count, highest):
    indices = getattr(layouts, name)
    assert indices.dtype == np.int64 and len(indices) == count
    assert np.all(np.diff(indices) > 0) and 0 not in indices
    assert max(abs(indices)) == highest


@pytest.mark.parametrize(
    ("indices", "text"),
    [([], "none"), ([3], "3"), ([1, 5], "1, 5"), ([1, 2], "1..2"), (layouts.HT40, "-58..-2, 2..58"),
     (layouts.INTEL5300_HT40, "-58..58 step 4"),
     (layouts.INTEL5300_HT20, "-28..-2 step 2, -1..27 step 2, 28")],
)  # fmt: skip
def test_describe_indices(indices, text):
    assert layouts.describe_indices(indices) == text


def test_positions_are_where_the_indices_stand():
    wanted = [-26, -1, 1, 26]
    assert layouts.LEGACY20[layouts.positions(wanted, layouts.LEGACY20)].tolist() == wanted


def test_positions_names_what_is_missing_and_what_there_is():
    with pytest.raises(DataError, match=r"walk\.csv does not measure the subcarriers 27\.\.28 .* it has -26\.\.-1, 1"):
        layouts.positions([26, 27, 28], layouts.LEGACY20, source="walk.csv")
