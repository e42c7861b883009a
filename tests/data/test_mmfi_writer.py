from __future__ import annotations

import errno
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import loadmat

from csi2pc.data.mmfi_writer import (
    write_companions,
    write_depth,
    write_ground_truth,
    write_keypoints,
    write_lidar,
    write_mmwave,
    write_wifi,
)
from csi2pc.errors import DataError, ShapeError


def _csi(rng) -> np.ndarray:
    return rng.integers(-300, 300, size=(10, 3, 114)) + 1j * rng.integers(-300, 300, size=(10, 3, 114))


def test_csi_comes_back_as_integers(rng, tmp_path):
    csi = _csi(rng)
    csi[4, 1, 7] = 0
    write_wifi(tmp_path / "frame001.mat", csi)
    content = loadmat(tmp_path / "frame001.mat")
    amplitude, phase = content["CSIamp"], content["CSIphase"]
    assert amplitude.shape == phase.shape == (3, 114, 10)
    assert amplitude.dtype == phase.dtype == np.float64
    assert np.isneginf(amplitude[1, 7, 4]) and np.sum(np.isinf(amplitude)) == np.sum(csi == 0)
    back = (10 ** (amplitude / 20) * np.exp(1j * phase)).transpose(2, 0, 1)
    np.testing.assert_allclose(back, csi, atol=1e-10)


def test_the_genuine_frame_comes_back_when_written_again(real_data, tmp_path):
    genuine = loadmat(real_data / "mmfi" / "frame001.mat")
    csi = 10 ** (genuine["CSIamp"] / 20) * np.exp(1j * genuine["CSIphase"])
    csi = (np.rint(csi.real) + 1j * np.rint(csi.imag)).transpose(2, 0, 1)
    write_wifi(tmp_path / "frame001.mat", csi)
    again = loadmat(tmp_path / "frame001.mat")
    np.testing.assert_allclose(again["CSIamp"], genuine["CSIamp"], atol=1e-10)
    np.testing.assert_allclose(np.exp(1j * again["CSIphase"]), np.exp(1j * genuine["CSIphase"]), atol=1e-10)


def test_the_same_arrays_give_the_same_bytes_at_any_time(rng, tmp_path, monkeypatch):
    csi = _csi(rng)
    write_wifi(tmp_path / "a.mat", csi)
    monkeypatch.setattr("time.asctime", lambda: "Mon Jan  1 00:00:00 1990")
    write_wifi(tmp_path / "b.mat", csi)
    assert (tmp_path / "a.mat").read_bytes() == (tmp_path / "b.mat").read_bytes()


def test_depth_is_a_16_bit_image_in_millimetres(rng, tmp_path):
    depth = rng.integers(0, 65536, size=(480, 640)).astype(np.uint16)
    write_depth(tmp_path / "frame001.png", depth)
    with Image.open(tmp_path / "frame001.png") as image:
        assert image.size == (640, 480)
        np.testing.assert_array_equal(np.array(image), depth)


def test_clouds_are_plain_doubles(rng, tmp_path):
    for write, columns in ((write_lidar, 3), (write_mmwave, 5)):
        points = rng.normal(size=(20, columns))
        write(tmp_path / "frame.bin", points)
        np.testing.assert_array_equal(np.fromfile(tmp_path / "frame.bin", dtype="<f8").reshape(-1, columns), points)


def test_no_detections_are_a_file_of_zero_bytes(tmp_path):
    write_mmwave(tmp_path / "frame001.bin", np.zeros((0, 5)))
    assert (tmp_path / "frame001.bin").read_bytes() == b""


def test_joints_come_back(rng, tmp_path):
    joints = rng.normal(size=(7, 17, 3))
    write_ground_truth(tmp_path / "ground_truth.npy", joints)
    back = np.load(tmp_path / "ground_truth.npy", allow_pickle=False)
    assert back.dtype == np.float32
    np.testing.assert_allclose(back, joints, atol=1e-6)


@pytest.mark.parametrize(
    ("write", "array", "message"),
    [
        (write_wifi, np.zeros((10, 3, 114)), "complex"),
        (write_wifi, np.zeros((3, 114), dtype=complex), "packets, links, subcarriers"),
        (write_wifi, np.full((10, 3, 114), np.nan + 0j), "finite"),
        (write_depth, np.zeros((480, 640)), "uint16"),
        (write_lidar, np.zeros((5, 5)), r"\(N, 3\)"),
        (write_mmwave, np.zeros((5, 3)), r"\(N, 5\)"),
        (write_ground_truth, np.zeros((5, 16, 3)), "17"),
        (write_keypoints, np.zeros((17, 3)), r"\(17, 2\)"),
    ],
)
def test_wrong_arrays_are_refused_and_nothing_is_written(write, array, message, tmp_path):
    with pytest.raises(ShapeError, match=message):
        write(tmp_path / "file", array)
    assert not list(tmp_path.iterdir())


def test_a_full_disk_leaves_the_old_file_and_no_half_one(tmp_path, monkeypatch):
    path = tmp_path / "frame001.bin"
    write_lidar(path, np.ones((2, 3)))
    before = path.read_bytes()

    def full(self, content):
        with open(self, "wb") as file:
            file.write(content[:10])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(DataError, match="No space left on device"):
        write_lidar(path, np.zeros((50, 3)))
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["frame001.bin"]


def test_companions_come_back_and_other_shapes_are_refused(tmp_path, rng):
    joints = rng.normal(size=(4, 2, 17, 3))
    write_companions(tmp_path / "companions.npy", joints)
    np.testing.assert_array_equal(np.load(tmp_path / "companions.npy", allow_pickle=False), joints.astype(np.float32))
    with pytest.raises(ShapeError, match="must be .frames, people, 17, 3.; got .4, 17, 3."):
        write_companions(tmp_path / "companions.npy", joints[:, 0])
