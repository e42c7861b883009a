"""Reading many files: in this process, or in several with the order kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from ..errors import CSI2PCError
from ..progress import track


@dataclass(frozen=True)
class _Raised:
    """An error on its way to the process that asked."""

    error: CSI2PCError


class _Applied(Dataset):
    """``function(items[i])`` as a data set, so that torch's loader does the work of starting processes.

    The loader would put a worker's whole traceback into an error's message and change the class of some; our own
    errors, which say what to do, therefore travel as values. Any other error is a fault of the program, and its
    traceback is welcome.
    """

    def __init__(self, function: Callable[[Any], Any], items: Sequence[Any]) -> None:
        self.function, self.items = function, items

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Any:
        try:
            return self.function(self.items[index])
        except CSI2PCError as error:
            return _Raised(error)


def _unchanged(value: Any) -> Any:
    return value


def map_in_order(
    function: Callable[[Any], Any], items: Sequence[Any], *, workers: int, description: str
) -> Iterator[Any]:
    """Yield ``function(item)`` for every item in order, with progress.

    Args:
        function: picklable; an error it raises ends the whole, so it returns what it wants counted. The project's
            own errors arrive as they were raised, whatever the number of workers.
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
    for result in track(loader, description=description, total=len(items)):
        if isinstance(result, _Raised):
            raise result.error
        yield result
