"""Named arrays out of NPZ, MATLAB and HDF5 files, through one pair of functions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError
from .hdf5_arrays import in_words, list_hdf5, load_hdf5, looks_like_hdf5
from .mat5 import read_mat5
from .npz_arrays import list_npz, load_npz, looks_like_npz

#: What is read out of a file may be this many times its size ...
GROWTH = 100
#: ... or this many bytes, whichever is more. Recorded CSI compresses about five times
#: (``python benchmarks/containers.py``), a bomb a thousand times.
FLOOR = 64_000_000

_MATLAB_5 = b"MATLAB 5.0 MAT-file"


def allowed_bytes(path: str | Path) -> int:
    """How many bytes the arrays of a file may have together: see :data:`GROWTH` and :data:`FLOOR`.

    Raises:
        DataError: missing or unreadable.
    """
    try:
        return max(FLOOR, GROWTH * Path(path).stat().st_size)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); check the path") from error


def looks_like_arrays(head: bytes) -> bool:
    """Whether a file beginning with ``head`` is an NPZ, MATLAB or HDF5 file."""
    return head.startswith(_MATLAB_5) or looks_like_npz(head) or looks_like_hdf5(head)


def list_arrays(path: str | Path) -> dict[str, tuple[tuple[int, ...], Any]]:
    """Name -> shape and dtype of each array, in MATLAB files as MATLAB shows it.

    Raises:
        DataError: damaged, or none of these kinds of file.
    """
    head = _head(path)
    if looks_like_npz(head):
        return list_npz(path)
    if looks_like_hdf5(head):
        return list_hdf5(path)
    return {name: (array.shape, array.dtype) for name, array in _matlab_5(path).items()}


def load_arrays(path: str | Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    """The arrays called ``names``, in shapes as :func:`list_arrays` gives them.

    Raises:
        DataError: one is missing (the message lists what is there), holds no numbers, or all are larger than
            :func:`allowed_bytes`; or the file is damaged.
    """
    head, largest = _head(path), allowed_bytes(path)
    if looks_like_hdf5(head):
        return load_hdf5(path, names, largest=largest)
    found = list_arrays(path)
    missing = [name for name in names if name not in found]
    if missing:
        raise DataError(f"{path}: no array {missing[0]!r}; there is {in_words(found)}")
    return load_npz(path, names, largest=largest) if looks_like_npz(head) else _only(_matlab_5(path), names)


def _only(arrays: dict[str, np.ndarray], names: Sequence[str]) -> dict[str, np.ndarray]:
    return {name: arrays[name] for name in names}


def _matlab_5(path: str | Path) -> dict[str, np.ndarray]:
    largest = allowed_bytes(path)
    try:
        return read_mat5(Path(path).read_bytes(), largest=largest)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def _head(path: str | Path) -> bytes:
    try:
        with Path(path).open("rb") as file:
            return file.read(65536)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); check the path") from error
