from __future__ import annotations

import pickle
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from mmfi_tree import write_tree

from csi2pc.csi.prepare import PrepareConfig
from csi2pc.data import memory
from csi2pc.data.dataset import DataConfig, FrameDataset, collate, open_data
from csi2pc.data.mmfi_splits import membership
from csi2pc.data.targets import TargetConfig
from csi2pc.errors import ConfigError, DataError

LIDAR = TargetConfig(sensors=["lidar"], max_points=64)
NAMES = [f"E01/S{s:02d}/A{a:02d}" for s in (3, 4, 5) for a in (1, 2, 3)]
BAD = NAMES[0]


@pytest.fixture
def root(tmp_path):
    return write_tree(tmp_path / "mmfi", NAMES, frames=2, parts=("lidar",))


@pytest.fixture
def config(root):
    return DataConfig(root=str(root), split="S2", target=LIDAR)


def same(one, other) -> bool:
    pairs = ((one.features, other.features), (one.valid, other.valid), (one.points, other.points))
    return one.frame == other.frame and all(np.array_equal(a, b) for a, b in pairs)


def test_parts_are_the_official_ones_less_validation(config):
    splits = open_data(config, PrepareConfig())
    training, test = (set(part) & set(NAMES) for part in membership("P3", "S2"))
    assert set(splits.test.sequences) == test == {f"E01/S05/A{a:02d}" for a in (1, 2, 3)}
    assert set(splits.train.sequences) | set(splits.validation.sequences) == training
    assert (len(splits.train), len(splits.validation), len(splits.test)) == (10, 2, 6)
    assert splits.report.read == 18 and not splits.report.skipped
    assert splits.describe().splitlines()[:2] == [
        "train: 5 sequences, 10 frames", "validation: 1 sequences, 2 frames",
    ]  # fmt: skip
    layout = splits.layout
    assert (len(layout.subcarriers), layout.rx, layout.tx, layout.device) == (114, 3, 1, "mmfi")


def test_cache_verify_and_workers_change_nothing_in_the_samples(config):
    first = open_data(config, PrepareConfig())
    lazy = {"verify": False, "cache": "none"}
    for options in ({"cache": "none"}, {"cache": "memory"}, {"verify": False}, lazy, {"workers": 2}):
        other = open_data(replace(config, **options), PrepareConfig())
        for one, two in ((first.train, other.train), (first.test, other.test)):
            assert one.frames == two.frames
            assert all(same(one[i], two[i]) and same(two[i], two[i]) for i in range(0, len(one), 3))
            assert all(np.array_equal(one.points(i), two.points(i)) for i in range(len(one)))


def test_cached_frames_need_no_file_and_uncached_ones_say_what_would_help(config, root):
    kept = open_data(config, PrepareConfig())
    lazy = open_data(replace(config, verify=False), PrepareConfig())
    first = lazy.train[0]
    for name in NAMES:
        for file in (root / name / "wifi-csi").iterdir():
            file.write_bytes(b"damaged")
    assert same(kept.train[0], first) and same(lazy.train[0], first)
    assert len(lazy.train.points(1)) == 64  # the cloud alone needs no CSI
    with pytest.raises(DataError, match=r"frame00.\.mat.*data.verify: true"):
        lazy.train[1]


@pytest.mark.parametrize("verify", [True, False])
def test_frames_stay_in_memory_while_they_take_less_than_the_limit(config, root, monkeypatch, verify):
    config = replace(config, verify=verify)
    first = open_data(config, PrepareConfig())
    size = 18 * sum(array.nbytes for array in (first.train[0].features, first.train[0].valid, first.train[0].points))
    monkeypatch.setattr(memory, "MEMORY_LIMIT", size)
    assert not open_data(config, PrepareConfig()).report.notes
    monkeypatch.setattr(memory, "MEMORY_LIMIT", size - 1)
    lazy, kept = (open_data(replace(config, cache=cache), PrepareConfig()) for cache in ("auto", "memory"))
    assert any("read whenever it is asked for; data.cache: memory" in note for note in lazy.report.notes)
    assert not kept.report.notes
    assert same(lazy.train[1], first.train[1]) and same(kept.train[1], first.train[1])
    for name in NAMES:
        for file in (root / name / "wifi-csi").iterdir():
            file.write_bytes(b"damaged")
    assert same(kept.train[1], first.train[1])
    with pytest.raises(DataError, match="cannot be read"):
        lazy.train[1]


def test_a_damaged_first_frame_does_not_stop_the_opening(config, root):
    (root / BAD / "wifi-csi/frame001.mat").write_bytes(b"damaged")
    assert open_data(replace(config, verify=False), PrepareConfig()).report.read == 18


