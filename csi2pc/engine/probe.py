"""What single pieces of a run's work take, measured on a copy: the numbers that a prediction of its cost is made of.

A model of the run's sizes is built beside it and changed by a few steps on the run's own first batch, on the run's own
device; a few frames are scored under the run's own metrics. Weights, data, files and random numbers of the run itself
are left as they were.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, median

import numpy as np
import torch
from lightning_fabric import Fabric
from safetensors.torch import save

from ..config import RunConfig, TrainingConfig, to_dict
from ..data.dataset import DataSplits, FrameDataset, collate
from ..data.normalisation import fit_normalisation
from ..errors import ConfigError, DataError
from ..evaluation.baselines import blind_clouds
from ..evaluation.metrics import frame_metrics
from ..losses import LOSSES
from ..losses.criterion import Criterion
from ..models.csi2pc import CSI2PC
from ..progress import console
from ..types import Batch, Sample
from .batches import Plan
from .optimise import build_optimiser, learning_rate, optimiser_tensors
from .predict import predict_clouds, predict_points

#: At most so many steps, and so many scored frames, are timed; a short run has fewer of them.
STEPS, FRAMES = 5, 3
#: A run must have so many steps for each step that is timed, so that looking ahead stays a small part of it.
STEPS_A_PROBE = 20
#: Seconds after which no further step or frame is begun.
PATIENCE = 5.0
#: Training clouds that the blind baselines are tried on.
CLOUDS = 8


class DoesNotFitError(ConfigError):
    """The device has too little memory for the steps of a run."""


@dataclass(frozen=True)
class Probe:
    """Seconds and bytes of single pieces of work, as measured.

    Attributes:
        device: where the steps were computed, as torch names it.
        steps, frames: how many optimiser steps and scored frames were timed.
        read, read_points: seconds in which one frame, or its cloud alone, is read and prepared.
        kept: whether a frame stays in memory once it was read.
        sample: bytes of a frame in memory.
        points: points of a target, on average.
        step: seconds of one optimiser step on this process's share of a batch, without reading.
        validate: seconds of one validation frame, without reading.
        save: seconds in which ``last`` and ``best`` are written once.
        last, best: bytes of the two checkpoints.
        predict: seconds of one predicted cloud on the CPU, where ``csi2pc evaluate`` computes unless told otherwise.
        score: seconds of all metrics of one cloud.
        constant: seconds of optimising all constant clouds.
        memory: bytes, the peak of the process so far; None where the system does not tell.
        memory_rose: whether that peak is this trial's; otherwise something before it needed as much or more.
        device_memory: bytes, the peak on the GPU; None where there is none.
    """

    device: str
    steps: int
    frames: int
    read: float
    read_points: float
    kept: bool
    sample: int
    points: float
    step: float
    validate: float
    save: float
    last: int
    best: int
    predict: float
    score: float
    constant: float
    memory: int | None
    memory_rose: bool
    device_memory: int | None


@dataclass
class _Copy:
    """The copy of a run that is tried out."""

    config: RunConfig
    plan: Plan
    fabric: Fabric
    criterion: Criterion
    model: CSI2PC
    wrapped: torch.nn.Module
    optimiser: torch.optim.Optimizer


def probe(config: RunConfig, splits: DataSplits) -> Probe:
    """Try a run out: one step to warm up, a few steps, some validation frames, a checkpoint, a few scored frames.

    On a GPU, what the trial took of its memory is given back.

    Args:
        config: the run; with several devices, one of them computes its share of a batch.
        splits: its data.

    Raises:
        DoesNotFitError: a ConfigError: the memory of the device is too small for a step or for validation.
        ConfigError: settings that do not fit the machine or the data.
        DataError: a frame cannot be read, or the run's disk has no room for a checkpoint.
    """
    fabric = _fabric(config.training)
    try:
        return _tried_out(config, splits, fabric)
    except torch.cuda.OutOfMemoryError as error:
        full = str(error).partition("\n")[0]
    finally:  # here, where neither the copy nor an error that refers to it is left
        if fabric.device.type == "cuda":
            gc.collect()
            torch.cuda.empty_cache()
    raise DoesNotFitError(
        f"a step of the run must fit into the memory of {fabric.device}; one with training.batch_size "
        f"{config.training.batch_size} and loss {', '.join(term.name for term in config.loss)} does not: {full}; "
        "choose a smaller training.batch_size"
    )


def _tried_out(config: RunConfig, splits: DataSplits, fabric: Fabric) -> Probe:
    cuda = [fabric.device] if fabric.device.type == "cuda" else []
    before = peak_memory()
    with torch.random.fork_rng(devices=cuda):
        torch.manual_seed(config.training.seed)
        if cuda:
            torch.cuda.reset_peak_memory_stats(fabric.device)
        train, training = splits.train, config.training
        world = training.devices * training.num_nodes
        plan = Plan(len(train), training.batch_size, training.epochs, training.seed, rank=0, world=world)
        wanted = plan.shard(0)[0]
        read, samples = _timed(lambda: [train[i] for i in wanted])
        points, _ = _timed(lambda: [train.points(i) for i in wanted])
        copy = _copy_of(config, plan, fabric, samples)
        taken = _steps(copy, collate(samples).to(fabric.device))
        validate = _validation(copy, splits.validation)
        save_seconds, last, best = _saving(copy)
        device_memory = torch.cuda.max_memory_allocated(fabric.device) if cuda else None
        predict, score, frames, constant = _evaluation(copy, splits)
    return Probe(
        device=str(fabric.device),
        steps=len(taken),
        frames=frames,
        read=read / len(wanted),
        read_points=points / len(wanted),
        kept=train[wanted[0]] is train[wanted[0]],
        sample=round(mean(s.features.nbytes + s.valid.nbytes + s.points.nbytes for s in samples)),
        points=mean(len(sample.points) for sample in samples),
        step=median(taken),
        validate=validate,
        save=save_seconds,
        last=last,
        best=best,
        predict=predict,
        score=score,
        constant=constant,
        memory=peak_memory(),
        memory_rose=peak_memory() != before,
        device_memory=device_memory,
    )


def peak_memory() -> int | None:
    """The most bytes that this process has had in memory so far; None on Windows, which does not tell."""
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # kibibytes everywhere else


def _fabric(training: TrainingConfig) -> Fabric:
    """One device of the kind that the run uses, beside those that it may have started already."""
    try:
        return Fabric(accelerator=training.accelerator, devices=1, precision=training.precision)
    except (RuntimeError, ValueError, ImportError) as error:
        raise ConfigError(
            f"training cannot be tried out on accelerator {training.accelerator}, precision {training.precision}: "
            f"{error}; set training.accelerator to one that this machine has"
        ) from error


def _timed(work: Callable[[], object], *, fabric: Fabric | None = None) -> tuple[float, object]:
    """Seconds, and what the work gave; with ``fabric``, its device is waited for."""
    start = time.perf_counter()
    result = work()
    if fabric is not None and fabric.device.type == "cuda":
        torch.cuda.synchronize(fabric.device)
    return time.perf_counter() - start, result


def _copy_of(config: RunConfig, plan: Plan, fabric: Fabric, samples: Sequence[Sample]) -> _Copy:
    """A new model with normalisation from one batch: its clouds are about where the run's will be."""
    model = CSI2PC(config.model)
    fitted = fit_normalisation(samples, points=config.model.points, seed=config.training.seed)
    model.set_normalisation(
        feature_mean=torch.from_numpy(fitted.feature_mean),
        feature_std=torch.from_numpy(fitted.feature_std),
        centre=torch.from_numpy(fitted.anchors if config.model.anchored else fitted.centre),
        scale=fitted.scale,
    )
    wrapped, optimiser = fabric.setup(model, build_optimiser(model, config.optimiser))
    return _Copy(config, plan, fabric, Criterion(config.loss), model, wrapped, optimiser)


