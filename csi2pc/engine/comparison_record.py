"""What the folder of a comparison says, for its report: conclusions, runs, and what the runs left that are at hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError
from ..evaluation.compared_dataset import ComparedDataset, ComparedFrame, Curve
from ..evaluation.comparison import ComparisonSummary, read_comparison
from ..evaluation.comparison_figures import compared_frames_figure
from ..evaluation.comparison_page import comparison_page
from ..evaluation.comparison_tables import STYLES
from ..evaluation.examples import LARGEST_CLOUDS, FrameExample, read_arrays
from ..evaluation.metrics import METRICS
from ..evaluation.page import Page
from ..evaluation.rows import MODEL, SHUFFLED, FrameRows, read_rows
from ..evaluation.run_page import slug
from ..progress import track
from .comparison_folder import ComparisonFolder, read_rows_of
from .draw import CLOUDS, EXAMPLES, ROWS
from .report_files import inside, read_text, shown
from .run_record import SIMULATED, Figures, RunRecord, checked_examples, duration, provenance, read_run

#: Metrics whose distributions are drawn.
DISTRIBUTIONS = 4


@dataclass(frozen=True, eq=False)
class FoundRun:
    """A run of the comparison whose folder is at hand."""

    dataset: str
    variant: str
    seed: int
    record: RunRecord
    done: bool

    @property
    def evaluation(self) -> Path:
        """Folder of its evaluation."""
        return self.record.run.evaluation


def report_comparison(path: Path) -> tuple[Page, Figures]:
    """The report of a comparison, and the figures that are no charts of its page.

    Raises:
        DataError: a file is damaged or leads out of the folder, or runs of one data set saw other frames.
    """
    folder = ComparisonFolder(path)
    for file in (folder.summary, folder.runs, folder.learning_rates):
        inside(file, path)
    summary = _summary(folder.summary) if folder.summary.exists() else None
    rows = read_rows_of(folder.runs) if folder.runs.exists() else []
    rates = read_rows_of(folder.learning_rates) if folder.learning_rates.exists() else []
    found = _found(path, rows)
    datasets = _datasets(summary, [run for run in found if run.done]) if summary else []
    subtitle = "human point clouds from WiFi CSI: variants on the same test frames"
    page = Page(f"Comparison {path.absolute().name}", subtitle)
    _banners(page, summary, rows, found)
    curves = [Curve(run.dataset, run.variant, run.seed, run.record.history) for run in found]
    comparison_page(page, summary, runs=rows, rates=rates, datasets=datasets, curves=curves)
    page.section("provenance", "How it was made")
    page.listing(_provenance(found))
    for name in (folder.config, folder.base):
        if name.exists():
            page.details(name.name, shown(read_text(name, within=path)))
    return page, {
        page.free_name("figures", f"frames-{slug(compared.dataset)}"): partial(
            compared_frames_figure, frames=compared.frames, variants=summary.variants
        )
        for compared in datasets
        if compared.frames
    }


def _summary(path: Path) -> ComparisonSummary:
    """The conclusions, once they belong together.

    Raises:
        DataError: damaged, or with names that are not explained in it.
    """
    summary = read_comparison(path)
    scored = {(score.dataset, score.variant) for score in summary.scores}
    axes = (summary.datasets, summary.variants, summary.seeds, summary.metrics)
    fits = (
        all(len(set(axis)) == len(axis) for axis in axes)
        and summary.metrics and set(summary.metrics) <= set(METRICS) and summary.datasets
        and set(summary.datasets) <= set(summary.groups) & set(summary.people)
        and {dataset for dataset, _ in scored} == set(summary.datasets)
        and {variant for _, variant in scored} == set(summary.variants)
        and Counter((score.dataset, score.variant, score.metric) for score in summary.scores)
        == Counter((*pair, metric) for pair in scored for metric in summary.metrics)
        and {len(score.seeds) for score in summary.scores} == {len(summary.seeds)}
        and {(d.dataset, d.variant) for d in summary.differences} <= scored
        and {difference.standing for difference in summary.differences} <= set(STYLES)
    )  # fmt: skip
    if not fits:
        raise DataError(
            f"{path} must explain every data set, metric and standing in it, with a score of each variant in every "
            "metric: run csi2pc compare again"
        )
    return summary


def _found(path: Path, rows: Sequence[dict[str, Any]]) -> list[FoundRun]:
    """The runs whose folders are there.

    Raises:
        DataError: a row names no run, or a folder outside the comparison.
    """
    runs = []
    for row in rows:
        names = [row.get(name) for name in ("dataset", "variant", "seed", "state", "path")]
        if [type(name) for name in names] != [str, str, int, str, str]:
            kinds = ", ".join(type(name).__name__ for name in names)
            raise DataError(f"a row of runs.json must name data set, variant, seed, state and path; got {kinds}")
        dataset, variant, seed, state, place = names
        run = inside(path / place, path)
        if (run / "config.yaml").is_file():
            runs.append(FoundRun(dataset, variant, seed, read_run(run), state == "done"))
    return runs


def _banners(
    page: Page, summary: ComparisonSummary | None, rows: Sequence[dict[str, Any]], found: Sequence[FoundRun]
) -> None:
    states = [row.get("state") for row in rows]
    failed, missing = states.count("failed"), len(states) - states.count("done") - states.count("failed")
    if failed or missing:
        what = f"{states.count('done')} of {len(rows)} runs are done, {failed} failed, {missing} missing"
        page.banner("warning", f"Unfinished: {what}; see the first table.")
    elif not rows:
        page.banner("warning", "Unfinished: no run is done yet.")
    if summary is None:
        page.banner("warning", "Not concluded: there is no comparison.json yet; csi2pc compare writes it.")
    away = states.count("done") - sum(run.done for run in found)
    if away:
        page.banner("warning", f"The folders of {away} runs are not at hand: what needs their files is left out.")
    if any(run.record.simulated for run in found):
        page.banner("note", SIMULATED)


def _datasets(summary: ComparisonSummary, found: Sequence[FoundRun]) -> list[ComparedDataset]:
    result = []
    for dataset in summary.datasets:
        runs = [run for run in found if run.dataset == dataset and (run.evaluation / ROWS).exists()]
        if runs:
            result.append(_dataset(summary, dataset, runs))
    return result


def _dataset(summary: ComparisonSummary, dataset: str, runs: Sequence[FoundRun]) -> ComparedDataset:
    """Values of every seed, means over seeds, and frames; of the rows only what is shown stays in memory."""
    metrics = summary.metrics[:DISTRIBUTIONS]
    values: dict[str, dict[str, list[np.ndarray]]] = {}
    first: FrameRows | None = None
    differs = False
    for run in track(runs, description=f"reading the rows of {dataset}"):
        rows = read_rows(inside(run.evaluation / ROWS, run.evaluation))
        blind = {c: v for c, v in rows.values.items() if c.split("/")[0] not in (MODEL, SHUFFLED)}
        if first is None:
            first = FrameRows(rows.frames, rows.points, blind, rows.distance)
        elif rows.frames != first.frames:
            raise DataError(
                f"runs are compared on the same test frames; {run.evaluation / ROWS} and that of "
                f"{runs[0].variant}, seed {runs[0].seed}, hold different ones: run csi2pc compare again"
            )
        differs = differs or not _same(blind, first.values)
        for metric in metrics:
            values.setdefault(run.variant, {}).setdefault(metric, []).append(rows.column(MODEL, metric))
    seeds = {
        variant: {metric: np.stack(of) for metric, of in values[variant].items()}
        for variant in summary.variants
        if variant in values
    }
    frames, seed = _frames(summary, runs)
    if differs:
        first = replace(first, values={})
    return ComparedDataset(dataset, seeds, first, frames, seed, blind_differs=differs)


def _same(blind: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray]) -> bool:
    """Whether two runs met the same blind baselines, but for what no chart shows. Those of variants that predict
    different numbers of points have as many points, and other scores."""
    return blind.keys() == other.keys() and all(
        np.allclose(values, other[column], rtol=1e-4, equal_nan=True) for column, values in blind.items()
    )


def _frames(summary: ComparisonSummary, runs: Sequence[FoundRun]) -> tuple[list[ComparedFrame], int | None]:
    """Best, median and worst frame of the reference's first seed, with the clouds that all variants made with it."""
    reference = next((run for run in runs if run.variant == summary.reference), None)
    if reference is None:
        return [], None
    same = {run.variant: run for run in runs if run.seed == reference.seed}
    rows = {variant: read_rows(inside(run.evaluation / ROWS, run.evaluation)) for variant, run in same.items()}
    examples = checked_examples(reference.evaluation / EXAMPLES, rows[summary.reference])
    clouds = {v: _clouds(same[v].evaluation / CLOUDS, examples) for v in summary.variants if v in same}
    frames = []
    for number, example in enumerate(examples):
        row = next(i for i, frame in enumerate(rows[summary.reference].frames) if frame == example.frame)
        values = {variant: float(of.column(MODEL, example.metric)[row]) for variant, of in rows.items()}
        frames.append(
            ComparedFrame(
                label=example.label, frame=str(example.frame), target=example.target,
                predictions={variant: of[number] for variant, of in clouds.items()},
                baseline_name=example.baseline_name, baseline=example.baseline, baseline_value=example.baseline_value,
                metric=example.metric, values=values,
            )
        )  # fmt: skip
    return frames, reference.seed


