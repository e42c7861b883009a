from __future__ import annotations

import os

import h5py
import numpy as np
import pytest

from csi2pc.csi import sealed
from csi2pc.csi.sealed import HEAD, open_sealed, sealed_kind, writing_sealed
from csi2pc.errors import DataError

VALUES = np.arange(1200.0).reshape(30, 40)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "new" / "a.h5"
    with writing_sealed(path, kind="capture", version=2) as file:
        file.create_dataset("csi", data=VALUES, chunks=(5, 40), compression="gzip")
        file.attrs["device"] = "esp32"
    return path


def test_what_was_written_comes_back_and_any_hdf5_program_can_read_it(path):
    with open_sealed(path, kind="capture", version=2) as file:
        np.testing.assert_array_equal(file["csi"][:], VALUES)
        assert file.attrs["device"] == "esp32"
    with h5py.File(path) as file:
        assert file.userblock_size == HEAD
    assert sealed_kind(path.read_bytes()[:HEAD]) == "capture"
    assert [file.name for file in path.parent.iterdir()] == ["a.h5"]


def test_any_damaged_byte_is_found(path, tmp_path, rng):
    intact = path.read_bytes()
    positions = [*range(0, HEAD, 7), *rng.integers(HEAD, len(intact), 100).tolist(), len(intact) - 1]
    copy = tmp_path / "copy.h5"
    for position in positions:
        damaged = bytearray(intact)
        damaged[position] ^= 1 << rng.integers(8)
        copy.write_bytes(damaged)
        with pytest.raises(DataError, match=r"copy\.h5"):
            open_sealed(copy, kind="capture", version=2)
    for size in (0, 5, 30, HEAD - 1, HEAD, HEAD + 1, len(intact) // 2, len(intact) - 1):
        copy.write_bytes(intact[:size])
        with pytest.raises(DataError, match="damaged"):
            open_sealed(copy, kind="capture", version=2)
    copy.write_bytes(intact + b"\0")
    with pytest.raises(DataError, match="damaged or truncated"):
        open_sealed(copy, kind="capture", version=2)


def test_blocks_may_not_be_exchanged(tmp_path, monkeypatch):
    monkeypatch.setattr(sealed, "BLOCK", 64)
    path = tmp_path / "a.h5"
    with writing_sealed(path, kind="capture", version=1) as file:
        file["a"] = np.arange(1000)
    open_sealed(path, kind="capture", version=1).close()
    content = bytearray(path.read_bytes())
    content[-128:-64], content[-64:] = content[-64:], content[-128:-64]
    path.write_bytes(content)
    with pytest.raises(DataError, match="damaged"):
        open_sealed(path, kind="capture", version=1)


def test_other_files_are_refused_with_what_they_are(path, tmp_path):
    with pytest.raises(DataError, match="must be a csi2pc cache file; it is a csi2pc capture file"):
        open_sealed(path, kind="cache", version=2)
    with pytest.raises(DataError, match="version 2.*reads version 3: make it anew"):
        open_sealed(path, kind="capture", version=3)
    foreign = tmp_path / "foreign.h5"
    with h5py.File(foreign, "w") as file:
        file["csi"] = np.zeros(3)
    with pytest.raises(DataError, match="some other file"):
        open_sealed(foreign, kind="capture", version=2)
    with pytest.raises(DataError, match="nowhere: cannot be read"):
        open_sealed(tmp_path / "nowhere", kind="capture", version=2)
    assert sealed_kind(foreign.read_bytes()[:HEAD]) is None and sealed_kind(b"") is None


def test_what_cannot_be_finished_leaves_the_old_file(path, tmp_path):
    before = path.read_bytes()
    with pytest.raises(KeyboardInterrupt), writing_sealed(path, kind="capture", version=2) as file:
        file["csi"] = np.zeros(1000)
        raise KeyboardInterrupt
    with pytest.raises(ValueError, match="kind must be"), writing_sealed(path, kind="No kind", version=2):
        pass
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(DataError, match="could not write"), writing_sealed(blocked / "a.h5", kind="capture", version=2):
        pass
    assert path.read_bytes() == before
    assert len(os.listdir(path.parent)) == 1
