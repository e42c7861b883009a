from __future__ import annotations

import struct

import numpy as np
import pytest
from pcd_file import pack_lzf, write_pcd

from csi2pc.data.pcd import read_pcd, unpack_lzf
from csi2pc.errors import DataError


@pytest.mark.parametrize("data", ["ascii", "binary", "binary_compressed"])
@pytest.mark.parametrize("count", [0, 1, 300])
def test_every_encoding_gives_the_points_back(tmp_path, rng, data, count):
    points = rng.normal(size=(count, 3)).astype(np.float32)
    path = write_pcd(tmp_path / "a.pcd", points, data=data)
    np.testing.assert_array_equal(read_pcd(path), points.astype(np.float64))


def test_double_coordinates_and_fields_of_several_numbers(tmp_path):
    row = np.dtype([("x", "<f8"), ("code", "<u2", (2,)), ("y", "<f8"), ("z", "<f8")])
    rows = np.zeros(4, row)
    rows["x"], rows["y"], rows["z"] = 1 / 3, np.arange(4), -2
    header = "VERSION 0.7\nFIELDS x code y z\nSIZE 8 2 8 8\nTYPE F U F F\nCOUNT 1 2 1 1\nWIDTH 2\nHEIGHT 2\n"
    (tmp_path / "a.pcd").write_bytes(f"{header}POINTS 4\nDATA binary\n".encode() + rows.tobytes())
    np.testing.assert_array_equal(read_pcd(tmp_path / "a.pcd"), np.stack([rows["x"], rows["y"], rows["z"]], 1))


def test_places_where_nothing_was_measured_are_no_points(tmp_path):
    points = np.array([[1, 2, 3], [np.nan] * 3, [4, 5, 6]], np.float32)
    path = write_pcd(tmp_path / "a.pcd", points, data="binary")
    np.testing.assert_array_equal(read_pcd(path), points[[0, 2]])


def test_lzf_references_that_overlap_themselves_and_long_runs(rng):
    assert unpack_lzf(bytes([0, 65, 0b1110_0000, 91, 0]), 101) == b"A" * 101
    text = bytes(rng.integers(0, 3, 2000).tolist())
    assert unpack_lzf(pack_lzf(text), len(text)) == text
    for broken in (b"\x20\x05", b"\x00", b"\xe0", b"\x00A\x20\x01"):
        with pytest.raises((ValueError, IndexError)):
            unpack_lzf(broken, 5)


@pytest.mark.parametrize("data", ["ascii", "binary", "binary_compressed"])
def test_what_is_damaged_is_a_clear_error_or_other_points_but_never_a_crash(tmp_path, rng, data):
    path = write_pcd(tmp_path / "a.pcd", rng.normal(size=(40, 3)).astype(np.float32), data=data)
    whole = path.read_bytes()
    refused = 0
    for _ in range(300):
        content = bytearray(whole)
        for place in rng.integers(0, len(content), 3):
            content[place] = rng.integers(0, 256)
        path.write_bytes(content[: rng.integers(len(content) // 2, len(content) + 1)])
        try:
            assert read_pcd(path).shape[1] == 3
        except DataError as error:
            refused += 1
            assert "a.pcd" in str(error)
    assert refused > 100


def test_a_size_that_is_not_there_is_never_allocated(tmp_path):
    header = "FIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nCOUNT 1 1 1\nPOINTS 100000000000\n"
    bodies = {"binary": b"1234", "binary_compressed": struct.pack("<II", 4, 4) + b"1234", "ascii": b"1 2 3\n"}
    for data, body in bodies.items():
        (tmp_path / "a.pcd").write_bytes(f"{header}DATA {data}\n".encode() + body)
        with pytest.raises(DataError, match="100000000000"):
            read_pcd(tmp_path / "a.pcd")


def test_fields_that_are_missing_are_named(tmp_path):
    (tmp_path / "a.pcd").write_text("FIELDS x y i\nSIZE 4 4 4\nTYPE F F F\nPOINTS 1\nDATA ascii\n1 2 3\n")
    with pytest.raises(DataError, match=r"fields are \['x', 'y', 'i'\]"):
        read_pcd(tmp_path / "a.pcd")


def test_the_binary_forms_equal_a_real_text_file(tmp_path, real_data):
    points = read_pcd(real_data / "depth_person" / "0000000000.pcd")[:5000]
    assert len(points) == 5000
    for data in ("binary", "binary_compressed"):
        path = write_pcd(tmp_path / "a.pcd", points.astype(np.float32), data=data)
        np.testing.assert_allclose(read_pcd(path), points, atol=1e-6)
