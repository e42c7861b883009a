from __future__ import annotations

import numpy as np

from csi2pc.data.mmwave import mmwave_cloud


def test_coordinates_come_first_and_a_zero_byte_file_is_a_frame_without_points(tmp_path, rng):
    rows = rng.normal(size=(4, 5))
    rows.tofile(tmp_path / "a.bin")
    np.testing.assert_array_equal(mmwave_cloud(tmp_path / "a.bin"), rows[:, :3])
    (tmp_path / "still.bin").write_bytes(b"")
    assert mmwave_cloud(tmp_path / "still.bin").shape == (0, 3)
