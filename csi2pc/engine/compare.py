"""A comparison, readable from top to bottom: plan, blind baselines, learning rates, runs, conclusions.

Every run is a process of its own with a configuration and a log of its own, so that one that dies is reported and the
others go on. The same command goes on where it was stopped: what is done is not done again.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch

from ..config import RunConfig, differences, load_config, save_config
from ..errors import ConfigError, DataError
from ..evaluation.compared_runs import ComparedRun, compare_runs
from ..evaluation.comparison import ComparisonSummary, write_comparison
from ..progress import console
from .compare_ahead import look_ahead, predicted_for_all, refuse_different
from .compare_config import CompareConfig, PlannedRun, checked_comparison, planned_runs
from .comparison_folder import (
    ComparisonFolder,
    compared_run,
    digests_of,
    is_done,
    is_trained,
    seconds_of,
    state_rows,
    write_rows_of,
)
from .cost import Cost
from .jobs import Job, locked, run_jobs
from .learning_rates import Found, search_learning_rates
from .run_folder import RunFolder
from .train_jobs import log_of, progress_of, refuse_changed_plan, train_command, write_plan

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
        ConfigError: a setting that cannot be, or one that changed since the comparison was started; or another
            comparison is at work in the folder.
        DataError: no usable data, runs that would see or saw different test frames or test frames that are copies of
            training frames, or no run that could be done.
        Interrupted: asked to stop; the same command goes on.
    """
    config = checked_comparison(config)
    runs = planned_runs(config, folder)
    out = ComparisonFolder(Path(config.out))
    with _alone(out):
        _start(out, config, runs, folder)
        _print_plan(out, config, runs)
        environments = _environments(config.workers)
        with _threads(int(environments[0]["OMP_NUM_THREADS"])):  # what is tried out here goes as fast as a run
            costs = look_ahead(out, runs, by=config.by)
        if costs:
            console.print(predicted_for_all(costs, out, runs, config), markup=False)
        found = search_learning_rates(out, config, runs, environments)
        runs = [_decided(planned, found, config) for planned in runs]
        reasons = _train_and_evaluate(out, config, runs, found, costs, environments)
        return conclude(out, config, runs, reasons)


def conclude(
    out: ComparisonFolder, config: CompareConfig, runs: Sequence[PlannedRun], reasons: dict[str, str]
) -> ComparisonSummary:
    """Write how far each run is, and the summary of those that are done.

    Raises:
        DataError: none is done, or runs of one data set were scored against different targets, or seeds of one variant
            on different CSI.
    """
    write_rows_of(out.runs, state_rows(out, list(runs), reasons))
    done = [planned for planned in runs if is_done(out.run(planned))]
    if not done:
        first = next(iter(reasons.values()), "missing")
        raise DataError(f"none of the {len(runs)} runs could be done; the first: {first}")
    digests = {str(planned): digests_of(out.run(planned)) for planned in done}
    refuse_different("test targets", {str(p): (p.dataset, digests[str(p)][0]) for p in done})
    refuse_different("CSI", {str(p): (f"{p.dataset}/{p.variant}", digests[str(p)][1]) for p in done})
    summary = compare_runs(
        sorted((compared_run(out, planned) for planned in done), key=lambda run: _order(config, run)),
        reference=config.reference, by=config.by, resamples=config.resamples, confidence=config.confidence,
        planned=len(runs),
    )  # fmt: skip
    write_comparison(out.summary, summary)
    return summary


def _order(config: CompareConfig, run: ComparedRun) -> tuple[int, int, int]:
    axes = (list(config.datasets), list(config.variants), config.seeds)
    return tuple(of.index(name) for of, name in zip(axes, (run.dataset, run.variant, run.seed), strict=True))


@contextmanager
def _alone(out: ComparisonFolder) -> Iterator[None]:
    """Let nobody else write the comparison's own files meanwhile; processes that it left behind lock their logs."""
    if not out.config.exists() and out.path.exists():
        if not out.path.is_dir() or set(out.path.iterdir()) - {out.lock}:
            raise ConfigError(f"out must be a new or empty folder, or a comparison to go on with; got {out.path}")
    with locked(out.lock, f"another csi2pc compare is at work in {out.path}"):
        yield


