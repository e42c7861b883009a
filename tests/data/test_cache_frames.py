from __future__ import annotations

import os
import pickle
from dataclasses import replace

import pytest
import torch
from cache_case import assert_same_data, write_case

from csi2pc.data import memory
from csi2pc.data.cache_frames import CacheFrames
from csi2pc.data.dataset import collate, open_data
from csi2pc.engine.prepare_data import prepare_data
from csi2pc.errors import DataError


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def config(folder):
    return write_case(folder / "mmfi")


@pytest.fixture(scope="module")
def cached(config, folder):
    prepare_data(config, folder / "cache.h5")
    return replace(config.data, cache_file=str(folder / "cache.h5"))


@pytest.mark.parametrize("cache", ["auto", "none", "memory"])
def test_samples_are_bit_by_bit_those_of_the_raw_files(config, cached, cache):
    raw, data = open_data(config.data, config.prepare), open_data(replace(cached, cache=cache), config.prepare)
    assert_same_data(raw, data)
    assert raw.report.counts == data.report.counts and raw.report.notes == data.report.notes
    assert raw.describe() == data.describe()


def test_several_processes_read_from_it(config, cached):
    train = open_data(replace(cached, cache="none"), config.prepare).train
    for method in ("fork", "spawn"):
        loader = torch.utils.data.DataLoader(
            train, batch_size=2, num_workers=2, collate_fn=collate, multiprocessing_context=method
        )
        for number, batch in enumerate(loader):
            assert torch.equal(batch.features[0], torch.from_numpy(train[2 * number].features))
            assert batch.frames[0] == train.frames[2 * number]
    copy = pickle.loads(pickle.dumps(train))
    assert copy[1].points.tobytes() == train[1].points.tobytes()


def test_no_file_stays_open(config, cached):
    train = open_data(replace(cached, cache="none"), config.prepare).train
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    for i in range(len(train)):
        train[i], train.points(i)
    after = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    assert after == before


def test_frames_stay_in_memory_where_they_fit(config, cached, monkeypatch):
    splits = open_data(cached, config.prepare)
    parts = (splits.train, splits.validation, splits.test)
    size = sum(memory.sample_bytes(part[i]) for part in parts for i in range(len(part)))
    assert CacheFrames(cached.cache_file).nbytes == size
    assert splits.train[0] is splits.train[0]
    monkeypatch.setattr(memory, "MEMORY_LIMIT", size - 1)
    lazy = open_data(cached, config.prepare).train
    assert lazy[0] is not lazy[0]


def test_a_cache_that_was_exchanged_is_noticed(config, cached, tmp_path):
    copy = tmp_path / "copy.h5"
    copy.write_bytes(open(cached.cache_file, "rb").read())
    train = open_data(replace(cached, cache_file=str(copy), cache="none"), config.prepare).train
    assert len(train[0].points)
    os.utime(copy, ns=(1, 1))
    with pytest.raises(DataError, match="not the file it was"):
        train[0]
    copy.unlink()
    with pytest.raises(DataError, match="cannot be read"):
        train.points(0)


def test_a_cache_that_is_not_there(config, tmp_path):
    for path, what in ((tmp_path / "none.h5", "does not exist"), (tmp_path, "is a folder")):
        with pytest.raises(DataError, match=f"csi2pc prepare wrote.*{what}"):
            open_data(replace(config.data, cache_file=str(path)), config.prepare)
