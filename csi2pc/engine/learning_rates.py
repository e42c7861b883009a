"""Each variant's learning rate, by the same short runs for all, judged on validation by the same metric for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..config import RunConfig
from ..errors import ConfigError
from .compare_config import CompareConfig, PlannedRun, training
from .comparison_folder import ComparisonFolder, is_trained, write_rows_of
from .jobs import Job, run_jobs
from .run_folder import read_metrics
from .train_jobs import log_of, progress_of, train_command, write_plan

#: In metres, so that it is comparable between losses.
JUDGED_BY = "validation/chamfer_l1"


@dataclass(frozen=True)
class Found:
    """What the search found, by (data set, variant).

    Attributes:
        rate: chosen learning rates; those of variants that keep their own are left out.
        seconds_per_epoch: of training, where it was measured.
        failed: why no rate could be chosen.
    """

    rate: dict[tuple[str, str], float] = field(default_factory=dict)
    seconds_per_epoch: dict[tuple[str, str], float] = field(default_factory=dict)
    failed: dict[tuple[str, str], str] = field(default_factory=dict)


def search_learning_rates(
    out: ComparisonFolder, config: CompareConfig, runs: Sequence[PlannedRun], environments: Sequence[dict[str, str]]
) -> Found:
    """Run what is left of the search, and choose.

    With a budget in seconds and no rates to try, each variant makes one pilot run with its own rate, which tells how
    long an epoch takes.

    Raises:
        ConfigError: a search without a validation part.
        Interrupted: asked to stop.
    """
    first = {(planned.dataset, planned.variant): planned for planned in reversed(runs)}
    tried = [(planned, rate) for planned in reversed(first.values()) for rate in _rates(config, planned)]
    reasons: dict[str, str] = {}
    jobs = []
    for planned, rate in tried:
        settings = _settings(config, planned, rate)
        run = out.search(planned, rate)
        file = write_plan(run, settings)
        if not is_trained(run, settings):
            name = f"{planned.dataset}/{planned.variant}/{rate:g}"
            jobs.append(Job(name, [train_command(file)], log_of(run), progress=progress_of(run, settings)))
    for outcome in run_jobs(jobs, workers=config.workers, environments=environments, description="learning rates"):
        reasons[outcome.job.name] = outcome.reason
    found, rows = Found(), []
    for planned in reversed(first.values()):
        rows += _choose(out, config, planned, reasons, found)
    write_rows_of(out.learning_rates, rows)
    return found


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
    out: ComparisonFolder, config: CompareConfig, planned: PlannedRun, reasons: dict[str, str], found: Found
) -> list[dict[str, Any]]:
    """Rows of one variant on one data set; what is chosen goes into ``found``."""
    key, rows = (planned.dataset, planned.variant), []
    for rate in _rates(config, planned):
        run = out.search(planned, rate)
        done = is_trained(run, _settings(config, planned, rate))
        metrics = read_metrics(run)
        values = [row[JUDGED_BY] for row in metrics if JUDGED_BY in row]
        rows.append({
            "dataset": planned.dataset,
            "variant": planned.variant,
            "learning_rate": rate,
            "validation": min(values) if done and values else None,
            "seconds_per_epoch": metrics[-1]["seconds"] / metrics[-1]["epoch"] if done else None,
            "chosen": False,
            "reason": "" if done else reasons.get(f"{planned.dataset}/{planned.variant}/{rate:g}", "not run"),
        })  # fmt: skip
    timed = [row["seconds_per_epoch"] for row in rows if row["seconds_per_epoch"] is not None]
    if timed:
        found.seconds_per_epoch[key] = min(timed)
    judged = [row for row in rows if row["validation"] is not None]
    if config.search.learning_rates and judged:
        best = min(judged, key=lambda row: row["validation"])
        best["chosen"] = True
        found.rate[key] = best["learning_rate"]
    elif rows and not timed or config.search.learning_rates:
        found.failed[key] = f"no learning rate could be chosen: {rows[0]['reason'] or 'there is no validation part'}"
    return rows
