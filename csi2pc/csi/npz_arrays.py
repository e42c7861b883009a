"""Arrays out of an NPZ file, every size checked against what is there before anything is allocated."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..errors import DataError

#: Kinds of numbers and text that are read; anything else (objects above all) is refused.
KINDS = "biufcSU"
_SUFFIX = ".npy"
#: A header of NumPy's own is well under this; it is looked at no further.
_LONGEST_HEADER = 10_000
_BLOCK = 1 << 20


def looks_like_npz(head: bytes) -> bool:
    """Whether a file beginning with ``head`` is a ZIP archive whose first member is a ``.npy`` file."""
    if not head.startswith(b"PK\x03\x04") or len(head) < 30:
        return False
    return head[30 : 30 + int.from_bytes(head[26:28], "little")].endswith(_SUFFIX.encode())


def list_npz(path: str | Path) -> dict[str, tuple[tuple[int, ...], np.dtype]]:
    """Name -> shape and dtype of every array, from the headers alone.

    Raises:
        DataError: damaged, or it cannot be read.
    """
    found = {}
    with _Opened(path) as archive:
        for info in archive.infolist():
            if info.filename.endswith(_SUFFIX):
                with archive.open(info) as member:
                    shape, _, dtype = _header(member)
                found[info.filename.removesuffix(_SUFFIX)] = (shape, dtype)
    return found


def load_npz(path: str | Path, names: Sequence[str], *, largest: int) -> dict[str, np.ndarray]:
    """The arrays called ``names``.

    Args:
        path: the file.
        names: all must be there.
        largest: bytes that the arrays together may have.

    Raises:
        DataError: an array is missing, holds objects or less than its header says, or they are too large together.
    """
    arrays = {}
    with _Opened(path) as archive:
        for name in names:
            info = archive.getinfo(name + _SUFFIX)
            with archive.open(info) as member:
                arrays[name] = _array(member, info, largest)
            largest -= arrays[name].nbytes
    return arrays


class _Opened:
    """A ZIP archive whose every way of being damaged is a DataError; zipfile, zlib and NumPy have a dozen."""

    def __init__(self, path: str | Path) -> None:
        self.path = path

    def __enter__(self) -> zipfile.ZipFile:
        try:
            self.archive = zipfile.ZipFile(self.path)
        except FileNotFoundError as error:
            raise DataError(f"{self.path}: no such file; check the path") from error
        except Exception as error:
            raise self._damaged(error) from error
        return self.archive

    def __exit__(self, kind: type | None, error: BaseException | None, trace: object) -> None:
        self.archive.close()
        if isinstance(error, DataError):
            raise DataError(f"{self.path}: {error}") from error
        if isinstance(error, Exception):
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> DataError:
        return DataError(f"{self.path} is not a whole NPZ file ({error}); write or copy it again")


def _header(member: io.BufferedIOBase) -> tuple[tuple[int, ...], bool, np.dtype]:
    version = np.lib.format.read_magic(member)
    if version not in ((1, 0), (2, 0)):
        raise DataError(f"an array of NPY version {version}; save it with numpy.savez")
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    return read(member, max_header_size=_LONGEST_HEADER)


def _array(member: io.BufferedIOBase, info: zipfile.ZipInfo, largest: int) -> np.ndarray:
    shape, fortran, dtype = _header(member)
    name = info.filename.removesuffix(_SUFFIX)
    if dtype.kind not in KINDS or dtype.hasobject:
        raise DataError(f"array {name!r} holds {dtype}, not numbers; save it as an array of numbers")
    size = math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or size != info.file_size - member.tell():
        raise DataError(f"damaged: array {name!r} should have shape {shape} of {dtype}, which its bytes do not give")
    if size > largest:
        raise DataError(f"array {name!r} has {size} bytes, {largest} are left of those allowed for a file of this size")
    array = np.empty(shape[::-1] if fortran else shape, dtype)
    left = memoryview(array.reshape(-1).view(np.uint8)) if size else memoryview(b"")
    while len(left):
        block = member.read(min(len(left), _BLOCK))
        if not block:
            raise DataError(f"damaged: array {name!r} ends early")
        left[: len(block)] = block
        left = left[len(block) :]
    member.read(1)  # at the end, the archive's checksum of the member is compared
    return array.T if fortran else array
