"""The project's own files, HDF5 and NPZ: every field comes back, and damage is an error."""

import json
import zipfile

import h5py
import numpy as np
import pytest
from captures import assert_same, full_capture, plain_capture

from csi2pc.csi.container_hdf5 import looks_like_capture_hdf5, read_capture_hdf5, write_capture_hdf5
from csi2pc.csi.container_npz import looks_like_capture_npz, read_capture_npz, write_capture_npz
from csi2pc.csi.generic import looks_like_generic
from csi2pc.csi.provenance import provenance, read_provenance
from csi2pc.csi.sealed import writing_sealed
from csi2pc.errors import DataError

KINDS = {
    "h5": (write_capture_hdf5, read_capture_hdf5, looks_like_capture_hdf5),
    "npz": (write_capture_npz, read_capture_npz, looks_like_capture_npz),
}
kinds = pytest.mark.parametrize("kind", KINDS)


@kinds
def test_every_field_of_every_layout_comes_back(rng, tmp_path, kind):
    write, read, looks_like = KINDS[kind]
    captures = [full_capture(rng, 51), plain_capture(rng), full_capture(rng, 1, rx=1, tx=1)]
    write(tmp_path / "c", captures, provenance={"source": "monday/walk.dat", "bytes": 3})
    for one, other in zip(captures, read(tmp_path / "c"), strict=True):
        assert_same(one, other)
    head = (tmp_path / "c").read_bytes()[:65536]
    assert looks_like(head) and not any(other(head) for name, (*_, other) in KINDS.items() if name != kind)
    assert read_provenance(tmp_path / "c") == {"source": "monday/walk.dat", "bytes": 3}


@kinds
def test_more_than_one_block_of_time(rng, tmp_path, monkeypatch, kind):
    monkeypatch.setattr("csi2pc.csi.container.BLOCK", 5000)
    write, read, _ = KINDS[kind]
    capture = full_capture(rng, 203)
    write(tmp_path / "c", [capture])
    assert_same(capture, read(tmp_path / "c")[0])


def test_other_programs_read_the_files(rng, tmp_path):
    capture = plain_capture(rng)
    write_capture_hdf5(tmp_path / "c.h5", [capture])
    write_capture_npz(tmp_path / "c.npz", [capture])
    with h5py.File(tmp_path / "c.h5") as file:
        assert np.array_equal(file["layout_0/csi"][()], capture.csi)
        assert file["layout_0/csi"].chunks == capture.csi.shape and file["layout_0/csi"].compression == "gzip"
    with np.load(tmp_path / "c.npz") as file:
        assert np.array_equal(file["csi"], capture.csi)
        assert json.loads(str(file["csi2pc_capture"][0]))["layouts"][0]["values"]["rx"] == 1


def test_objects_are_refused(rng, tmp_path):
    capture = plain_capture(rng)
    capture.fields["who"] = np.array([None] * len(capture))
    for write, *_ in KINDS.values():
        with pytest.raises(DataError, match="field 'who' holds object"):
            write(tmp_path / "c", [capture])
    assert not list(tmp_path.iterdir())


@kinds
def test_any_changed_byte_is_an_error_or_changes_nothing(rng, tmp_path, kind):
    write, read, _ = KINDS[kind]
    capture = plain_capture(rng, 5)
    write(tmp_path / "c", [capture])
    whole = (tmp_path / "c").read_bytes()
    refused = 0
    for at in rng.integers(0, len(whole), 300).tolist() + list(range(0, 60)):
        damaged = bytearray(whole)
        damaged[at] ^= 1 << int(rng.integers(8))
        (tmp_path / "d").write_bytes(damaged if at % 3 else damaged[: max(at, 1)])
        try:
            assert_same(capture, read(tmp_path / "d")[0])
        except DataError as error:
            refused += 1
            assert str(tmp_path / "d") in str(error)
    assert refused > 250


def test_a_sealed_file_of_wrong_content(rng, tmp_path):
    for name, fill in {
        "nothing": lambda file: None,
        "no layout": lambda file: file.attrs.update(layouts=0),
        "layout missing": lambda file: file.attrs.update(layouts=1),
        "no csi": lambda file: (file.attrs.update(layouts=1), file.create_group("layout_0")),
    }.items():
        with writing_sealed(tmp_path / name, kind="capture", version=1) as file:
            fill(file)
        with pytest.raises(DataError, match="holds no"):
            read_capture_hdf5(tmp_path / name)


def test_declared_sizes_are_checked_before_anything_is_allocated(tmp_path):
    with writing_sealed(tmp_path / "huge.h5", kind="capture", version=1) as file:
        file.attrs["layouts"] = 1
        group = file.create_group("layout_0")
        group.create_dataset("csi", (10**9, 10, 114), "c8", chunks=(1000, 10, 114))
    with pytest.raises(DataError, match="64000000 are allowed"):
        read_capture_hdf5(tmp_path / "huge.h5")
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("csi2pc_capture.npy", "w") as member:
            header = {"descr": "<U20000000", "fortran_order": False, "shape": (1,)}
            np.lib.format.write_array_header_1_0(member, header)
            for _ in range(80):
                member.write(bytes(10**6))
    with pytest.raises(DataError, match="80000000 bytes, 64000000 are left"):
        read_capture_npz(tmp_path / "bomb.npz")


def test_never_written_parts_are_no_zeros(rng, tmp_path):
    with writing_sealed(tmp_path / "holes.h5", kind="capture", version=1) as file:
        file.attrs["layouts"] = 1
        file.create_group("layout_0").create_dataset("csi", (100, 1, 56), "c8", chunks=(10, 1, 56))
    with pytest.raises(DataError, match="'csi' was never written in full"):
        read_capture_hdf5(tmp_path / "holes.h5")


@kinds
def test_another_version(rng, tmp_path, monkeypatch, kind):
    write, read, _ = KINDS[kind]
    module = {"h5": "csi2pc.csi.container_hdf5", "npz": "csi2pc.csi.container_npz"}[kind]
    with monkeypatch.context() as patch:
        patch.setattr(f"{module}.VERSION", 2)
        write(tmp_path / "c", [plain_capture(rng)])
    with pytest.raises(DataError, match="has version 2 of the csi2pc capture format; this program reads version 1"):
        read(tmp_path / "c")


def test_provenance_names_the_source_as_given(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "walk.dat").write_bytes(b"abc")
    about = provenance("walk.dat", form="Intel 5300", reader={"schema": {"csi": "H"}})
    assert (about["source"], about["bytes"], about["format"]) == ("walk.dat", 3, "Intel 5300")
    assert about["sha256"] == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert str(tmp_path) not in json.dumps(about) and json.loads(about["reader"]) == {"schema": {"csi": "H"}}
    (tmp_path / "wifi-csi").mkdir()
    (tmp_path / "wifi-csi" / "frame001.mat").write_bytes(b"abcd")
    assert provenance(".", form="MM-Fi sequence")["bytes"] == 4
    assert read_provenance("walk.dat") == read_provenance(".") == {}


def test_a_sealed_file_of_another_kind_is_no_generic_one(tmp_path):
    with writing_sealed(tmp_path / "cache.h5", kind="cache", version=1) as file:
        file["x"] = np.arange(3)
    head = (tmp_path / "cache.h5").read_bytes()
    assert not looks_like_generic(head) and not looks_like_capture_hdf5(head)
