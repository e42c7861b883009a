"""Where a comparison keeps what, and how far each of its runs is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..checkpoint import checkpoint_step
from ..errors import DataError
from ..evaluation.compared_runs import ComparedRun
from ..evaluation.rows import read_rows
from ..evaluation.strict_json import parsed, read_text, write_json
from .compare_config import PlannedRun
from .draw import ABOUT, ROWS
from .report_files import read_json, read_settings, setting
from .run_folder import RunFolder, checkpoint_of, read_metrics


@dataclass(frozen=True)
class ComparisonFolder:
    """Paths of a comparison.

    Attributes:
        path: the folder, ``out`` of the comparison's configuration.
    """

    path: Path

    @property
    def config(self) -> Path:
        """The comparison's configuration, with its base beside it."""
        return self.path / "compare.yaml"

    @property
    def base(self) -> Path:
        """The configuration that all runs share."""
        return self.path / "base.yaml"

    @property
    def learning_rates(self) -> Path:
        """One row a rate that was tried: data set, variant, rate, validation metric, and which was chosen."""
        return self.path / "learning_rates.json"

    @property
    def runs(self) -> Path:
        """One row a planned run: data set, variant, seed, state, reason, seconds of training, path."""
        return self.path / "runs.json"

    @property
    def summary(self) -> Path:
        """Scores and differences (:class:`csi2pc.evaluation.comparison.ComparisonSummary`)."""
        return self.path / "comparison.json"

    @property
    def lock(self) -> Path:
        """Empty, and locked while the comparison is at work."""
        return self.path / ".lock"

    @property
    def blind(self) -> Path:
        """The blind baselines, scored once for all runs on the same data."""
        return self.path / "blind"

    def run(self, planned: PlannedRun) -> RunFolder:
        """The folder of one run; its configuration and log lie beside it."""
        return RunFolder(self.path / "runs" / planned.dataset / planned.variant / f"seed{planned.seed}")

    def search(self, planned: PlannedRun, rate: float) -> RunFolder:
        """The folder of one run of the search for a learning rate."""
        return RunFolder(self.path / "search" / planned.dataset / planned.variant / f"{rate:g}")


def is_trained(run: RunFolder) -> bool:
    """Whether a run has made all its epochs, and its last checkpoint is of the end: metrics are written before it."""
    rows = read_metrics(run)
    if not rows or rows[-1]["epoch"] != _epochs(run):
        return False
    return checkpoint_step(run.last) == rows[-1]["step"]


def is_done(run: RunFolder) -> bool:
    """Whether a run is trained, and its evaluation is of the checkpoint that this training ended with."""
    return is_trained(run) and is_evaluated(run)


def is_evaluated(run: RunFolder) -> bool:
    """Whether the newest evaluation is of the checkpoint to use: training that went on may have left a better one."""
    about = _about(run)  # which evaluation writes last
    return "step" in about and about["step"] == checkpoint_step(checkpoint_of(run.path))


def seconds_of(run: RunFolder) -> float | None:
    """Seconds of training so far; None before the first epoch's end."""
    rows = read_metrics(run)
    return float(rows[-1]["seconds"]) if rows else None


def how_far(run: RunFolder) -> str:
    """For example ``"epoch 3/8"``."""
    rows = read_metrics(run)
    if not rows:
        return "epoch 0" if run.path.exists() else "not begun"
    return f"epoch {rows[-1]['epoch']}/{_epochs(run) or '?'}"


def _epochs(run: RunFolder) -> int | None:
    if not run.config.exists():
        return None
    return setting(read_settings(run.config, within=run.path), "training.epochs", int)


def _about(run: RunFolder) -> dict[str, Any]:
    return read_json(run.evaluation / ABOUT, within=run.path)


def state_rows(folder: ComparisonFolder, runs: list[PlannedRun], reasons: dict[str, str]) -> list[dict[str, Any]]:
    """What :attr:`ComparisonFolder.runs` holds: "done", "failed" with the reason, or "missing" with how far it came."""
    rows = []
    for planned in runs:
        run = folder.run(planned)
        done, reason = is_done(run), reasons.get(str(planned), "")
        state = "done" if done else "failed" if reason else "missing"
        rows.append({
            "dataset": planned.dataset,
            "variant": planned.variant,
            "seed": planned.seed,
            "state": state,
            "reason": "" if done else reason or how_far(run),
            "seconds": seconds_of(run),
            "learning_rate": planned.config.optimiser.learning_rate,
            "epochs": planned.config.training.epochs,
            "path": run.path.relative_to(folder.path).as_posix(),
        })  # fmt: skip
    return rows


def write_rows_of(path: Path, rows: list[dict[str, Any]]) -> None:
    """Save rows of runs or learning rates as strict JSON."""
    write_json(path, {"rows": rows})


def read_rows_of(path: Path) -> list[dict[str, Any]]:
    """Read what :func:`write_rows_of` wrote.

    Raises:
        DataError: the file is missing or holds something else.
    """
    try:
        rows = parsed(read_text(path))["rows"]
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise ValueError("rows must be a list of objects")
        return rows
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"a comparison's rows must be a file saved by csi2pc compare; {path}: {error}") from error


def compared_run(folder: ComparisonFolder, planned: PlannedRun) -> ComparedRun:
    """The per-frame rows of a run that is done."""
    rows = read_rows(folder.run(planned).evaluation / ROWS)
    return ComparedRun(planned.dataset, planned.variant, planned.seed, rows)


def digests_of(run: RunFolder) -> tuple[str, str]:
    """Digests of the targets that a run was scored against, and of the prepared CSI that it was given.

    Raises:
        DataError: its evaluation does not say.
    """
    about = _about(run)
    missing = [name for name in ("targets", "csi") if name not in about]
    if missing:
        raise DataError(
            f"a run must say which targets it was scored against and which CSI it was given; "
            f"{run.evaluation / ABOUT} has no {' and no '.join(missing)}; evaluate again"
        )
    return str(about["targets"]), str(about["csi"])
