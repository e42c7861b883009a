"""A run folder becomes per-frame rows, a summary against the blind baselines, and figures.

Nothing is judged that is not in the rows: the summary is made from them, and the figures from the files that were
written by then (:func:`csi2pc.engine.draw.draw`). Chamfer L1, Chamfer L2 and EMD each meet a constant cloud that was
optimised under them; F-scores, Hausdorff, centroid and height errors are compared with the best of these and of the
other blind baselines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path

import numpy as np
import torch

from ..checkpoint import load_checkpoint
from ..config import RunConfig, from_dict
from ..data.atomic import replacing
from ..data.dataset import DataSplits, FrameDataset, open_data
from ..errors import CheckpointError, ConfigError
from ..evaluation.baselines import Clouds, shuffled_order
from ..evaluation.examples import choose_examples, write_examples
from ..evaluation.rows import MODEL, SHUFFLED, joined, write_rows
from ..evaluation.statistics import Summary, summarise, write_summary
from ..evaluation.strict_json import write_json
from ..evaluation.summary import markdown
from ..models.csi2pc import CSI2PC
from ..progress import console, track
from .blind import blind_baselines, targets_digest
from .draw import ABOUT, CLOUDS, EXAMPLES, ROWS, SUMMARY, WORDS, draw
from .leaks import refuse_leaks
from .predict import checked_device, predict_clouds
from .run_folder import RunFolder, checkpoint_of, report_rows
from .scoring import not_finite, score_clouds

#: Windows that are read and computed at once.
CHUNK = 64


def evaluate(
    path: str | Path,
    *,
    split: str = "test",
    root: str | None = None,
    device: str = "cpu",
    splits: DataSplits | None = None,
    blind: str | Path | None = None,
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
        blind: folder in which the blind baselines are kept for, and found by, other runs on the same data.

    Raises:
        CheckpointError: no usable checkpoint.
        DataError: the data is missing or has no usable frame, or test frames were trained on.
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
    if split == "test":
        refuse_leaks(splits, trained.progress.get("sequences", []))
    run = RunFolder(Path(path)) if Path(path).is_dir() else _run_around(chosen)
    out = run.evaluation if split == "test" else run.path / f"evaluation-{split}"
    out.mkdir(parents=True, exist_ok=True)
    (out / ABOUT).unlink(missing_ok=True)  # it comes last: an evaluation that was cut off must not look whole
    step = trained.progress.get("step", "?")
    scored = config.evaluation.chosen(frames.frames)
    every = "" if config.evaluation.every == 1 else f", one in {config.evaluation.every} of {len(frames)}"
    console.print(f"evaluating {chosen} (step {step}) on {len(scored)} {split} frames{every}", markup=False)

    named, targets = [frames.frames[i] for i in scored], [frames.points(i) for i in scored]
    predicted, csi = _predict(trained.model.to(computing), frames, scored, device=computing)  # F, N, 3
    shuffled = shuffled_order(named, seed=config.evaluation.seed)
    own: Clouds = {MODEL: list(predicted), SHUFFLED: list(predicted[shuffled])}
    blind_ones = blind_baselines(
        splits.train, named, targets, count=trained.model.config.points, config=config.evaluation, folder=blind
    )
    clouds = {**own, **blind_ones.clouds}
    rows = joined(score_clouds(named, targets, own, config.evaluation), blind_ones.rows)
    write_rows(out / ROWS, rows)
    summary = summarise(rows, config.evaluation, part=split)
    write_summary(out / SUMMARY, summary)
    with replacing(out / WORDS) as temporary:
        temporary.write_text(markdown(summary), encoding="utf-8")
    with replacing(out / CLOUDS) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, points=np.stack(clouds[MODEL]), frames=[str(f) for f in rows.frames])
    write_examples(out / EXAMPLES, choose_examples(rows, summary, clouds, targets))
    about = {
        "checkpoint": str(chosen),
        "step": step,
        "part": split,
        "every": config.evaluation.every,
        "targets": targets_digest(named, targets),
        "csi": csi,
        "not_finite": not_finite(clouds),
    }
    draw(out)
    write_json(out / ABOUT, {**about, **report_rows(splits.report)})
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


def _predict(
    model: CSI2PC, frames: FrameDataset, scored: Sequence[int], *, device: torch.device
) -> tuple[np.ndarray, str]:
    """The model's clouds ``(F, N, 3)`` of the scored frames, and a digest of the CSI that it was given."""
    clouds, digest = [], blake2b(digest_size=8)
    for start in track(range(0, len(scored), CHUNK), description="predicting"):
        samples = [frames[i] for i in scored[start : start + CHUNK]]
        features, valid = (np.stack([getattr(s, name) for s in samples]) for name in ("features", "valid"))
        digest.update(features.tobytes())
        digest.update(valid.tobytes())
        clouds.append(predict_clouds(model, features, valid, device=device))
    return np.concatenate(clouds), digest.hexdigest()