def _clouds(path: Path, examples: Sequence[FrameExample]) -> list[np.ndarray | None]:
    """A run's own clouds of the frames of the examples; None where it has none, or one that is not finite."""
    if not path.exists():
        return [None] * len(examples)
    saved = read_arrays(inside(path, path.parent), ("frames", "points"), most=LARGEST_CLOUDS)
    position, points = {str(name): i for i, name in enumerate(saved["frames"].ravel())}, saved["points"]
    if points.ndim != 3 or points.shape[2] != 3 or points.dtype.kind != "f" or len(points) != len(position):
        raise DataError(
            f"clouds must be (frames, points, 3), one a frame; {path} holds {points.dtype} {points.shape} for "
            f"{len(position)} frames: evaluate again"
        )
    found = [position.get(str(example.frame)) for example in examples]
    clouds = [None if at is None else points[at].copy() for at in found]  # a view would keep all frames in memory
    return [cloud if cloud is not None and np.isfinite(cloud).all() else None for cloud in clouds]


def _provenance(found: Sequence[FoundRun]) -> dict[str, str]:
    """What all runs share, and where they differ all values; the whole time in training."""
    if not found:
        return {"runs": "none at hand"}
    values: dict[str, list[str]] = {}
    for run in found:
        for name, value in provenance(run.record).items():
            if name not in ("epochs", "time in training", "checkpoint"):
                values.setdefault(name, []).append(value)
    shared = {name: "; ".join(dict.fromkeys(of)) for name, of in values.items()}
    seconds = [rows[-1].get("seconds") for run in found if (rows := run.record.history)]
    known = [value for value in seconds if isinstance(value, (int, float)) and 0 <= value < 1e10]
    return {**shared, "time in training, all runs": duration(float(sum(known)))}