def test_the_digest_tells_frames_order_and_layout(config, root):
    splits = open_data(config, PrepareConfig())
    digest = splits.digest()
    assert re.fullmatch("[0-9a-f]{16}", digest)
    assert open_data(replace(config, verify=False, cache="none"), PrepareConfig()).digest() == digest
    moved = open_data(replace(config, root=str(root.rename(root.with_name("moved")))), PrepareConfig())
    assert moved.digest() == digest
    root.with_name("moved").rename(root)
    backwards = FrameDataset("train", splits.train.frames[::-1], None, samples=[], keep=False)
    changed = [
        replace(splits, train=backwards),
        replace(splits, train=splits.validation, validation=splits.train),
        open_data(replace(config, split_seed=1), PrepareConfig()),
        open_data(config, PrepareConfig(subcarriers=list(range(2, 40)))),
    ]
    (root / splits.train.sequences[0] / "lidar/frame002.bin").unlink()
    changed.append(open_data(config, PrepareConfig()))
    assert len({digest, *(other.digest() for other in changed)}) == 6


@pytest.mark.parametrize("workers", [0, 2])
def test_unreadable_frames_are_left_out_counted_and_listed(config, root, workers):
    (root / BAD / "wifi-csi/frame001.mat").write_bytes(b"damaged")
    (root / BAD / "lidar/frame002.bin").write_bytes(b"damaged")
    splits = open_data(replace(config, workers=workers), PrepareConfig())
    assert splits.report.counts == {"unreadable wifi-csi file": 1, "unreadable lidar file": 1}
    assert {s.where.split(":")[0] for s in splits.report.skipped} == {f"{BAD}#1", f"{BAD}#2"}
    assert splits.report.read == 16
    assert "left out: unreadable lidar file: 1" in splits.describe()
    assert BAD not in {frame.sequence for part in (splits.train, splits.validation) for frame in part.frames}


def test_sequences_outside_the_protocol_are_mentioned(config):
    splits = open_data(replace(config, protocol="P2"), PrepareConfig())
    assert {n[-3:] for n in splits.train.sequences} == {"A01"}
    assert "note: 6 sequences are not of protocol P2" in splits.describe()


def test_an_empty_part_is_an_error_that_says_why(config, root):
    with pytest.raises(DataError, match="S3.*Both parts have sequences with.*P3 S2"):
        open_data(replace(config, split="S3"), PrepareConfig())
    for action in (1, 2, 3):
        for file in (root / f"E01/S05/A{action:02d}/lidar").iterdir():
            file.write_bytes(b"damaged")
    with pytest.raises(DataError, match="no usable frame in the test part.*unreadable lidar file: 6"):
        open_data(config, PrepareConfig())
    with pytest.raises(DataError, match="does not exist"):
        open_data(replace(config, root="nowhere"), PrepareConfig())


def test_collate_pads_with_zeros_and_masks(config):
    train = open_data(replace(config, target=replace(LIDAR, max_points=None)), PrepareConfig()).train
    samples = [train[i] for i in range(3)]
    samples[1] = replace(samples[1], points=samples[1].points[:5])
    batch = collate(samples)
    assert batch.features.shape == (3, 3, 114, 3, 10) and batch.features.dtype == torch.float32
    assert batch.valid.shape == (3, 3, 114, 10) and batch.valid.dtype == torch.bool
    assert batch.points.shape == (3, 270, 3) and batch.points.dtype == torch.float32
    assert batch.mask.sum(1).tolist() == [len(s.points) for s in samples]
    assert (batch.points[~batch.mask] == 0).all()
    for row, sample in enumerate(samples):
        np.testing.assert_array_equal(batch.points[row][batch.mask[row]].numpy(), sample.points)
        np.testing.assert_array_equal(batch.features[row].numpy(), sample.features)
    assert list(batch.frames) == [s.frame for s in samples]
    empty = replace(samples[0], points=np.zeros((0, 3), np.float32))
    assert collate([empty]).points.shape == (1, 0, 3)
    with pytest.raises(DataError, match="at least one"):
        collate([])
    with pytest.raises(DataError, match="one shape"):
        collate([samples[0], replace(samples[1], features=samples[1].features[:1])])


def test_data_sets_can_be_sent_to_other_processes(config):
    train = open_data(replace(config, cache="none"), PrepareConfig()).train
    copy = pickle.loads(pickle.dumps(train))
    assert same(copy[0], train[0])
    loader = torch.utils.data.DataLoader(train, batch_size=4, num_workers=2, collate_fn=collate)
    assert [len(batch) for batch in loader] == [4, 4, 2]


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"validation_share": 1.0}, "validation_share"),
        ({"split_seed": -1}, "split_seed"),
        ({"workers": -1}, "workers"),
        ({"manifest": "a.yaml"}, "kind: recordings"),
    ],
)
def test_impossible_settings_are_refused(options, match):
    with pytest.raises(ConfigError, match=match):
        DataConfig(**options)


def test_a_root_or_manifest_that_was_not_given():
    with pytest.raises(ConfigError, match="data.root"):
        open_data(DataConfig(), PrepareConfig())
    with pytest.raises(ConfigError, match="data.manifest"):
        open_data(DataConfig(kind="recordings"), PrepareConfig())
