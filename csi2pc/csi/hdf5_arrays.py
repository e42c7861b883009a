"""Arrays out of a foreign HDF5 file, or a MATLAB 7.3 file, which is one.

The HDF5 library crashes on some damaged files, so :func:`list_hdf5` and :func:`load_hdf5` read in a process of their
own (:mod:`~csi2pc.csi.isolated`). Links to other files, and data outside the file, are not followed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError
from .isolated import run_isolated

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_MATLAB = b"MATLAB 7.3 MAT-file"
#: Arrays beyond this number are not listed.
MOST_LISTED = 200
#: Names of real and imaginary part that complex numbers are stored under: by MATLAB, and by h5py and others.
_COMPLEX_FIELDS = ({"real", "imag"}, {"r", "i"})


def looks_like_hdf5(head: bytes) -> bool:
    """Whether an HDF5 file may begin with ``head``: the signature stands at 0, or at 512, 1024, 2048 ..."""
    return any(head[at : at + len(_SIGNATURE)] == _SIGNATURE for at in (0, *(512 << n for n in range(8))))


def looks_like_matlab_73(head: bytes) -> bool:
    """Whether it is the HDF5 file that MATLAB's ``save(..., '-v7.3')`` writes: dimensions are stored in reverse."""
    return head.startswith(_MATLAB) and looks_like_hdf5(head)


def list_hdf5(path: str | Path) -> dict[str, tuple[tuple[int, ...], np.dtype | str]]:
    """Name -> shape and dtype of every array, :data:`MOST_LISTED` at most; in MATLAB files as MATLAB shows it.

    Raises:
        DataError: the file is damaged, or ends the process that reads it.
    """
    value, _ = run_isolated(f"{__name__}:_list", str(path), source=path, largest=0)
    return {name: (tuple(shape), dtype) for name, shape, dtype in value}


def load_hdf5(path: str | Path, names: Sequence[str], *, largest: int) -> dict[str, np.ndarray]:
    """The arrays called ``names``, in the shapes that :func:`list_hdf5` gives.

    Args:
        path: the file.
        names: with their groups, ``"run1/csi"``.
        largest: bytes that they may have together.

    Raises:
        DataError: one is missing, holds no numbers, was never fully written, lies outside the file, or they are too
            large; or the file is damaged.
    """
    backwards, arrays = run_isolated(f"{__name__}:_load", str(path), list(names), largest, source=path, largest=largest)
    return {name: array.T if backwards else array for name, array in arrays.items()}


def in_words(arrays: dict[str, tuple[tuple[int, ...], Any]]) -> str:
    """What a file holds, for messages: ``"H (1000, 3, 114) complex64, t (1000,) float64"``."""
    return ", ".join(f"{name} {shape} {dtype}" for name, (shape, dtype) in arrays.items()) or "no arrays of numbers"


def _list(path: str) -> tuple[list[tuple[str, list[int], str]], dict[str, np.ndarray]]:
    with _open(path) as file:
        try:
            return _rows(file, path), {}
        except DataError as error:
            raise DataError(f"{path}: {error}") from error


def _rows(file: Any, path: str) -> list[tuple[str, list[int], str]]:
    import h5py

    rows: list[tuple[str, list[int], str]] = []
    backwards = _is_matlab(path)

    def visit(name: str, item: Any) -> bool | None:
        if isinstance(item, h5py.Dataset) and item.shape is not None and not name.startswith("#refs#"):
            rows.append((name, list(item.shape[::-1] if backwards else item.shape), str(item.dtype)))
        return True if len(rows) >= MOST_LISTED else None

    try:
        file.visititems(visit)
    except Exception as error:  # whatever h5py makes of damage
        raise DataError(f"damaged HDF5 file ({error})") from error
    return rows


def _load(path: str, names: list[str], largest: int) -> tuple[bool, dict[str, np.ndarray]]:
    arrays = {}
    with _open(path) as file:
        for name in names:
            try:
                dataset = _dataset(file, name)
                if dataset is None:
                    found = {row[0]: (tuple(row[1]), row[2]) for row in _rows(file, path)}
                    raise DataError(f"no array {name!r}; there is {in_words(found)}")
                size = math.prod(dataset.shape) * dataset.dtype.itemsize
                if size > largest:
                    raise DataError(
                        f"array {name!r} has {size} bytes, {largest} are left of those allowed for a file of this size"
                    )
                largest -= size
                arrays[name] = _numbers(dataset[()], name)
            except DataError as error:
                raise DataError(f"{path}: {error}") from error
            except Exception as error:
                raise DataError(f"{path}: array {name!r} cannot be read ({error}); the file is damaged") from error
    return _is_matlab(path), arrays


def _is_matlab(path: str) -> bool:
    with open(path, "rb") as file:
        return looks_like_matlab_73(file.read(1024))


def _open(path: str) -> Any:
    import h5py

    try:
        return h5py.File(path, "r")
    except Exception as error:
        raise DataError(f"{path}: cannot be opened as an HDF5 file ({error}); it is damaged or cut off") from error


def _dataset(file: Any, name: str) -> Any:
    """The ``h5py.Dataset``, or None where there is none of this name; soft and external links are not followed."""
    import h5py

    item = file
    for part in [part for part in name.split("/") if part]:
        link = item.get(part, getlink=True) if isinstance(item, h5py.Group) and part in item else None
        if not isinstance(link, h5py.HardLink):
            return None
        item = item[part]
    if not isinstance(item, h5py.Dataset) or item.shape is None:
        return None
    if item.is_virtual or item.external:
        raise DataError(f"array {name!r} lies in other files; copy it into this one")
    if not fully_written(item):
        raise DataError(f"array {name!r} was never written in full: the recording was cut off")
    return item


def fully_written(dataset: Any) -> bool:
    """Whether every part of an ``h5py.Dataset`` is there; what was never written would read as zeros."""
    if dataset.chunks is None:
        return dataset.size == 0 or dataset.id.get_storage_size() > 0
    chunks = math.prod(-(-length // step) for length, step in zip(dataset.shape, dataset.chunks, strict=True))
    return dataset.id.get_num_chunks() >= chunks


def _numbers(values: np.ndarray, name: str) -> np.ndarray:
    values = np.asarray(values)
    if values.dtype.names and set(values.dtype.names) in _COMPLEX_FIELDS:
        real, imaginary = (values[field] for field in sorted(values.dtype.names, reverse=True))
        whole = np.empty(values.shape, dtype=np.result_type(real.dtype, np.complex64))
        whole.real, whole.imag = real, imaginary
        return whole
    if values.dtype.kind not in "biufc":
        raise DataError(f"array {name!r} holds {values.dtype}, not numbers")
    return values.astype(values.dtype.newbyteorder("="), copy=False)
