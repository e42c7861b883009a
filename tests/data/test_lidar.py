from __future__ import annotations

import numpy as np

from csi2pc.data.lidar import lidar_cloud


def test_beams_that_did_not_return_are_no_points(tmp_path):
    np.array([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0], [0.0, 0.0, 1.0]]).tofile(tmp_path / "a.bin")
    np.testing.assert_array_equal(lidar_cloud(tmp_path / "a.bin"), [[1.0, 2.0, 3.0], [0.0, 0.0, 1.0]])
