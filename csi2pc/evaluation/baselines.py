"""Blind baselines: what can be said about a frame without looking at its CSI.

A model is only worth what it says beyond these. Some answer every frame with one cloud made from training targets;
some are told a label of the frame, its action or its room, and answer with a training cloud of that label; one is the
model itself, fed the CSI of other frames (:func:`shuffled_order` says which).
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
from ..ops.transport import transport_plan
from ..progress import console
from ..types import FrameId
from .rows import METHODS
from .settings import EvaluationConfig

#: First learning rate of :func:`constant_cloud` in metres (an Adam step moves a point by about that much).
STEP_LENGTH = 0.02
#: Points of the constant cloud (K,), the target points they meet (K, 3), and the weight of each pair (K,).
Pairs = tuple[np.ndarray, np.ndarray, np.ndarray]
#: Method to one cloud a frame, ``(N, 3)`` metres; None where the method has nothing to say about a frame.
Clouds = dict[str, list[np.ndarray | None]]
#: Constant cloud to the metric that it is optimised under.
CONSTANT_CLOUDS = {"constant_cloud": "chamfer_l1", "constant_cloud_l2": "chamfer_l2", "constant_cloud_emd": "emd"}


def blind_clouds(
    train_frames: Sequence[FrameId],
    targets: Sequence[np.ndarray],
    frames: Sequence[FrameId],
    *,
    count: int,
    config: EvaluationConfig,
) -> Clouds:
    """The clouds of every blind baseline that is made from training targets.

    Args:
        train_frames: the training frames.
        targets: their clouds, each float ``(N_i, 3)`` metres.
        frames: the frames to answer, without their CSI.
        count: points of the mean and constant clouds, as many as the model emits.
        config: decides, by its metrics, which constant clouds are made.

    Returns:
        method to one cloud a frame, in the order of :data:`~csi2pc.evaluation.rows.METHODS`. A method without a cloud
        on any frame is left out; ``"nearest_scene"`` also where one scene is all there is and actions say more.

    Raises:
        DataError: no training cloud has a point.
        ShapeError: a cloud is not ``(points, 3)``, or ``count`` is less than 1.
    """
    clouds: Clouds = {"mean_cloud": [mean_cloud(targets, count, seed=config.seed)] * len(frames)}
    for method, metric in CONSTANT_CLOUDS.items():
        if metric in config.metrics or method == "constant_cloud":
            console.print(f"optimising {method} on the training targets")
            # an exact transport plan costs far more than nearest neighbours: fewer steps of fewer frames
            steps, batch = (-(-config.constant_steps // 2), 4) if metric == "emd" else (config.constant_steps, 32)
            cloud = constant_cloud(targets, count, metric=metric, steps=steps, batch=batch, seed=config.seed)
            clouds[method] = [cloud] * len(frames)
    nearest = {"nearest_action_time": nearest_by_label(train_frames, frames, label="action")}
    if len({frame.scene for frame in frames}) > 1 or not any(frame.action for frame in frames):
        nearest["nearest_scene"] = nearest_by_label(train_frames, frames, label="scene")
    for method, found in nearest.items():
        if any(position is not None for position in found):
            clouds[method] = [None if position is None else targets[position] for position in found]
    return {method: clouds[method] for method in METHODS if method in clouds}


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
    trees: dict[int, cKDTree] = {}  # only of frames that are drawn: all of a large data set would not fit into memory
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
        for frame in chosen:
            if frame not in trees:
                trees[frame] = cKDTree(clouds[frame])
        _mean_cost(points, [trees[frame] for frame in chosen], metric).backward()
        optimiser.step()
        schedule.step()
    return points.detach().numpy().astype(np.float32)


def nearest_by_label(
    train_frames: Sequence[FrameId], frames: Sequence[FrameId], *, label: Literal["action", "scene"]
) -> list[int | None]:
    """For every frame the training frame of the same label that is nearest on its sequence's clock.

    A strong blind baseline where the label says much, for it is told the label: with ``"scene"`` and a target that
    stands still in each room, it knows the answer of every room it has seen. Frames of the very sequence are never
    chosen, so that training frames do not find themselves.

    Args:
        train_frames: frames to choose from.
        frames: frames to find one for.
        label: which label of :class:`~csi2pc.types.FrameId` must be the same.

    Returns:
        for every frame an index into ``train_frames``, or None where its label is not known or no other sequence was
        trained on with it. Of training frames equally near, the first by time, sequence and index is taken, whatever
        their order.
    """
    labelled: dict[str, list[tuple[float, str, int, int]]] = {}
    for position, frame in enumerate(train_frames):
        if getattr(frame, label):
            entry = (frame.time, frame.sequence, frame.index, position)
            labelled.setdefault(getattr(frame, label), []).append(entry)
    for entries in labelled.values():
        entries.sort()
    asked: dict[tuple[str, str], list[int]] = {}
    for position, frame in enumerate(frames):
        asked.setdefault((getattr(frame, label), frame.sequence), []).append(position)
    found: list[int | None] = [None] * len(frames)
    for (value, sequence), positions in asked.items():
        entries = [entry for entry in labelled.get(value, []) if entry[1] != sequence]
        for position in positions:
            found[position] = _nearest_entry(entries, frames[position].time)
    return found


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
