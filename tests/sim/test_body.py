from __future__ import annotations

import numpy as np
import pytest

from csi2pc.errors import ConfigError
from csi2pc.sim.body import BodyConfig, make_body, person_of


def test_heights_lie_in_the_range_and_subjects_come_again():
    bodies = [make_body(BodyConfig(height=[1.6, 1.7]), np.random.default_rng(seed)) for seed in (0, 0, 1, 2)]
    assert all(1.6 <= body.height <= 1.7 for body in bodies)
    np.testing.assert_array_equal(bodies[0].vertices, bodies[1].vertices)
    assert bodies[0].height != bodies[2].height


def test_without_variety_only_the_height_differs():
    one, other = (make_body(BodyConfig(variety=0.0), np.random.default_rng(seed)) for seed in (0, 1))
    np.testing.assert_allclose(one.vertices / one.height, other.vertices / other.height, atol=1e-12)


def test_takes_of_one_person_stand_as_subjects():
    assert [person_of(BodyConfig(people=5), subject) for subject in (1, 5, 6, 10, 20)] == [1, 5, 1, 5, 5]
    assert [person_of(BodyConfig(), subject) for subject in (1, 17)] == [1, 17]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"height": [1.9, 1.6]}, "height must be .*1.9"),
        ({"variety": 3.0}, "variety must lie"),
        ({"people": 0}, "people must be at least 1"),
        ({"subdivisions": 5}, "subdivisions must be 0, 1 or 2; got 5"),
    ],
)
def test_impossible_bodies_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        BodyConfig(**options)
