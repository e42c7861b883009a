"""Training, readable from top to bottom.

The order of frames, the learning rate and dropout are functions of (seed, step). So a run that was killed and goes on
ends with the same weights as one that was not, and several devices compute what one does at the same global batch (but
for dropout, whose random numbers are each process's own).
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.utils.data import DataLoader

from ..checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from ..config import RunConfig, TrainingConfig, to_dict
from ..data.dataset import DataSplits, FrameDataset, collate, open_data
from ..data.normalisation import fit_normalisation
from ..errors import ConfigError, TrainingError
from ..losses import LOSSES
from ..losses.criterion import Criterion
from ..models.csi2pc import CSI2PC
from ..progress import console, track
from ..types import Batch
from .batches import Plan
from .interrupt import StopRequest
from .optimise import build_optimiser, learning_rate, load_optimiser_tensors, optimiser_tensors
from .predict import predict_points
from .run_folder import (
    RunFolder,
    append_metrics,
    forget_metrics_after,
    refuse_changes,
    report_rows,
    start_or_resume,
    write_json,
    write_start,
)

#: Feature statistics are fitted on at most so many frames, spread evenly over the training part.
NORMALISATION_FRAMES = 5000

#: How many frames an error message names at the most.
NAMED_FRAMES = 5


@dataclass
class Progress:
    """What changes during a run besides weights; saved with every checkpoint.

    Attributes:
        step: steps done.
        best: best validation metric so far, None before the first validation.
        best_step: steps done when it was found.
        sums: sums over the frames of the epoch so far, by name of the term.
        frames: how many frames those are.
    """

    step: int = 0
    best: float | None = None
    best_step: int | None = None
    sums: dict[str, float] = field(default_factory=dict)
    frames: int = 0


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


def train(config: RunConfig, *, resume: bool = False, splits: DataSplits | None = None) -> RunFolder:
    """Train a model and leave a run folder with configuration, metrics and checkpoints.

    Args:
        config: the run; ``config.out`` is the folder.
        resume: go on from the last checkpoint of the folder, or start where there is none.
        splits: the data of ``config``, where it is open already.

    Raises:
        ConfigError: settings that do not fit the data or the run to resume.
        DataError: no usable data.
        TrainingError: a loss is not finite, or training was interrupted (it can be resumed).
        CheckpointError: a checkpoint cannot be written or read.
    """
    loop = _prepare(config, resume=resume, splits=splits)
    plan, progress = loop.plan, loop.progress
    started = time.monotonic()
    with StopRequest() as stop:
        for batch in _batches(loop):
            sums, asked = _step(loop, batch.to(loop.fabric.device), stop)
            _add(progress, sums, frames=len(plan.global_batch(progress.step)))
            progress.step += 1
            if progress.step % plan.steps_per_epoch == 0:
                _end_epoch(loop, seconds=time.monotonic() - started)
            elif asked or progress.step % config.training.save_every == 0:
                _save(loop, loop.run.last, with_optimiser=True)
            if asked and progress.step < plan.steps:
                raise TrainingError(
                    f"interrupted after step {progress.step} of {plan.steps}; everything is saved in "
                    f"{loop.run.path}, and the same command with --resume goes on from here"
                )
    loop.fabric.barrier()
    return loop.run


def _prepare(config: RunConfig, *, resume: bool, splits: DataSplits | None) -> Loop:
    """Open data, build the model, and put back what a resumed run had."""
    run = start_or_resume(config.out, resume=resume)
    criterion = Criterion(config.loss)
    fabric = _launch(config.training)
    splits = splits or open_data(config.data, config.prepare)
    config = _resolved(config, splits)
    refuse_changes(run, config)
    torch.manual_seed(config.training.seed)
    model = CSI2PC(config.model)
    optimiser = build_optimiser(model, config.optimiser)
    progress, tensors = Progress(), None
    if resume and run.last.exists():
        checkpoint = load_checkpoint(run.last)
        model.load_state_dict(checkpoint.model.state_dict())
        progress, tensors = Progress(**checkpoint.progress), checkpoint.optimiser
    else:
        _fit_normalisation(model, splits.train, seed=config.training.seed)
    fabric.barrier()  # nobody writes before everybody has read
    if fabric.is_global_zero:
        write_start(run, config)
        write_json(run.data, {"parts": splits.describe().splitlines(), **report_rows(splits.report)})
        forget_metrics_after(run, progress.step)
        console.print(splits.describe())
        if progress.step:
            console.print(f"resuming {run.path} after step {progress.step}")
    wrapped, optimiser = fabric.setup(model, optimiser)
    if tensors is not None:
        load_optimiser_tensors(optimiser, tensors)
    plan = Plan(
        frames=len(splits.train),
        batch_size=config.training.batch_size,
        epochs=config.training.epochs,
        seed=config.training.seed,
        rank=fabric.global_rank,
        world=fabric.world_size,
    )
    return Loop(config, fabric, run, splits, plan, criterion, model, wrapped, optimiser, progress)


def _launch(config: TrainingConfig) -> Fabric:
    many = config.devices * config.num_nodes > 1
    strategy = "ddp" if many and config.strategy == "auto" else config.strategy
    fabric = Fabric(
        accelerator=config.accelerator,
        devices=config.devices,
        num_nodes=config.num_nodes,
        strategy=strategy,
        precision=config.precision,
    )
    fabric.launch()
    return fabric


def _resolved(config: RunConfig, splits: DataSplits) -> RunConfig:
    """The configuration with the data's own subcarriers written out, checked against the model."""
    layout = splits.layout
    prepare = replace(config.prepare, subcarriers=[int(k) for k in layout.subcarriers])
    links = layout.rx * layout.tx
    if config.model.links != links:
        raise ConfigError(
            f"model.links must equal the data's {links} links; got {config.model.links}. Set model.links: {links}"
        )
    return replace(config, prepare=prepare)


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


