"""Whether prepared frames stay in memory or are read whenever they are asked for: what ``data.cache`` says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from ..types import FrameId, Sample
from .frames import FrameError, FrameSource

Cache = Literal["auto", "memory", "none"]

#: Bytes of prepared frames that a process keeps under ``cache: auto`` at most: 4 GiB, which leaves a machine of 16 GiB
#: room for the rest of a training.
MEMORY_LIMIT = 4 * 2**30


def keeps(cache: Cache, size: int) -> bool:
    """Whether frames that take ``size`` bytes in all are kept."""
    return cache == "memory" or (cache == "auto" and size <= MEMORY_LIMIT)


def sample_bytes(sample: Sample) -> int:
    """Bytes of a sample's arrays."""
    return sample.features.nbytes + sample.valid.nbytes + sample.points.nbytes


def expected_bytes(source: FrameSource, frames: Sequence[FrameId]) -> int:
    """What ``frames`` would take if each were as large as the first that can be read; 0 where none can.

    CSI has one shape throughout and clouds mostly the size they are thinned to; with clouds that are not thinned this
    is a guess.
    """
    for frame in frames:
        try:
            return sample_bytes(source.sample(frame)) * len(frames)
        except FrameError:
            continue
    return 0


def read_lazily(size: int) -> str:
    """The note for a data set that "auto" does not keep."""
    return (
        f"prepared frames take about {size / 2**30:.1f} GiB, more than the {MEMORY_LIMIT / 2**30:g} GiB that "
        f"data.cache: auto keeps, so each is read whenever it is asked for; data.cache: memory would keep them all"
    )
