"""Windows as packets come: the same windows, on the same clock, as those cut from the finished capture."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..errors import ConfigError
from ..types import Capture, Report
from .prepare_config import PrepareConfig
from .resample import ROUNDING, gapless_runs
from .stream import PrepareStream, concatenate
from .windows import BEGINNING, clock_count, clock_start, windows_at

#: Seconds without a packet over which windows are counted as rejected without being cut one by one.
PAUSE = 10.0


@dataclass(frozen=True, eq=False)
class CutWindows:
    """Windows that became complete.

    Attributes:
        features: float32 ``(K, A, S, C, T)``.
        valid: bool ``(K, A, S, T)``.
        times: float64 ``(K,)``, their centres, seconds on the capture's clock.
        rejected: how many others were not measured well enough.
    """

    features: np.ndarray
    valid: np.ndarray
    times: np.ndarray
    rejected: int = 0

    def __len__(self) -> int:
        return len(self.times)


class WindowStream:
    """Prepares packets and cuts windows as soon as nothing that may still come can change them.

    What it returns is what :func:`~csi2pc.csi.windows.clock`, :func:`~csi2pc.csi.prepare.prepare` and
    :func:`~csi2pc.csi.windows.windows_at` give for all packets together: exactly where preparing works packet by
    packet, within what :class:`~csi2pc.csi.stream.PrepareStream` states where it filters in time. The first windows
    come once :data:`~csi2pc.csi.windows.BEGINNING` packets are there.
    """

    def __init__(self, config: PrepareConfig, *, rate: float) -> None:
        """``rate``: windows a second, more than 0 (else :class:`~csi2pc.errors.ConfigError`)."""
        if not 0 < rate < float("inf"):
            raise ConfigError(f"rate must be more than 0 windows a second; got {rate}: MM-Fi's targets come at 10")
        self.config, self.rate = config, rate
        self._prepare = PrepareStream(config)
        self._first = np.empty(0)  # times of the first packets
        self._last = -np.inf
        self._start: tuple[float, float] | None = None
        self._next = 0
        self._held: Capture | None = None
        # How far before its centre a window's packets may lie, and how far behind it.
        self._reach = config.duration / 2 + config.tolerance * config.duration / config.window + ROUNDING

    def push(self, block: Capture) -> list[CutWindows]:
        """Take in the packets that follow, as a reader returns them; return what became complete.

        Raises:
            DataError: the block does not continue the capture, or lacks what the configuration asks for.
        """
        if not len(block):
            return []
        self._first = np.concatenate([self._first, block.timestamps])[:BEGINNING]
        self._last = float(block.timestamps[-1])
        self._hold(self._prepare.push(block))
        if self._start is None and len(self._first) == BEGINNING:
            self._start = clock_start(self._first)
        return self._cut(final=False)

    def finish(self) -> list[CutWindows]:
        """Return the rest, for which no more packets will come."""
        if not len(self._first):
            return []
        if (rest := self._prepare.finish()) is not None:
            self._hold(rest)
        self._start = clock_start(self._first)
        return self._cut(final=True)

    def _hold(self, prepared: Capture) -> None:
        if self._held is not None and not len(prepared):
            return
        held = prepared if self._held is None else concatenate([self._held, prepared])
        self._held = replace(held, report=Report())

    def _cut(self, *, final: bool) -> list[CutWindows]:
        if self._start is None or self._held is None:
            return []
        start, half = self._start
        count = clock_count(start, self._last + half, self.rate)
        count = max(1, count) if final else min(count, self._complete())
        cut = []
        for run in gapless_runs(self._held.timestamps, max_gap=max(PAUSE, 4 * self._reach)):
            first, last = self._held.timestamps[run.start], self._held.timestamps[run.stop - 1]
            # One window more on each side than can touch the run: rounding must not decide.
            low = min(count, max(self._next, int((first - self._reach - start) * self.rate) - 1))
            high = min(count, max(low, int((last + self._reach - start) * self.rate) + 2))
            cut.append(self._windows(low, high, rejected=low - self._next))
            self._next = high
        if final and self._next < count:
            cut.append(self._windows(count, count, rejected=count - self._next))
            self._next = count
        self._let_go()
        return [windows for windows in cut if len(windows) or windows.rejected]

    def _complete(self) -> int:
        """How many windows, from the first, lie before the last prepared packet with all that they look at."""
        if not len(self._held):
            return 0
        start, seen = self._start[0], self._held.timestamps[-1]
        number = max(self._next, int((seen - self._reach - start) * self.rate) - 2)
        while start + (number + 0.5) / self.rate + self._reach <= seen:
            number += 1
        return number

    def _windows(self, low: int, high: int, *, rejected: int) -> CutWindows:
        times = self._start[0] + (np.arange(low, high) + 0.5) / self.rate
        windows = windows_at(self._held, times, self.config)
        rejected += len(times) - len(windows)
        return CutWindows(windows.features, windows.valid, times[windows.kept], rejected)

    def _let_go(self) -> None:
        """Forget packets that no window to come looks at."""
        oldest = self._start[0] + (self._next + 0.5) / self.rate - self._reach
        keep = int(np.searchsorted(self._held.timestamps, oldest - ROUNDING))
        self._held = self._held.select(slice(keep, None))
