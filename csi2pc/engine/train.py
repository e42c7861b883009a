"""Training, readable from top to bottom.

The order of frames, the learning rate and dropout are functions of (seed, step). So a run that was killed and goes on
ends with the same weights as one that was not, and several devices compute what one does at the same global batch (but
for dropout, whose random numbers are each process's own).
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from ..checkpoint import Checkpoint, save_checkpoint
from ..config import RunConfig, to_dict
from ..data.dataset import DataSplits, collate
from ..errors import Interrupted, TrainingError
from ..losses import LOSSES
from ..progress import console, track
from ..types import Batch
from .cost import predict_cost
from .interrupt import StopRequest
from .optimise import learning_rate, optimiser_tensors
from .predict import predict_points
from .run_folder import RunFolder, append_metrics
from .setup import Loop, gradient_scaler, set_up

#: How many frames an error message names at the most.
NAMED_FRAMES = 5


def train(config: RunConfig, *, resume: bool = False, splits: DataSplits | None = None) -> RunFolder:
    """Train a model and leave a run folder with configuration, metrics and checkpoints.

    Args:
        config: the run; ``config.out`` is the folder.
        resume: go on from the last checkpoint of the folder, or start where there is none.
        splits: the data of ``config``, where it is open already.

    Raises:
        ConfigError: settings that do not fit the machine, the data or the run to resume.
        DataError: no usable data.
        TrainingError: a loss, gradient or validation metric is not finite.
        Interrupted: asked to stop by a signal; everything is saved, and the run can be resumed.
        CheckpointError: a checkpoint cannot be written or read.
    """
    loop = set_up(config, resume=resume, splits=splits)
    plan, progress = loop.plan, loop.progress
    if loop.fabric.is_global_zero and progress.step < plan.steps:
        console.print(predict_cost(loop.config, loop.splits, done=progress.step).summary(), markup=False)
    before, started = progress.seconds, time.monotonic()
    with StopRequest() as stop:
        for batch in _batches(loop):
            sums, asked = _step(loop, batch.to(loop.fabric.device), asked=stop.asked)
            _add(loop, sums)
            progress.seconds = before + time.monotonic() - started
            if progress.step % plan.steps_per_epoch == 0:
                _end_epoch(loop)
            elif asked or progress.step % config.training.save_every == 0:
                _save(loop, loop.run.last, with_optimiser=True)
            if asked and progress.step < plan.steps:
                loop.fabric.barrier()  # a process that ends has the launcher end the others, saved or not
                raise Interrupted(
                    f"interrupted after step {progress.step} of {plan.steps}; everything is saved in "
                    f"{loop.run.path}, and the same command with --resume goes on from here"
                )
    loop.fabric.barrier()
    return loop.run


def _batches(loop: Loop) -> Iterator[Batch]:
    """This process's share of every step that is left."""
    shards = list(loop.plan.shards_from(loop.progress.step))
    workers = loop.config.training.workers
    loader = DataLoader(loop.splits.train, batch_sampler=shards, collate_fn=collate, num_workers=workers)
    return track(loader, description="training", total=len(shards))


def _step(loop: Loop, batch: Batch, *, asked: bool) -> tuple[dict[str, float], bool]:
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
    terms, broken = _terms(loop, points, batch)
    sums, asked, anywhere = _shared(loop, terms, counted=weight > 0, asked=asked, broken=bool(broken))
    if anywhere:
        raise TrainingError(_not_finite(loop, broken or "a term in another process"))
    optimiser.zero_grad()
    loop.fabric.backward(weight * terms["total"].sum())
    norm = loop.fabric.clip_gradients(
        loop.wrapped, optimiser, max_norm=loop.config.optimiser.clip_norm, error_if_nonfinite=False
    )
    # The gradient scaler of 16-bit precision leaves such a step out by itself and lowers its scale.
    if gradient_scaler(loop.fabric) is None and not math.isfinite(float(norm)):
        raise TrainingError(_not_finite(loop, f"the gradient (frames {_named(batch, range(len(batch)))})"))
    optimiser.step()
    loop.progress.step = step + 1
    return sums, asked


def _seed(*parts: int) -> int:
    return int(np.random.SeedSequence(parts).generate_state(1)[0])


def _terms(loop: Loop, points: Tensor, batch: Batch) -> tuple[dict[str, Tensor], str]:
    """Every term and the total, ``(B,)`` each; and which of them is not finite on which frames, or nothing."""
    finite = points.isfinite().flatten(1).all(dim=1)  # B
    if not bool(finite.all()):
        nothing = torch.full_like(finite, math.nan, dtype=points.dtype)
        rows = (~finite).nonzero().flatten().tolist()
        names = [*loop.criterion.terms, "total"]
        return dict.fromkeys(names, nothing), f"'points of the model' ({_share(batch, rows)})"
    terms = loop.criterion(points, batch.points, None, batch.mask)
    terms = {**terms, "total": loop.criterion.total(terms)}
    for name, values in terms.items():
        rows = (~values.isfinite()).nonzero().flatten().tolist()
        if rows:
            return terms, f"{name!r}, {values[rows[0]].item()} ({_share(batch, rows)}),"
    return terms, ""


