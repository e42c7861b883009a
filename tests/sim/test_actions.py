from __future__ import annotations

import csv

import numpy as np
import pytest

from csi2pc.sim.actions import ACTIONS, CYCLE_SECONDS
from csi2pc.sim.poses import mirrored

#: MM-Fi's pairs of one action to the left and to the right.
PAIRS = [("A04", "A05"), ("A07", "A08"), ("A09", "A10"), ("A13", "A14"), ("A15", "A16"), ("A17", "A18")]
PAIRS += [("A20", "A21"), ("A22", "A23"), ("A24", "A25")]


def test_all_of_mm_fis_actions_are_there_in_order():
    assert list(ACTIONS) == [f"A{number:02d}" for number in range(1, 28)]
    assert set(CYCLE_SECONDS) <= set(ACTIONS)


def test_names_are_those_of_the_data_set(real_data):
    with open(real_data / "mmfi" / "MMFi_act.csv", encoding="utf-8-sig") as file:
        rows = {row["Activity"]: row["Description"] for row in csv.DictReader(file, delimiter="\t")}
    assert set(rows) == set(ACTIONS)
    for left, right in PAIRS:
        assert rows[left].replace("left", "right") == rows[right]


@pytest.mark.parametrize(("left", "right"), PAIRS)
def test_right_is_left_mirrored(left, right):
    for one, other in zip(ACTIONS[left], ACTIONS[right], strict=True):
        np.testing.assert_allclose(mirrored(one).vector(), other.vector())


@pytest.mark.parametrize("action", ACTIONS)
def test_no_limb_turns_over_between_two_poses(action):
    """Between opposite directions there is no way that is the shortest."""
    keys = np.stack([pose.vector() for pose in ACTIONS[action]])
    for part in (slice(0, 3), slice(3, 6), slice(6, 9), slice(9, 12)):
        cosines = np.sum(keys[:, part] * np.roll(keys[:, part], 1, axis=0), axis=1)
        assert cosines.min() > -0.8
