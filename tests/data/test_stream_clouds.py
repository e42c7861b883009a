from __future__ import annotations

import numpy as np
import pytest
from pcd_file import write_pcd
from PIL import Image

from csi2pc.data.clouds import write_ply
from csi2pc.data.depth_image import depth_cloud
from csi2pc.data.stream_clouds import ArrayReader, FileReader, FrameFile
from csi2pc.data.streams import Camera, Stream
from csi2pc.errors import DataError

CAMERA = Camera(fx=4.0, fy=4.0, cx=1.5, cy=1.0, width=4, height=3)


def depth(**options):
    return Stream(format="depth", times="t.csv", intrinsics=CAMERA, **options)


def clouds(unit="metres"):
    return Stream(format="clouds", times="t.csv", unit=unit)


def read(stream, path, mask=None):
    return FileReader(stream, [FrameFile(path, 0.0, 0, mask)])(0)


def image(path, values):
    Image.fromarray(np.asarray(values)).save(path)
    return path


def test_a_depth_image_equals_the_plain_back_projection(tmp_path, rng):
    values = rng.integers(0, 5000, (3, 4)).astype(np.uint16)
    path = image(tmp_path / "a.png", values)
    np.testing.assert_array_equal(read(depth(), path), depth_cloud(path, CAMERA))
    np.testing.assert_allclose(read(depth(unit=0.0002), path), depth_cloud(path, CAMERA) * 0.2)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_mask_keeps_the_person(tmp_path, suffix):
    path = image(tmp_path / "a.png", np.full((16, 16), 2000, np.uint16))
    camera = Camera(fx=4.0, fy=4.0, cx=8.0, cy=8.0, width=16, height=16)
    stream = Stream(format="depth", times="t.csv", intrinsics=camera)
    kept = np.zeros((16, 16), np.uint8)
    kept[8:] = 255
    mask = image(tmp_path / f"m{suffix}", kept)
    points = read(stream, path, mask)
    assert len(points) == 128 and (points[:, 1] >= 0).all()
    with pytest.raises(DataError, match="none.png"):
        read(stream, path, tmp_path / "none.png")
    with pytest.raises(DataError, match="4 x 3 pixels.*one size"):
        read(stream, path, image(tmp_path / "small.png", np.ones((3, 4), np.uint8)))
    with pytest.raises(DataError, match="8-bit greyscale"):
        read(stream, path, image(tmp_path / "colour.png", np.ones((16, 16, 3), np.uint8)))


def test_depth_in_another_unit_or_kind_is_refused_and_says_what_to_do(tmp_path):
    np.save(tmp_path / "a.npy", np.full((3, 4), 2.5, np.float32))
    with pytest.raises(DataError, match=r"16-bit greyscale PNG.*round\(1000 \* metres\)"):
        read(depth(), tmp_path / "a.npy")
    with pytest.raises(DataError, match="16-bit greyscale"):
        read(depth(), image(tmp_path / "8bit.png", np.full((3, 4), 200, np.uint8)))
    with pytest.raises(DataError, match="not in millimetres; set unit"):
        read(depth(), image(tmp_path / "metres.png", np.full((3, 4), 3, np.uint16)))
    with pytest.raises(DataError, match="within 300 m.*check unit"):
        read(depth(unit="metres"), image(tmp_path / "mm.png", np.full((3, 4), 2500, np.uint16)))
    with pytest.raises(DataError, match="6 x 5 pixels.*4 x 3.*one size"):
        read(depth(), image(tmp_path / "large.png", np.full((5, 6), 2500, np.uint16)))


@pytest.mark.parametrize(
    ("unit", "metres"), [("metres", 1.0), ("centimetres", 0.01), ("millimetres", 0.001), (2.5, 2.5)]
)
def test_clouds_of_every_kind_come_in_metres(tmp_path, rng, unit, metres):
    points = rng.normal(size=(20, 3)).astype(np.float32)
    write_ply(tmp_path / "a.ply", points)
    np.savez(tmp_path / "a.npz", points=points)
    np.save(tmp_path / "a.npy", points)
    write_pcd(tmp_path / "a.pcd", points, data="binary")
    rows = "\n".join(",".join(map(repr, row)) for row in points.tolist())
    (tmp_path / "a.csv").write_text(f"x,y,z\n{rows}\n")
    for suffix in ("ply", "npz", "npy", "pcd", "csv"):
        found = read(clouds(unit), tmp_path / f"a.{suffix}")
        np.testing.assert_allclose(found, points.astype(np.float64) * metres, err_msg=suffix)


