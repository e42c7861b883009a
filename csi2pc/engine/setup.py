"""What a training run needs before its first step: devices, data, model, and what a resumed run had."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from lightning_fabric import Fabric
from torch import nn

from ..checkpoint import Checkpoint, load_checkpoint
from ..config import RunConfig, TrainingConfig
from ..data.dataset import DataSplits, FrameDataset, open_data
from ..data.normalisation import fit_normalisation
from ..errors import ConfigError
from ..losses.criterion import Criterion
from ..models.csi2pc import CSI2PC
from ..progress import console, track
from .batches import Plan
from .optimise import build_optimiser, load_optimiser_tensors
from .run_folder import (
    RunFolder,
    forget_metrics_after,
    refuse_changes,
    report_rows,
    start_or_resume,
    write_json,
    write_start,
)

#: Feature statistics are fitted on at most so many frames, spread evenly over the training part.
NORMALISATION_FRAMES = 5000


@dataclass
class Progress:
    """What changes during a run besides weights; saved with every checkpoint.

    Attributes:
        step: steps done.
        best: best validation metric so far, None before the first validation.
        best_step: steps done when it was found.
        sums: sums over the frames of the epoch so far, by name of the term.
        frames: how many frames those are.
        seconds: time spent in training, over all parts of a resumed run.
        data: digest of the frames that are trained and validated on.
        sequences: names of the sequences that these frames are of: none of them may ever be tested on.
        scaler: state of the gradient scaler, where 16-bit precision uses one.
    """

    step: int = 0
    best: float | None = None
    best_step: int | None = None
    sums: dict[str, float] = field(default_factory=dict)
    frames: int = 0
    seconds: float = 0.0
    data: str = ""
    sequences: list[str] = field(default_factory=list)
    scaler: dict[str, float] = field(default_factory=dict)


@dataclass
class Loop:
    """What one training run works with."""

    config: RunConfig
    fabric: Fabric
    run: RunFolder
    splits: DataSplits
    plan: Plan
    criterion: Criterion
    model: CSI2PC
    wrapped: nn.Module
    optimiser: torch.optim.Optimizer
    progress: Progress


def set_up(config: RunConfig, *, resume: bool, splits: DataSplits | None = None) -> Loop:
    """Start the processes, open the data, build or restore the model, and write the start of the run folder.

    Raises:
        as :func:`csi2pc.engine.train.train`.
    """
    run = start_or_resume(config.out, resume=resume)
    criterion = Criterion(config.loss)
    fabric = _launch(config.training)
    splits = splits or open_data(config.data, config.prepare)
    config = _resolved(config, splits)
    refuse_changes(run, config)
    torch.manual_seed(config.training.seed)
    model = CSI2PC(config.model)
    checkpoint = load_checkpoint(run.last) if resume and run.last.exists() else None
    if checkpoint is None:
        progress = Progress(data=splits.digest(), sequences=[*splits.train.sequences, *splits.validation.sequences])
        _fit_normalisation(model, splits.train, seed=config.training.seed)
    else:
        progress = _restored(checkpoint, run, splits)
        model.load_state_dict(checkpoint.model.state_dict())
    _same_step_everywhere(fabric, progress, run)  # also: nobody writes before everybody has read
    if fabric.is_global_zero:
        _write(run, config, splits, progress)
    wrapped, optimiser = fabric.setup(model, build_optimiser(model, config.optimiser))
    if checkpoint is not None:
        load_optimiser_tensors(optimiser, checkpoint.optimiser)
    scaler = gradient_scaler(fabric)
    if scaler is not None and progress.scaler:
        scaler.load_state_dict(progress.scaler)
    plan = Plan(
        frames=len(splits.train),
        batch_size=config.training.batch_size,
        epochs=config.training.epochs,
        seed=config.training.seed,
        rank=fabric.global_rank,
        world=fabric.world_size,
    )
    return Loop(config, fabric, run, splits, plan, criterion, model, wrapped, optimiser, progress)


def gradient_scaler(fabric: Fabric) -> torch.amp.GradScaler | None:
    """The gradient scaler of 16-bit precision; None with any other."""
    return getattr(fabric.strategy.precision, "scaler", None)


def _launch(config: TrainingConfig) -> Fabric:
    asked = f"accelerator {config.accelerator}, {config.devices} devices, {config.num_nodes} machines"
    many = config.devices * config.num_nodes > 1
    try:
        fabric = Fabric(
            accelerator=config.accelerator,
            devices=config.devices,
            num_nodes=config.num_nodes,
            strategy="ddp" if many else "auto",
            precision=config.precision,
        )
        fabric.launch()
    except (RuntimeError, ValueError, ImportError) as error:
        raise ConfigError(f"training cannot start on {asked}, precision {config.precision}: {error}") from error
    started = int(os.environ.get("WORLD_SIZE", fabric.world_size))
    if started != fabric.world_size:
        raise ConfigError(
            f"training.devices x training.num_nodes must be the number of processes; got {fabric.world_size} and "
            f"{started} processes started. Set training.devices to the processes on each machine"
        )
    return fabric


def _resolved(config: RunConfig, splits: DataSplits) -> RunConfig:
    """The configuration with subcarriers and paths written out, checked against the data."""
    layout = splits.layout
    links = config.prepare.receivers(layout.rx) * layout.tx
    if config.model.links != links:
        raise ConfigError(
            f"model.links must equal the data's {links} links as prepared; got {config.model.links}. "
            f"Set model.links: {links}"
        )
    data = config.data
    places = ("root", "manifest", "cache_file")
    paths = {name: str(Path(given).resolve()) for name in places if (given := getattr(data, name))}
    prepare = replace(config.prepare, subcarriers=[int(k) for k in layout.subcarriers])
    return replace(config, prepare=prepare, data=replace(data, **paths))


def _restored(checkpoint: Checkpoint, run: RunFolder, splits: DataSplits) -> Progress:
    progress = Progress(**checkpoint.progress)
    if progress.data != splits.digest():
        raise ConfigError(
            f"a run is resumed on the frames that it was started with; {run.data} lists what they were, and now there "
            f"are {len(splits.train)} training and {len(splits.validation)} validation frames that differ from them. "
            "Restore the data, or start a new run"
        )
    return progress


def _same_step_everywhere(fabric: Fabric, progress: Progress, run: RunFolder) -> None:
    newest, oldest = (
        sign * int(fabric.all_reduce(torch.tensor(sign * progress.step, device=fabric.device), reduce_op="max"))
        for sign in (1, -1)
    )
    if newest != oldest:
        raise ConfigError(
            f"all processes must resume from the same checkpoint; they found steps {oldest} and {newest}. "
            f"Put {run.path} on a disk that all machines see"
        )


def _write(run: RunFolder, config: RunConfig, splits: DataSplits, progress: Progress) -> None:
    write_start(run, config)
    write_json(run.data, {"parts": splits.describe().splitlines(), **report_rows(splits.report)})
    forget_metrics_after(run, progress.step)
    console.print(splits.describe())
    if progress.step:
        console.print(f"resuming {run.path} after step {progress.step}")


def _fit_normalisation(model: CSI2PC, frames: FrameDataset, *, seed: int) -> None:
    every = math.ceil(len(frames) / NORMALISATION_FRAMES)
    chosen = range(0, len(frames), every)
    samples = (frames[i] for i in track(chosen, description="fitting normalisation"))
    fitted = fit_normalisation(samples, points=model.config.points, seed=seed)
    model.set_normalisation(
        feature_mean=torch.from_numpy(fitted.feature_mean),
        feature_std=torch.from_numpy(fitted.feature_std),
        centre=torch.from_numpy(fitted.anchors if model.config.anchored else fitted.centre),
        scale=fitted.scale,
    )
