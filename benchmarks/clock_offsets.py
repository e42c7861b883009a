"""How often the estimate of a clock offset is right, and how often it is believed when it must not be.

    python benchmarks/clock_offsets.py [--pairs 40]

Simulated walks with pauses, seen by CSI (90 packets a second, 25 dB SNR, random gain and phase) and by clouds (10 a
second); for the unrelated pairs, the clouds are of another walk.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]

from moving_person import capture_at, clouds_at, path  # noqa: E402

from csi2pc.data.clock_offset import OffsetEstimate, estimate_offset  # noqa: E402
from csi2pc.data.motion_energy import cloud_energy, csi_energy  # noqa: E402


def estimate(seed: int, duration: float, *, related: bool) -> tuple[OffsetEstimate, float]:
    """An estimate, and the offset that is true where the two are related."""
    rng = np.random.default_rng(seed)
    walked = path(rng, duration=duration)
    csi = csi_energy(capture_at(np.sort(rng.uniform(0, duration, int(90 * duration))), walked, rng))
    times = np.sort(np.arange(0, duration, 0.1) + rng.normal(0, 0.003, round(10 * duration)))
    offset = rng.uniform(-5, 5)
    seen = walked if related else path(rng, duration=duration)
    return estimate_offset(csi, cloud_energy(clouds_at(times, seen, rng), times - offset)), offset


def main() -> None:
    """Print one line for each duration, of related and of unrelated pairs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=40, help="of each kind and duration (default: %(default)s)")
    pairs = parser.parse_args().pairs
    for duration in (20, 30, 60, 120):
        for related in (True, False):
            found = [estimate(seed, duration, related=related) for seed in range(pairs)]
            believed = np.array([e.confident for e, _ in found])
            errors = np.array([abs(e.offset - offset) for e, offset in found])
            line = f"{duration:4d} s, {'one walk  ' if related else 'two walks '}: believed {believed.mean():5.1%}"
            for name in ("peak", "sigma"):
                low, middle, high = np.percentile([getattr(e, name) for e, _ in found], [5, 50, 95])
                line += f", {name} {low:.2f} {middle:.2f} {high:.2f}"
            if related and believed.any():
                line += f"; error of those {np.median(errors[believed]):.3f} s, at most {errors[believed].max():.3f} s"
            print(line, flush=True)


if __name__ == "__main__":
    main()
