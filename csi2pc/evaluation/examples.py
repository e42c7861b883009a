"""The frames that are shown: best, median and worst, with their clouds, kept in one file to be drawn again."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..data.atomic import replacing
from ..errors import DataError
from ..types import FrameId
from .baselines import Clouds
from .metrics import METRICS
from .rows import MODEL, FrameRows
from .statistics import Summary
from .wording import listed

#: The clouds of an example, in the order of the figure.
CLOUDS = ("target", "prediction", "baseline")
#: Most bytes of all examples when unpacked; three frames of 10,000 points take about one million.
LARGEST_EXAMPLES = 2**26
#: Most bytes of all clouds of a run when unpacked: 64,152 test frames of MM-Fi with 2,048 points each take 1.6e9.
LARGEST_CLOUDS = 2**31


@dataclass(frozen=True, eq=False)
class FrameExample:
    """One frame to draw.

    Attributes:
        label: why it is shown, for example ``"median"``.
        frame: which it is.
        target, prediction, baseline: float ``(N, 3)`` metres, project's frame (x right, y down, z forward).
        baseline_name: which blind baseline it is.
        metric: what the captions quote.
        prediction_value, baseline_value: that metric's values for the frame.
    """

    label: str
    frame: FrameId
    target: np.ndarray
    prediction: np.ndarray
    baseline: np.ndarray
    baseline_name: str
    metric: str
    prediction_value: float
    baseline_value: float


def choose_examples(
    rows: FrameRows, summary: Summary, clouds: Clouds, targets: Sequence[np.ndarray]
) -> list[FrameExample]:
    """The model's best, median and worst frame under the first metric, beside one blind baseline.

    Args:
        rows, summary: the scores.
        clouds: every method's clouds, one a row.
        targets: one a row, float ``(N, 3)`` metres.

    Returns:
        three examples, or none where no blind baseline has a cloud on all three frames. The baseline is the best
        blind one that has.
    """
    metric = summary.metrics[0]
    errors = METRICS[metric].error(rows.column(MODEL, metric))  # (F,)
    if np.isnan(errors).all():
        return []
    chosen = best_median_worst(errors)
    best_first = sorted(summary.against(metric), key=lambda comparison: comparison.rank)
    names = [c.baseline for c in best_first if all(_drawable(clouds[c.baseline][i]) for i in chosen.values())]
    if not names:
        return []
    shown = (targets, clouds[MODEL], clouds[names[0]])
    return [
        _example(
            rows, row, label=label, metric=metric, baseline_name=names[0], clouds=tuple(of[row] for of in shown)
        )
        for label, row in chosen.items()
    ]


def _drawable(cloud: np.ndarray | None) -> bool:
    return cloud is not None and bool(np.isfinite(cloud).all())


def best_median_worst(values: np.ndarray) -> dict[str, int]:
    """Rows of the best, median and worst frame under a metric where lower is better.

    Args:
        values: float ``(F,)``, for example ``rows.column("model", "chamfer_l1")``; NaN are left out. With an even
            number of values the better of the two in the middle is taken; of equal values the first.

    Raises:
        DataError: there is no value at all.
    """
    order = np.argsort(values, kind="stable")[: int(np.sum(~np.isnan(values)))]
    if len(order) == 0:
        raise DataError(f"choosing frames needs at least one value; all {len(values)} are missing; see the rows")
    return {"best": int(order[0]), "median": int(order[(len(order) - 1) // 2]), "worst": int(order[-1])}


def write_examples(path: str | Path, examples: Sequence[FrameExample]) -> None:
    """Save as NPZ, atomically: labels, names and clouds. Values are not kept, for they stand in the rows.

    Raises:
        DataError: the file cannot be written; what stood there before is untouched.
    """
    names = ("label", "metric", "baseline_name")
    arrays = {name: np.array([getattr(example, name) for example in examples], dtype=np.str_) for name in names}
    arrays["sequence"] = np.array([example.frame.sequence for example in examples], dtype=np.str_)
    arrays["index"] = np.array([example.frame.index for example in examples], dtype=np.int64)
    for number, example in enumerate(examples):
        arrays |= {f"{name}_{number}": getattr(example, name) for name in CLOUDS}
    with replacing(path) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, **arrays)


def read_arrays(path: str | Path, names: Sequence[str] = (), *, most: int) -> dict[str, np.ndarray]:
    """Arrays of an NPZ file, without pickled objects; a crafted file of a few kilobytes unpacks to any size.

    Args:
        path: the file.
        names: which arrays; by default all.
        most: bytes that they may take when unpacked, which the file says before anything is.

    Raises:
        DataError: missing, no regular file, damaged, larger, or without one of the arrays.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"arrays are read from an NPZ file; {path} is none: evaluate again")
    try:
        with zipfile.ZipFile(path) as archive:
            sizes = {member.filename.removesuffix(".npy"): member.file_size for member in archive.infolist()}
        wanted = tuple(names) or tuple(sizes)
        size = sum(sizes[name] for name in wanted)
        if size > most:
            raise ValueError(f"its arrays take {size:,} bytes; at most {most:,} are read")
        with np.load(path, allow_pickle=False) as saved:
            return {name: saved[name] for name in wanted}
    except Exception as error:  # numpy, zipfile, zlib and tokenize each have errors of their own for damage
        what = f"with {listed(names)}" if names else "of examples"
        raise DataError(f"{path} is not a readable NPZ file {what}: {error!s:.300}; evaluate again") from error


def read_examples(path: str | Path, rows: FrameRows) -> list[FrameExample]:
    """Read what :func:`write_examples` wrote, with the values that the rows hold for these frames.

    Raises:
        DataError: the file is missing, is none of these, takes more than :data:`LARGEST_EXAMPLES`, or names a frame
            that is not in the rows.
    """
    row_of = {(frame.sequence, frame.index): row for row, frame in enumerate(rows.frames)}
    saved = read_arrays(path, most=LARGEST_EXAMPLES)
    try:
        return [
            _example(
                rows,
                row_of[str(saved["sequence"][number]), int(saved["index"][number])],
                label=str(label),
                metric=str(saved["metric"][number]),
                baseline_name=str(saved["baseline_name"][number]),
                clouds=tuple(saved[f"{name}_{number}"] for name in CLOUDS),
            )
            for number, label in enumerate(saved["label"])
        ]
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError) as error:
        raise DataError(
            f"examples must be frames of the rows, saved by this version; {path}: {error}; evaluate again"
        ) from error


def _example(
    rows: FrameRows, row: int, *, label: str, metric: str, baseline_name: str, clouds: tuple[np.ndarray, ...]
) -> FrameExample:
    return FrameExample(
        label,
        rows.frames[row],
        *clouds,
        baseline_name=baseline_name,
        metric=metric,
        prediction_value=float(rows.column(MODEL, metric)[row]),
        baseline_value=float(rows.column(baseline_name, metric)[row]),
    )