def _start(out: ComparisonFolder, config: CompareConfig, runs: Sequence[PlannedRun], folder: str | Path) -> None:
    """Check that a comparison goes on as it was begun, and only then write its configuration."""
    if out.config.exists():
        before = load_config(out.config, CompareConfig)
        changed = [line for line in differences(before, config) if not line.startswith(FREE)]
        if changed:
            raise ConfigError(
                f"a comparison goes on with the settings that it was started with; changed in {out.path}: "
                f"{'; '.join(changed)}. Choose another out"
            )
    decided_later = ["optimiser.learning_rate"] if config.search.learning_rates else []
    decided_later += ["training.epochs"] if config.budget == "seconds" else []
    for planned in runs:
        refuse_changed_plan(out.run(planned), planned.config, also_free=decided_later)
    save_config(load_config(Path(folder) / config.base), out.base)
    save_config(replace(config, base=out.base.name), out.config)


def _print_plan(out: ComparisonFolder, config: CompareConfig, runs: Sequence[PlannedRun]) -> None:
    done = sum(is_done(out.run(planned)) for planned in runs)
    seeds = ", ".join(map(str, config.seeds))
    console.print(f"{len(runs)} runs, of which {done} are done; seeds {seeds}", markup=False)
    for what, names in (("data set", config.datasets), ("variant", config.variants)):
        for name, changes in names.items():
            console.print(f"{what} {name}: {changes or 'as the base'}", markup=False)


def _decided(planned: PlannedRun, found: Found, config: CompareConfig) -> PlannedRun:
    """The run with what the search decided: its learning rate, and for a budget in seconds its epochs."""
    key, run = (planned.dataset, planned.variant), planned.config
    if key in found.rate:
        run = replace(run, optimiser=replace(run.optimiser, learning_rate=found.rate[key]))
    if config.budget == "seconds" and key in found.seconds_per_epoch:
        epochs = max(1, int(config.seconds / found.seconds_per_epoch[key]))
        run = replace(run, training=replace(run.training, epochs=epochs))
    return replace(planned, config=run)


def _train_and_evaluate(
    out: ComparisonFolder,
    config: CompareConfig,
    runs: Sequence[PlannedRun],
    found: Found,
    costs: dict[tuple[str, str], Cost],
    environments: Sequence[dict[str, str]],
) -> dict[str, str]:
    """Do what is left to do; returns the name of each run that failed and the reason."""
    failed = {str(p): found.failed[key] for p in runs if (key := (p.dataset, p.variant)) in found.failed}
    jobs = []
    for planned in runs:
        if str(planned) in failed or is_done(out.run(planned)):
            continue
        run = out.run(planned)
        file = write_plan(run, planned.config)
        train = [] if is_trained(run) else [train_command(file)]
        commands = [*train, _evaluate_command(run, planned.config, out)]
        jobs.append(Job(str(planned), commands, log_of(run), _weight(planned, run, found, costs), progress_of(run)))
    reasons = dict(failed)
    for outcome in run_jobs(jobs, workers=config.workers, environments=environments, description="comparing"):
        if outcome.reason:
            reasons[outcome.job.name] = outcome.reason
        write_rows_of(out.runs, state_rows(out, list(runs), reasons))
    return reasons


def _weight(planned: PlannedRun, run: RunFolder, found: Found, costs: dict[tuple[str, str], Cost]) -> float:
    """Seconds that are left of a run, as predicted, with the pace that the search measured; 0 where nothing tells."""
    key, epochs = (planned.dataset, planned.variant), planned.config.training.epochs
    cost = costs.get(key)
    an_epoch = found.seconds_per_epoch.get(key, cost.seconds_training / epochs if cost else 0.0)
    evaluation = cost.seconds_evaluation - cost.seconds_blind if cost else 0.0
    return max(0.0, an_epoch * epochs - (seconds_of(run) or 0.0)) + evaluation


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


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
