"""Each variant's learning rate, by the same short runs for all, judged on validation by the same metric for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any

from ..config import RunConfig
from ..errors import DIVERGED, ConfigError
from .compare_config import CompareConfig, PlannedRun, training
from .comparison_folder import ComparisonFolder, is_trained, read_rows_of, write_rows_of
from .jobs import Job, run_jobs
from .run_folder import read_metrics
from .train_jobs import log_of, progress_of, train_command, write_plan

#: In metres, so that it is comparable between losses.
JUDGED_BY = "validation/chamfer_l1"
#: Data set, variant and rate of one run of the search.
Key = tuple[str, str, float]


@dataclass(frozen=True)
class Found:
    """What the search found, by (data set, variant).

    Attributes:
        rate: chosen learning rates; those of variants that keep their own are left out.
        seconds_per_epoch: of training, where it was measured: the median over the variant's runs of the search.
        failed: why no rate could be chosen.
    """

    rate: dict[tuple[str, str], float] = field(default_factory=dict)
    seconds_per_epoch: dict[tuple[str, str], float] = field(default_factory=dict)
    failed: dict[tuple[str, str], str] = field(default_factory=dict)


def search_learning_rates(
    out: ComparisonFolder, config: CompareConfig, runs: Sequence[PlannedRun], environments: Sequence[dict[str, str]]
) -> Found:
    """Run what is left of the search, and choose.

    A variant's rate is chosen once each of its rates was either trained or found to diverge; a rate that diverged is
    not tried again. A run that was lost in another way (killed, a full disk) leaves the variant without a rate until
    the next call. With a budget in seconds and no rates to try, each variant makes one pilot run with its own rate,
    which tells how long an epoch takes.

    Raises:
        ConfigError: a search without a validation part.
        Interrupted: asked to stop.
    """
    variants = list({(planned.dataset, planned.variant): planned for planned in reversed(runs)}.values())[::-1]
    before = _rows_before(out)
    jobs: dict[str, tuple[Key, Job]] = {}
    for planned in variants:
        for rate in _rates(config, planned):
            key, run = (planned.dataset, planned.variant, rate), out.search(planned, rate)
            file = write_plan(run, _settings(config, planned, rate))
            if not is_trained(run) and not before.get(key, {}).get("diverged"):
                name = f"{planned.dataset}/{planned.variant}/{rate:g}"
                jobs[name] = key, Job(name, [train_command(file)], log_of(run), progress=progress_of(run))
    ended = {
        key: {"reason": row.get("reason", ""), "diverged": bool(row.get("diverged"))} for key, row in before.items()
    }
    todo = [job for _, job in jobs.values()]
    for outcome in run_jobs(todo, workers=config.workers, environments=environments, description="learning rates"):
        key, _ = jobs[outcome.job.name]
        ended[key] = {"reason": outcome.reason, "diverged": outcome.code == DIVERGED}
    found, rows = Found(), []
    for planned in variants:
        rows += _choose(out, config, planned, ended, found)
    write_rows_of(out.learning_rates, rows)
    return found


def _rows_before(out: ComparisonFolder) -> dict[Key, dict[str, Any]]:
    rows = read_rows_of(out.learning_rates) if out.learning_rates.exists() else []
    return {(row["dataset"], row["variant"], row["learning_rate"]): row for row in rows}


def _rates(config: CompareConfig, planned: PlannedRun) -> list[float]:
    if config.search.learning_rates:
        if not planned.config.data.validation_share and planned.config.data.kind == "mmfi":
            raise ConfigError(
                "learning rates are chosen on the validation part, never on test; got data.validation_share: 0. "
                "Set it above 0, or leave search.learning_rates empty"
            )
        return config.search.learning_rates
    return [planned.config.optimiser.learning_rate] if config.budget == "seconds" else []


def _settings(config: CompareConfig, planned: PlannedRun, rate: float) -> RunConfig:
    return replace(
        planned.config,
        optimiser=replace(planned.config.optimiser, learning_rate=rate),
        training=training(planned.config, config.search.seed, epochs=config.search.epochs),
    )


def _choose(
    out: ComparisonFolder, config: CompareConfig, planned: PlannedRun, ended: dict[Key, dict[str, Any]], found: Found
) -> list[dict[str, Any]]:
    """Rows of one variant on one data set; what is chosen goes into ``found``."""
    variant = (planned.dataset, planned.variant)
    rows = [_row(out, planned, rate, ended) for rate in _rates(config, planned)]
    timed = [row["seconds_per_epoch"] for row in rows if row["seconds_per_epoch"] is not None]
    if timed:
        found.seconds_per_epoch[variant] = median(timed)
    lost = [row for row in rows if row["seconds_per_epoch"] is None and not row["diverged"]]
    judged = [row for row in rows if row["validation"] is not None]
    if lost:
        found.failed[variant] = f"a run of the search for a learning rate was lost, call again: {lost[0]['reason']}"
    elif config.search.learning_rates and judged:
        best = min(judged, key=lambda row: row["validation"])
        best["chosen"] = True
        found.rate[variant] = best["learning_rate"]
    elif rows and not timed:
        found.failed[variant] = f"no learning rate could be chosen: {rows[0]['reason']}"
    elif config.search.learning_rates:
        found.failed[variant] = "no learning rate could be chosen: there is no validation part"
    return rows


def _row(out: ComparisonFolder, planned: PlannedRun, rate: float, ended: dict[Key, dict[str, Any]]) -> dict[str, Any]:
    """What one run of the search found."""
    run = out.search(planned, rate)
    done, metrics = is_trained(run), read_metrics(run)
    values = [row[JUDGED_BY] for row in metrics if JUDGED_BY in row]
    how = ended.get((planned.dataset, planned.variant, rate), {"reason": "not run", "diverged": False})
    return {
        "dataset": planned.dataset,
        "variant": planned.variant,
        "learning_rate": rate,
        "validation": min(values) if done and values else None,
        "seconds_per_epoch": metrics[-1]["seconds"] / metrics[-1]["epoch"] if done else None,
        "chosen": False,
        "diverged": not done and how["diverged"],
        "reason": "" if done else how["reason"],
    }
