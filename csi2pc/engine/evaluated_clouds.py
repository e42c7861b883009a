"""The clouds of an evaluation over time: what the model predicted, and the targets that it was scored against.

An evaluation keeps predictions and scores; targets are read from the data again. They are shown only where they are
those that were scored: as many points, and the same Chamfer distance to the prediction.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..checkpoint import load_checkpoint
from ..config import RunConfig, from_dict, load_config
from ..data.dataset import FrameDataset, open_data
from ..errors import CheckpointError, ConfigError, DataError
from ..evaluation.cloud_sequence import PREDICTION, TARGET, CloudSequence, FrameMetric
from ..evaluation.examples import LARGEST_CLOUDS, read_arrays
from ..evaluation.metrics import METRICS, frame_metrics
from ..evaluation.rows import MODEL, FrameRows, read_rows
from ..evaluation.statistics import read_summary
from ..progress import console
from .draw import ABOUT, CLOUDS, ROWS, SUMMARY
from .report_files import read_json, simulated
from .run_folder import RunFolder

#: The metric that tells whether a target is the one that was scored: quick, and changed by any other cloud.
CHECKED = "chamfer_l1"


def evaluated_clouds(
    evaluation: Path, *, root: str | None = None
) -> tuple[tuple[str, ...], tuple[str, ...], Callable[[str], CloudSequence]]:
    """Names of an evaluation's sequences, notes on all of them, and what opens one by its name.

    Where the data is not at hand there are predictions only, and a note says so.

    Args:
        evaluation: folder with ``frames.csv`` and ``clouds.npz``; ``summary.json`` names the blind baselines.
        root: where the run's data is now, if it moved; by default where it was in training.

    Raises:
        DataError: the evaluation is damaged, or ``root`` was given and the data there is not what was scored.
    """
    rows = read_rows(evaluation / ROWS)
    predictions = Predictions(evaluation / CLOUDS, rows)
    about = _about(evaluation)
    synthetic = simulated(about)
    notes: tuple[str, ...] = ()
    clouds = {PREDICTION: predictions.__getitem__}
    try:
        targets = Targets(_frames(evaluation, about, root), rows, predictions)
        targets(0)
        clouds = {TARGET: targets, **clouds}
    except (DataError, ConfigError, CheckpointError) as error:
        if root is not None:
            raise
        notes += (f"predictions alone, for the targets are not at hand (--root says where the data is now): {error}",)
    blind, without = _best_blind(evaluation / SUMMARY)
    notes += without
    members: dict[str, list[int]] = {}
    for row, frame in enumerate(rows.frames):
        members.setdefault(frame.sequence, []).append(row)

    def opened(name: str) -> CloudSequence:
        known = [metric for metric in rows.metrics if metric in METRICS]
        metrics = [_metric(metric, members[name], rows, blind.get(metric, "")) for metric in known]
        return _sequence(name, members[name], rows, clouds, metrics, synthetic=synthetic)

    return tuple(members), notes, opened


class Predictions:
    """The model's clouds, one a row, as an evaluation keeps them.

    Raises:
        DataError: the file is none of these, or of other rows.
    """

    def __init__(self, path: Path, rows: FrameRows) -> None:
        saved = read_arrays(path, ("points", "frames"), most=LARGEST_CLOUDS)
        points, names = saved["points"], saved["frames"]
        if points.ndim != 3 or points.shape[2] != 3 or points.dtype.kind != "f":
            raise DataError(f"{path} must hold points (frames, points, 3); got {points.dtype} {points.shape}")
        if not len(rows) or [str(name) for name in names.ravel()] != [str(frame) for frame in rows.frames]:
            raise DataError(f"{path} must hold the clouds of the {len(rows)} frames in {ROWS}; evaluate again")
        if len(points) != len(rows):
            raise DataError(f"{path} must hold {len(rows)} clouds, one a frame; it holds {len(points)}; evaluate again")
        self._points = points.astype(np.float32, copy=False)  # F, N, 3

    def __getitem__(self, row: int) -> np.ndarray:
        """float32 ``(N, 3)`` metres. Raises DataError where the model gave none."""
        if not np.isfinite(self._points[row]).all():
            raise DataError("the model's points are not finite numbers")
        return self._points[row]


class Targets:
    """Reads the target of a row, and refuses one that is not what was scored."""

    def __init__(self, frames: FrameDataset, rows: FrameRows, predictions: Predictions) -> None:
        self._frames, self._rows, self._predictions = frames, rows, predictions
        self._index = {(frame.sequence, frame.index): index for index, frame in enumerate(frames.frames)}

    def __call__(self, row: int) -> np.ndarray:
        """float32 ``(M, 3)`` metres. Raises DataError."""
        frame = self._rows.frames[row]
        index = self._index.get((frame.sequence, frame.index))
        if index is None:
            raise DataError(f"the data has no frame {frame} any more; --root says where the data of the evaluation is")
        target = self._frames.points(index)
        scored = float(self._rows.column(MODEL, CHECKED)[row])
        same = len(target) == self._rows.points[row]
        if same and not math.isnan(scored):
            now = frame_metrics(self._predictions[row], target, metrics=[CHECKED])[CHECKED]
            same = math.isclose(now, scored, rel_tol=1e-4, abs_tol=1e-6)
        if not same:
            raise DataError(
                f"the target of {frame} must be the one that was scored ({self._rows.points[row]} points); the data "
                f"now gives another one ({len(target)} points). Evaluate again, or give the --root of that evaluation"
            )
        return target


def _about(evaluation: Path) -> dict[str, Any]:
    path = evaluation / ABOUT
    content = read_json(path, within=evaluation)
    if not content or not isinstance(content.get("notes", []), list):
        raise DataError(f"{path} must be the JSON that csi2pc evaluate writes; it is not; evaluate again")
    return content


def _frames(evaluation: Path, about: dict[str, Any], root: str | None) -> FrameDataset:
    """The part of the run's data that was evaluated, opened without reading every frame."""
    config = _run_config(RunFolder(evaluation.absolute().parent), about)
    data = config.data
    if root is not None:
        data = replace(data, **{"cache_file": root} if Path(root).is_file() else {"root": root, "cache_file": None})
    if data.cache_file is None:
        data = replace(data, verify=False)  # what could not be read has no row
    console.print("opening the run's data for its targets")
    splits = open_data(data, config.prepare)
    parts = {part.name: part for part in (splits.train, splits.validation, splits.test)}
    part = str(about.get("part"))
    if part not in parts:
        raise DataError(f"data.json must say which part was evaluated, one of {', '.join(parts)}; got {part!r:.40}")
    return parts[part]


