"""A run folder becomes per-frame rows, a summary against the blind baselines, and figures.

Nothing is judged that is not in the rows: the summary is made from them, and the figures from the files that were
written by then (:func:`csi2pc.engine.draw.draw`). Chamfer L1, Chamfer L2 and EMD each meet a constant cloud that was
optimised under them; F-scores, Hausdorff, centroid and height errors are compared with the best of these and of the
other blind baselines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from ..checkpoint import load_checkpoint
from ..config import RunConfig, from_dict
from ..data.atomic import replacing
from ..data.dataset import DataSplits, FrameDataset, open_data
from ..data.parallel import map_in_order
from ..errors import CheckpointError, ConfigError
from ..evaluation.baselines import Clouds, blind_clouds, shuffled_order
from ..evaluation.examples import choose_examples, write_examples
from ..evaluation.metrics import frame_metrics
from ..evaluation.rows import MODEL, SHUFFLED, FrameRows, make_rows, write_rows
from ..evaluation.settings import EvaluationConfig
from ..evaluation.statistics import Summary, summarise, write_summary
from ..evaluation.summary import markdown
from ..models.csi2pc import CSI2PC
from ..progress import console, track
from .draw import CLOUDS, EXAMPLES, ROWS, SUMMARY, WORDS, draw
from .predict import checked_device, predict_clouds
from .run_folder import RunFolder, checkpoint_of, report_rows, write_json

#: Windows that are read and computed at once.
CHUNK = 64


def evaluate(
    path: str | Path,
    *,
    split: str = "test",
    root: str | None = None,
    device: str = "cpu",
    splits: DataSplits | None = None,
) -> Summary:
    """Score a run's best checkpoint and the blind baselines on every frame of one part.

    Writes to ``RUN/evaluation/`` (for other parts than test, ``RUN/evaluation-<part>/``): ``frames.csv`` with one row
    a frame, ``summary.json`` and ``summary.md``, ``clouds.npz`` with the predicted clouds, ``examples.npz`` with what
    the figure of frames shows, ``data.json`` with what was skipped, and figures.

    Args:
        path: run folder, or a checkpoint file, which alone rebuilds model and preparation. The results of a file lie
            in its run folder, or beside it where it is in none.
        split: "test", "validation" or "train".
        root: where the data is now, a folder of raw files or a cache; by default where it was in training.
        device: where the model computes.
        splits: the run's data, where it is open already.

    Raises:
        CheckpointError: no usable checkpoint.
        DataError: the data is missing or has no usable frame.
        ConfigError: the part is empty, or there is no such device.
    """
    computing = checked_device(device)
    chosen = checkpoint_of(path)
    trained = load_checkpoint(chosen)
    config = _run_config(trained.run, chosen, root)
    splits = splits or open_data(config.data, trained.prepare)
    frames: FrameDataset = getattr(splits, split)
    if not len(frames):
        raise ConfigError(f"the {split} part is empty; evaluate another one, or train with a validation_share above 0")
    run = RunFolder(Path(path)) if Path(path).is_dir() else _run_around(chosen)
    out = run.evaluation if split == "test" else run.path / f"evaluation-{split}"
    out.mkdir(parents=True, exist_ok=True)
    step = trained.progress.get("step", "?")
    console.print(f"evaluating {chosen} (step {step}) on {len(frames)} {split} frames", markup=False)

    clouds = _all_clouds(trained.model.to(computing), splits.train, frames, config.evaluation, device=computing)
    targets = [frames.points(i) for i in range(len(frames))]
    rows = _score(frames, targets, clouds, config.evaluation)
    write_rows(out / ROWS, rows)
    summary = summarise(rows, config.evaluation, part=split)
    write_summary(out / SUMMARY, summary)
    with replacing(out / WORDS) as temporary:
        temporary.write_text(markdown(summary), encoding="utf-8")
    with replacing(out / CLOUDS) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, points=np.stack(clouds[MODEL]), frames=[str(f) for f in frames.frames])
    write_examples(out / EXAMPLES, choose_examples(rows, summary, clouds, targets))
    write_json(out / "data.json", {"checkpoint": str(chosen), "part": split, **report_rows(splits.report)})
    draw(out)
    return summary


def _run_around(checkpoint: Path) -> RunFolder:
    """The run that a checkpoint lies in; where it lies in none, its folder is taken for one."""
    folder = checkpoint.absolute().parent
    run = RunFolder(folder.parent)
    return run if folder.name == run.best.parent.name and run.config.is_file() else RunFolder(folder)


def _run_config(saved: dict, chosen: Path, root: str | None) -> RunConfig:
    if not saved:
        raise CheckpointError(f"{chosen} does not say how it was trained, so its test frames are not known")
    config = from_dict(saved)
    if root is None:
        return config
    place = {"cache_file": root} if Path(root).is_file() else {"root": root, "cache_file": None}
    return replace(config, data=replace(config.data, **place))


def _all_clouds(
    model: CSI2PC, train: FrameDataset, frames: FrameDataset, config: EvaluationConfig, *, device: torch.device
) -> Clouds:
    """The model's clouds and those of every blind baseline."""
    predicted = _predict(model, frames, device=device)  # F, N, 3
    shuffled = shuffled_order(frames.frames, seed=config.seed)
    targets = [train.points(i) for i in track(range(len(train)), description="reading training targets")]
    blind = blind_clouds(train.frames, targets, frames.frames, count=model.config.points, config=config)
    return {MODEL: list(predicted), SHUFFLED: list(predicted[shuffled]), **blind}


def _predict(model: CSI2PC, frames: FrameDataset, *, device: torch.device) -> np.ndarray:
    clouds = []
    for start in track(range(0, len(frames), CHUNK), description="predicting"):
        samples = [frames[i] for i in range(start, min(start + CHUNK, len(frames)))]
        features, valid = (np.stack([getattr(s, name) for s in samples]) for name in ("features", "valid"))
        clouds.append(predict_clouds(model, features, valid, device=device))
    return np.concatenate(clouds)


def _score(
    frames: FrameDataset, targets: Sequence[np.ndarray], clouds: Clouds, config: EvaluationConfig
) -> FrameRows:
    pairs = [(target, [of[i] for of in clouds.values()]) for i, target in enumerate(targets)]
    score = partial(_score_frame, config.metrics)
    results = list(map_in_order(score, pairs, workers=config.workers, description="scoring frames"))
    scores = {method: [of[number] for of in results] for number, method in enumerate(clouds)}
    return make_rows(frames.frames, [len(target) for target in targets], scores)


def _score_frame(
    metrics: Sequence[str], pair: tuple[np.ndarray, list[np.ndarray | None]]
) -> list[dict[str, float] | None]:
    """Metrics of each method's cloud against the target; None for a method without a cloud."""
    target, clouds = pair
    return [None if cloud is None else frame_metrics(cloud, target, metrics=metrics) for cloud in clouds]
