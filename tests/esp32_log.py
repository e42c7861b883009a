"""A tiny writer of ESP32-CSI-Tool logs for tests: legacy packets of 64 bins at given times."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def write_log(path: Path, times: np.ndarray, rng: np.random.Generator) -> Path:
    """Packets at ``times`` (seconds from 0), imaginary byte first, unused bins (DC, guards) zero."""
    path.parent.mkdir(parents=True, exist_ok=True)
    used = np.r_[1:27, 38:64]
    lines = []
    for time in times:
        values = np.zeros((64, 2), dtype=int)
        values[used] = rng.integers(5, 40, (52, 2))
        radio = "-50,11,0,0,0,0,0,0,0,0,0,-96,0,6,0"  # rssi, rate, ..., noise floor, ampdu count, channel, secondary
        numbers = " ".join(map(str, values.reshape(-1).tolist()))
        head = f"CSI_DATA,STA,AA:BB:CC:DD:EE:FF,{radio},{round(time * 1e6)},0,131,0,0,{time},128"
        lines.append(f"{head},[{numbers} ]")
    path.write_text("\n".join(lines) + "\n")
    return path