def _batches(loop: Loop) -> Iterator[Batch]:
    """This process's share of every step that is left."""
    shards = list(loop.plan.shards_from(loop.progress.step))
    workers = loop.config.training.workers
    loader = DataLoader(loop.splits.train, batch_sampler=shards, collate_fn=collate, num_workers=workers)
    if loop.fabric.is_global_zero:
        return track(loader, description="training", total=len(shards))
    return iter(loader)


def _step(loop: Loop, batch: Batch, stop: StopRequest) -> tuple[dict[str, float], bool]:
    """Change the weights once.

    Returns:
        the sum of every term over the global batch, and whether any process was asked to stop.
    """
    step, optimiser = loop.progress.step, loop.optimiser
    weight = loop.plan.shard(step)[1]
    torch.manual_seed(_seed(loop.config.training.seed, step, loop.fabric.global_rank))
    rate = learning_rate(step, config=loop.config.optimiser, steps=loop.plan.steps)
    for group in optimiser.param_groups:
        group["lr"] = rate
    loop.wrapped.train()
    points = loop.wrapped(batch.features, batch.valid)["points"]  # B, N, 3
    _check_finite(loop, {"points of the model": points.sum(dim=(1, 2))}, batch)
    terms = loop.criterion(points, batch.points, None, batch.mask)  # name -> (B,)
    total = loop.criterion.total(terms)  # B
    terms_and_total = {**terms, "total": total}
    _check_finite(loop, terms_and_total, batch)
    sums, asked = _shared(loop, terms_and_total, counted=weight > 0, asked=stop.asked)
    optimiser.zero_grad()
    loop.fabric.backward(weight * total.sum())
    loop.fabric.clip_gradients(
        loop.wrapped, optimiser, max_norm=loop.config.optimiser.clip_norm, error_if_nonfinite=False
    )
    optimiser.step()
    return sums, asked


def _seed(*parts: int) -> int:
    return int(np.random.SeedSequence(parts).generate_state(1)[0])


def _shared(loop: Loop, terms: dict[str, Tensor], *, counted: bool, asked: bool) -> tuple[dict[str, float], bool]:
    """Sums over all processes, in one message together with the request to stop."""
    local = torch.stack([values.detach().sum().double() for values in terms.values()])
    message = torch.cat([local * counted, local.new_tensor([float(asked)])])
    *sums, stops = loop.fabric.all_reduce(message, reduce_op="sum").tolist()
    return dict(zip(terms, sums, strict=True)), stops > 0


