"""Where a run keeps what: configuration, metrics, checkpoints, and what was skipped."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..config import RunConfig, differences, load_config, save_config
from ..data.atomic import leftovers, replacing
from ..errors import ConfigError, DataError
from ..evaluation.strict_json import write_json
from ..types import Report
from .provenance import environment
from .report_files import read_history

#: Settings that say where and how a run is computed, not what: they may change between a kill and ``--resume``.
FREE_ON_RESUME = (
    "out",
    "data.root",
    "data.manifest",
    "data.verify",
    "data.cache",  # and cache_file, whose samples are the same
    "data.workers",
    "training.workers",
    "training.accelerator",
    "training.devices",
    "training.num_nodes",
    "training.save_every",
    "evaluation.",
)


@dataclass(frozen=True)
class RunFolder:
    """Paths of a run.

    Attributes:
        path: the folder, ``out`` of the configuration.
    """

    path: Path

    @property
    def config(self) -> Path:
        """The resolved configuration."""
        return self.path / "config.yaml"

    @property
    def metrics(self) -> Path:
        """One JSON object a line: an epoch's means, "train/<term>" and "validation/<term>"."""
        return self.path / "metrics.jsonl"

    @property
    def data(self) -> Path:
        """Frames of each part, and everything that was skipped, with reasons."""
        return self.path / "data.json"

    @property
    def environment(self) -> Path:
        """Versions, state of the source and machine of what computed the run."""
        return self.path / "environment.json"

    @property
    def best(self) -> Path:
        """Checkpoint with the best validation metric; what evaluation and inference use."""
        return self.path / "checkpoints" / "best.safetensors"

    @property
    def last(self) -> Path:
        """Newest checkpoint, with the optimiser's state; what ``--resume`` uses."""
        return self.path / "checkpoints" / "last.safetensors"

    @property
    def evaluation(self) -> Path:
        """Folder of per-frame rows, summary and figures."""
        return self.path / "evaluation"


def checkpoint_of(path: str | Path) -> Path:
    """The checkpoint to use of a run folder: best, or last where no validation part chose one; a file is itself."""
    run = RunFolder(Path(path))
    if not run.path.is_dir():
        return run.path
    return run.last if run.last.exists() and not run.best.exists() else run.best


def start_or_resume(out: str, *, resume: bool) -> RunFolder:
    """The run folder, which may be written to; nothing is written yet.

    Raises:
        ConfigError: ``out`` is not given, holds something else, or holds a run although ``resume`` was not asked for.
    """
    if not out:
        raise ConfigError("out must name the run folder to write; got none. Pass --out runs/NAME")
    run = RunFolder(Path(out))
    if run.config.exists():
        if not resume:
            raise ConfigError(f"{run.path} holds a run already. Pass --resume to go on with it, or another --out")
    elif run.path.exists() and (not run.path.is_dir() or set(run.path.iterdir()) - set(leftovers(run.path))):
        raise ConfigError(f"out must be a new or empty folder, or a run to resume; {run.path} holds something else")
    return run


def refuse_changes(run: RunFolder, config: RunConfig) -> None:
    """Check that a run goes on with the settings that decide what it computes.

    Raises:
        ConfigError: naming each setting that differs from the folder's, with both values.
    """
    if not run.config.exists():
        return
    changed = [line for line in differences(load_config(run.config), config) if not line.startswith(FREE_ON_RESUME)]
    if changed:
        raise ConfigError(
            f"a run is resumed with the settings that it was started with; changed in {run.path}: {'; '.join(changed)}"
        )


def write_start(run: RunFolder, config: RunConfig) -> None:
    """Write the configuration and the versions of everything that computes; remove what a killed run left half done."""
    run.path.mkdir(parents=True, exist_ok=True)
    for half_written in [*leftovers(run.path), *leftovers(run.last.parent)]:
        half_written.unlink(missing_ok=True)
    save_config(config, run.config)
    write_json(run.environment, environment())


def report_rows(report: Report) -> dict[str, Any]:
    """A report as JSON: numbers by reason, and each skipped thing."""
    return {
        "read": report.read,
        "counts": report.counts,
        "notes": report.notes,
        "skipped": [asdict(s) for s in report.skipped],
    }


def append_metrics(run: RunFolder, row: dict[str, Any]) -> None:
    """Add one line to the metrics."""
    with open(run.metrics, "a", encoding="utf-8") as stream:
        stream.write(json.dumps(row, allow_nan=False) + "\n")


def read_metrics(run: RunFolder) -> list[dict[str, Any]]:
    """All whole lines of the metrics; one that a kill cut off is left out.

    Raises:
        DataError: the file cannot be read, or a line is not that of an epoch.
    """
    rows = read_history(run.metrics, within=run.path)
    for number, row in enumerate(rows, 1):
        if not {"epoch", "step", "seconds"} <= set(row):
            raise DataError(
                f"a line of {run.metrics} must have epoch, step and seconds; line {number} has "
                f"{', '.join(row) or 'nothing'}: restore the file, or train again"
            )
    return rows


def forget_metrics_after(run: RunFolder, step: int) -> None:
    """Drop lines that are newer than the checkpoint from which a run goes on; they are computed again."""
    kept = [row for row in read_metrics(run) if row["step"] <= step]
    with replacing(run.metrics) as temporary:
        temporary.write_text("".join(json.dumps(row) + "\n" for row in kept), encoding="utf-8")
