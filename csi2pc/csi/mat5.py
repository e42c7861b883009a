"""Numeric arrays out of a MATLAB 5 file, every length checked against what is there.

``scipy.io.loadmat`` trusts its input: some frames with a few flipped bytes end the interpreter with a segmentation
fault. Format: MathWorks, "MAT-File Format", Level 5. Sparse, cell, struct and text variables are passed over.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator

import numpy as np

from ..errors import DataError

#: Bytes that all compressed variables of a file together may grow to, unless the caller says otherwise.
LARGEST_CONTENT = 256_000_000
#: NumPy's own limit on dimensions is 32 in its older versions.
_MOST_DIMENSIONS = 32

_HEADER = 128
_MATRIX, _COMPRESSED = 14, 15
#: Storage type -> NumPy type.
_STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
#: Array classes double, single and the integers; the others hold no plain numbers.
_NUMERIC = range(6, 16)
_SINGLE = 7
_COMPLEX, _LOGICAL = 0x08, 0x02


def read_mat5(stored: bytes, *, largest: int = LARGEST_CONTENT) -> dict[str, np.ndarray]:
    """All numeric variables, real, complex and logical.

    Args:
        stored: the whole file.
        largest: bytes that the compressed variables together may grow to.

    Returns:
        Name -> array of the shape MATLAB shows: real numbers in the type they are stored in, complex ones in single
        or double precision, logical ones as bool.

    Raises:
        DataError: this is no MATLAB 5 file, or it is damaged or cut off.
    """
    order = {b"IM": "<", b"MI": ">"}.get(stored[126:128])
    if order is None or not stored.startswith(b"MATLAB 5.0 MAT-file"):
        raise DataError("no MATLAB 5 file; MATLAB's save(..., '-v7') writes one")
    arrays = {}
    for kind, body in _elements(memoryview(stored)[_HEADER:], order):
        if kind == _COMPRESSED:
            content = _decompress(body, largest)
            largest -= len(content)
            unpacked = list(_elements(memoryview(content), order))
            kind, body = unpacked[0] if unpacked else (0, body)
        if kind == _MATRIX:
            variable = _matrix(body, order)
            if variable is not None:
                arrays[variable[0]] = variable[1]
    return arrays


def _elements(data: memoryview, order: str) -> Iterator[tuple[int, memoryview]]:
    """Type and content of each element; content is 8-byte aligned but for compressed elements."""
    at = 0
    while at < len(data):
        if len(data) - at < 8:
            raise DataError(f"damaged: {len(data) - at} bytes left where the next element should begin")
        first, size = (int(word) for word in np.frombuffer(data[at : at + 8], f"{order}u4"))
        start = at + 8
        if first >> 16:  # up to four bytes, packed into the second half of the tag
            first, size, start = first & 0xFFFF, first >> 16, at + 4
            if size > 4:
                raise DataError(f"damaged: a small element of {size} bytes, 4 at most")
        if size > len(data) - start:
            raise DataError(f"cut off or damaged: an element of {size} bytes, {len(data) - start} left")
        yield first, data[start : start + size]
        at = start + size if first == _COMPRESSED else at + 8 * -(-(start - at + size) // 8)


def _decompress(body: memoryview, largest: int) -> bytes:
    unpack = zlib.decompressobj()
    try:
        data = unpack.decompress(body, max(largest, 1))  # 0 would mean no limit
    except zlib.error as error:
        raise DataError(f"damaged: a compressed variable cannot be unpacked ({error})") from error
    if not unpack.eof:
        raise DataError(f"damaged, or compressed variables of more than the {largest} bytes that are allowed")
    return data


def _matrix(body: memoryview, order: str) -> tuple[str, np.ndarray] | None:
    parts = list(_elements(body, order))
    if len(parts) < 4 or len(parts[0][1]) < 4:
        return None
    flags = int(np.frombuffer(parts[0][1][:4], f"{order}u4")[0])
    if flags & 0xFF not in _NUMERIC or parts[3][0] not in _STORED:
        return None
    shape = tuple(int(length) for length in _numbers(parts[1][1], f"{order}i4"))
    name = bytes(parts[2][1]).decode("ascii", "replace")
    values = _values(parts[3], shape, name, order)
    if (flags >> 8) & _COMPLEX:
        if len(parts) < 5 or parts[4][0] not in _STORED:
            raise DataError(f"damaged: variable {name!r} is complex but has no imaginary part")
        imaginary = _values(parts[4], shape, name, order)
        whole = np.empty(values.shape, dtype=np.complex64 if flags & 0xFF == _SINGLE else np.complex128, order="F")
        whole.real, whole.imag = values, imaginary
        return name, whole
    return name, values != 0 if (flags >> 8) & _LOGICAL else values


def _values(part: tuple[int, memoryview], shape: tuple[int, ...], name: str, order: str) -> np.ndarray:
    kind, data = part
    values = _numbers(data, order + _STORED[kind])
    if not 0 < len(shape) <= _MOST_DIMENSIONS or min(shape) < 0 or math.prod(shape) != len(values):
        raise DataError(f"damaged: variable {name!r} should have shape {shape} but holds {len(values)} numbers")
    return values.reshape(shape, order="F").astype(values.dtype.newbyteorder("="))


def _numbers(data: memoryview, dtype: str) -> np.ndarray:
    width = np.dtype(dtype).itemsize
    if len(data) % width:
        raise DataError(f"damaged: {len(data)} bytes are no whole number of {width}-byte numbers")
    return np.frombuffer(data, dtype)
