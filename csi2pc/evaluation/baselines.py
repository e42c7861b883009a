"""Blind baselines: what can be said about a frame without looking at its CSI.

A model is only worth what it says beyond these. Three of them are clouds made from training targets alone; the
fourth is the model itself, fed the CSI of other frames (:func:`shuffled_order` says which).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import torch
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

from ..data.mean_cloud import mean_cloud, usable
from ..errors import ConfigError
from ..types import FrameId
from .transport import transport_plan

#: First learning rate of :func:`constant_cloud` in metres (an Adam step moves a point by about that much).
STEP_LENGTH = 0.02
#: Points of the constant cloud (K,), the target points they meet (K, 3), and the weight of each pair (K,).
Pairs = tuple[np.ndarray, np.ndarray, np.ndarray]


def constant_cloud(
    clouds: Sequence[np.ndarray],
    count: int,
    *,
    metric: Literal["chamfer_l1", "chamfer_l2", "emd"] = "chamfer_l1",
    steps: int = 300,
    batch: int = 32,
    seed: int = 0,
) -> np.ndarray:
    """The best single answer to every frame: points optimised on the training targets under the metric itself.

    Adam on minibatches of training targets, starting at the :func:`mean_cloud`, with a step length that falls from
    2 cm to nothing along half a cosine. Usually the strongest blind baseline.

    Args:
        clouds: training targets, each float ``(N_i, 3)`` metres; frames without points are left out.
        count: number of points, as many as the model emits.
        metric: what is minimised: ``"chamfer_l1"`` (default: the metric that is quoted first), ``"chamfer_l2"``,
            or ``"emd"`` (each step solves ``batch`` transport problems exactly: choose 4).
        steps: optimisation steps.
        batch: frames a step; the default covers the actions of a data set about once.
        seed: of the start and of the minibatches; the same seed gives the same cloud.

    Returns:
        float32 ``(count, 3)`` metres.

    Raises:
        ConfigError: the metric is not one of those above.
        DataError: no training cloud has a point.
        ShapeError: a cloud is not ``(points, 3)``, or ``count`` is less than 1.
    """
    if metric not in PAIRINGS:
        raise ConfigError(f"a constant cloud can be optimised under {', '.join(PAIRINGS)}; got {metric!r}")
    clouds = usable(clouds, count)
    trees = [cKDTree(cloud) for cloud in clouds]
    rng = np.random.default_rng(seed)
    points = torch.tensor(mean_cloud(clouds, count, seed=seed), dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.Adam([points], lr=STEP_LENGTH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    order: list[int] = []
    for _ in range(steps):
        while len(order) < batch:
            order.extend(rng.permutation(len(clouds)).tolist())
        chosen, order = order[:batch], order[batch:]
        optimiser.zero_grad()
        _mean_cost(points, [trees[frame] for frame in chosen], metric).backward()
        optimiser.step()
        schedule.step()
    return points.detach().numpy().astype(np.float32)


def nearest_by_action_and_time(train_frames: Sequence[FrameId], frames: Sequence[FrameId]) -> list[int | None]:
    """For every frame the training frame of the same action that is nearest on its sequence's clock.

    Args:
        train_frames: frames to choose from.
        frames: frames to find one for.

    Returns:
        for every frame an index into ``train_frames``, or None where its action is not known or was never trained
        on. Of training frames equally near, the first by time, sequence and index is taken, whatever their order.
    """
    by_action: dict[str, list[tuple[float, str, int, int]]] = {}
    for position, frame in enumerate(train_frames):
        if frame.action:
            by_action.setdefault(frame.action, []).append((frame.time, frame.sequence, frame.index, position))
    for entries in by_action.values():
        entries.sort()
    return [_nearest_entry(by_action.get(frame.action, []), frame.time) for frame in frames]


def shuffled_order(frames: Sequence[FrameId], *, seed: int) -> np.ndarray:
    """Which frame's CSI each frame is given instead of its own: none gets CSI of its own sequence.

    Frames are laid out sequence by sequence, in random order, and moved on by the length of the longest sequence.
    Where one sequence holds more than half of all frames, some of its frames cannot but keep CSI of that sequence:
    as few as possible do. Where there is only one sequence, every frame gets the CSI of another moment of it, which
    tells the scene and the person and so is not quite blind.

    Args:
        frames: the test frames in the order of their CSI.
        seed: of the order.

    Returns:
        int64 ``(F,)``, a permutation: frame ``i`` is given the CSI of frame ``order[i]``.
    """
    rng = np.random.default_rng(seed)
    sequences, owner = np.unique(np.array([frame.sequence for frame in frames], dtype=object), return_inverse=True)
    rank = rng.permutation(len(sequences))
    laid_out = np.lexsort((rng.permutation(len(frames)), rank[owner]))  # (F,)
    longest = int(np.bincount(owner, minlength=1).max())
    shift = longest if len(sequences) > 1 else 1
    order = np.empty(len(frames), dtype=np.int64)
    order[laid_out] = np.roll(laid_out, -shift)
    return order


def _nearest_entry(entries: Sequence[tuple[float, str, int, int]], time: float) -> int | None:
    """Position of the entry nearest in time; ``entries`` are sorted, so the first of equals comes first."""
    if not entries:
        return None
    after = bisect_left(entries, (time,))
    candidates = entries[after : after + 1]
    if after:
        earlier = entries[after - 1][0]
        candidates = [entries[bisect_left(entries, (earlier,))], *candidates]
    return min(candidates, key=lambda entry: abs(entry[0] - time))[-1]


def _nearest_pairs(points: np.ndarray, own: cKDTree, cloud: cKDTree, share: float) -> Pairs:
    """Nearest neighbours both ways, each direction weighing ``share``."""
    source = np.concatenate([np.arange(len(points)), own.query(cloud.data)[1]])
    target = np.concatenate([cloud.query(points)[1], np.arange(cloud.n)])
    weight = np.repeat([share / len(points), share / cloud.n], [len(points), cloud.n])
    return source, cloud.data[target], weight


def _transport_pairs(points: np.ndarray, cloud: cKDTree) -> Pairs:
    plan = transport_plan(cdist(points, cloud.data))
    return plan.source, cloud.data[plan.target], plan.mass


#: metric -> which points of the constant cloud and of a target it compares, and the power of their distance
PAIRINGS: dict[str, tuple[Callable[[np.ndarray, cKDTree, cKDTree], Pairs], int]] = {
    "chamfer_l1": (lambda points, own, cloud: _nearest_pairs(points, own, cloud, 0.5), 1),
    "chamfer_l2": (lambda points, own, cloud: _nearest_pairs(points, own, cloud, 1.0), 2),
    "emd": (lambda points, own, cloud: _transport_pairs(points, cloud), 1),
}


def _mean_cost(points: torch.Tensor, clouds: Sequence[cKDTree], metric: str) -> torch.Tensor:
    """Mean of the metric over the clouds; which points meet is found first and carries no gradient."""
    pairing, power = PAIRINGS[metric]
    fixed = points.detach().numpy()
    own = cKDTree(fixed)
    parts = zip(*(pairing(fixed, own, cloud) for cloud in clouds), strict=True)
    source, target, weight = (torch.from_numpy(np.concatenate(part)) for part in parts)  # (K,), (K, 3), (K,)
    distance = torch.linalg.vector_norm(points[source] - target, dim=-1)  # gradient 0 where points coincide
    return (weight * distance**power).sum() / len(clouds)
