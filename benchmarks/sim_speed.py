"""How fast the simulator makes frames: full frames and without depth images, on one and two processes.

    python benchmarks/sim_speed.py [--frames 30]

Frames a second, files written and processes started included, of the default configuration; and frames a second of
processor time, which neighbours on the same machine do not change. Set OMP_NUM_THREADS=1: the matrices are too small
for more threads, which then only wait for each other.
"""

from __future__ import annotations

import argparse
import tempfile
import time

from csi2pc.sim import SimConfig, simulate
from csi2pc.sim.config import MODALITIES

PARTS = {
    "everything": list(MODALITIES),
    "without depth": [name for name in MODALITIES if name != "depth"],
    "WiFi alone": ["wifi-csi"],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=60, help="of each of the four sequences (60)")
    given = parser.parse_args()
    print("| frames a second | 1 process | 2 processes | of processor time |")
    print("|---|---:|---:|---:|")
    for name, modalities in PARTS.items():
        config = SimConfig(
            subjects=["S01", "S02"], actions=["A13", "A22"], frames=given.frames, modalities=modalities
        )
        (one, processor), (two, _) = (rates(config, workers) for workers in (1, 2))
        print(f"| {name} | {one:.1f} | {two:.1f} | {processor:.1f} |", flush=True)


def rates(config: SimConfig, workers: int) -> tuple[float, float]:
    """Frames a second of the clock, and of this process' processor time."""
    frames = len(config.subjects) * len(config.actions) * config.frames
    with tempfile.TemporaryDirectory() as out:
        start, spent = time.perf_counter(), time.process_time()
        simulate(config, out, workers=workers)
        return frames / (time.perf_counter() - start), frames / (time.process_time() - spent)


if __name__ == "__main__":
    main()
