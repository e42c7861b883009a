"""Slow and obvious versions of the losses, and hard pairs of clouds, for tests and benchmarks.

Everything here is written to be checked by eye against the equations; nothing is written to be fast.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

PAIRS = ("near", "mid", "iid", "clumped", "blob", "far")


def pair_of_clouds(name: str, n: int, m: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """A prediction ``(n, 3)`` and a target ``(m, 3)`` on the unit sphere, float32.

    ``near`` and ``mid``: the target plus noise of 1 cm and 10 cm (an independent draw plus noise where n != m);
    ``iid``: two independent draws; ``clumped``: half the prediction squeezed into a cap; ``blob``: a cloud of 1 cm at
    the centroid; ``far``: a cloud of 1 cm, 10 m away.
    """
    generator = torch.Generator().manual_seed(seed)

    def noise(count: int) -> Tensor:
        return torch.randn(count, 3, generator=generator)

    target = normalize(noise(m), dim=1)
    draw = normalize(noise(n), dim=1)
    start = target.clone() if n == m else draw
    if name == "near":
        return start + 0.01 * noise(n), target
    if name == "mid":
        return start + 0.1 * noise(n), target
    if name == "clumped":
        draw[: n // 2] = normalize(torch.tensor([0.0, 0.0, 1.0]) + 0.2 * noise(n // 2), dim=1)
    if name == "blob":
        draw = target.mean(0) + 0.01 * noise(n)
    if name == "far":
        draw = torch.tensor([10.0, 0.0, 0.0]) + 0.01 * noise(n)
    return draw, target


def nearest(x: Tensor, y: Tensor) -> list[tuple[float, int]]:
    """For every point of x its distance to the nearest point of y, and which that is."""
    found = []
    for p in x.tolist():
        distances = [math.dist(p, q) for q in y.tolist()]
        found.append((min(distances), distances.index(min(distances))))
    return found


def chamfer_l1(x: Tensor, y: Tensor) -> float:
    return (np.mean([d for d, _ in nearest(x, y)]) + np.mean([d for d, _ in nearest(y, x)])) / 2


def chamfer_l2(x: Tensor, y: Tensor) -> float:
    return np.mean([d**2 for d, _ in nearest(x, y)]) + np.mean([d**2 for d, _ in nearest(y, x)])


def hyper_cd(x: Tensor, y: Tensor, alpha: float = 1.0, least: float = 0.0) -> float:
    """``least``: what the argument of arccosh exceeds 1 by at least (1e-5 in the released code)."""
    return sum(
        np.mean([math.acosh(1 + max(alpha * d**2, least)) for d, _ in nearest(*clouds)]) for clouds in ((x, y), (y, x))
    )


def info_cd(x: Tensor, y: Tensor, tau: float, contrast: float) -> float:
    total = 0.0
    for clouds in ((x, y), (y, x)):
        d = [distance for distance, _ in nearest(*clouds)]
        spread = sum(math.exp(-k / tau) for k in d) / len(d)
        total += np.mean([-math.log(math.exp(-k / tau) / spread**contrast) for k in d])
    return total / 2


def info_cd_released(x: Tensor, y: Tensor) -> float:
    total = 0.0
    for clouds in ((x, y), (y, x)):
        d = [math.sqrt(max(distance**2, 1e-9)) for distance, _ in nearest(*clouds)]
        spread = sum(math.exp(-0.5 * k) + 1e-7 for k in d)
        total += sum(-math.log(math.exp(-0.5 * k) / spread**1e-7) for k in d)
    return total / 2


def dcd(x: Tensor, y: Tensor, alpha: float, power: float, released: bool) -> float:
    total = 0.0
    for here, there in ((x, y), (y, x)):
        found = nearest(here, there)
        crowd = [sum(index == k for _, k in found) for _, index in found]
        for (distance, _), count in zip(found, crowd, strict=True):
            if released:
                ratio = len(here) / len(there)
                worth = math.exp(-alpha * distance**2) / (count**power + 1e-6) * ratio
            else:
                worth = math.exp(-alpha * distance) / count**power
            total += (1 - worth) / len(found)
    return total / 2


def emd(x: Tensor, y: Tensor) -> float:
    """By trying every assignment: for clouds of one size, of up to about 7 points."""
    cost = torch.cdist(x.double(), y.double(), compute_mode="donot_use_mm_for_euclid_dist").numpy()
    points = range(len(x))
    return min(sum(cost[i, j] for i, j in zip(points, order, strict=True)) for order in itertools.permutations(points))


def apml_transcription(pred: Tensor, target: Tensor, p_min: float = 0.8, rounds: int = 20) -> Tensor:
    """The published dense algorithm, step for step on ``(B, N, M)`` tensors; before its batch mean: ``(B,)``."""
    cost = torch.cdist(pred.float(), target.float())
    with torch.no_grad():
        plan = (_transcribed_softmin(cost, p_min) + _transcribed_softmin(cost.mT, p_min).mT) / 2
        for _ in range(rounds):
            plan = plan / (plan.sum(2, keepdim=True) + 1e-8)
            plan = plan / (plan.sum(1, keepdim=True) + 1e-8)
    return (plan * cost).sum((1, 2))


def _transcribed_softmin(cost: Tensor, p_min: float) -> Tensor:
    batch, n, m = cost.shape
    rows = cost.reshape(-1, m)
    rows = rows - rows.min(1, keepdim=True).values
    second = rows.topk(2, dim=1, largest=False).values[:, 1]
    rate = math.log((m - 1) / (1 - p_min)) / (second + 1e-8)
    softmin = torch.softmax(-rows * rate[:, None], 1)
    softmin[second == 0] = 1 / m
    return softmin.view(batch, n, m)


def apml_sparse_transcription(x: Tensor, y: Tensor, p_min: float, threshold: float, rounds: int = 20) -> float:
    """The published CUDA algorithm on one pair, entry by entry in dictionaries, double precision."""
    cost = {(i, j): math.dist(p, q) for i, p in enumerate(x.tolist()) for j, q in enumerate(y.tolist())}
    kept: dict[tuple[int, int], list[float]] = {}
    for side, count, others in ((0, len(x), len(y)), (1, len(y), len(x))):
        for k in range(count):
            line = {pair: c for pair, c in cost.items() if pair[side] == k}
            least, second = sorted(line.values())[:2]
            rate = math.log((others - 1) / (1 - p_min)) / max(second - least, 1e-8)
            similar = {pair: math.exp(-(c - least) * rate) for pair, c in line.items()}
            similar = {pair: s for pair, s in similar.items() if s > threshold}
            for pair, s in similar.items():
                kept.setdefault(pair, []).append(s / sum(similar.values()))
    plan = {pair: sum(values) / len(values) for pair, values in kept.items()}
    for _ in range(rounds):
        for side in (0, 1):
            sums: dict[int, float] = {}
            for pair, value in plan.items():
                sums[pair[side]] = sums.get(pair[side], 0) + value
            divisor = {k: total if total > 1e-8 else 1.0 for k, total in sums.items()}
            plan = {pair: value / divisor[pair[side]] for pair, value in plan.items()}
    return sum(value * cost[pair] for pair, value in plan.items())


def apml_plan(x: Tensor, y: Tensor, a: np.ndarray, b: np.ndarray, p_min: float, rounds: int = 20000) -> np.ndarray:
    """The default's plan for one pair: softmins one by one, then plain Sinkhorn on logarithms, double precision."""
    n, m = len(x), len(y)
    cost = np.array([[math.dist(p, q) for q in y.tolist()] for p in x.tolist()])

    def softmin(distances: np.ndarray) -> np.ndarray:
        least = distances.min()
        farther = distances[distances > least * (1 + 1e-12)]
        rate = math.log((len(distances) - 1) / (1 - p_min)) / (farther.min() - least) if len(farther) else 0.0
        weights = np.exp(-rate * (distances - least))
        return weights / weights.sum()

    rows = np.array([softmin(cost[i]) for i in range(n)])
    columns = np.array([softmin(cost[:, j]) for j in range(m)]).T
    log_kernel = np.log((rows + columns) / 2 + 1e-300)
    f, g = np.zeros(n), np.zeros(m)
    for _ in range(rounds):
        f = np.log(a) - np.logaddexp.reduce(log_kernel + g, 1)
        g = np.log(b) - np.logaddexp.reduce(log_kernel + f[:, None], 0)
        plan = np.exp(log_kernel + f[:, None] + g)
        if np.abs(plan.sum(1) / a - 1).max() < 1e-10:
            break
    return plan


def apml_default(x: Tensor, y: Tensor, p_min: float = 0.8) -> float:
    plan = apml_plan(x, y, np.full(len(x), 1 / len(x)), np.full(len(y), 1 / len(y)), p_min)
    cost = np.array([[math.dist(p, q) for q in y.tolist()] for p in x.tolist()])
    return float((plan * cost).sum())


def sliced_wasserstein(x: Tensor, y: Tensor, directions: Tensor) -> float:
    """Power 1, by scipy's transport on a line."""
    from scipy.stats import wasserstein_distance

    return float(np.mean([wasserstein_distance((x @ d).numpy(), (y @ d).numpy()) for d in directions.to(x)]))
