"""Runs that were trained and evaluated by hand, compared on the same test frames."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..errors import DataError
from ..evaluation.compared_runs import ComparedRun, compare_runs
from ..evaluation.comparison import ComparisonSummary
from ..evaluation.rows import read_rows
from .comparison_folder import digests_of, how_far, is_evaluated, is_trained
from .draw import ROWS
from .naming import names_of
from .run_folder import RunFolder, checkpoint_of

#: A name for what the runs were tested on, which is the same for all.
DATASET = "test"


def compare_finished(
    paths: Sequence[str | Path], *, by: str = "sequence", resamples: int = 10_000, confidence: float = 0.95
) -> ComparisonSummary:
    """Paired differences of evaluated runs from the first of them.

    Every run counts for one seed, so that what the seed of a training does is in none of the intervals; the summary's
    words say so. Where it matters, compare with seeds (:func:`csi2pc.engine.compare.compare`).

    Args:
        paths: at least two run folders with an evaluation of the test part.
        by, resamples, confidence: as for :func:`csi2pc.evaluation.compared_runs.compare_runs`.

    Raises:
        DataError: fewer than two, one that is not trained to its end or not evaluated since, or runs scored on
            different frames or targets.
    """
    if len(paths) < 2:
        raise DataError(f"a comparison of finished runs needs at least two run folders; got {len(paths)}")
    runs, targets = [], {}
    for name, path in names_of(paths).items():
        run = RunFolder(path)
        if not run.config.is_file():
            raise DataError(f"a finished run is a folder with a {run.config.name}; {path} has none")
        rows = read_rows(run.evaluation / ROWS)
        targets[name], _ = digests_of(run)
        if not is_trained(run):
            raise DataError(f"{path} is not trained to its end ({how_far(run)}): go on with csi2pc train --resume")
        if not is_evaluated(run):
            raise DataError(
                f"{path} must be evaluated as it is now; its evaluation is of another checkpoint than "
                f"{checkpoint_of(path)}: csi2pc evaluate {path}"
            )
        runs.append(ComparedRun(DATASET, name, 0, rows))
    first, *others = targets
    different = [name for name in others if targets[name] != targets[first]]
    if different:
        raise DataError(
            f"runs are compared on the same test frames and targets; {different[0]} and {first} were scored on "
            "different ones. Evaluate both on the same data"
        )
    return compare_runs(runs, reference=first, by=by, resamples=resamples, confidence=confidence)