def _check_finite(loop: Loop, terms: dict[str, Tensor], batch: Batch) -> None:
    for name, values in terms.items():
        if bool(values.isfinite().all()):
            continue
        rows = (~values.isfinite()).nonzero().flatten().tolist()
        frames = ", ".join(str(batch.frames[row]) for row in rows[:NAMED_FRAMES])
        raise TrainingError(
            f"every loss term must be finite; {name!r} is {values[rows[0]].item()} at step {loop.progress.step} "
            f"({len(rows)} of {len(batch)} frames: {frames}). The last checkpoint is kept; "
            "try a lower optimiser.learning_rate, or look at these frames"
        )


def _add(progress: Progress, sums: dict[str, float], *, frames: int) -> None:
    progress.frames += frames
    for name, value in sums.items():
        progress.sums[name] = progress.sums.get(name, 0.0) + value


def _end_epoch(loop: Loop, *, seconds: float) -> None:
    """Log the epoch's means, validate, and keep the weights if they are the best so far."""
    progress = loop.progress
    epoch = progress.step // loop.plan.steps_per_epoch
    means = {name: value / progress.frames for name, value in progress.sums.items()}
    rate = learning_rate(progress.step - 1, config=loop.config.optimiser, steps=loop.plan.steps)
    row: dict[str, float] = {"epoch": epoch, "step": progress.step, "seconds": round(seconds, 3), "learning_rate": rate}
    row |= {f"train/{name}": value for name, value in means.items()}
    shown = ", ".join(f"{name} {value:.4g}" for name, value in means.items())
    progress.sums, progress.frames = {}, 0
    better = False
    if len(loop.splits.validation):
        found = _validate(loop)
        row |= {f"validation/{name}": value for name, value in found.items()}
        value = found[loop.config.training.select_by]
        better = progress.best is None or value < progress.best
        if better:
            progress.best, progress.best_step = value, progress.step
        shown += f"; validation chamfer_l1 {found['chamfer_l1']:.4f} m" + (" (best so far)" if better else "")
    if loop.fabric.is_global_zero:
        append_metrics(loop.run, row)
        console.print(f"epoch {epoch}/{loop.config.training.epochs}: {shown}")
    if better:
        _save(loop, loop.run.best, with_optimiser=False)
    # Last: what a kill before this line leaves behind is dropped and computed again on resume.
    _save(loop, loop.run.last, with_optimiser=True)


@torch.no_grad()
def _validate(loop: Loop) -> dict[str, float]:
    """Means over the validation part, in metres, of every term, their total and CD-L1."""
    fabric, frames = loop.fabric, loop.splits.validation
    mine = range(fabric.global_rank, len(frames), fabric.world_size)
    size = max(1, loop.config.training.batch_size // fabric.world_size)
    loop.model.eval()
    names = [*loop.criterion.terms, "total", "chamfer_l1"]
    sums = torch.zeros(len(names) + 1, dtype=torch.float64, device=fabric.device)
    for start in range(0, len(mine), size):
        batch = collate([frames[i] for i in mine[start : start + size]]).to(fabric.device)
        with fabric.autocast():
            points = predict_points(loop.model, batch.features, batch.valid)
        terms = loop.criterion(points, batch.points, None, batch.mask)
        total = loop.criterion.total(terms)
        chamfer = LOSSES["chamfer_l1"](points, batch.points, None, batch.mask)
        values = [*terms.values(), total, chamfer, torch.ones_like(total)]
        sums += torch.stack([v.sum().double() for v in values])
    *sums, count = fabric.all_reduce(sums, reduce_op="sum").tolist()
    return {name: value / count for name, value in zip(names, sums, strict=True)}


def _save(loop: Loop, path: Path, *, with_optimiser: bool) -> None:
    if not loop.fabric.is_global_zero:
        return
    checkpoint = Checkpoint(
        model=loop.model,
        prepare=loop.config.prepare,
        layout=asdict(loop.splits.layout),
        run=to_dict(loop.config),
        progress=asdict(loop.progress),
        optimiser=optimiser_tensors(loop.optimiser) if with_optimiser else {},
    )
    save_checkpoint(path, checkpoint)
