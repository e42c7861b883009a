from __future__ import annotations

import numpy as np
import pytest

from csi2pc.data.arrays import load_array
from csi2pc.errors import DataError


def test_arrays_come_back_as_saved(tmp_path, rng):
    values = rng.normal(size=(4, 3)).astype(np.float32)
    np.save(tmp_path / "a.npy", values)
    np.savez_compressed(tmp_path / "a.npz", points=values)
    for loaded in (load_array(tmp_path / "a.npy"), load_array(tmp_path / "a.npz", name="points")):
        np.testing.assert_array_equal(loaded, values)
        assert loaded.dtype == np.float32


def test_another_name_a_missing_file_and_pickled_objects_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", cloud=np.zeros(3), objects=np.array([{}], dtype=object))
    for path, name in (("a.npz", "points"), ("a.npz", "objects"), ("none.npz", "points"), ("none.npy", None)):
        with pytest.raises(DataError, match=path):
            load_array(tmp_path / path, name=name)


@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_damage_of_any_kind_is_one_kind_of_error(tmp_path, rng, suffix):
    whole = tmp_path / f"whole.{suffix}"
    if suffix == "npy":
        np.save(whole, rng.normal(size=(20, 3)))
    else:
        np.savez_compressed(whole, points=rng.normal(size=(20, 3)))
    content, damaged, name = whole.read_bytes(), tmp_path / f"damaged.{suffix}", "points" if suffix == "npz" else None
    refused = 0
    for number in range(200):
        changed = bytearray(content)
        if number % 2:
            changed = changed[: rng.integers(len(changed))]
        else:
            changed[rng.integers(min(len(changed), 200))] = rng.integers(256)
        damaged.write_bytes(changed)
        try:
            load_array(damaged, name=name)
        except DataError:
            refused += 1
    assert refused > 100
