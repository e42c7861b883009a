from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from csi2pc.errors import ShapeError
from csi2pc.ops.rigid import apply, check_rotation, invert


def motion(seed: int, batch: int | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(seed)
    count = batch or 1
    rotation = torch.from_numpy(Rotation.random(count, rng).as_matrix())
    translation = torch.from_numpy(rng.normal(size=(count, 3)))
    return (rotation, translation) if batch else (rotation[0], translation[0])


@pytest.fixture
def points(rng) -> torch.Tensor:
    return torch.from_numpy(rng.normal(size=(4, 7, 3)))


def test_apply_is_rotation_then_translation_of_every_point(points):
    rotation, translation = motion(1)
    expected = torch.stack([torch.stack([rotation @ p + translation for p in cloud]) for cloud in points])
    torch.testing.assert_close(apply(points, rotation, translation), expected)


@pytest.mark.parametrize(("rotations", "translations"), [(4, 4), (None, 4), (4, None)])
def test_one_transform_a_cloud_equals_a_loop_over_clouds(points, rotations, translations):
    rotation, translation = motion(2, rotations)[0], motion(3, translations)[1]
    moved = apply(points, rotation, translation)
    for row in range(4):
        r = rotation[row] if rotations else rotation
        t = translation[row] if translations else translation
        torch.testing.assert_close(moved[row], apply(points[row], r, t))


@pytest.mark.parametrize("batch", [None, 4])
def test_invert_undoes(points, batch):
    transform = motion(4, batch)
    torch.testing.assert_close(apply(apply(points, *transform), *invert(*transform)), points)


def test_distances_are_kept(points):
    rotation, translation = motion(6)
    moved = apply(points, check_rotation(rotation), translation)
    torch.testing.assert_close(torch.cdist(moved, moved), torch.cdist(points, points))


@pytest.mark.parametrize(
    ("rotation", "match"),
    [
        (torch.eye(3) * 1.01, "orthonormal"),
        (torch.diag(torch.tensor([1.0, 1.0, -1.0])), "mirror"),
        (torch.full((3, 3), torch.nan), "orthonormal"),
        (torch.eye(4), r"\(\.\.\., 3, 3\)"),
        (torch.eye(3, dtype=torch.int64), "floating point"),
    ],
)
def test_what_is_no_rotation_is_refused(rotation, match):
    with pytest.raises(ShapeError, match=match):
        check_rotation(rotation)


def test_shapes_that_do_not_fit_are_refused(points):
    rotation, translation = motion(7)
    with pytest.raises(ShapeError, match="points must be"):
        apply(torch.zeros(3), rotation, translation)
    with pytest.raises(ShapeError, match="translation"):
        apply(points, rotation, torch.zeros(2))
    with pytest.raises(ShapeError, match="same B"):
        apply(points, motion(8, 3)[0], translation)
    with pytest.raises(ShapeError, match="same B"):
        apply(points[0], *motion(8, 3))
