"""The figures of an evaluation, from its files alone: they can be drawn again without model and data."""

from __future__ import annotations

from pathlib import Path

from ..errors import DataError
from ..evaluation.examples import read_examples
from ..evaluation.figures import frames_figure, learning_curve, skill_figure
from ..evaluation.rows import read_rows
from ..evaluation.statistics import read_summary
from ..progress import console
from .run_folder import RunFolder, read_metrics

#: Names of the files of an evaluation.
ROWS, SUMMARY, WORDS = "frames.csv", "summary.json", "summary.md"
CLOUDS, EXAMPLES = "clouds.npz", "examples.npz"
#: What was scored and how; written last, so that an evaluation with it is whole.
ABOUT = "data.json"


def draw(folder: str | Path) -> None:
    """Draw ``frames.png``, ``skill.png`` and ``learning.png`` of an evaluation.

    A figure that there is nothing to draw for is left out with a note, and an older one of that name is removed: a
    missing figure must not make results look unfinished, nor an old one look new.

    Args:
        folder: holds ``frames.csv``, ``summary.json`` and ``examples.npz``; the folder around it, which is the run's,
            may hold ``metrics.jsonl``.

    Raises:
        DataError: one of the three files is missing or damaged.
    """
    folder = Path(folder)
    rows, summary = read_rows(folder / ROWS), read_summary(folder / SUMMARY)
    examples = read_examples(folder / EXAMPLES, rows)
    metrics = read_metrics(RunFolder(folder.absolute().parent))
    figures = {
        "frames.png": lambda path: frames_figure(path, examples),
        "skill.png": lambda path: skill_figure(path, summary),
        "learning.png": lambda path: learning_curve(path, metrics),
    }
    for name, figure in figures.items():
        try:
            figure(folder / name)
        except DataError as error:
            (folder / name).unlink(missing_ok=True)
            console.print(f"{name} is not drawn: {error}", markup=False)
