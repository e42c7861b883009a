from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.spatial import cKDTree

from csi2pc.errors import ConfigError, ShapeError
from csi2pc.ops.depth import Intrinsics, depth_to_points

SMALL = Intrinsics(fx=4.0, fy=5.0, cx=1.5, cy=2.0, width=4, height=5)


def test_projecting_the_points_gives_back_pixels_and_depth(rng):
    depth = torch.from_numpy(rng.uniform(1, 4, (5, 4)))
    points = depth_to_points(depth, SMALL)
    columns = points[:, 0] / points[:, 2] * SMALL.fx + SMALL.cx
    rows = points[:, 1] / points[:, 2] * SMALL.fy + SMALL.cy
    expected = [(row, column) for row in range(5) for column in range(4)]
    torch.testing.assert_close(torch.stack([rows, columns], 1), torch.tensor(expected, dtype=torch.float64))
    torch.testing.assert_close(points[:, 2], depth.flatten())


def test_zero_is_not_measured_and_the_mask_selects(rng):
    depth = torch.from_numpy(rng.uniform(1, 4, (5, 4)))
    depth[0, 0] = depth[3, 2] = 0
    mask = torch.zeros(5, 4, dtype=torch.bool)
    mask[:, 2] = True
    assert len(depth_to_points(depth, SMALL)) == 18
    assert len(depth_to_points(depth, SMALL, mask=mask)) == 4
    assert depth_to_points(torch.zeros(5, 4), SMALL).shape == (0, 3)


def test_right_is_plus_x_and_down_is_plus_y():
    depth = torch.zeros(5, 4)
    depth[4, 3] = 2.0
    x, y, z = depth_to_points(depth, SMALL)[0].tolist()
    assert x > 0 and y > 0 and z == 2.0


def test_wrong_input_is_refused():
    with pytest.raises(ShapeError, match=re.escape("(5, 4)")):
        depth_to_points(torch.zeros(4, 5), SMALL)
    with pytest.raises(ShapeError, match="floating point"):
        depth_to_points(torch.zeros(5, 4, dtype=torch.int32), SMALL)
    with pytest.raises(ShapeError, match="mask must be bool"):
        depth_to_points(torch.zeros(5, 4), SMALL, mask=torch.zeros(5, 4))
    with pytest.raises(ConfigError, match="focal lengths"):
        Intrinsics(fx=0.0)
    with pytest.raises(ConfigError, match="at least one pixel"):
        Intrinsics(width=0)


@pytest.mark.parametrize("frame", ["0000000000", "0000000040"])
def test_real_depth_images_agree_with_their_reference_clouds(real_data, frame):
    depth = np.asarray(Image.open(real_data / "depth_person" / f"{frame}_depth.png")).astype(np.float64) / 1000
    points = depth_to_points(torch.from_numpy(depth), Intrinsics(fx=525.0, fy=525.0)).numpy()
    reference = np.loadtxt(real_data / "depth_person" / f"{frame}.pcd", skiprows=11, usecols=(0, 1, 2))
    points, reference = points[points[:, 2] < 2], reference[reference[:, 2] < 2]
    assert len(points) == len(reference)
    for one, other in ((points, reference), (reference, points)):  # the reference has an order of its own
        assert cKDTree(one).query(other)[0].max() < 1e-6
