"""Statistics of simulated WiFi frames against a genuine one of MM-Fi.

    CSI2PC_TEST_DATA=recordings python benchmarks/sim_vs_recording.py [mmfi/frame001.mat] [--config FILE]

Simulates a few sequences (default configuration), reads them and the genuine frame with the same reader, and prints a
table: the genuine frame's value, the simulated frames' median and 5 to 95 % range, and whether the genuine value lies
within it. One frame is no sample: agreement says that the value is possible, disagreement that something is unlike.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from csi2pc.config import load_config
from csi2pc.csi.layouts import HT40
from csi2pc.csi.mmfi import read_mmfi_frame
from csi2pc.csi.phase import joint_line, remove_line, sanitise
from csi2pc.sim import SimConfig, simulate
from csi2pc.types import Capture

SPACING = 312.5e3
SUBJECTS, ACTIONS, FRAMES = ["S01", "S02", "S03"], ["A01", "A02", "A13", "A17", "A22", "A27"], 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    folder = Path(os.environ.get("CSI2PC_TEST_DATA", "."))
    parser.add_argument("frame", nargs="?", type=Path, default=folder / "mmfi" / "frame001.mat")
    parser.add_argument("--config", type=Path, help="of the simulation; the defaults otherwise")
    given = parser.parse_args()
    genuine = statistics(read_mmfi_frame(given.frame))
    base = load_config(given.config, SimConfig) if given.config else SimConfig()
    config = replace(base, subjects=SUBJECTS, actions=ACTIONS, frames=FRAMES, modalities=["wifi-csi"])
    with tempfile.TemporaryDirectory() as out:
        simulate(config, out)
        frames = [statistics(read_mmfi_frame(path)) for path in sorted(Path(out).glob("E*/S*/A*/wifi-csi/*.mat"))]
    print(f"one genuine frame against {len(frames)} simulated ones")
    print("| statistic of a frame (10 packets, 3 antennas) | genuine | simulated, median (5 to 95 %) | within |")
    print("|---|---:|---:|---|")
    for name, value in genuine.items():
        low, middle, high = np.percentile([frame[name] for frame in frames], [5, 50, 95])
        within = "yes" if low <= value <= high else "**no**"
        print(f"| {name} | {value:.3g} | {middle:.3g} ({low:.3g} to {high:.3g}) | {within} |")


def statistics(capture: Capture) -> dict[str, float]:
    """Everything that is compared, by name."""
    valid = capture.valid
    csi = np.where(valid, capture.csi, np.nan)  # (P, A, S), the reader has undone the rotation
    filled = np.where(valid, csi, 0)
    amplitude = np.abs(csi)
    level = np.nanmean(amplitude, axis=-1)  # (P, A)
    decibels = 20 * np.log10(level)
    gains = decibels - np.median(decibels, axis=0)
    slope, _ = joint_line(filled, HT40, valid)
    shape = np.nanmean(amplitude / level[..., None], axis=0)  # (A, S)
    parts = np.stack([capture.csi.real, capture.csi.imag])
    return {
        "mean amplitude, steps": float(np.median(level)),
        "strongest over weakest antenna, dB": float(np.ptp(np.median(decibels, axis=0))),
        "largest I or Q, steps": float(np.abs(parts).max()),
        "I and Q off whole numbers, largest": float(np.abs(parts - np.rint(parts)).max()),
        "zeros, share of entries": float(np.mean(~valid)),
        "gain of antenna and packet, robust sigma, dB": 1.4826 * float(np.median(np.abs(gains))),
        "gains more than 3 dB off, share": float(np.mean(np.abs(gains) > 3)),
        "gains of two antennas, mean correlation": mean_correlation(gains),
        "timing between packets, standard deviation, ns": float(np.std(slope)) / (2 * np.pi * SPACING) * 1e9,
        "phase between antennas, circular spread, rad": phase_between(filled, slope),
        "sanitised phase, spread over packets, rad": spread_over_packets(sanitise(filled, HT40, valid), valid),
        "noise below signal, dB": noise(filled, valid),
        "amplitude over subcarriers, standard deviation, dB": float(np.std(20 * np.log10(shape), axis=-1).mean()),
        "deepest fade below the mean, dB": float((20 * np.log10(shape)).min()),
        "correlation of subcarriers 10 MHz apart": frequency_correlation(sanitise(filled, HT40, valid)),
        "delay spread (rms, taps within 15 dB), ns": delay_spread(sanitise(filled, HT40, valid)),
    }


def mean_correlation(gains: np.ndarray) -> float:
    """Mean over pairs of antennas of the correlation over packets, ``(P, A)``."""
    matrix = np.corrcoef(gains.T)
    return float(matrix[np.triu_indices(len(matrix), 1)].mean())


def circular_spread(phasors: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Circular standard deviation over the first axis, radians."""
    length = np.abs(np.where(valid, phasors, 0).sum(0)) / np.maximum(valid.sum(0), 1)
    return np.sqrt(-2 * np.log(np.clip(length, 1e-12, 1)))


