"""The bounds-checked reader gives what scipy gives, and an error instead of a crash."""

import io

import numpy as np
import pytest
import scipy.io

from csi2pc.csi.mat5 import read_mat5
from csi2pc.errors import DataError


def saved(compressed=False, **arrays):
    file = io.BytesIO()
    scipy.io.savemat(file, arrays, do_compression=compressed)
    return file.getvalue()


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("dtype", ["f8", "f4", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"])
def test_equals_scipy(rng, compressed, dtype):
    arrays = {"a": rng.integers(0, 100, (3, 4, 5)).astype(dtype), "long_name_of_an_array": np.arange(3).astype(dtype)}
    stored = saved(compressed, **arrays)
    found, expected = read_mat5(stored), scipy.io.loadmat(io.BytesIO(stored))
    assert set(found) == set(arrays)
    for name in arrays:
        assert found[name].shape == expected[name].shape
        assert np.array_equal(found[name], expected[name])


def test_other_variables_are_passed_over():
    stored = saved(text="words", cell=np.array([1, "a"], dtype=object), x=np.array([[1.5]]))
    found = read_mat5(stored)
    assert list(found) == ["x"] and found["x"] == 1.5


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("dtype", ["c8", "c16", "bool"])
def test_complex_and_logical_equal_scipy(rng, compressed, dtype):
    values = rng.normal(size=(3, 4, 5)) + 1j * rng.normal(size=(3, 4, 5))
    values = (values.real > 0) if dtype == "bool" else values.astype(dtype)
    stored = saved(compressed, z=values)
    found = read_mat5(stored)["z"]
    assert found.dtype == dtype and np.array_equal(found, scipy.io.loadmat(io.BytesIO(stored))["z"])


def test_complex_without_an_imaginary_part_is_damage():
    stored = bytearray(saved(x=np.arange(3.0)))
    stored[128 + 8 + 8 + 1] |= 0x08  # file header, tag of the variable, tag of its flags
    with pytest.raises(DataError, match="'x' is complex but has no imaginary part"):
        read_mat5(bytes(stored))


def test_equals_scipy_on_a_real_frame(real_data):
    path = real_data / "mmfi" / "frame001.mat"
    found, expected = read_mat5(path.read_bytes()), scipy.io.loadmat(path)
    for name in ("CSIamp", "CSIphase"):
        assert np.array_equal(found[name], expected[name])


def test_a_compressed_variable_may_not_grow_without_limit():
    stored = saved(True, zeros=np.zeros((1000, 1000)))
    assert len(stored) < 20_000
    with pytest.raises(DataError, match="more than the 100000 bytes"):
        read_mat5(stored, largest=100_000)


@pytest.mark.parametrize("stored", [b"", b"MATLAB 5.0 MAT-file", b"MATLAB 7.3 MAT-file" + bytes(200)])
def test_no_matlab_5_file(stored):
    with pytest.raises(DataError, match="no MATLAB 5 file"):
        read_mat5(stored)


@pytest.mark.parametrize("compressed", [False, True])
def test_damage_never_gives_anything_but_an_error_or_arrays(rng, compressed):
    whole = saved(compressed, a=rng.normal(size=(3, 4)), b=np.arange(7) * 1j)
    for _ in range(300):
        stored = bytearray(whole[: rng.integers(1, len(whole) + 1)])
        for _ in range(rng.integers(0, 4)):
            stored[rng.integers(0, len(stored))] = rng.integers(0, 256)
        try:
            assert all(isinstance(array, np.ndarray) for array in read_mat5(bytes(stored)).values())
        except DataError:
            pass
