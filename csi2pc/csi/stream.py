"""Preparing a capture as its packets come: blocks in, prepared blocks out, the same as in one pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from ..errors import DataError
from ..types import Capture, Report
from .in_time import filter_in_time, has_value
from .prepare import prepare_packets
from .prepare_config import PrepareConfig
from .resample import ROUNDING


def prepare_stream(blocks: Iterable[Capture], config: PrepareConfig) -> Iterator[Capture]:
    """Prepare a capture block by block; :class:`PrepareStream` says what comes out, and how late.

    Args:
        blocks: parts of one capture, one after the other.
        config: as for :func:`~csi2pc.csi.prepare.prepare`.

    Yields:
        Prepared captures, none of them empty.
    """
    stream = PrepareStream(config)
    for block in blocks:
        yield from _unless_empty(stream.push(block))
    yield from _unless_empty(stream.finish())


class PrepareStream:
    """Prepares packets as they come: what it returns, put together, is what one pass over all of them gives.

    Steps that look at several packets need those that follow, so a packet is returned once enough of them are there:

    =============================  ================================================================
    configuration                  packets that must follow
    =============================  ================================================================
    no filter in time              0
    ``hampel: h``                  h
    ``rate``                       1: the next one that measured the same entries, within ``max_gap``
    ``savitzky_golay``             ``smoothing_window // 2``
    ``butterworth``                its memory, ``PrepareConfig.smoothing_reach``: 17 at 100 Hz and 20 Hz
    =============================  ================================================================

    Several of them add up. With Butterworth the results are those of one pass within about 1e-5 of the amplitude,
    since the filter reaches without end; with all others within the rounding of float32.
    """

    def __init__(self, config: PrepareConfig) -> None:
        self.config = config
        self._held: Capture | None = None  # prepared packet by packet, and not yet done with
        self._before = 0  # packets that were let go before those held
        self._next = -np.inf  # number of the next packet or instant to return

    def push(self, block: Capture) -> Capture:
        """Take in the packets that follow; return those that are ready, which may be none.

        Raises:
            DataError: the block does not continue the capture (other layout, earlier times), or lacks what the
                configuration asks for.
        """
        prepared = prepare_packets(block, self.config)
        if not self.config.filters_time:
            return prepared
        self._held = prepared if self._held is None else concatenate([self._held, prepared])
        return self._ready(self._held, final=False)

    def finish(self) -> Capture | None:
        """Return the rest, for which nothing more will come; None where no packet is held."""
        return None if self._held is None else self._ready(self._held, final=True)

    def _ready(self, held: Capture, *, final: bool) -> Capture:
        cleaned = filter_in_time(held, replace(self.config, rate=None, smoothing="none"))
        done = filter_in_time(cleaned, replace(self.config, hampel=0))
        numbers = self._numbers(done)
        settled = len(done) if final else self._settled(cleaned, done)
        first = int(np.searchsorted(numbers, self._next))
        ready = done.select(slice(first, max(first, settled)))
        if settled > first:
            self._next = numbers[settled - 1] + 1
        start = self._unneeded(held, done, numbers)
        self._held, self._before = replace(held.select(slice(start, None)), report=Report()), self._before + start
        return replace(ready, report=Report(len(ready), held.report.skipped, held.report.notes))

    def _numbers(self, done: Capture) -> np.ndarray:
        """What each packet or instant is counted by, the same whichever packets are held."""
        if self.config.rate is None:
            return self._before + np.arange(len(done))
        return np.round(done.timestamps * self.config.rate - 0.5)

    def _settled(self, cleaned: Capture, done: Capture) -> int:
        """How many of ``done``, from the first, no later packet can change."""
        packets = max(0, len(cleaned) - self.config.hampel)
        if self.config.rate is None:
            return max(0, packets - self.config.smoothing_reach)
        if not packets:
            return 0
        kept = cleaned.select(slice(packets))
        until = min(self._bridged_until(kept.timestamps, there) for there in (kept.valid, has_value(kept)))
        return max(0, int(np.searchsorted(done.timestamps, until)) - self.config.smoothing_reach)

    def _bridged_until(self, timestamps: np.ndarray, there: np.ndarray) -> float:
        """The time up to which no entry waits for a later packet that has it, to be interpolated with."""
        last = len(there) - 1 - np.argmax(there[::-1], axis=0)  # (A, S), of the entries that are ever there
        ages = timestamps[-1] - timestamps[last]
        waiting = ages[there.any(0) & (ages <= self.config.max_gap + 2 * ROUNDING)]
        return timestamps[-1] - waiting.max(initial=0.0) - 2 * ROUNDING

    def _unneeded(self, held: Capture, done: Capture, numbers: np.ndarray) -> int:
        """How many of the held packets, from the first, nothing to come depends on."""
        config = self.config
        oldest = int(np.searchsorted(numbers, self._next)) - config.smoothing_reach
        if config.rate is not None:
            if len(done) and oldest <= 0:
                return 0
            # Without any instant so far, those to come reach back from the packets Hampel is not done with.
            last_clean = held.timestamps[-1 - config.hampel :][0]
            earliest = done.timestamps[min(oldest, len(done) - 1)] if len(done) else last_clean
            oldest = int(np.searchsorted(held.timestamps, earliest - config.max_gap - 2 * ROUNDING))
        return max(0, oldest - config.hampel)


def concatenate(captures: Sequence[Capture]) -> Capture:
    """Captures that follow one another as one, with the metadata of the first and the reports of all.

    Args:
        captures: at least one; of the same antennas and subcarriers, in the order of their times.

    Raises:
        DataError: they do not follow one another. Fields that only some of them recorded are left out.
    """
    first = captures[0]
    for one, other in zip(captures[:-1], captures[1:], strict=True):
        if (one.rx, one.tx) != (other.rx, other.tx) or not np.array_equal(one.subcarriers, other.subcarriers):
            raise DataError(f"{other.source or 'a block'}: {other!r} does not continue {one!r}: one layout at a time")
        if len(one) and len(other) and other.timestamps[0] < one.timestamps[-1]:
            raise DataError(
                f"{other.source or 'a block'} starts at {other.timestamps[0]:.6f} s, before the end of what precedes "
                f"it, {one.timestamps[-1]:.6f} s: give the packets in the order of their times"
            )
    optional = ("rssi", "noise_floor", "agc", "rssi_antennas")
    recorded = {name: [getattr(capture, name) for capture in captures] for name in optional}
    shared = set.intersection(*(set(capture.fields) for capture in captures))
    report = Report()
    for capture in captures:
        report.merge(capture.report)
    return replace(
        first,
        **{name: np.concatenate([getattr(c, name) for c in captures]) for name in ("csi", "valid", "timestamps")},
        **{name: None if any(v is None for v in vs) else np.concatenate(vs) for name, vs in recorded.items()},
        fields={name: np.concatenate([c.fields[name] for c in captures]) for name in first.fields if name in shared},
        report=report,
    )


def _unless_empty(capture: Capture | None) -> Iterator[Capture]:
    if capture is not None and len(capture):
        yield capture
