"""The configuration refuses what cannot work, and says what can."""

from __future__ import annotations

import pytest

from csi2pc.errors import ConfigError
from csi2pc.evaluation.settings import EvaluationConfig


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({"metrics": ["mse"]}, "different names out of"),
        ({"by": "frame"}, "'sequence' or 'subject'"),
        ({"resamples": 100}, "at least 1000"),
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
