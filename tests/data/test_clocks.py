from __future__ import annotations

import numpy as np
import pytest

from csi2pc.data.clocks import Clock
from csi2pc.errors import ConfigError


def test_clocks_meet_by_offset_and_drift():
    np.testing.assert_allclose(Clock(2.0, 100.0).to_session(np.array([0.0, 1000.0])), [2.0, 1002.1])


def test_a_drift_counts_from_since():
    start = 1.7e9
    times = start + np.array([0.0, 100.0])
    moved = Clock(-start, 50.0, since=start).to_session(times)
    np.testing.assert_allclose(moved, [0.0, 100.005], atol=1e-6)
    assert Clock(-start, 50.0).to_session(times)[0] > 80_000  # what a forgotten since does


def test_a_clock_that_changes_nothing_changes_nothing():
    times = np.array([0.1, 1.7e9 + 1 / 3])
    np.testing.assert_array_equal(Clock().to_session(times), times)


@pytest.mark.parametrize("values", [(np.nan, 0, 0), (0, np.inf, 0), (0, 0, np.nan)])
def test_numbers_must_be_finite(values):
    with pytest.raises(ConfigError, match="finite"):
        Clock(*values)


def test_a_drift_in_another_unit_is_refused():
    with pytest.raises(ConfigError, match="parts per million.*got 20000"):
        Clock(0.0, 20_000)