def _share(batch: Batch, rows: list[int]) -> str:
    return f"{len(rows)} of {len(batch)} frames: {_named(batch, rows)}"


def _named(batch: Batch, rows: list[int] | range) -> str:
    more = ", ..." if len(rows) > NAMED_FRAMES else ""
    return ", ".join(str(batch.frames[row]) for row in rows[:NAMED_FRAMES]) + more


def _not_finite(loop: Loop, what: str) -> str:
    return (
        f"every loss term and the gradient must be finite; at step {loop.progress.step} {what} is not. "
        "The last checkpoint is kept; try a lower optimiser.learning_rate, or look at these frames"
    )


def _shared(
    loop: Loop, terms: dict[str, Tensor], *, counted: bool, asked: bool, broken: bool
) -> tuple[dict[str, float], bool, bool]:
    """Sums over all processes, whether any was asked to stop, and whether anything broke: in one message."""
    local = torch.stack([values.detach().sum() for values in terms.values()]).to(_precise(loop))
    # A process without a frame of its own computed one with weight zero.
    local = local if counted else torch.zeros_like(local)
    message = torch.cat([local, local.new_tensor([float(asked), float(broken)])])
    *sums, stops, breaks = loop.fabric.all_reduce(message, reduce_op="sum").tolist()
    return dict(zip(terms, sums, strict=True)), stops > 0, breaks > 0


def _precise(loop: Loop) -> torch.dtype:
    """Double precision for sums over many frames, but on Apple's devices, which have none."""
    return torch.float32 if loop.fabric.device.type == "mps" else torch.float64


def _add(loop: Loop, sums: dict[str, float]) -> None:
    progress = loop.progress
    progress.frames += len(loop.plan.global_batch(progress.step - 1))
    for name, value in sums.items():
        progress.sums[name] = progress.sums.get(name, 0.0) + value


def _end_epoch(loop: Loop) -> None:
    """Log the epoch's means, validate, and keep the weights if they are the best so far."""
    progress = loop.progress
    epoch = progress.step // loop.plan.steps_per_epoch
    means = {name: value / progress.frames for name, value in progress.sums.items()}
    rate = learning_rate(progress.step - 1, config=loop.config.optimiser, steps=loop.plan.steps)
    row: dict[str, float] = {"epoch": epoch, "step": progress.step, "learning_rate": rate}
    row |= {"seconds": round(progress.seconds, 3)}
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
    """Means over the validation part of every term, their total, and CD-L1 in metres."""
    fabric, frames = loop.fabric, loop.splits.validation
    mine = range(fabric.global_rank, len(frames), fabric.world_size)
    size = max(1, loop.config.training.batch_size // fabric.world_size)
    loop.model.eval()
    names = [*loop.criterion.terms, "total", "chamfer_l1"]
    sums = torch.zeros(len(names) + 1, dtype=_precise(loop), device=fabric.device)
    for start in range(0, len(mine), size):
        batch = collate([frames[i] for i in mine[start : start + size]]).to(fabric.device)
        with fabric.autocast():
            points = predict_points(loop.model, batch.features, batch.valid)
        terms = loop.criterion(points, batch.points, None, batch.mask)
        total = loop.criterion.total(terms)
        chamfer = LOSSES["chamfer_l1"](points, batch.points, None, batch.mask)
        values = [*terms.values(), total, chamfer, torch.ones_like(total)]
        sums += torch.stack([v.sum() for v in values]).to(sums.dtype)
    *sums, count = fabric.all_reduce(sums, reduce_op="sum").tolist()
    means = {name: value / count for name, value in zip(names, sums, strict=True)}
    for name, value in means.items():
        if not math.isfinite(value):
            raise TrainingError(_not_finite(loop, f"{name!r} on the validation part"))
    return means


def _save(loop: Loop, path: Path, *, with_optimiser: bool) -> None:
    if not loop.fabric.is_global_zero:
        return
    scaler = gradient_scaler(loop.fabric)
    loop.progress.scaler = scaler.state_dict() if scaler is not None else {}
    checkpoint = Checkpoint(
        model=loop.model,
        prepare=loop.config.prepare,
        layout=asdict(loop.splits.layout),
        run=to_dict(loop.config),
        progress=asdict(loop.progress),
        optimiser=optimiser_tensors(loop.optimiser) if with_optimiser else {},
    )
    save_checkpoint(path, checkpoint)
