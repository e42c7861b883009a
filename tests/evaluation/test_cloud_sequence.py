"""Frames are shown as they were recorded; what is not as recorded is said."""

import numpy as np
import pytest

from csi2pc.errors import ConfigError, DataError, ShapeError
from csi2pc.evaluation.cloud_sequence import CloudSequence, pace


def sequence(times, count=None):
    times = None if times is None else np.array(times, dtype=np.float64)
    labels = tuple(f"frame {i}" for i in range(len(times) if count is None else count))
    return CloudSequence("walk", labels, times, {"prediction": lambda frame: np.zeros((1, 3), np.float32)})


def test_recorded_times_are_kept_to_the_last_digit():
    shown = pace(sequence([5.0, 5.1, 5.35, 5.4]))
    np.testing.assert_allclose(shown.starts, [0, 0.1, 0.35, 0.4, 0.5], atol=1e-12)  # the median interval comes last
    assert shown.notes == ()


def test_a_gap_becomes_a_pause_and_is_said():
    shown = pace(sequence([0.0, 0.1, 0.2, 60.0, 60.1]))
    np.testing.assert_allclose(np.diff(shown.starts), [0.1, 0.1, 1.0, 0.1, 0.1], atol=1e-9)
    assert shown.notes == ("1 gap, 59.8 s at the longest, shown as pauses of 1.0 s",)


def test_slow_recordings_have_no_gaps():
    shown = pace(sequence([0.0, 3.0, 6.0, 11.0, 14.0]))
    np.testing.assert_allclose(np.diff(shown.starts), [3, 3, 5, 3, 3])
    assert shown.notes == ()


def test_a_clock_that_began_anew_is_a_pause():
    shown = pace(sequence([7.0, 7.1, 0.0, 0.1]))
    np.testing.assert_allclose(np.diff(shown.starts), [0.1, 1.0, 0.1, 0.1], atol=1e-9)
    assert shown.notes == ("1 restart of the clock, shown as pauses of 1.0 s",)


@pytest.mark.parametrize("times", [None, [4.0, 4.0, 4.0]])
def test_without_times_the_rate_counts(times):
    shown = pace(sequence(times, 3), rate=4.0)
    np.testing.assert_allclose(shown.starts, [0, 0.25, 0.5, 0.75])
    assert shown.notes == ("no times were recorded: shown at 4 frames a second",)


def test_a_single_frame_is_shown_for_a_moment():
    shown = pace(sequence([9.0]))
    np.testing.assert_allclose(shown.starts, [0, 0.1])
    assert shown.notes == ()


def test_what_cannot_be_shown_is_refused():
    with pytest.raises(ConfigError, match="rate must be more than 0"):
        pace(sequence([0.0, 1.0]), rate=0)
    with pytest.raises(DataError, match="finite seconds; 1 are not"):
        pace(sequence([0.0, np.nan]))
    for absurd in (1e308, -1e12, np.inf):
        with pytest.raises(DataError, match="further from 0 than 1e\\+11 s"):
            pace(sequence([0.0, absurd]))
    with pytest.raises(DataError, match="at least one frame"):
        sequence([])
    with pytest.raises(ShapeError, match="times must be"):
        sequence([0.0, 1.0], 3)