def _steps(copy: _Copy, batch: Batch) -> list[float]:
    """Seconds of each timed step; of the first one, which warms up, where no other can follow."""
    count = min(STEPS, max(1, copy.plan.steps // STEPS_A_PROBE))
    taken: list[float] = []
    for number in range(1 + count):
        seconds, finite = _timed(lambda number=number: _step(copy, batch, number), fabric=copy.fabric)
        taken.append(seconds)
        if not finite or sum(taken[1:]) > PATIENCE:  # the run itself says where it is not finite
            break
    return taken[1:] or taken


def _step(copy: _Copy, batch: Batch, number: int) -> bool:
    """Change the copy's weights once, as training does; whether its points and their gradient are finite."""
    rate = learning_rate(number, config=copy.config.optimiser, steps=copy.plan.steps)
    for group in copy.optimiser.param_groups:
        group["lr"] = rate
    copy.wrapped.train()
    points = copy.wrapped(batch.features, batch.valid)["points"]
    if not bool(points.isfinite().all()):
        return False
    total = copy.criterion.total(copy.criterion(points, batch.points, None, batch.mask))
    copy.optimiser.zero_grad()
    copy.fabric.backward(total.mean())
    clip = copy.config.optimiser.clip_norm
    norm = copy.fabric.clip_gradients(copy.wrapped, copy.optimiser, max_norm=clip, error_if_nonfinite=False)
    copy.optimiser.step()
    return bool(torch.as_tensor(norm).isfinite())


@torch.no_grad()
def _validation(copy: _Copy, frames: FrameDataset) -> float:
    """Seconds of one validation frame; 0 without a validation part."""
    size = max(1, copy.config.training.batch_size // copy.plan.world)
    if not len(frames):
        return 0.0
    batch = collate([frames[i] for i in range(min(size, len(frames)))]).to(copy.fabric.device)
    return _timed(lambda: _validate(copy.model.eval(), copy, batch), fabric=copy.fabric)[0] / len(batch)


def _validate(model: CSI2PC, copy: _Copy, batch: Batch) -> None:
    with copy.fabric.autocast():
        points = predict_points(model, batch.features, batch.valid)
    if bool(points.isfinite().all()):
        copy.criterion(points, batch.points, None, batch.mask)
        LOSSES["chamfer_l1"](points, batch.points, None, batch.mask)


def _saving(copy: _Copy) -> tuple[float, int, int]:
    """Seconds of writing both checkpoints, and the bytes of each. The files have no names and are gone at once."""
    weights = {name: value.detach().cpu().contiguous() for name, value in copy.model.state_dict().items()}
    moments = {f"optimiser/{name}": value.cpu() for name, value in optimiser_tensors(copy.optimiser).items()}
    header = {"csi2pc": json.dumps(to_dict(copy.config))}
    folder = Path(copy.config.out).absolute()
    folder = next(place for place in (folder, *folder.parents) if place.is_dir())
    sizes, seconds = [], 0.0
    for tensors in ({**weights, **moments}, weights):
        try:
            taken, size = _timed(lambda tensors=tensors: _write(folder, save(tensors, header)))
        except OSError as error:
            raise DataError(
                f"{folder} must be a folder with room for checkpoints; writing one of "
                f"{sum(value.nbytes for value in tensors.values()) / 1e6:.3g} MB fails: {error}; choose another --out"
            ) from error
        sizes.append(size)
        seconds += taken
    return seconds, sizes[0], sizes[1]


def _write(folder: Path, content: bytes) -> int:
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return len(content)


def _evaluation(copy: _Copy, splits: DataSplits) -> tuple[float, float, int, float]:
    """Seconds of a predicted cloud and of a scored one, how many frames were scored, and seconds of all constant
    clouds."""
    settings, train, test = copy.config.evaluation, splits.train, splits.test
    chosen = settings.chosen(test.frames)
    positions = chosen[:: max(1, len(chosen) // FRAMES)][:FRAMES]
    samples = [test[i] for i in positions]
    features, valid = (np.stack([getattr(s, name) for s in samples]) for name in ("features", "valid"))
    model = copy.model.to("cpu").eval()
    predict, predicted = _timed(lambda: predict_clouds(model, features, valid))
    rows = range(0, len(train), max(1, len(train) // CLOUDS))[:CLOUDS]
    frames, targets = [train.frames[i] for i in rows], [train.points(i) for i in rows]
    few = replace(settings, constant_steps=2)  # which are one step of the constant cloud under exact EMD
    with console.capture():
        seconds, blind = _timed(
            lambda: blind_clouds(frames, targets, [s.frame for s in samples], count=model.config.points, config=few)
        )
    small = samples[0].points[:20]
    frame_metrics(small, small + 0.01, metrics=settings.metrics)  # what is imported at the first call only
    taken: list[float] = []
    for sample, cloud in zip(samples, predicted, strict=True):
        for other in (cloud, blind["constant_cloud"][0]):
            if np.isfinite(other).all():
                taken.append(_timed(lambda o=other, s=sample: frame_metrics(o, s.points, metrics=settings.metrics))[0])
        if sum(taken) > PATIENCE or copy.plan.steps < STEPS * STEPS_A_PROBE:
            break
    scored = (len(taken) + 1) // 2
    return predict / len(samples), mean(taken), scored, seconds * settings.constant_steps / few.constant_steps
