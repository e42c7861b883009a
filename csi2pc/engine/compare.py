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
from .cost import Cost, in_bytes, in_time, predict_cost
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
    costs = _look_ahead(out, runs)
    if costs:
        console.print(_in_all(costs, runs, config), markup=False)
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
        raise DataError(
            f"none of the {len(runs)} runs could be done; the first: {next(iter(reasons.values()), 'missing')}"
        )
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


def _look_ahead(out: ComparisonFolder, runs: Sequence[PlannedRun]) -> dict[tuple[str, str], Cost]:
    """Open the data that the runs will see; say what each variant will take; score the blind baselines once.

    Raises:
        DataError: variants of one data set would be tested on different targets.
    """
    costs: dict[tuple[str, str], Cost] = {}
    tested: dict[str, tuple[str, str]] = {}
    for same in _by_data(runs):
        config = same[0].config
        console.print(f"{same[0].dataset}:", markup=False)
        splits = open_data(config.data, config.prepare)
        console.print(splits.describe(), markup=False)
        scored = config.evaluation.chosen(splits.test.frames)
        frames, targets = [splits.test.frames[i] for i in scored], [splits.test.points(i) for i in scored]
        tested |= {str(planned): (planned.dataset, targets_digest(frames, targets)) for planned in same}
        _refuse_different_targets(tested)
        left = [planned for planned in same if not is_done(out.run(planned), planned.config)]
        for planned in {planned.variant: planned for planned in left}.values():
            costs[planned.dataset, planned.variant] = predict_cost(planned.config, splits)
            summary = costs[planned.dataset, planned.variant].summary()
            console.print(f"{planned.variant}, each run: {summary}", markup=False)
        asked = {(p.config.model.points, repr(p.config.evaluation)): p.config for p in left}
        for each in asked.values():
            blind_baselines(
                splits.train, frames, targets, count=each.model.points, config=each.evaluation, folder=out.blind
            )
    return costs


def _by_data(runs: Sequence[PlannedRun]) -> list[list[PlannedRun]]:
    """Runs that read the same data in the same way, together."""
    groups: dict[str, list[PlannedRun]] = {}
    for planned in runs:
        key = repr((planned.dataset, planned.config.data, planned.config.prepare))
        groups.setdefault(key, []).append(planned)
    return list(groups.values())


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


def _in_all(costs: dict[tuple[str, str], Cost], runs: Sequence[PlannedRun], config: CompareConfig) -> str:
    """What all runs that are left will take together; one search run takes its share of epochs, and blind baselines
    are scored by now."""
    rates = len(config.search.learning_rates)
    seconds = disk = 0.0
    for key, cost in costs.items():
        own = [planned for planned in runs if (planned.dataset, planned.variant) == key]
        training = cost.seconds_training if config.budget == "epochs" else config.seconds
        share = config.search.epochs / own[0].config.training.epochs
        seconds += len(own) * (training + cost.seconds_evaluation - cost.seconds_blind)
        seconds += rates * share * cost.seconds_training
        disk += (len(own) + rates) * cost.disk_bytes
    return (
        f"predicted for all: {in_time(seconds / config.workers)} with {config.workers} at once, {in_bytes(disk)} on "
        f"disk, and the memory of {config.workers} runs"
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
        str(planned): found.failed[key]
        for planned in runs
        if (key := (planned.dataset, planned.variant)) in found.failed
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
