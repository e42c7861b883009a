"""The clocks of receivers: counters that wrap around, packets logged twice, clocks that run backwards."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

#: A backward jump of a wrapping counter is a wrap-around if the pause would then be at most this (s).
LONGEST_PAUSE = 60.0

#: Why a packet was left out on account of its time.
OUT_OF_LINE = "clock out of line with the packets before and after"
BACKWARDS = "clock ran backwards; only the longest run of packets is kept"
REPEATED = "repeated packet"


def unwrap_clock(ticks: np.ndarray, *, bits: int = 32, tick: float = 1e-6) -> np.ndarray:
    """Seconds from a counter of ``bits`` bits (logged signed or unsigned), wrap-arounds undone.

    Args:
        ticks: int ``(n,)`` in the order of arrival.
        bits: width of the counter, at most 62.
        tick: seconds a tick; receivers count microseconds as a rule.

    Returns:
        float64 ``(n,)``; steps back that are no wrap-around (see :data:`LONGEST_PAUSE`) are left in.
    """
    period = 1 << bits
    ticks = np.asarray(ticks, dtype=np.int64) % period
    steps = np.diff(ticks)
    wraps = (steps < 0) & (steps + period <= LONGEST_PAUSE / tick)
    turns = np.concatenate([[0], np.cumsum(wraps)])[: len(ticks)]
    return (ticks + turns * period) * tick


def out_of_line(seconds: np.ndarray) -> np.ndarray:
    """bool ``(n,)``: single times above the next or below the last, while these two are in order themselves."""
    out = np.zeros(len(seconds), dtype=bool)
    if len(seconds) < 3:
        return out
    before, here, after = seconds[:-2], seconds[1:-1], seconds[2:]
    high = (here > after) & (after >= before)
    low = (here < before) & (after >= before)
    low[1:] &= ~high[:-1]
    out[1:-1] = high | low
    return out


def repeated(seconds: np.ndarray, alike: Callable[[int, int], bool]) -> np.ndarray:
    """bool ``(n,)``: the packet has the time of the one before it, and is alike in everything else.

    Args:
        seconds: ``(n,)`` in the order of arrival.
        alike: whether the packets at two positions hold the same; asked only where their times are equal.
    """
    same = np.zeros(len(seconds), dtype=bool)
    for i in np.flatnonzero(np.diff(seconds) == 0) + 1:
        same[i] = alike(int(i) - 1, int(i))
    return same


def in_order(seconds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which packets can be kept so that time never decreases; nothing is ever sorted.

    One packet out of line with both its neighbours goes. Where the clock runs backwards for good (the receiver
    restarted), only the longest run of packets stays.

    Args:
        seconds: ``(n,)`` finite, in the order of arrival.

    Returns:
        bool ``(n,)`` masks: kept, and out of line; what is in neither belongs to a shorter run.
    """
    odd = out_of_line(seconds)
    inside = np.flatnonzero(~odd)
    borders = np.flatnonzero(np.diff(seconds[inside]) < 0) + 1
    runs = [slice(a, b) for a, b in zip([0, *borders], [*borders, len(inside)], strict=True)]
    kept = np.zeros(len(seconds), dtype=bool)
    kept[inside[max(runs, key=lambda run: run.stop - run.start)]] = True
    return kept, odd
