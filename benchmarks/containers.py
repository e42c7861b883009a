"""How small and how fast the project's own capture files are: ``python benchmarks/containers.py [CAPTURE]``.

Prints, for each way to compress and relative to the one in use: size, time to write, time to read. Without a capture, a
simulated one with integer I/Q of 10 bits is taken.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from csi2pc.csi import container_hdf5, container_npz
from csi2pc.csi.layouts import HT40
from csi2pc.csi.read import read_layouts
from csi2pc.types import Capture

WAYS = {
    "gzip 1, shuffle (in use)": {"compression": "gzip", "compression_opts": 1, "shuffle": True},
    "gzip 4, shuffle": {"compression": "gzip", "compression_opts": 4, "shuffle": True},
    "gzip 9, shuffle": {"compression": "gzip", "compression_opts": 9, "shuffle": True},
    "gzip 1": {"compression": "gzip", "compression_opts": 1},
    "lzf, shuffle": {"compression": "lzf", "shuffle": True},
}


def simulated(packets: int = 20_000) -> Capture:
    """Smooth channels that turn slowly, with noise, rounded to integers."""
    rng = np.random.default_rng(0)
    delays = rng.uniform(0, 20, (1, 3, 1, 4)) / 512
    phases = np.arange(packets)[:, None, None, None] * rng.uniform(0, 0.01, (1, 3, 1, 4))
    csi = 30 * np.exp(-2j * np.pi * delays * HT40[:, None] + 1j * phases).sum(-1)
    csi = np.round(csi + rng.normal(size=csi.shape) + 1j * rng.normal(size=csi.shape)).astype(np.complex64)
    return Capture(csi, np.ones(csi.shape, bool), np.arange(packets) / 100, HT40, rx=3)


def measure(write, read, path: Path, captures: list[Capture]) -> tuple[float, float, int]:
    """Best of three: seconds to write, seconds to read, bytes."""
    writing, reading = [], []
    for _ in range(3):
        start = time.perf_counter()
        write(path, captures)
        middle = time.perf_counter()
        read(path)
        writing.append(middle - start)
        reading.append(time.perf_counter() - middle)
    return min(writing), min(reading), path.stat().st_size


def main() -> None:
    captures = read_layouts(sys.argv[1]) if len(sys.argv) > 1 else [simulated()]
    held = sum(capture.csi.nbytes for capture in captures)
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, way in WAYS.items():
            container_hdf5.COMPRESSION = way
            results[name] = measure(
                container_hdf5.write_capture_hdf5, container_hdf5.read_capture_hdf5, Path(folder) / "c.h5", captures
            )
        results["NPZ"] = measure(
            container_npz.write_capture_npz, container_npz.read_capture_npz, Path(folder) / "c.npz", captures
        )
    base = next(iter(results.values()))
    print(f"{held / 1e6:.0f} MB of CSI; in use: {held / base[2]:.1f} times smaller, {held / 1e6 / base[0]:.0f} MB/s "
          f"written, {held / 1e6 / base[1]:.0f} MB/s read and checked")  # fmt: skip
    print(f"{'':26s}   size  write   read   (ratios to the one in use)")
    for name, (write, read, size) in results.items():
        print(f"{name:26s} {size / base[2]:6.2f} {write / base[0]:6.2f} {read / base[1]:6.2f}")


if __name__ == "__main__":
    main()
