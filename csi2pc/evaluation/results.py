"""Per-frame rows of a whole comparison as compressed files, small enough to be kept beside the conclusions.

``DATASET/VARIANT.seedK.csv.gz`` holds a run's own scores, and what it scored with shuffled CSI in the first metric;
``DATASET/blind.csv.gz`` holds the blind baselines, which all runs share. A variant whose blind baselines are others (it
predicts another number of points) has its own, ``VARIANT.blind.csv.gz``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..errors import DataError
from .compared_runs import ComparedRun
from .rows import MODEL, SHUFFLED, FrameRows, joined, read_rows, write_rows

#: Significant digits: a micrometre in a metre, and a third of the bytes of exact numbers.
DIGITS = 6
_RUN = re.compile(r"(?P<variant>.+)\.seed(?P<seed>\d+)\.csv\.gz")


def write_results(folder: str | Path, runs: Sequence[ComparedRun]) -> None:
    """Write the rows of all runs; what lies in the folder from earlier stays, so give one that is new or empty.

    Raises:
        DataError: a file cannot be written, or two seeds of one variant have different blind baselines.
    """
    shared: dict[str, FrameRows] = {}
    of_variant: dict[tuple[str, str], FrameRows] = {}
    for run in runs:
        place = Path(folder) / run.dataset
        first = f"{SHUFFLED}/{run.rows.metrics[0]}"
        scored = [name for name in run.rows.values if name.startswith(f"{MODEL}/")]
        write_rows(place / f"{run.variant}.seed{run.seed}.csv.gz", _columns(run.rows, [*scored, first]), digits=DIGITS)
        own = (f"{MODEL}/", f"{SHUFFLED}/")
        blind = _columns(run.rows, [name for name in run.rows.values if not name.startswith(own)])
        known = of_variant.setdefault((run.dataset, run.variant), blind)
        if not _same(known, blind):
            raise DataError(f"all seeds of a variant meet the same blind baselines; those of {run} are others")
        if run.dataset not in shared:
            shared[run.dataset] = blind
            write_rows(place / "blind.csv.gz", blind, digits=DIGITS)
        elif not _same(shared[run.dataset], blind):
            write_rows(place / f"{run.variant}.blind.csv.gz", blind, digits=DIGITS)


def read_results(folder: str | Path) -> list[ComparedRun]:
    """Read what :func:`write_results` wrote, in the order of the names.

    Raises:
        DataError: there is nothing, or a file is damaged.
    """
    runs = []
    for path in sorted(Path(folder).glob("*/*.csv.gz")):
        found = _RUN.fullmatch(path.name)
        if found:
            variant, place = found["variant"], path.parent
            own_blind = place / f"{variant}.blind.csv.gz"
            blind = read_rows(own_blind if own_blind.exists() else place / "blind.csv.gz")
            runs.append(ComparedRun(place.name, variant, int(found["seed"]), joined(read_rows(path), blind)))
    if not runs:
        raise DataError(f"results are files DATASET/VARIANT.seedK.csv.gz; {folder} holds none")
    return runs


def _columns(rows: FrameRows, names: Sequence[str]) -> FrameRows:
    return replace(rows, values={name: values for name, values in rows.values.items() if name in names})


def _same(one: FrameRows, other: FrameRows) -> bool:
    if one.frames != other.frames or set(one.values) != set(other.values):
        return False
    return all(np.array_equal(values, other.values[name], equal_nan=True) for name, values in one.values.items())
