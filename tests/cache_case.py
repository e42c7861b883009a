"""A small data set in MM-Fi's layout with things to leave out, its configuration, and what must be equal."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from mmfi_tree import write_tree

from csi2pc.config import RunConfig
from csi2pc.data.dataset import DataConfig, DataSplits
from csi2pc.data.targets import TargetConfig

NAMES = [f"E01/S{s:02d}/A{a:02d}" for s in (3, 4, 5) for a in (1, 2)]


def write_case(root: Path) -> RunConfig:
    """Three frames a sequence; one has damaged CSI, and the test subject's second sequence no LiDAR."""
    write_tree(root, NAMES, frames=3, parts=("lidar",))
    (root / NAMES[0] / "wifi-csi" / "frame002.mat").write_bytes(b"damaged")
    (root / NAMES[-1] / "lidar" / "frame001.bin").write_bytes(b"")
    target = TargetConfig(sensors=["lidar"], max_points=64)
    return RunConfig(data=DataConfig(root=str(root), split="S2", validation_share=0.3, target=target))


def assert_same_data(one: DataSplits, other: DataSplits) -> None:
    """Every array of every sample, bit by bit, and everything that is said of them."""
    assert one.digest() == other.digest() and one.layout == other.layout
    for name in ("train", "validation", "test"):
        left, right = getattr(one, name), getattr(other, name)
        assert left.frames == right.frames
        for i in range(len(left)):
            a, b = left[i], right[i]
            for array in ("features", "valid", "points"):
                x, y = getattr(a, array), getattr(b, array)
                assert x.dtype == y.dtype and x.shape == y.shape and x.tobytes() == y.tobytes()
            assert a.frame == b.frame and np.array_equal(right.points(i), a.points)
