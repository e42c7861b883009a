"""Point Cloud Data (PCD) files: text, binary and compressed binary."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import DataError

#: Bytes within which the header must end.
HEADER = 65536
#: Bytes that one byte of LZF can stand for at most: a reference of 3 bytes copies up to 264.
EXPANSION = 88
_KINDS = {"F": "f", "I": "i", "U": "u"}


@dataclass(frozen=True)
class Header:
    """What a PCD header says: ``points`` rows of ``row`` (one field a name, as often as COUNT says), then ``data``."""

    points: int
    row: np.dtype
    data: str


def read_pcd(path: str | Path) -> np.ndarray:
    """Read x, y, z of a PCD file: ``(N, 3)`` float64, in the file's own unit.

    Points whose coordinates are NaN are left out: so the format writes a place in an organised cloud at which
    nothing was measured.

    Raises:
        DataError: missing, without fields x, y, z of one number each, or cut short or damaged.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    try:
        header, body = _header(content)
        rows = {"ascii": _ascii, "binary": _binary, "binary_compressed": _compressed}[header.data](header, body)
        with np.errstate(invalid="ignore"):  # signalling NaN
            points = np.stack([np.asarray(rows[axis], dtype=np.float64) for axis in "xyz"], axis=1)  # (N, 3)
    except (ValueError, KeyError, IndexError) as error:
        raise DataError(f"{path} is not a whole PCD file with the fields x, y, z: {error}") from error
    return points[~np.isnan(points).any(axis=1)]


def _header(content: bytes) -> tuple[Header, bytes]:
    words: dict[str, list[str]] = {}
    position = 0
    while "DATA" not in words:
        end = content.find(b"\n", position, HEADER)
        if end < 0:
            raise ValueError("its header has no line DATA")
        line = content[position:end].decode("ascii", errors="replace").split("#")[0].split()
        if line:
            words[line[0].upper()] = line[1:]
        position = end + 1
    fields = words.get("FIELDS", [])
    if len(set(fields)) < len(fields):  # padding is called _, as often as there is some
        fields = [name if fields.count(name) == 1 else f"{name}{n}" for n, name in enumerate(fields)]
    if not {"x", "y", "z"} <= set(fields):
        raise ValueError(f"its fields are {fields}")
    sizes, kinds, counts = (
        words.get(name, [usual] * len(fields)) for name, usual in (("SIZE", "4"), ("TYPE", "F"), ("COUNT", "1"))
    )
    columns = [
        (name, f"<{_KINDS[kind]}{int(size)}", () if int(count) == 1 else (int(count),))
        for name, size, kind, count in zip(fields, sizes, kinds, counts, strict=True)
    ]
    try:
        row = np.dtype(columns)
    except TypeError as error:
        raise ValueError(str(error)) from error
    if any(row[axis].shape for axis in "xyz"):
        raise ValueError("x, y and z must be one number each")
    data = (words["DATA"] or [""])[0].lower()
    if data not in ("ascii", "binary", "binary_compressed"):
        raise ValueError(f"DATA must be ascii, binary or binary_compressed; got {data!r}")
    points = int(words["POINTS"][0]) if "POINTS" in words else int(words["WIDTH"][0]) * int(words["HEIGHT"][0])
    if points < 0:
        raise ValueError(f"it promises {points} points")
    return Header(points, row, data), content[position:]


def _ascii(header: Header, body: bytes) -> dict[str, np.ndarray]:
    widths = [int(np.prod(header.row[name].shape, dtype=int)) for name in header.row.names]
    starts = dict(zip(header.row.names, np.cumsum([0, *widths]).tolist(), strict=False))
    lines = [words for words in map(bytes.split, body.splitlines()) if words]
    if len(lines) != header.points:
        raise ValueError(f"its header promises {header.points} points, it holds {len(lines)}")
    if any(len(words) != sum(widths) for words in lines):
        raise ValueError(f"each line must have {sum(widths)} numbers, as its header says")
    return {axis: np.array([float(words[starts[axis]]) for words in lines]) for axis in "xyz"}


def _binary(header: Header, body: bytes) -> np.ndarray:
    needed = header.points * header.row.itemsize
    if len(body) < needed:
        raise ValueError(f"it is cut short: {header.points} points take {needed} bytes, it holds {len(body)}")
    return np.frombuffer(body, dtype=header.row, count=header.points)


def _compressed(header: Header, body: bytes) -> dict[str, np.ndarray]:
    """LZF over the fields one after the other: all x, then all y ..."""
    packed, unpacked = (int.from_bytes(body[at : at + 4], "little") for at in (0, 4))
    if unpacked != header.points * header.row.itemsize:
        raise ValueError(f"{header.points} points take {header.points * header.row.itemsize} bytes, it has {unpacked}")
    if len(body) < 8 + packed or unpacked > EXPANSION * packed:
        raise ValueError(f"it is cut short or damaged: {packed} compressed bytes for {unpacked}, it holds {len(body)}")
    columns = unpack_lzf(body[8 : 8 + packed], unpacked)
    found, start = {}, 0
    for name in header.row.names:
        field = header.row[name]
        if name in ("x", "y", "z"):
            found[name] = np.frombuffer(columns, dtype=field, count=header.points, offset=start)
        start += field.itemsize * header.points
    return found


def unpack_lzf(packed: bytes, size: int) -> bytes:
    """Undo LZF, the compression of PCD files, which is made of literal runs and of references to what came before.

    A first byte below 32 announces that many bytes plus one; else its upper three bits (with 7, a further byte) give
    a length less 2, and the rest with the next byte the distance less 1.

    Raises:
        ValueError: damaged, or not ``size`` bytes when undone.
    """
    out = bytearray()
    at = 0
    while at < len(packed) and len(out) <= size:
        control = packed[at]
        at += 1
        if control < 32:
            out += packed[at : at + control + 1]
            at += control + 1
            continue
        length = control >> 5
        if length == 7:
            length += packed[at]
            at += 1
        start = len(out) - ((control & 31) << 8) - packed[at] - 1
        at += 1
        if start < 0:
            raise ValueError("its compressed data refer to before their beginning")
        length += 2
        run = out[start : start + length]
        out += (run * (length // len(run) + 1))[:length]
    if len(out) != size:
        raise ValueError(f"its compressed data give {len(out)} bytes instead of {size}")
    return bytes(out)
