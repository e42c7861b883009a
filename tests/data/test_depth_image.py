from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from csi2pc.data.depth_image import depth_cloud, read_depth
from csi2pc.errors import DataError
from csi2pc.ops.depth import Intrinsics

CAMERA = Intrinsics(fx=4.0, fy=4.0, cx=2.0, cy=1.0, width=4, height=3)


def test_depth_is_millimetres(tmp_path):
    image = np.array([[0, 65535, 1, 1500]] * 3, np.uint16)
    Image.fromarray(image).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_depth(tmp_path / "a.png"), image)
    points = depth_cloud(tmp_path / "a.png", CAMERA)
    assert points.shape == (9, 3)
    np.testing.assert_allclose(points[2], [1 / 4 * 1.5, -1 / 4 * 1.5, 1.5])
    near = depth_cloud(tmp_path / "a.png", CAMERA, between=(1.0, 2.0))
    np.testing.assert_array_equal(near, points[points[:, 2] == 1.5])


def test_depth_of_another_kind_is_refused(tmp_path):
    Image.fromarray(np.zeros((3, 4), np.uint8)).save(tmp_path / "eight.png")
    Image.fromarray(np.zeros((3, 4, 3), np.uint8)).save(tmp_path / "colour.png")
    Image.fromarray(np.zeros((5, 4), np.uint16)).save(tmp_path / "size.png")
    for name, match in (("eight", "16-bit"), ("colour", "16-bit"), ("size", "4 x 5 pixels"), ("none", "readable PNG")):
        with pytest.raises(DataError, match=match):
            depth_cloud(tmp_path / f"{name}.png", CAMERA)


def test_no_damaged_png_passes(tmp_path, rng):
    whole = tmp_path / "whole.png"
    image = rng.integers(500, 5000, (30, 40)).astype(np.uint16)
    Image.fromarray(image).save(whole)
    content = whole.read_bytes()
    damaged = tmp_path / "damaged.png"
    for _ in range(60):
        position = int(rng.integers(len(content)))
        damaged.write_bytes(content[:position])
        with pytest.raises(DataError, match="damaged.png"):
            read_depth(damaged)
        flipped = bytearray(content)
        flipped[position] ^= 0x10
        damaged.write_bytes(flipped)
        try:  # a flip may fall where it changes nothing that is read, but never into a pixel unseen
            np.testing.assert_array_equal(read_depth(damaged), image)
        except DataError:
            pass
