"""Reading many files: in this process, or in several with the order kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from ..progress import track


class _Applied(Dataset):
    """``function(items[i])`` as a data set, so that torch's loader does the work of starting processes."""

    def __init__(self, function: Callable[[Any], Any], items: Sequence[Any]) -> None:
        self.function, self.items = function, items

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Any:
        return self.function(self.items[index])


def _unchanged(value: Any) -> Any:
    return value


def map_in_order(
    function: Callable[[Any], Any], items: Sequence[Any], *, workers: int, description: str
) -> Iterator[Any]:
    """Yield ``function(item)`` for every item in order, with progress.

    Args:
        function: picklable; an error it raises ends the whole, so it returns what it wants counted.
        items: what to work on, picklable.
        workers: processes; 0 works in this one.
        description: a few words for the progress line.
    """
    loader = DataLoader(
        _Applied(function, items),
        batch_size=None,
        num_workers=workers,
        collate_fn=_unchanged,
        generator=torch.Generator(),  # its own, so that reading leaves the global random state alone
    )
    yield from track(loader, description=description, total=len(items))
