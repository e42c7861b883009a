from __future__ import annotations

import json

import numpy as np
import pytest

from csi2pc.data.voxels import read_vox
from csi2pc.errors import ConfigError, DataError


def write(path, *layers):
    path.write_text(json.dumps({"layers": list(layers)}))
    return path


def test_centres_in_metres_with_y_down(tmp_path):
    path = write(tmp_path / "a.vox", {"voxels": [[0, 0, 0, 7], [2, 1, 0, 7], [0, 0, 3, 1]]})
    expected = [[0.25, -0.25, -0.25], [1.25, -0.75, -0.25], [0.25, -0.25, -1.75]]
    np.testing.assert_allclose(read_vox(path, voxel_size=0.5), expected)


def test_hidden_layers_are_left_out_and_shared_voxels_count_once(tmp_path):
    shown = {"voxels": [[0, 0, 0, 1], [1, 0, 0, 1]], "visible": True}
    hidden = {"voxels": [[9, 9, 9, 1]], "visible": False}
    again = {"voxels": [[1, 0, 0, 5], [2, 0, 0, 5]]}
    assert len(read_vox(write(tmp_path / "a.vox", shown, hidden, again), voxel_size=1.0)) == 3


@pytest.mark.parametrize("text", ["", "[]", '{"layers": 3}', '{"layers": [{"voxels": [[1, 2]]}]}', '{"layers": []}'])
def test_what_is_no_model_is_refused(tmp_path, text):
    (tmp_path / "a.vox").write_text(text)
    with pytest.raises(DataError, match="a.vox"):
        read_vox(tmp_path / "a.vox", voxel_size=0.1)
    with pytest.raises(DataError, match="b.vox"):
        read_vox(tmp_path / "b.vox", voxel_size=0.1)


def test_the_size_must_be_positive(tmp_path):
    with pytest.raises(ConfigError, match="greater than 0"):
        read_vox(tmp_path / "a.vox", voxel_size=0.0)


def test_real_rooms_are_as_high_as_the_scale_says(real_data):
    for name, count in (("room3", 3968), ("room4", 16056), ("roomK", 8194)):
        points = read_vox(real_data / "rooms" / "models" / f"{name}.vox", voxel_size=2.5 / 30)
        assert len(points) == count == len(np.unique(points, axis=0))
        np.testing.assert_allclose(np.ptp(points[:, 1]), 2.5 * 29 / 30, rtol=1e-5)
        assert points[:, 1].max() < 0  # the floor's plane is y = 0, and up is negative
