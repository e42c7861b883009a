from __future__ import annotations

import numpy as np
import pytest

from csi2pc.errors import ConfigError
from csi2pc.sim.body import FACING, BodyConfig, make_body
from csi2pc.sim.capsules import signed_distance
from csi2pc.sim.poses import Pose
from csi2pc.sim.skeleton import landmarks


@pytest.fixture(scope="module")
def body():
    return make_body(BodyConfig(), np.random.default_rng(0))


@pytest.fixture(scope="module")
def at_ease(body):
    return landmarks(Pose().vector()[None], body.bones) @ FACING


def test_facets_cover_a_person_once(body):
    assert 1000 < len(body.areas) < 2500
    assert 1.3 < body.areas.sum() < 2.4  # square metres of skin
    assert sum(part.stop - part.start for part in body.slices) == len(body.areas)


def test_facets_lie_on_the_surface_of_the_whole_body(body, at_ease):
    positions, normals = body.facets(at_ease)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=-1), 1.0, atol=1e-9)
    distance = signed_distance(positions[0], body.capsules(at_ease[0])).min(axis=1)
    np.testing.assert_allclose(distance, 0.0, atol=1e-9)


def test_normals_point_outwards(body, at_ease):
    positions, normals = body.facets(at_ease)
    limbs = body.capsules(at_ease[0])
    assert signed_distance(positions[0] + 1e-3 * normals[0], limbs).min() > -1e-3
    assert np.median(signed_distance(positions[0] + 1e-3 * normals[0], limbs).min(axis=1)) > 0.9e-3


def test_the_surface_is_closed(body, at_ease):
    """Areas times normals of a closed surface add up to nothing."""
    _, normals = body.facets(at_ease)
    assert np.linalg.norm(body.areas @ normals[0]) < 0.02 * body.areas.sum()


def test_soles_touch_the_floor_and_the_person_stands_as_tall_as_drawn(body, at_ease):
    positions, _ = body.facets(at_ease)
    assert abs(positions[0, :, 1].max()) < 2e-3  # y is down, the floor is 0 here
    assert 1.45 < -positions[0, :, 1].min() < 1.95


def test_subjects_differ_and_come_again():
    bodies = [make_body(BodyConfig(), np.random.default_rng(seed)) for seed in (0, 0, 1)]
    assert bodies[0].bones == bodies[1].bones != bodies[2].bones
    np.testing.assert_array_equal(bodies[0].directions, bodies[1].directions)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"height": [1.9, 1.6]}, "height must be .*1.9"),
        ({"build": [0.1, 1.0]}, "build must be"),
        ({"facet_size": 0.5}, "facet_size must lie"),
    ],
)
def test_impossible_bodies_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        BodyConfig(**options)
