from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from csi2pc.sim.mesh import ASSET, SEGMENTS, draw_surface, facets, loop_subdivision


@pytest.fixture(scope="module", params=[0, 1])
def surface(request):
    return draw_surface(1.75, subdivisions=request.param, rng=np.random.default_rng(0))


def _volume(vertices, faces):
    a, b, c = (vertices[faces[:, corner]] for corner in range(3))
    return np.einsum("fd,fd->", a, np.cross(b, c)) / 6


def test_the_surface_is_watertight_and_faces_outwards(surface):
    edges = Counter(map(tuple, np.concatenate([surface.faces[:, [i, (i + 1) % 3]] for i in range(3)]).tolist()))
    assert set(edges.values()) == {1}  # each directed edge once ...
    assert all((b, a) in edges for a, b in edges)  # ... and its opposite in the neighbour
    assert 0.045 < _volume(surface.vertices, surface.faces) < 0.12  # cubic metres of a person
    _, normals, areas = facets(surface.vertices[None], surface.faces)
    assert 1.5 < areas.sum() < 2.3  # square metres of skin
    assert np.linalg.norm(np.einsum("tf,tfd->d", areas, normals)) < 1e-9


def test_facets_of_two_centimetres():
    surface = draw_surface(1.75, rng=np.random.default_rng(0))
    edges = surface.vertices[surface.faces] - surface.vertices[np.roll(surface.faces, 1, axis=1)]
    assert 0.01 < np.median(np.linalg.norm(edges, axis=-1)) < 0.025


def test_as_tall_as_asked_and_left_is_left(surface):
    assert np.ptp(surface.vertices[:, 1]) == pytest.approx(1.75)
    for joint in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist"):
        left, right = surface.joints[f"left_{joint}"], surface.joints[f"right_{joint}"]
        assert left[0] > 0 > right[0]
        np.testing.assert_allclose(left * (-1, 1, 1), right, atol=0.01)
    nose = surface.vertices[surface.vertices[:, 1] > surface.joints["neck"][1]][:, 2].max()
    assert nose > surface.joints["neck"][2] + 0.05  # the face looks to the front


def test_weights_are_shares_and_every_segment_carries_skin(surface):
    assert surface.weights.shape == (len(surface.vertices), len(SEGMENTS))
    np.testing.assert_allclose(np.asarray(surface.weights.sum(1)).ravel(), 1, atol=1e-6)
    assert surface.weights.data.min() >= 0
    assert (np.asarray(surface.weights.sum(0)).ravel() > 5).all()


def test_rest_stays_and_a_rigid_motion_moves_all(surface, rng):
    still = np.tile(np.eye(3), (2, len(SEGMENTS), 1, 1))
    shifts = np.zeros((2, len(SEGMENTS), 3))
    np.testing.assert_allclose(surface.posed(still, shifts)[1], surface.vertices, atol=1e-6)
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    moved = surface.posed(still @ turn.T, shifts + (1, 2, 3))
    np.testing.assert_allclose(moved[0], surface.vertices @ turn + (1, 2, 3), atol=1e-5)


def test_subjects_differ_and_come_again():
    one, same, other = (draw_surface(1.7, rng=np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.vertices, same.vertices)
    assert np.abs(one.vertices - other.vertices).max() > 0.01
    mean = draw_surface(1.7, build=0.0, rng=np.random.default_rng(1))
    np.testing.assert_array_equal(mean.vertices, draw_surface(1.7, build=0.0, rng=np.random.default_rng(2)).vertices)


def test_loop_subdivision_keeps_a_plane_flat_and_a_mesh_closed(surface):
    matrix, faces = loop_subdivision(surface.faces, len(surface.vertices))
    np.testing.assert_allclose(np.asarray(matrix.sum(1)).ravel(), 1)
    assert len(faces) == 4 * len(surface.faces) and faces.max() == matrix.shape[0] - 1
    affine = matrix @ np.full((len(surface.vertices), 3), 2.5)
    np.testing.assert_allclose(affine, 2.5)
    finer = matrix @ surface.vertices
    assert _volume(finer, faces) == pytest.approx(_volume(surface.vertices, surface.faces), rel=0.04)


def test_the_asset_is_small():
    assert ASSET.stat().st_size < 2e6