def spread_over_packets(csi: np.ndarray, valid: np.ndarray) -> float:
    return float(np.median(circular_spread(np.exp(1j * np.angle(csi)), valid)))


def phase_between(csi: np.ndarray, slope: np.ndarray) -> float:
    """How far the phase between antennas wanders from packet to packet, after the common slope."""
    level = remove_line(csi, HT40, slope[:, None], np.zeros((len(slope), 1)))
    products = (level[:, 1:] * level[:, :1].conj()).sum(-1)  # (P, A - 1)
    return float(circular_spread(products / np.abs(products), np.ones(products.shape, bool)).mean())


def noise(csi: np.ndarray, valid: np.ndarray) -> float:
    """Power of the mean packet over that of the deviations from it, once gain and phase line are taken out.

    What moves within the frame counts as noise too, and the quantisation does.
    """
    level = sanitise(csi, HT40, valid)
    level = level / np.sqrt(np.mean(np.abs(level) ** 2, axis=-1, keepdims=True))
    deviation = np.sum(np.abs(level - level.mean(0)) ** 2, axis=0) / (len(level) - 1)
    return float(10 * np.log10(np.mean(np.abs(level.mean(0)) ** 2) / deviation.mean()))


def frequency_correlation(csi: np.ndarray) -> float:
    """Of subcarriers 32 indices (10 MHz) apart, over packets and antennas."""
    pairs = [(i, np.searchsorted(HT40, k + 32)) for i, k in enumerate(HT40) if k + 32 in HT40]
    low, high = csi[..., [i for i, _ in pairs]], csi[..., [j for _, j in pairs]]
    power = np.sqrt(np.sum(np.abs(low) ** 2, axis=-1) * np.sum(np.abs(high) ** 2, axis=-1))
    return float(np.mean(np.abs(np.sum(high * low.conj(), axis=-1)) / power))


def delay_spread(csi: np.ndarray) -> float:
    """Root mean square of the power delay profile, mean over packets, about each antenna's own mean delay.

    The three subcarriers in the middle that are not measured are interpolated; a Hann window keeps side lobes down
    and leaves a width of its own: a single path reads 15.3 ns.
    """
    grid = np.arange(-58, 59)
    full = np.apply_along_axis(lambda row: np.interp(grid, HT40, row), -1, csi)
    taps = np.fft.fftshift(np.fft.ifft(full * np.hanning(len(grid) + 2)[1:-1], 512, axis=-1), axes=-1)
    profile = np.mean(np.abs(taps) ** 2, axis=0)  # (A, 512)
    profile = np.where(profile > profile.max(axis=-1, keepdims=True) * 10**-1.5, profile, 0)
    profile /= profile.sum(axis=-1, keepdims=True)
    delays = (np.arange(512) - 256) / (512 * SPACING) * 1e9
    mean = profile @ delays
    return float(np.sqrt(profile @ delays**2 - mean**2).mean())


if __name__ == "__main__":
    main()
