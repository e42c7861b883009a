"""One training as a job: its configuration and log beside its folder, and the command that anyone could type."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ..config import RunConfig, differences, load_config, save_config
from ..errors import ConfigError
from .comparison_folder import how_far
from .run_folder import FREE_ON_RESUME, RunFolder


def write_plan(run: RunFolder, config: RunConfig) -> Path:
    """The run's configuration as a file beside its folder; refuses to change one that a run was started with.

    Raises:
        ConfigError: naming each setting that differs.
    """
    file = run.path.with_name(run.path.name + ".yaml")
    config = replace(config, out=str(run.path))
    if file.exists() and run.path.exists():
        changed = [line for line in differences(load_config(file), config) if not line.startswith(FREE_ON_RESUME)]
        if changed:
            raise ConfigError(
                f"{run.path} was started with other settings: {'; '.join(changed)}. Remove it to have it computed "
                "again, or choose another out"
            )
    save_config(config, file)
    return file


def train_command(file: Path) -> list[str]:
    """The command that trains a planned run, or goes on with it."""
    return [sys.executable, "-m", "csi2pc", "train", "--resume", "--config", str(file)]


def log_of(run: RunFolder) -> Path:
    """What the processes of a run print."""
    return run.path.with_name(run.path.name + ".log")


def progress_of(run: RunFolder, config: RunConfig) -> Callable[[], str]:
    """Says how far the run is whenever it is asked."""
    return lambda: how_far(run, config)
