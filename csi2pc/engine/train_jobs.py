"""One training as a job: its configuration and log beside its folder, and the command that anyone could type."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from ..config import RunConfig, differences, load_config, save_config
from ..errors import ConfigError
from .comparison_folder import how_far
from .run_folder import FREE_ON_RESUME, RunFolder

#: Settings that may change between a stop and going on: as for a run, but runs that are compared are scored alike.
FREE = (
    *(name for name in FREE_ON_RESUME if name != "evaluation."),
    "evaluation.by", "evaluation.resamples", "evaluation.confidence", "evaluation.workers",
)  # fmt: skip


def write_plan(run: RunFolder, config: RunConfig) -> Path:
    """The run's configuration as a file beside its folder.

    Raises:
        ConfigError: as :func:`refuse_changed_plan`.
    """
    refuse_changed_plan(run, config)
    file = _plan_of(run)
    save_config(replace(config, out=str(run.path)), file)
    return file


def refuse_changed_plan(run: RunFolder, config: RunConfig, *, also_free: Sequence[str] = ()) -> None:
    """Check that a run, if it was started, was started with these settings.

    Args:
        run, config: the run.
        also_free: settings that may differ because they are decided later.

    Raises:
        ConfigError: naming each setting that differs.
    """
    if not (_plan_of(run).exists() and run.path.exists()):
        return
    free = (*FREE, *also_free)
    changed = [line for line in differences(load_config(_plan_of(run)), config) if not line.startswith(free)]
    if changed:
        raise ConfigError(
            f"{run.path} was started with other settings: {'; '.join(changed)}. Remove it to have it computed again, "
            "or choose another out"
        )


def _plan_of(run: RunFolder) -> Path:
    return run.path.with_name(run.path.name + ".yaml")


def train_command(file: Path) -> list[str]:
    """The command that trains a planned run, or goes on with it."""
    return [sys.executable, "-m", "csi2pc", "train", "--resume", "--config", str(file)]


def log_of(run: RunFolder) -> Path:
    """What the processes of a run print."""
    return run.path.with_name(run.path.name + ".log")


def progress_of(run: RunFolder) -> Callable[[], str]:
    """Says how far the run is whenever it is asked."""
    return lambda: how_far(run)
