"""A comparison, readable from top to bottom: plan, blind baselines, learning rates, runs, conclusions.

Every run is a process of its own with a configuration and a log of its own, so that one that dies is reported and the
others go on. The same command goes on where it was stopped: what is done is not done again.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from ..config import RunConfig, differences, load_config, save_config
from ..data.dataset import open_data
from ..errors import ConfigError, DataError
from ..evaluation.compared_runs import compare_runs
from ..evaluation.comparison import ComparisonSummary, write_comparison
from ..progress import console
from .blind import blind_baselines, targets_digest
from .compare_config import CompareConfig, PlannedRun, checked_comparison, planned_runs
from .comparison_folder import (
    ComparisonFolder,
    compared_run,
    is_done,
    is_trained,
    state_rows,
    targets_of,
    write_rows_of,
)
from .jobs import Job, run_jobs
from .learning_rates import Found, search_learning_rates
from .run_folder import RunFolder
from .train_jobs import log_of, progress_of, train_command, write_plan

#: Settings of a comparison that may change between a stop and going on.
FREE = ("out", "base", "reference", "workers", "by", "resamples", "confidence", "variants", "datasets", "seeds")


def compare(config: CompareConfig, folder: str | Path = ".") -> ComparisonSummary:
    """Train and evaluate every variant with every seed on every data set, and say how they differ.

    Called again it goes on; variants, data sets and seeds may be added.

    Args:
        config: what is compared; ``config.out`` is the folder to write.
        folder: what ``config.base`` is relative to: the folder of the comparison's own file.

    Returns:
        the summary of the runs that are done; ``runs.json`` lists those that are not, with the reasons.

    Raises:
        ConfigError: a setting that cannot be, or one that changed since the comparison was started.
        DataError: no usable data, runs that would see or saw different test frames, or no run that could be done.
        Interrupted: asked to stop; the same command goes on.
    """
    config = checked_comparison(config)
    runs = planned_runs(config, folder)
    out = ComparisonFolder(Path(config.out))
    _start(out, config, runs, folder)
    console.print(
        f"{len(runs)} runs: {len(config.variants)} variants x {len(config.datasets)} data sets x "
        f"{len(config.seeds)} seeds; {sum(is_done(out.run(r), r.config) for r in runs)} are done already"
    )
    _prepare_blind(out, runs)
    environments = _environments(config.workers)
    found = search_learning_rates(out, config, runs, environments)
    runs = [_decided(planned, found, config) for planned in runs]
    reasons = _train_and_evaluate(out, config, runs, found, environments)
    return conclude(out, config, runs, reasons)


def conclude(
    out: ComparisonFolder, config: CompareConfig, runs: Sequence[PlannedRun], reasons: dict[str, str]
) -> ComparisonSummary:
    """Write how far each run is, and the summary of those that are done.

    Raises:
        DataError: none is done, or runs of one data set were scored against different targets.
    """
    write_rows_of(out.runs, state_rows(out, list(runs), reasons))
    done = [planned for planned in runs if is_done(out.run(planned), planned.config)]
    _refuse_different_targets({str(p): (p.dataset, targets_of(out.run(p))) for p in done})
    if not done:
        raise DataError(f"none of the {len(runs)} runs could be done; the first: {next(iter(reasons.values()), 'missing')}")
    summary = compare_runs(
        sorted((compared_run(out, p) for p in done), key=lambda run: _order(config, run)),
        reference=config.reference, by=config.by, resamples=config.resamples, confidence=config.confidence,
        planned=len(runs),
    )  # fmt: skip
    write_comparison(out.summary, summary)
    return summary


def _order(config: CompareConfig, run: Any) -> tuple[int, int, int]:
    axes = (list(config.datasets), list(config.variants), config.seeds)
    return tuple(of.index(name) for of, name in zip(axes, (run.dataset, run.variant, run.seed), strict=True))


def _start(out: ComparisonFolder, config: CompareConfig, runs: Sequence[PlannedRun], folder: str | Path) -> None:
    if out.config.exists():
        before = load_config(out.config, CompareConfig)
        changed = [line for line in differences(before, config) if not line.startswith(FREE)]
        if changed:
            raise ConfigError(
                f"a comparison goes on with the settings that it was started with; changed in {out.path}: "
                f"{'; '.join(changed)}. Choose another out"
            )
    elif out.path.exists() and any(out.path.iterdir()):
        raise ConfigError(f"out must be a new or empty folder, or a comparison to go on with; got {out.path}")
    save_config(load_config(Path(folder) / config.base), out.base)
    save_config(replace(config, base=out.base.name), out.config)


def _prepare_blind(out: ComparisonFolder, runs: Sequence[PlannedRun]) -> None:
    """Score the blind baselines of each data set once, and see that all its variants are tested on the same targets."""
    known: dict[str, tuple[str, str]] = {}
    seen: list[tuple] = []
    for planned in runs:
        config = planned.config
        what = (planned.dataset, config.data, config.prepare, config.model.points, config.evaluation)
        if what in seen:
            continue
        seen.append(what)
        console.print(f"{planned.dataset}, as {planned.variant} sees it:", markup=False)
        splits = open_data(config.data, config.prepare)
        console.print(splits.describe(), markup=False)
        scored = config.evaluation.chosen(splits.test.frames)
        frames, targets = [splits.test.frames[i] for i in scored], [splits.test.points(i) for i in scored]
        known[str(planned)] = (planned.dataset, targets_digest(frames, targets))
        _refuse_different_targets(known)
        blind_baselines(
            splits.train, frames, targets, count=config.model.points, config=config.evaluation, folder=out.blind
        )


def _refuse_different_targets(digests: dict[str, tuple[str, str]]) -> None:
    """Takes the run's name to its data set and the digest of its test targets."""
    first: dict[str, tuple[str, str]] = {}
    for name, (dataset, digest) in digests.items():
        known = first.setdefault(dataset, (name, digest))
        if known[1] != digest:
            raise DataError(
                f"runs are compared on the same test frames and targets; {name} and {known[0]} have different ones. "
                "Give what changes the data to data sets of the comparison instead of variants"
            )


