"""What a run will take, told before its first step: time, memory, disk.

:mod:`csi2pc.engine.probe` measures single pieces of the work; here they are scaled to the whole. The first steps are
taken for typical. That holds for losses of fixed work; one that iterates until it has converged may take longer, or
less, once the points have moved. ``benchmarks/cost.py`` prints predicted beside measured.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass

from ..config import RunConfig
from ..data.dataset import DataSplits
from ..evaluation.baselines import CONSTANT_CLOUDS
from ..types import FrameId
from .probe import Probe, probe

#: Seconds that summary and figures of an evaluation take, whatever its size: 1.5 to 2.7 in ``benchmarks/cost.py``.
SECONDS_OF_FIGURES = 2.0
#: Bytes of an evaluation's figures and examples, and of a run's other small files: what ``benchmarks/cost.py`` measured
#: more than is counted below, in small runs.
BYTES_OF_FIGURES = 800_000
#: Bytes of one line of ``metrics.jsonl``, of the names in a row of ``frames.csv``, and of one number in it.
METRICS_LINE, ROW_NAMES, ROW_NUMBER = 400, 60, 20
#: Bytes in memory of a training point while a constant cloud is optimised: as read (12), and in double precision (24).
POINT = 12 + 24
#: Bytes of its place in a KD-tree, and about as much for the nodes; only frames that are drawn get a tree.
TREE_POINT = 16
#: Frames that a constant cloud draws a step, the default of ``constant_cloud``; under exact EMD it draws fewer.
DRAWN = 32


@dataclass(frozen=True)
class Cost:
    """What a run is expected to take.

    Attributes:
        seconds_training: from the first step on, validation and checkpoints included. Reading frames and computing
            overlap where ``training.workers`` read; what devices tell each other is left out.
        seconds_evaluation: of ``csi2pc evaluate`` once the data is open, blind baselines included, with the model on
            the CPU: its default. ``csi2pc compare`` has it on the GPU where runs train on one; that is not measured.
        seconds_blind: how much of that goes into blind baselines, which runs on the same frames can share.
        memory_bytes: the largest that the process of training or of evaluation gets, with the frames that it and its
            loading workers keep; None where the system does not tell.
        device_bytes: on the GPU, at the most; None where there is none.
        disk_bytes: what the run folder takes after evaluation.
        found: how this was found, in a few words.
        memory_at_most: whether ``memory_bytes`` is only a bound, because this process had needed as much before.
    """

    seconds_training: float
    seconds_evaluation: float
    seconds_blind: float
    memory_bytes: int | None
    device_bytes: int | None
    disk_bytes: int
    found: str
    memory_at_most: bool = False

    def __add__(self, other: Cost) -> Cost:
        """Of both runs, one after the other: seconds and disk add up, of memory the larger counts."""
        return Cost(
            self.seconds_training + other.seconds_training,
            self.seconds_evaluation + other.seconds_evaluation,
            self.seconds_blind + other.seconds_blind,
            _larger(self.memory_bytes, other.memory_bytes),
            _larger(self.device_bytes, other.device_bytes),
            self.disk_bytes + other.disk_bytes,
            self.found if self.found == other.found else f"{self.found}; {other.found}",
            self.memory_at_most or other.memory_at_most,
        )

    def summary(self) -> str:
        """One line for people."""
        places = {"of memory": self.memory_bytes, "on the GPU": self.device_bytes, "on disk": self.disk_bytes}
        sizes = [f"{in_bytes(size)} {place}" for place, size in places.items() if size is not None]
        if self.memory_bytes is not None and self.memory_at_most:
            sizes[0] = f"at most {sizes[0]}"
        training, evaluation = in_time(self.seconds_training), in_time(self.seconds_evaluation)
        return f"predicted: training {training}, evaluation {evaluation}, {', '.join(sizes)} ({self.found})"


def _larger(one: int | None, other: int | None) -> int | None:
    known = [size for size in (one, other) if size is not None]
    return max(known, default=None)


def predict_cost(config: RunConfig, splits: DataSplits, *, done: int = 0) -> Cost:
    """Predict what a run takes by trying a little of it out.

    The run itself is not touched: weights, random numbers and files are the same with and without this.

    Args:
        config: the run.
        splits: its data, opened.
        done: steps that are done already, of a run that is resumed.

    Raises:
        as :func:`csi2pc.engine.probe.probe`.
    """
    return scaled(probe(config, splits), config, splits, done=done)


def scaled(measured: Probe, config: RunConfig, splits: DataSplits, *, done: int = 0) -> Cost:
    """The cost of a whole run, from what its pieces take; arguments as for :func:`predict_cost`."""
    training, steps = config.training, math.ceil(len(splits.train) / config.training.batch_size)
    left = 1 - done / (steps * training.epochs)
    scored = [splits.test.frames[i] for i in config.evaluation.chosen(splits.test.frames)]
    methods = _blind_methods(config, splits.train.frames, scored)
    evaluation, blind = _evaluation_seconds(measured, config, splits, len(scored), methods)
    held = max(_kept_bytes(measured, config, splits), _cloud_bytes(measured, config, splits))
    where = f"from {measured.steps} step(s) and {measured.frames} scored frame(s) on {measured.device}"
    return Cost(
        seconds_training=left * _training_seconds(measured, config, splits),
        seconds_evaluation=evaluation,
        seconds_blind=blind,
        memory_bytes=None if measured.memory is None else measured.memory + held,
        device_bytes=measured.device_memory,
        disk_bytes=_disk_bytes(measured, config, len(scored), methods),
        found=where,
        memory_at_most=measured.memory is not None and not measured.memory_rose,
    )


def in_time(seconds: float) -> str:
    """``"45 s"``, ``"3.3 min"``, ``"5.2 h"``, ``"3.1 d"``."""
    for unit, least, size in (("d", 48 * 3600, 86400), ("h", 2 * 3600, 3600), ("min", 120, 60)):
        if seconds >= least:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.2g} s"


def in_bytes(count: int) -> str:
    """``"370 MB"``, ``"1.2 GB"``: powers of ten, as disks are sold."""
    for unit, size in (("GB", 1e9), ("MB", 1e6)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count / 1e3:.3g} kB"


def _training_seconds(measured: Probe, config: RunConfig, splits: DataSplits) -> float:
    training = config.training
    world, readers = training.devices * training.num_nodes, _processes(training.workers)
    steps = math.ceil(len(splits.train) / training.batch_size)
    computing = steps * measured.step
    reading = len(splits.train) / world * measured.read
    epochs_read = min(training.epochs, readers) if measured.kept else training.epochs
    both = max(computing, reading / readers) if training.workers else computing + reading
    validation = len(splits.validation) / world * measured.validate
    # Read by the process itself.
    validation_read = len(splits.validation) / world * measured.read * (1 if measured.kept else training.epochs)
    saves = training.epochs + steps * training.epochs // training.save_every
    return (
        epochs_read * both
        + (training.epochs - epochs_read) * computing
        + training.epochs * validation
        + validation_read
        + saves * measured.save
    )


def _evaluation_seconds(
    measured: Probe, config: RunConfig, splits: DataSplits, scored: int, methods: int
) -> tuple[float, float]:
    """Of all, and of the blind baselines among it."""
    score = scored * measured.score / _processes(config.evaluation.workers)
    # Targets are read for the baselines, and once more to see that no test frame was trained on.
    clouds = 2 * len(splits.train) + len(splits.validation) + 2 * len(splits.test) + scored
    own = clouds * measured.read_points + scored * (measured.read + measured.predict)
    own += 2 * score  # own CSI, and that of other frames
    blind = measured.constant + methods * score
    return own + blind + SECONDS_OF_FIGURES, blind


def _blind_methods(config: RunConfig, train: Sequence[FrameId], scored: Sequence[FrameId]) -> int:
    """How many blind baselines are scored beside the model and its shuffled CSI."""
    asked = config.evaluation.metrics
    constant = sum(name == "constant_cloud" or metric in asked for name, metric in CONSTANT_CLOUDS.items())
    action = bool({f.action for f in scored if f.action} & {f.action for f in train})
    scene = len({f.scene for f in scored}) > 1 or not any(f.action for f in scored)
    scene = scene and bool({f.scene for f in scored if f.scene} & {f.scene for f in train})
    return 1 + constant + action + scene


def _kept_bytes(measured: Probe, config: RunConfig, splits: DataSplits) -> int:
    """Frames that training will keep and has not read yet."""
    data = config.data
    read = data.kind == "recordings" or data.verify
    if not measured.kept or (read and not data.cache_file):
        return 0
    # Each loading worker keeps what it reads itself.
    return measured.sample * (len(splits.train) * max(1, config.training.workers) + len(splits.validation))


def _cloud_bytes(measured: Probe, config: RunConfig, splits: DataSplits) -> int:
    """Clouds that evaluation holds: of all training frames, and of the scored frames twice, own CSI and shuffled."""
    scored = len(config.evaluation.chosen(splits.test.frames))
    drawn = min(len(splits.train), DRAWN * config.evaluation.constant_steps)
    training = round(len(splits.train) * measured.points) * POINT + round(drawn * measured.points) * TREE_POINT
    return training + scored * (2 * config.model.points + round(measured.points)) * 12


def _disk_bytes(measured: Probe, config: RunConfig, scored: int, methods: int) -> int:
    checkpoints = measured.last + (measured.best if config.data.validation_share else 0)
    columns = (2 + methods) * len(config.evaluation.metrics)
    rows = scored * (ROW_NAMES + ROW_NUMBER * columns)
    clouds = scored * config.model.points * 12  # clouds.npz; coordinates hardly compress
    return checkpoints + METRICS_LINE * config.training.epochs + rows + clouds + BYTES_OF_FIGURES


def _processes(workers: int) -> int:
    """How many really work at a time."""
    return max(1, min(workers, os.cpu_count() or 1))
