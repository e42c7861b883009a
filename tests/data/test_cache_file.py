from __future__ import annotations

import json
from dataclasses import replace

import h5py
import numpy as np
import pytest
from cache_case import write_case

from csi2pc.data.cache_file import read_index
from csi2pc.data.dataset import open_data
from csi2pc.engine.prepare_data import prepare_data
from csi2pc.errors import DataError


@pytest.fixture
def config(tmp_path):
    return write_case(tmp_path / "mmfi")


@pytest.fixture
def cache(config, tmp_path):
    prepare_data(config, tmp_path / "cache.h5")
    return tmp_path / "cache.h5"


def test_any_hdf5_program_reads_what_the_documentation_says(config, cache):
    splits = open_data(config.data, config.prepare)
    samples = [part[i] for part in (splits.train, splits.validation, splits.test) for i in range(len(part))]
    with h5py.File(cache) as file:
        np.testing.assert_array_equal(file["features"][:], [sample.features for sample in samples])
        bits = np.unpackbits(file["valid"][:], axis=1, count=3 * 114 * 10).astype(bool)
        np.testing.assert_array_equal(bits.reshape(-1, 3, 114, 10), [sample.valid for sample in samples])
        offsets = file["offsets"][:]
        for row, sample in enumerate(samples):
            np.testing.assert_array_equal(file["points"][offsets[row] : offsets[row + 1]], sample.points)
        names = file["sequence/name"][:][file["frame/sequence"][:]]
        assert [name.decode() for name in names] == [sample.frame.sequence for sample in samples]
        assert file["frame/part"][:].tolist() == [
            number for number, part in enumerate((splits.train, splits.validation, splits.test)) for _ in part.frames
        ]
        assert file["frame/index"][:].tolist() == [sample.frame.index for sample in samples]
        assert json.loads(file.attrs["prepare"])["window"] == 10
        assert json.loads(file.attrs["data"])["root"] == config.data.root
        report = json.loads(file["report"][:].tobytes())
    assert report["read"] == len(samples) and len(report["skipped"]) == len(splits.report.skipped) == 2


def test_a_damaged_cache_is_refused_wherever_the_damage_is(config, cache, rng):
    intact = cache.read_bytes()
    index = read_index(cache)
    data = replace(config.data, cache_file=str(cache))
    for position in [*index.positions.values(), 300, 600, len(intact) - 1, *rng.integers(0, len(intact), 20).tolist()]:
        damaged = bytearray(intact)
        damaged[position] ^= 1 << int(rng.integers(8))
        cache.write_bytes(damaged)
        with pytest.raises(DataError, match="damaged"):
            open_data(data, config.prepare)
    for size in (0, 100, 5000, len(intact) - 1):
        cache.write_bytes(intact[:size])
        with pytest.raises(DataError, match="damaged|truncated"):
            open_data(data, config.prepare)
    cache.write_bytes(intact)
    assert open_data(data, config.prepare).report.read > 0