def _decided(planned: PlannedRun, found: Found, config: CompareConfig) -> PlannedRun:
    """The run with what the search decided: its learning rate, and for a budget in seconds its epochs."""
    rate = found.rate.get((planned.dataset, planned.variant))
    run = planned.config
    if rate is not None:
        run = replace(run, optimiser=replace(run.optimiser, learning_rate=rate))
    if config.budget == "seconds" and (each := found.seconds_per_epoch.get((planned.dataset, planned.variant))):
        run = replace(run, training=replace(run.training, epochs=max(1, int(config.seconds / each))))
    return replace(planned, config=run)


def _train_and_evaluate(
    out: ComparisonFolder,
    config: CompareConfig,
    runs: Sequence[PlannedRun],
    found: Found,
    environments: Sequence[dict[str, str]],
) -> dict[str, str]:
    """Do what is left to do; returns the name of each run that failed and the reason."""
    reasons = {
        str(planned): found.failed[key] for planned in runs if (key := (planned.dataset, planned.variant)) in found.failed
    }
    jobs = []
    for planned in runs:
        run = out.run(planned)
        file = write_plan(run, planned.config)
        if str(planned) in reasons or is_done(run, planned.config):
            continue
        train = [] if is_trained(run, planned.config) else [train_command(file)]
        commands = [*train, _evaluate_command(run, planned.config, out)]
        each = found.seconds_per_epoch.get((planned.dataset, planned.variant), 1.0)
        weight = each * planned.config.training.epochs
        jobs.append(Job(str(planned), commands, log_of(run), weight, progress_of(run, planned.config)))
    for outcome in run_jobs(jobs, workers=config.workers, environments=environments, description="comparing"):
        if outcome.reason:
            reasons[outcome.job.name] = outcome.reason
        write_rows_of(out.runs, state_rows(out, list(runs), reasons))
    return reasons


def _evaluate_command(run: RunFolder, config: RunConfig, out: ComparisonFolder) -> list[str]:
    cuda = config.training.accelerator in ("auto", "cuda", "gpu") and torch.cuda.is_available()
    device = ["--device", "cuda"] if cuda else []
    return [sys.executable, "-m", "csi2pc", "evaluate", *device, "--blind", str(out.blind), str(run.path)]


def _environments(workers: int) -> list[dict[str, str]]:
    """For each worker: its share of the cores, and which CUDA device it sees where there are several."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = os.environ.get("OMP_NUM_THREADS", str(max(1, cores // workers)))
    devices = torch.cuda.device_count()
    shared = {"OMP_NUM_THREADS": threads}
    if devices < 2 or "CUDA_VISIBLE_DEVICES" in os.environ:
        return [shared] * workers
    return [{**shared, "CUDA_VISIBLE_DEVICES": str(slot % devices)} for slot in range(workers)]
