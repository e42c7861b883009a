"""Folders of runs and comparisons as they lie on disk, made up in a moment and with text that means harm."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from csi2pc.config import RunConfig, TrainingConfig, save_config
from csi2pc.evaluation.compared_runs import ComparedRun, compare_runs
from csi2pc.evaluation.comparison import write_comparison
from csi2pc.evaluation.examples import choose_examples, write_examples
from csi2pc.evaluation.rows import FrameRows, make_rows, read_rows, write_rows
from csi2pc.evaluation.settings import EvaluationConfig
from csi2pc.evaluation.statistics import summarise, write_summary
from csi2pc.types import FrameId

HOSTILE = '</script><img src=x onerror="document.title=1">'
METRICS = ("chamfer_l1", "emd", "f_score_10cm")
LEVELS = {"model": 0.05, "shuffled_csi": 0.07, "mean_cloud": 0.08, "constant_cloud": 0.06}


def frames_of(sequences=6, each=4):
    actions = ["A02", HOSTILE, "=1+1"]
    return tuple(
        FrameId(f"E01/S{k % 2:02d}/{actions[k % 3]}/{k}", i + 1, i / 10, "E01", f"S{k % 2:02d}", actions[k % 3])
        for k in range(sequences)
        for i in range(each)
    )


def rows_of(rng, *, level=0.05, missing=2):
    """Rows whose model has no value on ``missing`` frames."""
    frames = frames_of()
    scores = {}
    for method, usual in (LEVELS | {"model": level}).items():
        values = usual * rng.uniform(0.8, 1.2, len(frames))
        found = [{"chamfer_l1": v, "emd": 2 * v, "f_score_10cm": 1 - v} for v in values]
        scores[method] = [None] * missing + found[missing:] if method == "model" else found
    distance = rng.uniform(2.0, 3.4, len(frames))
    return make_rows(frames, [9] * len(frames), scores, distance=list(distance))


def make_run(folder: Path, rng, *, epochs=3, done=3, level=0.05, seed=0, evaluated=True) -> Path:
    """A run folder; no network was ever trained."""
    folder.mkdir(parents=True)
    config = RunConfig(training=TrainingConfig(epochs=epochs, seed=seed))
    save_config(replace(config, out=str(folder)), folder / "config.yaml")
    rows = [
        {"epoch": e, "step": 10 * e, "seconds": 61.0 * e, "train/total": 1 / e, "validation/total": 1.2 / e,
         "validation/chamfer_l1": 0.1 / e}
        for e in range(1, done + 1)
    ]  # fmt: skip
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    data = {"parts": ["train: 4 sequences, 9 frames"], "counts": {"zero bytes": 3}, "notes": [], "skipped": []}
    (folder / "data.json").write_text(json.dumps(data))
    (folder / "environment.json").write_text(json.dumps({"csi2pc": "0.1.0", "machine": HOSTILE}))
    if evaluated:
        make_evaluation(folder / "evaluation", rng, level=level)
    return folder


def make_evaluation(folder: Path, rng, *, level=0.05) -> None:
    rows = rows_of(rng, level=level)
    summary = summarise(rows, EvaluationConfig(metrics=list(METRICS), resamples=1000))
    targets = [person(rng) for _ in rows.frames]
    clouds = {method: [person(rng) for _ in rows.frames] for method in LEVELS}
    write_rows(folder / "frames.csv", rows)
    write_summary(folder / "summary.json", summary)
    write_examples(folder / "examples.npz", choose_examples(rows, summary, clouds, targets))
    np.savez(folder / "clouds.npz", points=np.stack(clouds["model"]), frames=[str(frame) for frame in rows.frames])
    (folder / "data.json").write_text(json.dumps({"targets": "0123456789abcdef"}))


def person(rng, points=60):
    return (rng.normal(size=(points, 3)) * [0.15, 0.5, 0.1] + [0, 0.2, 3]).astype(np.float32)


def make_comparison(folder: Path, rng, *, variants=("apml", "chamfer_l1"), seeds=(0, 1), failed=False) -> Path:
    """A comparison of runs that :func:`make_run` made."""
    rows, runs = [], []
    for seed in seeds:
        for number, variant in enumerate(variants):
            path = folder / "runs" / "data" / variant / f"seed{seed}"
            make_run(path, np.random.default_rng([seed, number]), level=0.05 + 0.02 * number, seed=seed)
            scored = with_targets_of(read_rows(path / "evaluation" / "frames.csv"), runs)
            write_rows(path / "evaluation" / "frames.csv", scored)
            runs.append(ComparedRun("data", variant, seed, scored))
            rows.append({"dataset": "data", "variant": variant, "seed": seed, "state": "done", "reason": "",
                         "seconds": 183.0, "path": path.relative_to(folder).as_posix()})  # fmt: skip
    if failed:
        rows.append({"dataset": "data", "variant": HOSTILE, "seed": 0, "state": "failed", "reason": "killed <b>",
                     "seconds": None, "path": "runs/data/other/seed0"})  # fmt: skip
    summary = compare_runs(runs, reference=variants[0], resamples=1000, planned=len(rows))
    write_comparison(folder / "comparison.json", summary)
    (folder / "runs.json").write_text(json.dumps({"rows": rows}))
    rates = [{"dataset": "data", "variant": v, "learning_rate": rate, "validation": rate * 10, "chosen": rate < 0.002}
             for v in variants for rate in (0.001, 0.003)]  # fmt: skip
    (folder / "learning_rates.json").write_text(json.dumps({"rows": rates}))
    (folder / "compare.yaml").write_text("out: here\n")
    return folder


def with_targets_of(rows: FrameRows, runs) -> FrameRows:
    """The rows with the distances and blind values that the first run has."""
    if not runs:
        return rows
    first = runs[0].rows
    own = {column: values for column, values in rows.values.items() if column.startswith("model/")}
    return FrameRows(rows.frames, rows.points, {**first.values, **own}, first.distance)
