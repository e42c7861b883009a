"""Progress with time left for everything that takes long: a bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

T = TypeVar("T")

#: Seconds between two lines where the output is no terminal.
LOG_INTERVAL = 10.0

#: One of several processes speaks for all of them.
QUIET = any(os.environ.get(name, "0") != "0" for name in ("RANK", "LOCAL_RANK"))

console = Console(stderr=True, highlight=False, soft_wrap=True, quiet=QUIET)


def track(items: Iterable[T], *, description: str, total: int | None = None) -> Iterator[T]:
    """Yield ``items`` while showing how far along they are and how long is left.

    Args:
        items: anything iterable; ``total`` is needed where it has no length.
        description: a few words, for example ``"epoch 3"``.
        total: number of items.
    """
    if total is None:
        total = len(items)  # type: ignore[arg-type]
    if console.is_terminal:
        yield from _bar(items, description, total)
    else:
        yield from _lines(items, description, total)


def _bar(items: Iterable[T], description: str, total: int) -> Iterator[T]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        yield from progress.track(items, total=total, description=description)


def _lines(items: Iterable[T], description: str, total: int) -> Iterator[T]:
    start = last = time.monotonic()
    for done, item in enumerate(items, 1):
        yield item
        now = time.monotonic()
        if now - last >= LOG_INTERVAL and done < total:
            left = (now - start) / done * (total - done)
            console.print(f"{description}: {done}/{total}, {left:.0f} s left")
            last = now
