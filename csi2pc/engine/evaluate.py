"""A run folder becomes per-frame rows, a summary against the blind baselines, and figures.

Nothing is judged that is not in the rows: the summary is made from them, and the figures from the rows and from the
clouds saved beside them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from ..checkpoint import load_checkpoint
from ..config import RunConfig, from_dict
from ..data.dataset import DataSplits, FrameDataset, open_data
from ..data.parallel import map_in_order
from ..errors import CheckpointError, ConfigError
from ..evaluation.baselines import constant_cloud, mean_cloud, nearest_by_action_and_time, shuffled_order
from ..evaluation.figures import FrameExample, frames_figure, learning_curve, skill_figure
from ..evaluation.metrics import frame_metrics
from ..evaluation.rows import METHODS, FrameRows, make_rows, write_rows
from ..evaluation.settings import EvaluationConfig
from ..evaluation.statistics import Summary, best_median_worst, summarise, write_summary
from ..evaluation.summary import markdown
from ..models.csi2pc import CSI2PC
from ..progress import console, track
from .predict import predict_clouds
from .run_folder import RunFolder, checkpoint_of, read_metrics, report_rows, write_json

#: Windows that are read and computed at once.
CHUNK = 64

#: An exact transport plan costs far more than nearest neighbours: fewer steps of fewer frames.
EMD_OPTIMISATION = {"steps": 150, "batch": 4}

#: Method to one cloud a frame, ``(N, 3)`` metres; None where the method has nothing to say about a frame.
Clouds = dict[str, list[np.ndarray | None]]


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
    a frame, ``summary.json`` and ``summary.md``, ``clouds.npz`` with the predicted clouds, ``data.json`` with what was
    skipped, and figures.

    Args:
        path: run folder, or a checkpoint file, which alone rebuilds model and preparation.
        split: "test", "validation" or "train".
        root: where the data is now; by default where it was in training.
        device: where the model computes.
        splits: the run's data, where it is open already.

    Raises:
        CheckpointError: no usable checkpoint.
        DataError: the data is missing or has no usable frame.
        ConfigError: the part is empty.
    """
    chosen = checkpoint_of(path)
    trained = load_checkpoint(chosen)
    config = _run_config(trained.run, chosen, root)
    splits = splits or open_data(config.data, trained.prepare)
    frames: FrameDataset = getattr(splits, split)
    if not len(frames):
        raise ConfigError(f"the {split} part is empty; evaluate another one, or train with a validation_share above 0")
    run = RunFolder(Path(path)) if Path(path).is_dir() else RunFolder(chosen.parent)
    out = run.evaluation if split == "test" else run.path / f"evaluation-{split}"
    out.mkdir(parents=True, exist_ok=True)
    console.print(f"evaluating {chosen} (step {trained.progress.get('step', '?')}) on {len(frames)} {split} frames")

    clouds = _all_clouds(trained.model.to(device), splits, frames, config.evaluation, device=device)
    rows = _score(frames, clouds, config.evaluation)
    write_rows(out / "frames.csv", rows)
    summary = summarise(rows, config.evaluation)
    write_summary(out / "summary.json", summary)
    (out / "summary.md").write_text(markdown(summary), encoding="utf-8")
    np.savez_compressed(out / "clouds.npz", points=np.stack(clouds["model"]), frames=[str(f) for f in frames.frames])
    write_json(out / "data.json", {"checkpoint": str(chosen), "part": split, **report_rows(splits.report)})
    _draw(out, run, rows, summary, frames, clouds)
    return summary


def _run_config(saved: dict, chosen: Path, root: str | None) -> RunConfig:
    if not saved:
        raise CheckpointError(f"{chosen} does not say how it was trained, so its test frames are not known")
    config = from_dict(saved)
    return config if root is None else replace(config, data=replace(config.data, root=root))


def _all_clouds(
    model: CSI2PC, splits: DataSplits, frames: FrameDataset, config: EvaluationConfig, *, device: str
) -> Clouds:
    """The model's clouds and those of every blind baseline."""
    predicted = _predict(model, frames, device=device)  # F, N, 3
    shuffled = shuffled_order(frames.frames, seed=config.seed)
    train = splits.train
    targets = [train.points(i) for i in track(range(len(train)), description="reading training targets")]
    mean = mean_cloud(targets, model.config.points, seed=config.seed)
    nearest = nearest_by_action_and_time(train.frames, frames.frames)
    clouds: Clouds = {
        "model": list(predicted),
        "shuffled_csi": list(predicted[shuffled]),
        "mean_cloud": [mean] * len(frames),
        "nearest_action_time": [None if i is None else targets[i] for i in nearest],
    }
    for method, metric in _constant_clouds(config):
        console.print(f"optimising {method} on the training targets")
        options = EMD_OPTIMISATION if metric == "emd" else {"steps": config.constant_steps}
        cloud = constant_cloud(targets, model.config.points, metric=metric, seed=config.seed, **options)
        clouds[method] = [cloud] * len(frames)
    return {method: clouds[method] for method in METHODS if method in clouds}


def _constant_clouds(config: EvaluationConfig) -> list[tuple[str, str]]:
    """A constant cloud is a fair rival only under the metric that it was optimised for: EMD needs one of its own."""
    under_emd = [("constant_cloud_emd", "emd")] if "emd" in config.metrics else []
    return [("constant_cloud", "chamfer_l1"), *under_emd]


def _predict(model: CSI2PC, frames: FrameDataset, *, device: str) -> np.ndarray:
    clouds = []
    for start in track(range(0, len(frames), CHUNK), description="predicting"):
        samples = [frames[i] for i in range(start, min(start + CHUNK, len(frames)))]
        features, valid = (np.stack([getattr(s, name) for s in samples]) for name in ("features", "valid"))
        clouds.append(predict_clouds(model, features, valid, device=device))
    return np.concatenate(clouds)


def _score(frames: FrameDataset, clouds: Clouds, config: EvaluationConfig) -> FrameRows:
    targets = [frames.points(i) for i in range(len(frames))]
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


def _draw(
    out: Path, run: RunFolder, rows: FrameRows, summary: Summary, frames: FrameDataset, clouds: Clouds
) -> None:
    metric = summary.metrics[0]
    best = summary.best_blind(metric)
    baseline = best.baseline if best else "mean_cloud"
    chosen = best_median_worst(rows.column("model", metric))
    examples = [
        FrameExample(
            label=label,
            frame=rows.frames[i],
            target=frames.points(i),
            prediction=clouds["model"][i],
            baseline=clouds[baseline][i],
            baseline_name=baseline,
            metric=metric,
            prediction_value=float(rows.column("model", metric)[i]),
            baseline_value=float(rows.column(baseline, metric)[i]),
        )
        for label, i in chosen.items()
        if clouds[baseline][i] is not None
    ]
    frames_figure(out / "frames.png", examples)
    skill_figure(out / "skill.png", summary)
    metrics = read_metrics(run)
    if metrics:
        learning_curve(out / "learning.png", metrics)
