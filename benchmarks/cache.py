"""How fast training reads: prepared frames a second from raw files and from a cache, in the order of training.

    python benchmarks/cache.py                        # a simulated tree in MM-Fi's layout, depth images as target
    python benchmarks/cache.py --rooms FOLDER         # also the recordings of datasets/rooms

Frames are read one by one in random order, in one process; nothing stays in the process's memory, but files do in the
system's. It also prints what opening costs, how fast a file is checked, and how the features could have been stored
instead: size, and frames a second through the HDF5 library.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np

from csi2pc.config import RunConfig, load_config
from csi2pc.csi.sealed import HEAD, check_sealed, sealing
from csi2pc.data.dataset import DataConfig, FrameDataset, open_data
from csi2pc.engine.prepare_data import prepare_data
from csi2pc.sim import SimConfig, simulate

PROJECT = Path(__file__).resolve().parents[1]
STORAGE = {
    "as the cache has it": {},
    "chunk a frame": {"chunks": True},
    "lzf, shuffle": {"chunks": True, "compression": "lzf", "shuffle": True},
    "gzip 1, shuffle": {"chunks": True, "compression": "gzip", "compression_opts": 1, "shuffle": True},
}


def simulated(folder: Path, frames: int) -> RunConfig:
    """A configuration over two simulated subjects, the second of them the cross-subject test."""
    parts = ["wifi-csi", "depth"]
    simulate(SimConfig(subjects=["S01", "S05"], actions=["A02", "A13"], frames=frames, modalities=parts), folder)
    return RunConfig(data=DataConfig(root=str(folder), split="S2"))


def rooms(root: Path) -> RunConfig:
    """The shipped configuration with its data."""
    config = load_config(PROJECT / "configs" / "rooms.yaml")
    return replace(config, data=replace(config.data, root=str(root), manifest=str(PROJECT / config.data.manifest)))


def seconds(function: Callable[[], object], *, repeat: int = 1) -> float:
    """Least time of a few calls."""
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def read(frames: FrameDataset, order: Sequence[int]) -> None:
    """One frame after the other, as a loader does."""
    for i in order:
        frames[i]


def compare(name: str, config: RunConfig, folder: Path, *, most: int) -> None:
    """Print the rates of one data set, and the ratio."""
    cache = folder / f"{name}.h5"
    made = seconds(lambda: prepare_data(config, cache))
    data = replace(config.data, cache="none")
    opened = {}
    times = {
        "raw files": seconds(lambda: opened.update(raw=open_data(data, config.prepare))),
        "the cache": seconds(
            lambda: opened.update(cache=open_data(replace(data, cache_file=str(cache)), config.prepare)), repeat=3
        ),
        "the cache, verify: false": seconds(
            lambda: open_data(replace(data, cache_file=str(cache), verify=False), config.prepare), repeat=3
        ),
    }
    frames = len(opened["raw"].train)
    order = np.random.default_rng(0).permutation(frames)
    some = order[:most].tolist()
    slow = len(some) / seconds(lambda: read(opened["raw"].train, some))
    fast = frames / seconds(lambda: read(opened["cache"].train, order.tolist()), repeat=5)
    print(f"\n{name}: {opened['raw'].report.read} frames, cache of {cache.stat().st_size / 1e6:.1f} MB in {made:.1f} s")
    for what, taken in times.items():
        print(f"  opening {what:26s} {taken:8.3f} s")
    print(f"  raw files {slow:10.1f} frames/s\n  cache     {fast:10.1f} frames/s   {fast / slow:.0f} times as many")
    storage(cache, folder / "storage.h5")


def storage(cache: Path, other: Path) -> None:
    """Print what the features would take, and cost, in other storage."""
    with h5py.File(cache) as file:
        features = file["features"][:2000]
    order = np.random.default_rng(0).permutation(len(features)).tolist()
    for name, how in STORAGE.items():
        options = {**how, **({"chunks": (1, *features.shape[1:])} if how else {})}
        with h5py.File(other, "w") as file:
            file.create_dataset("features", data=features, **options)
        with h5py.File(other, rdcc_nbytes=0) as file:
            dataset = file["features"]
            rate = len(order) / seconds(lambda dataset=dataset: [dataset[i] for i in order], repeat=3)
        size = other.stat().st_size / features.nbytes
        print(f"  {name:20s} {size:6.2f} of the size {rate:10.0f} frames/s through HDF5")


def checking(path: Path, *, size: int = 1 << 28) -> None:
    """Print how fast the check at each opening goes through a file."""
    noise = np.random.default_rng(0).integers(0, 255, size, dtype=np.uint8)
    with sealing(path, kind="benchmark", version=1) as name:
        with h5py.File(name, "w", userblock_size=HEAD) as file:
            file["noise"] = noise
    taken = seconds(lambda: check_sealed(path, kind="benchmark", version=1), repeat=3)
    print(f"\nchecking a file: {size / 1e9 / taken:.2f} GB/s")


def main() -> None:
    """Run what the module's docstring says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=40, help="frames of each simulated sequence")
    parser.add_argument("--rooms", type=Path, help="folder that holds csi/ and models/ of datasets/rooms")
    parser.add_argument("--most", type=int, default=150, help="frames to read from raw files")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        compare("MM-Fi layout", simulated(folder / "mmfi", given.frames), folder, most=given.most)
        if given.rooms:
            compare("rooms", rooms(given.rooms), folder, most=given.most)
        checking(folder / "check.h5")


if __name__ == "__main__":
    main()
