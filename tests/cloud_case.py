"""Folders with clouds over time, as inference and evaluation leave them, without a model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from csi2pc.config import RunConfig, save_config
from csi2pc.data.dataset import open_data
from csi2pc.engine.infer import write_cloud
from csi2pc.evaluation.metrics import frame_metrics
from csi2pc.evaluation.rows import FrameRows, make_rows, write_rows
from csi2pc.evaluation.statistics import summarise, write_summary
from csi2pc.evaluation.strict_json import write_json


def person(frame: int, *, points: int = 40) -> np.ndarray:
    """A standing cloud 3 m in front that moves to the right by 0.1 m a frame."""
    rng = np.random.default_rng(frame)
    return (rng.uniform([-0.3, -0.9, 2.8], [0.3, 0.8, 3.2], (points, 3)) + [0.1 * frame, 0, 0]).astype(np.float32)


def inference(folder: Path, times, *, report: bool = True, synthetic: bool = False) -> Path:
    """Clouds of one capture at the given times."""
    folder.mkdir(parents=True)
    for number, time in enumerate(times, 1):
        write_cloud(folder, number, person(number - 1), time)
    if report:
        about = {"timing": "recorded", "synthetic": synthetic, "timestamps_s": [float(time) for time in times]}
        write_json(folder / "report.json", about)
    return folder


def evaluation(run: Path, settings: RunConfig, *, notes: list[str]) -> FrameRows:
    """A run folder whose "predictions" are the first points of the targets of its test part, pushed to the side."""
    test = open_data(settings.data, settings.prepare).test
    targets = [test.points(i) for i in range(len(test))]
    predictions = np.stack([target[:10] + np.float32([0.05, 0, 0]) for target in targets])
    scores = {
        "model": [frame_metrics(p, t, metrics=["chamfer_l1"]) for p, t in zip(predictions, targets, strict=True)],
        "mean_cloud": [frame_metrics(predictions[0], t, metrics=["chamfer_l1"]) for t in targets],
    }
    rows = make_rows(test.frames, [len(target) for target in targets], scores)
    save_config(replace(settings, out=str(run)), run / "config.yaml")
    folder = run / "evaluation"
    write_rows(folder / "frames.csv", rows)
    write_summary(folder / "summary.json", summarise(rows))
    np.savez_compressed(folder / "clouds.npz", points=predictions, frames=[str(frame) for frame in rows.frames])
    write_json(folder / "data.json", {"checkpoint": "none", "part": "test", "notes": notes})
    return rows