def _run_config(run: RunFolder, about: dict[str, Any]) -> RunConfig:
    if run.config.is_file():
        return load_config(run.config)
    saved = load_checkpoint(str(about.get("checkpoint", ""))).run
    if not saved:
        raise DataError(f"neither {run.config} nor the checkpoint says how the run was trained, and on which data")
    return from_dict(saved)


def _sequence(
    name: str, members: list[int], rows: FrameRows, clouds: dict[str, Callable], metrics: list[FrameMetric], *,
    synthetic: bool,
) -> CloudSequence:  # fmt: skip
    frames = [rows.frames[row] for row in members]
    readers = {what: lambda frame, read=read: read(members[frame]) for what, read in clouds.items()}
    times = np.array([frame.time for frame in frames], dtype=np.float64)
    labels = tuple(str(frame) for frame in frames)
    return CloudSequence(name, labels, times, readers, tuple(metrics), synthetic=synthetic)


def _best_blind(path: Path) -> tuple[dict[str, str], tuple[str, ...]]:
    """The best blind baseline of each metric, and a note where the summary does not say."""
    try:
        summary = read_summary(path)
    except DataError as error:
        return {}, (f"metrics stand without a blind baseline: {error}",)
    best = [comparison for metric in summary.metrics if (comparison := summary.best_blind(metric)) is not None]
    return {comparison.metric: comparison.baseline for comparison in best}, ()


def _metric(metric: str, members: list[int], rows: FrameRows, blind: str) -> FrameMetric:
    unit = "" if METRICS[metric].unit == "1" else METRICS[metric].unit
    return FrameMetric(
        metric, unit, METRICS[metric].better, rows.column(MODEL, metric)[members],
        blind, rows.column(blind, metric)[members],
    )  # fmt: skip
