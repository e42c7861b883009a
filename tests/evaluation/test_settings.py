"""The configuration refuses what cannot work, and says what can."""

from __future__ import annotations

import pytest

from csi2pc.errors import ConfigError
from csi2pc.evaluation.settings import EvaluationConfig
from csi2pc.types import FrameId


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({"metrics": ["mse"]}, "different names out of"),
        ({"every": 0}, "every must be at least 1; got 0; 1 scores all frames"),
        ({"by": "frame"}, "'sequence' or 'subject'"),
        ({"resamples": 100}, "at least 1000"),
        ({"resamples": 10**13}, "at most 100000; got 10000000000000"),
        ({"confidence": 95}, "share from 0.5"),
        ({"constant_steps": 0}, "at least 1"),
        ({"seed": -1}, "0 or more"),
    ],
)
def test_bad_values_are_refused(options, rule):
    with pytest.raises(ConfigError, match=rule):
        EvaluationConfig(**options)


def test_defaults_are_valid():
    assert EvaluationConfig().metrics[0] == "chamfer_l1"


def test_every_so_manieth_frame_of_each_sequence():
    frames = [FrameId("a", index) for index in (4, 5, 7, 8, 9)] + [FrameId("b", index) for index in range(3)]
    frames.append(FrameId("a", 10))  # the fifth after a's first, though b stands between
    assert EvaluationConfig().chosen(frames) == list(range(9))
    assert EvaluationConfig(every=2).chosen(frames) == [0, 2, 4, 5, 7]
    assert EvaluationConfig(every=5).chosen(frames) == [0, 5, 8]
    assert EvaluationConfig(every=100).chosen(frames) == [0, 5]
    assert EvaluationConfig(every=3).chosen([]) == []
