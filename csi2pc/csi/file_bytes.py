"""A binary capture file as an array of bytes, and records out of it by their positions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..errors import DataError

#: Bytes looked at in one piece, so that temporary arrays stay small whatever the size of the file.
BLOCK = 1 << 22


def file_bytes(path: str | Path) -> np.ndarray:
    """uint8 ``(size,)``: the content of a file, mapped into memory and not read until it is used.

    Raises:
        DataError: missing, unreadable or empty.
    """
    path = Path(path)
    try:
        if path.stat().st_size == 0:
            raise DataError(f"{path}: empty file (zero bytes): nothing was captured, or the copy failed")
        return np.asarray(np.memmap(path, dtype=np.uint8, mode="r"))
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); check the path and its permissions") from error


def positions_of(value: int, data: np.ndarray) -> Iterator[np.ndarray]:
    """Positions of the byte ``value``, in increasing order, one array for each :data:`BLOCK` of ``data``."""
    for start in range(0, len(data), BLOCK):
        yield np.flatnonzero(data[start : start + BLOCK] == value) + start


def rows_at(data: np.ndarray, starts: np.ndarray, length: int) -> np.ndarray:
    """uint8 ``(len(starts), length)``: the bytes from each start on; all must lie inside ``data``."""
    if not len(starts):
        return np.empty((0, length), dtype=np.uint8)
    return np.lib.stride_tricks.sliding_window_view(data, length)[starts]


def records_at(data: np.ndarray, starts: np.ndarray, layout: np.dtype) -> np.ndarray:
    """The packed structures ``(len(starts),)`` that begin at each start; all must lie inside ``data``."""
    return rows_at(data, starts, layout.itemsize).view(layout)[:, 0]


def whole_and_apart(starts: np.ndarray, ends: np.ndarray, size: int) -> np.ndarray:
    """Which of the places that look like records are records.

    One must end inside the file. Of two that overlap (bytes are missing in the first, or the second is content of the
    first) the first is taken if another record, or the end of the file, follows on it; else the second.

    Args:
        starts: int ``(n,)``, increasing.
        ends: int ``(n,)``, above ``starts``.
        size: bytes of the file.

    Returns:
        bool ``(n,)``.
    """
    keep = ends <= size
    places = np.flatnonzero(keep)
    if not np.any(starts[places[1:]] < ends[places[:-1]]):
        return keep
    followed = np.isin(ends, starts) | (ends == size)
    last = places[0]
    for i in places[1:]:
        if starts[i] >= ends[last]:
            last = i
        elif followed[last]:
            keep[i] = False
        else:
            keep[last] = False
            last = i
    return keep


def gaps(starts: np.ndarray, ends: np.ndarray, size: int) -> list[tuple[int, int]]:
    """The stretches ``(begin, end)`` of a file of ``size`` bytes that belong to no record."""
    begins, stops = np.append(0, ends), np.append(starts, size)
    return [(int(begins[i]), int(stops[i])) for i in np.flatnonzero(begins < stops)]
