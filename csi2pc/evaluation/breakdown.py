"""Where a method is good and where it is not: its skill by action, subject, scene or distance.

All slices meet the same blind baseline, the best one of the whole part, so that they can be compared with one another:
a baseline chosen anew for each would be a different measure in each. A slice is smaller than the part, so its interval
is wider, and among many slices some stand out by chance: they are a description, not a test.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import ConfigError
from .rows import MODEL, FrameRows
from .settings import EvaluationConfig
from .statistics import best_of, check_rows, compare, group_numbers

#: What rows can be sliced by.
SLICES = ("action", "subject", "scene", "distance")
#: Width of a band of distances, metres.
BAND = 0.5
#: The slice of frames that do not carry the label.
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Slice:
    """One value of a label.

    Attributes:
        label: for example ``"A02"`` or, for distances, ``"2.5-3.0 m"``; :data:`UNKNOWN` for frames without one.
        frames, groups: how many, and of how many sequences (or subjects, where these are resampled).
        mean: of the method, over the slice's frames that have a value, in the metric's unit; None where none has.
        missing: frames on which the method has no value.
        baseline: the blind baseline, the same in all slices; None where there is none.
        baseline_mean: of the baseline, likewise.
        skill: 1 - E(method) / E(baseline) on the frames where both have a value; None where it is not defined.
        skill_low, skill_high: its bootstrap interval; None with fewer than two groups.
    """

    label: str
    frames: int
    groups: int
    mean: float | None
    missing: int
    baseline: str | None
    baseline_mean: float | None
    skill: float | None
    skill_low: float | None
    skill_high: float | None


def breakdown(
    rows: FrameRows,
    metric: str,
    *,
    by: str,
    method: str = MODEL,
    baseline: str | None = None,
    config: EvaluationConfig | None = None,
) -> list[Slice]:
    """Score one method within each value of a label.

    Args:
        rows: per-frame rows.
        metric: one of the rows' metrics.
        by: one of :data:`SLICES`; distances are of the targets' centroids, in bands of 0.5 m.
        method: what is judged.
        baseline: what it is compared with; by default the blind method that is best on all rows, as in
            :func:`csi2pc.evaluation.statistics.summarise`.
        config: how intervals are made; ``EvaluationConfig()`` by default. Where slices are subjects, sequences are
            resampled whatever it says, since a slice has only one subject.

    Returns:
        the slices in the order of their labels, distances from near to far, :data:`UNKNOWN` last; each row is in one.

    Raises:
        ConfigError: ``by``, the metric, the method or the baseline is not there.
        DataError: as :func:`csi2pc.evaluation.statistics.check_rows`.
    """
    _check(rows, metric, by, method, baseline)
    config = config or EvaluationConfig()
    unit = "sequence" if by == "subject" else config.by
    check_rows(rows, unit)
    baseline = baseline or _best_blind(rows, metric, method, config)
    keys = _keys(rows, by)
    present = sorted({key for key in keys if key is not None})
    if any(key is None for key in keys):
        present.append(None)
    parts = [(_label(key), rows.take(np.array([k == key for k in keys]))) for key in present]
    return [_slice(part, metric, label, method, baseline, unit, config) for label, part in parts]


def _slice(
    part: FrameRows,
    metric: str,
    label: str,
    method: str,
    baseline: str | None,
    unit: str,
    config: EvaluationConfig,
) -> Slice:
    group = group_numbers(part, unit)
    values = part.column(method, metric)
    skill: Sequence[float | None] = (None, None, None)
    if baseline is not None:
        found = compare(part, metric, baseline, group=group, config=config, method=method)
        skill = (found.skill, found.skill_low, found.skill_high)
    return Slice(
        label,
        len(part),
        int(group.max()) + 1,
        _mean(values),
        int(np.isnan(values).sum()),
        baseline,
        None if baseline is None else _mean(part.column(baseline, metric)),
        *skill,
    )


def _best_blind(rows: FrameRows, metric: str, method: str, config: EvaluationConfig) -> str | None:
    """The blind method that ``method`` finds hardest to beat on all rows. The model is blind to nothing."""
    group = group_numbers(rows, "sequence")
    others = [name for name in rows.methods if name not in (MODEL, method)]
    best = best_of([compare(rows, metric, name, group=group, config=config, method=method) for name in others])
    return None if best is None else best.baseline


def _keys(rows: FrameRows, by: str) -> np.ndarray:
    """object ``(F,)``: the label of each row, or the number of its band; None where it is not known."""
    if by == "distance":
        bands = [math.floor(metres / BAND) if math.isfinite(metres) else None for metres in rows.distance]
        return np.array(bands, dtype=object)
    return np.array([getattr(frame, by) or None for frame in rows.frames], dtype=object)


def _label(key: str | int | None) -> str:
    if key is None:
        return UNKNOWN
    return key if isinstance(key, str) else f"{key * BAND:.1f}-{(key + 1) * BAND:.1f} m"


def _mean(values: np.ndarray) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else None


def _check(rows: FrameRows, metric: str, by: str, method: str, baseline: str | None) -> None:
    wanted: list[tuple[str, str, Sequence[str]]] = [
        ("by", by, SLICES),
        ("metric", metric, rows.metrics),
        ("method", method, rows.methods),
    ]
    if baseline is not None:
        wanted.append(("baseline", baseline, rows.methods))
    for name, value, allowed in wanted:
        if value not in allowed:
            raise ConfigError(f"{name} must be one of {', '.join(allowed)}; got {value!r:.80}; name one of these")
