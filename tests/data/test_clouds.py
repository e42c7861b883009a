from __future__ import annotations

import os

import numpy as np
import pytest
from plyfile import PlyData

from csi2pc.data.clouds import read_cloud, read_npz, read_ply, write_npz, write_ply
from csi2pc.errors import DataError, ShapeError


@pytest.mark.parametrize("count", [0, 1, 50])
@pytest.mark.parametrize(("write", "suffix"), [(write_ply, ".ply"), (write_npz, ".npz")])
def test_what_is_written_is_read_back_bit_for_bit(tmp_path, rng, write, suffix, count):
    points = rng.normal(size=(count, 3)).astype(np.float32)
    path = tmp_path / "new" / f"cloud{suffix}"
    write(path, points)
    back = read_cloud(path)
    assert back.dtype == np.float32
    np.testing.assert_array_equal(back, points)
    assert os.listdir(path.parent) == [path.name]  # no temporary file stays


def test_ply_is_binary_with_comments_and_npz_keeps_more_arrays(tmp_path, rng):
    points = rng.normal(size=(3, 3))
    write_ply(tmp_path / "a.ply", points, comments=["frame E01/S01/A01#1"])
    ply = PlyData.read(str(tmp_path / "a.ply"))
    assert (ply.text, ply.byte_order, ply.comments) == (False, "<", ["frame E01/S01/A01#1"])
    write_npz(tmp_path / "a.npz", points, timestamp=np.float64(0.25))
    with np.load(tmp_path / "a.npz", allow_pickle=False) as arrays:
        assert arrays["timestamp"] == 0.25


def test_npy_and_text_pcd_are_read_too(tmp_path, rng):
    points = rng.normal(size=(4, 3)).astype(np.float32)
    np.save(tmp_path / "a.npy", points.astype(np.float64))
    np.testing.assert_array_equal(read_cloud(tmp_path / "a.npy"), points)
    rows = "\n".join(f"{i} {z!r} {x!r} {y!r}" for i, (x, y, z) in enumerate(points.astype(float).tolist()))
    (tmp_path / "a.pcd").write_text(f"# .PCD\nVERSION 0.7\nFIELDS rgb z x y\nPOINTS 4\nDATA ascii\n{rows}\n")
    np.testing.assert_array_equal(read_cloud(tmp_path / "a.pcd"), points)


def test_real_pcd(real_data):
    points = read_cloud(real_data / "depth_person" / "0000000000.pcd")
    assert points.shape == (68742, 3)


def test_a_failed_write_leaves_the_old_file(tmp_path, rng, monkeypatch):
    path = tmp_path / "a.npz"
    write_npz(path, np.ones((2, 3)))

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(DataError, match="No space left"):
        write_npz(path, np.zeros((2, 3)))
    np.testing.assert_array_equal(read_npz(path), np.ones((2, 3)))
    assert os.listdir(tmp_path) == ["a.npz"]


@pytest.mark.parametrize("suffix", [".ply", ".npz", ".npy", ".pcd"])
def test_damaged_and_missing_files_are_one_clear_error(tmp_path, rng, suffix):
    path = tmp_path / f"a{suffix}"
    with pytest.raises(DataError, match="a.p|a.n"):
        read_cloud(path)
    for content in (b"", b"\x00\x01garbage", b"ply\nformat"):
        path.write_bytes(content)
        with pytest.raises(DataError, match=path.name):
            read_cloud(path)


def test_truncated_files_are_refused(tmp_path, rng):
    write_ply(tmp_path / "a.ply", rng.normal(size=(50, 3)))
    write_npz(tmp_path / "a.npz", rng.normal(size=(50, 3)))
    (tmp_path / "a.pcd").write_text("FIELDS x y z\nPOINTS 3\nDATA ascii\n1 2 3\n1 2 3\n")
    for path in (tmp_path / "a.ply", tmp_path / "a.npz"):
        path.write_bytes(path.read_bytes()[:-100])
    for path in tmp_path.iterdir():
        with pytest.raises(DataError, match=path.name):
            read_cloud(path)


def test_values_that_are_no_points_are_refused(tmp_path):
    np.savez(tmp_path / "nan.npz", points=np.full((2, 3), np.nan))
    np.savez(tmp_path / "flat.npz", points=np.zeros(6))
    np.savez(tmp_path / "other.npz", cloud=np.zeros((2, 3)))
    np.savez(tmp_path / "pickled.npz", points=np.array([[{}, 1, 2]], dtype=object))
    for name, match in (("nan", "not finite"), ("flat", r"\(points, 3\)"), ("other", "points"), ("pickled", "points")):
        with pytest.raises(DataError, match=match):
            read_npz(tmp_path / f"{name}.npz")
    with pytest.raises(ShapeError, match=r"\(points, 3\)"):
        write_ply(tmp_path / "a.ply", np.zeros((2, 4)))
    with pytest.raises(DataError, match="one of"):
        read_cloud(tmp_path / "a.obj")
    with pytest.raises(DataError, match="not a PLY"):
        read_ply(tmp_path / "flat.npz")


def test_voxel_size_belongs_to_voxels(tmp_path):
    with pytest.raises(DataError, match="voxel_size"):
        read_cloud(tmp_path / "a.vox")
    with pytest.raises(DataError, match="leave it out"):
        read_cloud(tmp_path / "a.ply", voxel_size=0.1)
