"""What every per-frame metric costs, on synthetic people.

    python benchmarks/evaluation.py                             # 1,000 frames of 1,200 points, all metrics
    python benchmarks/evaluation.py --frames 100 --workers 2
    python benchmarks/evaluation.py --metrics chamfer_l1 emd

Each frame is a person in a random pose, 2 to 4 m away, of ``--points`` points give or take a fifth, and one
prediction of exactly ``--points`` points. Predictions take turns: the target with noise of 1, 3 and 10 cm (root mean
square); one of which half the points are squeezed into a ball of 5 cm; another person in another pose and place, as a
poor model or a blind baseline says. What they cost differs.

Trees, nearest points and the alignment by ICP are made once a pair and shared by the metrics that need them, so they
have lines of their own. The last lines are wall-clock time, with starting the workers.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from csi2pc.data.parallel import map_in_order  # noqa: E402
from csi2pc.evaluation.metrics import DEFAULT_METRICS, METRICS, CloudPair, check_metrics  # noqa: E402
from csi2pc.evaluation.rows import METHODS  # noqa: E402

KINDS = ("1 cm", "3 cm", "10 cm", "clumped", "other pose")
#: What several metrics share, in the order in which it is made.
SHARED: dict[str, Callable[[CloudPair], Any]] = {
    "trees, nearest points": lambda pair: (pair.to_target, pair.to_pred),
    "ICP": lambda pair: pair.aligned,
}
#: Metrics that need the ICP; all the others but EMD, centroid and extents need nearest points.
BY_ICP = ("icp_fitness", "icp_rmse")
#: Joints of a standing person, metres (x right, y down): hips, neck, head, and each limb's ends; its radius.
LIMBS = [
    ((0, 0, 0), (0, -0.5, 0), 0.14),
    ((0, -0.5, 0), (0, -0.75, 0), 0.10),
    ((-0.18, -0.45, 0), (-0.3, 0.1, 0), 0.05),
    ((0.18, -0.45, 0), (0.3, 0.1, 0), 0.05),
    ((-0.1, 0, 0), (-0.13, 0.85, 0), 0.08),
    ((0.1, 0, 0), (0.13, 0.85, 0), 0.08),
]


def person(points: int, rng: np.random.Generator) -> np.ndarray:
    """``(points, 3)`` metres: points on limbs whose lower ends are moved by up to 30 cm, somewhere in the room."""
    start, end, radius = (np.array(part, dtype=float) for part in zip(*LIMBS, strict=True))
    end[2:] += rng.uniform(-0.3, 0.3, (len(LIMBS) - 2, 3))
    size = np.linalg.norm(end - start, axis=1) * radius
    limb = rng.choice(len(LIMBS), size=points, p=size / size.sum())
    along = rng.uniform(size=(points, 1))
    around = rng.normal(size=(points, 3))
    around *= radius[limb, None] / np.linalg.norm(around, axis=1, keepdims=True)
    place = [rng.uniform(-0.5, 0.5), 0.0, rng.uniform(2.0, 4.0)]
    return start[limb] * (1 - along) + end[limb] * along + around + place


def frame(seed: int, points: int, number: int) -> tuple[str, np.ndarray, np.ndarray]:
    """Kind, prediction and target of one frame, the same for the same seed and number."""
    rng = np.random.default_rng([seed, number])
    kind = KINDS[number % len(KINDS)]
    target = person(round(points * rng.uniform(0.8, 1.2)), rng)
    if kind == "other pose":
        return kind, person(points, rng), target
    pred = target[rng.choice(len(target), points, replace=points > len(target))]
    if kind == "clumped":
        half = points // 2
        pred[:half] = pred.mean(axis=0) + 0.05 * rng.normal(size=(half, 3)) / np.sqrt(3)
    noise = 0.01 if kind == "clumped" else float(kind.split()[0]) / 100
    return kind, pred + noise * rng.normal(size=pred.shape) / np.sqrt(3), target


def cost(metrics: list[str], seed: int, points: int, number: int) -> tuple[str, dict[str, float]]:
    """Seconds of each step of scoring one frame; making it is not counted."""
    kind, pred, target = frame(seed, points, number)
    pair = CloudPair(pred, target)
    steps = {name: make for name, make in SHARED.items() if name != "ICP" or set(BY_ICP) & set(metrics)}
    steps |= {name: METRICS[name].function for name in metrics}
    seconds = {}
    for name, step in steps.items():
        start = time.perf_counter()
        step(pair)
        seconds[name] = time.perf_counter() - start
    return kind, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=1000)
    parser.add_argument("--points", type=int, default=1200)
    parser.add_argument("--workers", type=int, default=0, help="processes; 0 computes in this one")
    parser.add_argument("--metrics", nargs="+", default=list(DEFAULT_METRICS))
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    check_metrics(options.metrics)
    if options.frames < 1:
        parser.error(f"--frames must be at least 1; got {options.frames}")

    start = time.perf_counter()
    work = partial(cost, options.metrics, options.seed, options.points)
    found = list(map_in_order(work, range(options.frames), workers=options.workers, description="scoring frames"))
    wall = time.perf_counter() - start

    print(f"{options.frames} frames, {options.points} predicted points, {options.workers} workers, seed {options.seed}")
    print_costs(found, KINDS[: options.frames])
    minutes = 1000 * wall / options.frames / 60
    print(f"\nwall clock: {wall:.1f} s for {options.frames} frames, that is {minutes:.1f} min for 1,000")
    print(f"the {len(METHODS)} methods of a full evaluation: {len(METHODS) * minutes:.1f} min for 1,000 frames")


def print_costs(found: list[tuple[str, dict[str, float]]], kinds: Sequence[str]) -> None:
    heads = "".join(f"{kind:>12}" for kind in kinds)
    print(f"\n{'ms a frame':24}{'mean':>9}{heads}{'in all, s':>11}{'share':>8}")
    total = sum(sum(seconds.values()) for _, seconds in found)
    for name in [*found[0][1], "all"]:
        of = [(kind, sum(seconds.values()) if name == "all" else seconds[name]) for kind, seconds in found]
        means = [1000 * np.mean([value for k, value in of if k == kind]) for kind in kinds]
        spent = sum(value for _, value in of)
        cells = "".join(f"{value:12.2f}" for value in means)
        print(f"{name:24}{1000 * spent / len(found):9.2f}{cells}{spent:11.1f}{100 * spent / total:7.1f}%")


if __name__ == "__main__":
    main()