@pytest.mark.parametrize(("dtype", "columns"), [("float64", 5), ("float64", 3), ("float32", 4)])
def test_rows_of_numbers_as_declared(tmp_path, rng, dtype, columns):
    rows = rng.normal(size=(6, columns)).astype(dtype)
    rows[2, :3] = 0
    (tmp_path / "a.bin").write_bytes(rows.tobytes())
    stream = Stream(format="bin", times="t.csv", dtype=dtype, columns=columns, unit="metres")
    np.testing.assert_array_equal(read(stream, tmp_path / "a.bin"), np.delete(rows[:, :3], 2, axis=0))
    (tmp_path / "a.bin").write_bytes(rows.tobytes()[:-1])
    with pytest.raises(DataError, match=f"whole rows of {columns} {dtype}"):
        read(stream, tmp_path / "a.bin")
    (tmp_path / "a.bin").write_bytes(b"")
    assert read(stream, tmp_path / "a.bin").shape == (0, 3)


def test_millimetres_in_rows_are_far_for_metres_only(tmp_path):
    (tmp_path / "a.bin").write_bytes(np.array([[2500.0, 100, 1700]]).tobytes())
    options = {"format": "bin", "times": "t.csv", "dtype": "float64", "columns": 3}
    with pytest.raises(DataError, match="a.bin"):
        read(Stream(unit="metres", **options), tmp_path / "a.bin")
    np.testing.assert_allclose(read(Stream(unit="millimetres", **options), tmp_path / "a.bin"), [[2.5, 0.1, 1.7]])


def test_frames_are_cut_out_of_a_recording(tmp_path):
    points = np.arange(15.0).reshape(5, 3)
    stream = Stream(format="npz", file="a.npz", unit="centimetres")
    reader = ArrayReader(stream, tmp_path / "a.npz", points, np.array([0, 2, 2, 5]))
    np.testing.assert_allclose(reader(0), points[:2] / 100)
    assert reader(1).shape == (0, 3)
    np.testing.assert_allclose(reader(2), points[2:] / 100)
    points[4] = np.nan
    with pytest.raises(DataError, match="a.npz frame 2.*finite"):
        reader(2)


def test_real_depth_with_its_mask_is_the_person(real_data):
    folder = real_data / "depth_person"
    camera = Camera(fx=525.0, fy=525.0, cx=320.0, cy=240.0, width=640, height=480)
    stream = Stream(format="depth", times="t.csv", intrinsics=camera)
    person = read(stream, folder / "0000000000_depth.png", folder / "0000000000_mask.jpg")
    whole = read(stream, folder / "0000000000_depth.png")
    assert 0.2 < len(person) / len(whole) < 0.4
    assert np.median(person[:, 2]) < 1 < 2 < np.median(whole[:, 2])


def mutants(content, rng, count):
    for _ in range(count):
        changed = bytearray(content)
        for place in rng.integers(0, len(changed), rng.integers(1, 4)):
            changed[place] = rng.integers(0, 256)
        yield bytes(changed[: rng.integers(1, len(changed) + 1)] if rng.random() < 0.2 else changed)


@pytest.mark.parametrize("name", ["a.ply", "a.npz", "a.npy", "a.pcd", "z.pcd", "a.csv", "a.png", "mask.png"])
def test_a_damaged_frame_is_one_kind_of_error(tmp_path, rng, name):
    """Or it is read as other points, where nothing in the format can tell; never another exception."""
    points = rng.normal(size=(30, 3)).astype(np.float32)
    write_ply(tmp_path / "a.ply", points)
    np.savez(tmp_path / "a.npz", points=points)
    np.save(tmp_path / "a.npy", points)
    write_pcd(tmp_path / "a.pcd", points, data="binary")
    write_pcd(tmp_path / "z.pcd", points, data="binary_compressed")
    (tmp_path / "a.csv").write_text("x,y,z\n" + "".join(f"{x},{y},{z}\n" for x, y, z in points.tolist()))
    image(tmp_path / "a.png", rng.integers(800, 3000, (3, 4)).astype(np.uint16))
    image(tmp_path / "mask.png", np.full((3, 4), 255, np.uint8))
    path, refused = tmp_path / f"mutant_{name}", 0
    for content in mutants((tmp_path / name).read_bytes(), rng, 120):
        path.write_bytes(content)
        try:
            if name == "mask.png":
                read(depth(), tmp_path / "a.png", path)
            else:
                found = read(depth() if name == "a.png" else clouds(), path)
                assert found.shape[1] == 3 and np.abs(found).max(initial=0) <= 300
        except DataError:
            refused += 1
    assert refused > 10
