"""Files of arrays that try to take more than they have, or something from elsewhere."""

import h5py
import numpy as np
import pytest

from csi2pc.csi import hdf5_arrays
from csi2pc.csi.array_files import FLOOR, GROWTH, allowed_bytes, list_arrays, load_arrays, looks_like_arrays
from csi2pc.csi.hdf5_arrays import looks_like_hdf5, looks_like_matlab_73
from csi2pc.csi.npz_arrays import looks_like_npz
from csi2pc.errors import DataError


def test_what_is_allowed_grows_with_the_file(tmp_path):
    (tmp_path / "a").write_bytes(bytes(10))
    assert allowed_bytes(tmp_path / "a") == FLOOR
    (tmp_path / "a").write_bytes(bytes(FLOOR // GROWTH + 5))
    assert allowed_bytes(tmp_path / "a") == FLOOR + 5 * GROWTH
    with pytest.raises(DataError, match="cannot be read"):
        allowed_bytes(tmp_path / "none")


def test_recognised_by_content_and_by_nothing_else(rng):
    for head in (b"", b"PK\x03\x04", b"PK\x03\x04" + bytes(30) + b"word/document.xml", b"MATLAB 7.3 MAT-file",
                 *(rng.integers(0, 256, 65536, dtype=np.uint8).tobytes() for _ in range(20))):  # fmt: skip
        assert not looks_like_arrays(head) and not looks_like_npz(head) and not looks_like_matlab_73(head)
    for block in (0, 512, 1024, 32768):
        assert looks_like_hdf5(bytes(block) + b"\x89HDF\r\n\x1a\n")


def test_an_hdf5_file_of_huge_or_holed_or_foreign_arrays(tmp_path):
    np.save(tmp_path / "raw.npy", np.arange(3.0))
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["secret"] = np.arange(3.0)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["fine"] = np.arange(3.0)
        file.create_dataset("huge", (10**12,), "f8", chunks=(1000,))
        file.create_dataset("bomb", data=np.zeros(9_000_000), chunks=(1_000_000,), compression="gzip")
        file.create_dataset("holes", (100,), "f8", chunks=(10,))[:50] = 1
        file.create_dataset("outside", (3,), "f8", external=[(str(tmp_path / "raw.npy"), 128, 24)])
        file["linked"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "secret")
        file["soft"] = h5py.SoftLink("/fine")
        file["text"] = "words"
        layout = h5py.VirtualLayout((3,), "f8")
        layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "secret", (3,))
        file.create_virtual_dataset("virtual", layout)
    assert load_arrays(tmp_path / "a.h5", ["fine"])["fine"].tolist() == [0, 1, 2]
    assert list_arrays(tmp_path / "a.h5")["huge"] == ((10**12,), "float64")
    # each call starts a process; these run in this one, since the file is a whole one
    for name, message in {
        "bomb": "72000000 bytes, 64000000 are left", "huge": "never written in full", "holes": "never written in full",
        "outside": "lies in other files", "virtual": "lies in other files", "linked": "no array 'linked'",
        "soft": "no array 'soft'", "text": "not numbers", "fine/x": "no array 'fine/x'",
    }.items():  # fmt: skip
        with pytest.raises(DataError, match=message):
            hdf5_arrays._load(str(tmp_path / "a.h5"), [name], FLOOR)


@pytest.mark.parametrize("mode", ["stored", "compressed"])
def test_an_npz_file_of_objects_or_wrong_sizes(tmp_path, mode):
    path = tmp_path / "a.npz"
    (np.savez if mode == "stored" else np.savez_compressed)(path, a=np.arange(1000.0), o=np.array([None]))
    with pytest.raises(DataError, match="'o' holds object, not numbers"):
        load_arrays(path, ["o"])
    assert list_arrays(path)["a"] == ((1000,), np.float64)
    if mode == "stored":
        path.write_bytes(path.read_bytes().replace(b"(1000,)", b"(9999,)"))
        with pytest.raises(DataError, match=r"'a' should have shape \(9999,\)"):
            load_arrays(path, ["a"])
