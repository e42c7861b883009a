"""Clouds over time, ready to be played: what is shown of each frame, and for how long.

Clouds are read when they are asked for, so that a long sequence costs no memory before it is looked at.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from ..errors import ConfigError, DataError, ShapeError

#: The clouds of an evaluation and of an inference; sensors have their own names.
TARGET, PREDICTION = "target", "prediction"
#: Frames a second where no times were recorded; MM-Fi's rate.
RATE = 10.0
#: Seconds that a gap in the recording is shown for at the most, where frames follow one another faster than that.
LONGEST_PAUSE = 1.0
#: Seconds that a clock may show, either way from 0: some 3,000 years, and still exact to 0.02 ms as float64.
LATEST = 1e11

#: Gives the cloud of a frame by its number from 0: float32 ``(N, 3)`` metres. Raises DataError where there is none.
ReadCloud = Callable[[int], np.ndarray]


@dataclass(frozen=True, eq=False)
class FrameMetric:
    """What the model scored on each frame, and the best blind baseline beside it.

    Attributes:
        name, unit: for example ``"chamfer_l1"`` and ``"m"``; ``""`` where it has no unit.
        better: "lower" or "higher".
        values: float64 ``(F,)``; NaN where a frame has no value.
        blind: name of the baseline, empty where there is none.
        blind_values: float64 ``(F,)``, NaN where it has no value.
    """

    name: str
    unit: str
    better: str
    values: np.ndarray
    blind: str
    blind_values: np.ndarray


@dataclass(frozen=True, eq=False)
class CloudSequence:
    """One or more clouds for each of a row of frames.

    Attributes:
        name: for example ``"E01/S05/A13"``.
        labels: one a frame.
        times: float64 ``(F,)`` seconds on the sequence's own clock; None where none were recorded.
        clouds: what is shown, in this order, by name.
        metrics: what is known of each frame.
        synthetic: whether the recording is simulated, which is said wherever it is shown.
        notes: what a viewer should know, one sentence each.
    """

    name: str
    labels: tuple[str, ...]
    times: np.ndarray | None
    clouds: Mapping[str, ReadCloud]
    metrics: tuple[FrameMetric, ...] = ()
    synthetic: bool = False
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.labels:
            raise DataError(f"a sequence needs at least one frame to be shown; {self.name} has none")
        if self.times is not None and self.times.shape != (len(self),):
            raise ShapeError(f"times must be ({len(self)},), one a frame; got {self.times.shape}")

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class Pace:
    """When each frame is shown.

    Attributes:
        starts: float64 ``(F + 1,)`` seconds from 0: frame i is shown from ``starts[i]`` to ``starts[i + 1]``.
        notes: where that is not as recorded.
    """

    starts: np.ndarray
    notes: tuple[str, ...]


def pace(sequence: CloudSequence, *, rate: float = RATE) -> Pace:
    """Show frames as they were recorded, or at a rate where no times were.

    The last frame is shown for the median interval. An interval longer than :data:`LONGEST_PAUSE`, or twice the median
    where that is longer, is a gap and is shown as a pause of that length; so is a step back in time, where a receiver's
    clock began anew.

    Args:
        sequence: what is shown.
        rate: frames a second where the sequence has no times, or a single frame.

    Raises:
        ConfigError: the rate is not a number above 0.
        DataError: a time is not finite, or further from 0 than :data:`LATEST`.
    """
    if not (math.isfinite(rate) and rate > 0):
        raise ConfigError(f"rate must be more than 0 frames a second; got {rate}: {RATE:g} is the default")
    times, count = sequence.times, len(sequence)
    if times is not None and not (kept := np.abs(times) <= LATEST).all():
        raise DataError(
            f"the times of {sequence.name} must be finite seconds; {np.sum(~kept)} are not, or are further from 0 than "
            f"{LATEST:g} s: restore the file that they come from"
        )
    intervals = np.diff(times) if times is not None else np.zeros(0)  # (F - 1,)
    if not (intervals > 0).any():
        untimed = count > 1
        notes = (f"no times were recorded: shown at {rate:g} frames a second",) if untimed else ()
        return Pace(np.arange(count + 1) / rate, notes)
    typical = float(np.median(intervals[intervals > 0]))
    pause = max(LONGEST_PAUSE, 2 * typical)
    back, long = intervals < 0, intervals > pause
    notes = []
    if long.any():
        longest = float(intervals[long].max())
        notes.append(f"{_times(long, 'gap')}, {longest:.1f} s at the longest, shown as pauses of {pause:.1f} s")
    if back.any():
        notes.append(f"{_times(back, 'restart')} of the clock, shown as pauses of {pause:.1f} s")
    shown = np.append(np.where(back | long, pause, intervals), typical)
    return Pace(np.concatenate([[0.0], np.cumsum(shown)]), tuple(notes))


def _times(which: np.ndarray, what: str) -> str:
    count = int(which.sum())
    return f"{count} {what}{'s' if count != 1 else ''}"
