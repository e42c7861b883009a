"""The clocks of receivers: counters that wrap around, packets logged twice, clocks that run backwards."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

#: A backward jump of a wrapping counter is a wrap-around if the pause would then be at most this (s).
LONGEST_PAUSE = 60.0
#: Damaged clocks in a row that are told from a clock that runs backwards.
MOST_IN_A_ROW = 4

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
    return (np.asarray(ticks, dtype=np.int64) % period + clock_turns(ticks, bits=bits, tick=tick) * period) * tick


def clock_turns(ticks: np.ndarray, *, bits: int = 32, tick: float = 1e-6) -> np.ndarray:
    """How often the counter wrapped around before each packet, int64 ``(n,)``; arguments as :func:`unwrap_clock`.

    One damaged clock near the end of the count is no wrap-around: the packets on both sides must be near it too.
    """
    period = 1 << bits
    ticks = np.asarray(ticks, dtype=np.int64) % period
    steps, near = np.diff(ticks), 2 * LONGEST_PAUSE / tick
    wraps = (steps < 0) & (steps + period <= LONGEST_PAUSE / tick)
    wraps[1:] &= ticks[:-2] >= period - near
    wraps[:-1] &= ticks[2:] <= near
    return np.concatenate([[0], np.cumsum(wraps)])[: len(ticks)]


def out_of_line(seconds: np.ndarray, *, count: int = 1) -> np.ndarray:
    """Damaged times: ``count`` in a row above the next or below the last, while these two are in order themselves.

    Args:
        seconds: ``(n,)`` in the order of arrival.
        count: how many stand between the two.

    Returns:
        bool ``(n,)``.
    """
    out = np.zeros(len(seconds), dtype=bool)
    if len(seconds) < count + 2:
        return out
    before, after = seconds[: -count - 1], seconds[count + 1 :]
    between = np.lib.stride_tricks.sliding_window_view(seconds[1:-1], count)  # (n - count - 1, count)
    wrong = (between > after[:, None]) | (between < before[:, None])
    end = 0
    for start in np.flatnonzero((after >= before) & wrong.all(axis=1)) + 1:
        if start >= end:  # a time that is out itself convicts nobody
            out[start : start + count] = True
            end = start + count + 1
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

    Up to :data:`MOST_IN_A_ROW` packets out of line with those around them go. Where the clock runs backwards for good
    (the receiver restarted), only the longest run of packets stays.

    Args:
        seconds: ``(n,)`` finite, in the order of arrival.

    Returns:
        bool ``(n,)`` masks: kept, and out of line; what is in neither belongs to a shorter run.
    """
    odd = np.zeros(len(seconds), dtype=bool)
    count = 1
    while count <= MOST_IN_A_ROW and np.any(np.diff(seconds[~odd]) < 0):
        found = out_of_line(seconds[~odd], count=count)
        odd[np.flatnonzero(~odd)[found]] = True
        count = 1 if found.any() else count + 1  # what stood beside a damaged time may now be seen to be one
    inside = np.flatnonzero(~odd)
    borders = np.flatnonzero(np.diff(seconds[inside]) < 0) + 1
    runs = [slice(a, b) for a, b in zip([0, *borders], [*borders, len(inside)], strict=True)]
    kept = np.zeros(len(seconds), dtype=bool)
    kept[inside[max(runs, key=lambda run: run.stop - run.start)]] = True
    return kept, odd
