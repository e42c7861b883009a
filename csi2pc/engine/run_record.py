"""What a run folder says of itself, for its report: states to tell first, results, and how it was made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError
from ..evaluation.examples import FrameExample, read_examples
from ..evaluation.figures import frames_figure
from ..evaluation.page import Page
from ..evaluation.rows import FrameRows, read_rows
from ..evaluation.run_page import Evaluated, run_page
from ..evaluation.statistics import check_rows, read_summary
from .draw import ABOUT, EXAMPLES, ROWS, SUMMARY
from .report_files import (
    inside,
    plain,
    progress_of,
    read_history,
    read_json,
    read_settings,
    read_text,
    setting,
    shown,
    simulated,
)
from .run_folder import RunFolder, checkpoint_of

#: Folders of evaluations, the one on test frames first.
EVALUATIONS = ("evaluation", "evaluation-validation", "evaluation-train")
#: Name of a figure -> what draws it to a path whose ending chooses the format.
Figures = dict[str, Callable[[Path], None]]
SIMULATED = "Simulated data: all of it is synthetic. It says nothing about recorded CSI."


@dataclass(frozen=True)
class RunRecord:
    """The files of a run folder, read.

    Attributes:
        run: the folder.
        settings: the resolved configuration.
        history: a mapping an epoch.
        data: what was read and skipped at opening.
        environment: versions and machine.
        evaluation: the folder of its evaluation; None where there is none.
    """

    run: RunFolder
    settings: Mapping[str, Any]
    history: list[dict[str, Any]]
    data: Mapping[str, Any]
    environment: Mapping[str, Any]
    evaluation: Path | None

    @property
    def simulated(self) -> bool:
        """Whether the data says that it was simulated."""
        return simulated(self.data)

    @property
    def unfinished(self) -> str:
        """How far training came, in words; empty where it came to its end."""
        asked, done = setting(self.settings, "training.epochs", int), self.epoch
        if asked is None or done >= asked:
            return ""
        return f"epoch {done} of {asked}" if done else f"not one of {asked} epochs is complete"

    @property
    def epoch(self) -> int:
        """Epochs that were logged."""
        epochs = [row["epoch"] for row in self.history if type(row.get("epoch")) is int]
        return max(epochs, default=0)


def read_run(folder: Path) -> RunRecord:
    """Read a run folder, but its rows and clouds.

    Raises:
        DataError: a file is damaged, or it or a folder leads out of the run.
    """
    run = RunFolder(folder)
    found = [place for name in EVALUATIONS if (inside(place := folder / name, folder) / SUMMARY).exists()]
    return RunRecord(
        run=run,
        settings=read_settings(run.config, within=folder),
        history=read_history(run.metrics, within=folder),
        data=read_json(run.data, within=folder),
        environment=read_json(run.environment, within=folder),
        evaluation=found[0] if found else None,
    )


def read_evaluated(folder: Path) -> Evaluated:
    """The results of an evaluation's folder.

    Raises:
        DataError: a file is missing, damaged or leads out of the folder, or rows and summary do not belong together.
    """
    rows, summary = read_rows(inside(folder / ROWS, folder)), read_summary(inside(folder / SUMMARY, folder))
    if len(rows) != summary.frames or rows.metrics != summary.metrics or set(rows.methods) != set(summary.methods):
        raise DataError(f"{folder / ROWS} and {SUMMARY} must be of one evaluation; these are not: evaluate again")
    check_rows(rows, summary.by)
    return Evaluated(rows, summary, checked_examples(folder / EXAMPLES, rows))


def checked_examples(path: Path, rows: FrameRows) -> list[FrameExample]:
    """The frames to show, each with clouds that can be shown.

    Raises:
        DataError: the file is missing or damaged, holds something else, or leads out of its folder.
    """
    examples = read_examples(inside(path, path.parent), rows)
    for example in examples:
        for cloud in (example.target, example.prediction, example.baseline):
            if cloud.ndim != 2 or cloud.shape[1] != 3 or cloud.dtype.kind != "f" or not len(cloud):
                raise DataError(f"clouds of {path} must be float (points, 3); got {cloud.dtype} {cloud.shape}")
            if not np.isfinite(cloud).all():
                raise DataError(f"clouds of {path} must be finite; that of {example.frame} is not: evaluate again")
        if example.metric not in rows.metrics:
            raise DataError(f"{path} must quote a metric of the rows; got {example.metric!r:.80}: evaluate again")
    return examples


def report_run(folder: Path) -> tuple[Page, Figures]:
    """The report of a run, and the figures that are no charts of its page.

    Raises:
        DataError: a file is damaged.
    """
    record = read_run(folder)
    evaluated = read_evaluated(record.evaluation) if record.evaluation else None
    page = Page(title=f"Run {folder.absolute().name}", subtitle="human point clouds from WiFi CSI: one training run")
    if record.unfinished:
        page.banner("warning", f"Unfinished: {record.unfinished}. Training goes on, or was cut.")
    if evaluated is None:
        page.banner("warning", "Not evaluated: there are no scores yet. csi2pc evaluate makes them.")
    elif changed := evaluated_before(record):
        page.banner("warning", f"Evaluated before training went on: {changed}. csi2pc evaluate scores it as it is now.")
    if record.simulated:
        page.banner("note", SIMULATED)
    run_page(page, evaluated, record.history)
    page.section("provenance", "How it was made")
    page.listing(provenance(record))
    for path in (record.run.config, record.run.data, record.run.environment):
        if path.exists():
            page.details(path.name, shown(read_text(path, within=folder)))
    if evaluated is None or not evaluated.examples:
        return page, {}
    return page, {"frames": partial(frames_figure, examples=evaluated.examples)}


def evaluated_before(record: RunRecord) -> str:
    """In words, where the evaluation is of another step than the checkpoint to use; empty where they agree."""
    step = _step(progress_of(checkpoint_of(record.run.path), within=record.run.path))
    scored = read_json(record.evaluation / ABOUT, within=record.evaluation).get("step")
    return "" if step is None or scored == step else f"the scores are of step {plain(scored)}, the weights of {step}"


def _step(progress: Mapping[str, Any]) -> int | None:
    step = progress.get("step")
    return step if type(step) is int else None


def provenance(record: RunRecord) -> dict[str, str]:
    """Versions, machine, seeds, data and time of a run, by name."""
    pairs = {f"{name}": plain(value) for name, value in record.environment.items()}
    progress = progress_of(checkpoint_of(record.run.path), within=record.run.path)
    for name in ("training.seed", "data.split_seed", "evaluation.seed"):
        if (value := setting(record.settings, name, int)) is not None:
            pairs[name] = str(value)
    pairs["epochs"] = f"{record.epoch} of {setting(record.settings, 'training.epochs', int)}"
    if record.history and (seconds := record.history[-1].get("seconds")) is not None:
        pairs["time in training"] = duration(seconds)
    if progress:
        pairs["checkpoint"] = f"after step {plain(_step(progress))}"
        pairs["digest of the training and validation data"] = plain(progress.get("data"))
    if record.evaluation is not None:
        about = read_json(record.evaluation / ABOUT, within=record.evaluation)
        if targets := about.get("targets"):
            pairs["digest of the frames and targets scored"] = plain(targets)
    parts = record.data.get("parts")
    for line in parts if isinstance(parts, list) else []:
        name, _, rest = plain(line).partition(": ")
        pairs[f"data, {name}" if name != "note" else f"note: {rest.split(':')[0]}"] = rest
    pairs["left out at reading"] = _left_out(record.data.get("counts"))
    return pairs


def duration(seconds: object) -> str:
    """Seconds in words."""
    if not isinstance(seconds, (int, float)) or not 0 <= seconds < 1e10:
        return plain(seconds)
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def _left_out(counts: object) -> str:
    if not isinstance(counts, Mapping) or not counts:
        return "nothing"
    return "; ".join(f"{plain(number)} {plain(reason)}" for reason, number in counts.items())
