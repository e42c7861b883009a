"""How much of the phase repeats from packet to packet: circular spread over time, raw against sanitised.

    python benchmarks/phase_spread.py mmfi/frame001.mat captures/intel5300/*.dat esp32_ht40/csi.csv
    python benchmarks/phase_spread.py capture.csv --packets 50 --phases per_antenna joint
    python benchmarks/phase_spread.py --speed

For every window of ``--packets`` consecutive packets, link and subcarrier: the circular standard deviation of the
phase over the window's packets, ``sqrt(-2 ln |mean exp(j phase)|)``, radians, over measured entries. Printed is the
median over windows, links and subcarriers, for the raw phase and for each way to prepare it, and how many times the
raw spread is that of the prepared one. The raw phase of few packets cannot reach the infinite spread of a uniform
one: of 10, the median is 1.5 to 1.6. A person who moves, and antennas that take turns, spread the phase too, and no
line takes that out: only a still room says how well the line is found. ``--speed`` prints packets prepared a second.
"""

from __future__ import annotations

import argparse
import time
import warnings

import numpy as np

from csi2pc.csi.layouts import HT40
from csi2pc.csi.prepare import prepare
from csi2pc.csi.prepare_config import PrepareConfig
from csi2pc.csi.read import read_capture
from csi2pc.errors import DataError
from csi2pc.types import Capture

PHASES = ("per_antenna", "two_point", "joint", "conjugate_product", "antenna_ratio")

SPEEDS = {
    "default": {},
    "joint": {"phase": "joint"},
    "antenna_ratio": {"phase": "antenna_ratio"},
    "20 subcarriers": {"subcarriers": HT40[::6].tolist()},
    "hampel": {"hampel": 5},
    "hampel, 20 subcarriers": {"hampel": 5, "subcarriers": HT40[::6].tolist()},
    "savitzky_golay": {"smoothing": "savitzky_golay"},
    "resampled": {"rate": 100.0},
    "resampled, butterworth": {"rate": 100.0, "smoothing": "butterworth", "smoothed": "complex"},
}


def spread(capture: Capture, packets: int) -> float:
    """Median circular standard deviation, radians; NaN where there is no whole window."""
    windows = len(capture) // packets
    if not windows:
        return float("nan")
    shape = (windows, packets, *capture.csi.shape[1:])
    valid = capture.valid[: windows * packets].reshape(shape)
    phase = np.angle(capture.csi[: windows * packets].reshape(shape))
    measured = valid.sum(1)  # (windows, A, S)
    length = np.abs(np.where(valid, np.exp(1j * phase), 0).sum(1)) / np.maximum(measured, 1)
    enough = (measured > packets // 2) & (length > 0)
    if not enough.any():
        return float("nan")
    return float(np.median(np.sqrt(-2 * np.log(np.minimum(length[enough], 1)))))


def print_spreads(paths: list[str], packets: int, phases: list[str]) -> None:
    print(f"circular spread over {packets} packets, radians (raw / prepared in brackets)")
    print(f"{'capture':44}{'raw':>8}" + "".join(f"{name:>20}" for name in phases))
    for path in paths:
        capture = read_capture(path)
        raw = spread(prepare(capture, PrepareConfig(phase="none")), packets)
        cells = []
        for name in phases:
            try:
                got = spread(prepare(capture, PrepareConfig(phase=name)), packets)
            except DataError:
                cells.append(f"{'one antenna':>20}")
                continue
            cells.append(f"{got:>11.3f} ({raw / got:5.1f})" if got > 0 else f"{got:>20.3f}")
        print(f"{path[-43:]:44}{raw:8.3f}" + "".join(f"{cell:>20}" for cell in cells))


def print_speeds() -> None:
    rng = np.random.default_rng(0)
    shape = (6000, 3, 114)
    csi = (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(np.complex64)
    times = np.arange(shape[0]) / 100 + rng.uniform(0, 0.004, shape[0])
    capture = Capture(csi=csi, valid=np.ones(shape, bool), timestamps=times, subcarriers=HT40, rx=3)
    print(f"{shape[0]} packets of 3 x 114 entries, best of 3: packets a second")
    for name, options in SPEEDS.items():
        best = min(_seconds(capture, PrepareConfig(**options)) for _ in range(3))
        print(f"{name:28}{shape[0] / best:12.0f}")


def _seconds(capture: Capture, config: PrepareConfig) -> float:
    start = time.perf_counter()
    prepare(capture, config)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("captures", nargs="*", help="capture files or folders")
    parser.add_argument("--packets", type=int, default=10, help="packets in a window (10)")
    parser.add_argument("--phases", nargs="+", choices=PHASES, default=list(PHASES))
    parser.add_argument("--speed", action="store_true", help="packets prepared a second, on random CSI")
    arguments = parser.parse_args()
    warnings.simplefilter("error")
    if arguments.captures:
        print_spreads(arguments.captures, arguments.packets, arguments.phases)
    if arguments.speed:
        print_speeds()


if __name__ == "__main__":
    main()
