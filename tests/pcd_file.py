"""A tiny writer of PCD files for tests, with an LZF packer that finds what it finds."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np


def pack_lzf(data: bytes) -> bytes:
    """LZF: literal runs of up to 32 bytes, references to the last place with the same three bytes."""
    out, literals, seen, at = bytearray(), bytearray(), {}, 0

    def flush() -> None:
        for start in range(0, len(literals), 32):
            run = literals[start : start + 32]
            out.extend([len(run) - 1, *run])
        literals.clear()

    while at < len(data):
        key = data[at : at + 3]
        place = seen.get(key) if len(key) == 3 else None
        seen[key] = at
        if place is None or at - place > 8192:
            literals.append(data[at])
            at += 1
            continue
        length = 3
        while length < 264 and at + length < len(data) and data[place + length] == data[at + length]:
            length += 1
        flush()
        distance = at - place - 1
        head = [(length - 2) << 5 | distance >> 8] if length < 9 else [7 << 5 | distance >> 8, length - 9]
        out.extend([*head, distance & 255])
        at += length
    flush()
    return bytes(out)


def write_pcd(path: Path, points: np.ndarray, *, data: str) -> Path:
    """Points ``(N, 3)`` float32 with an intensity between y and z."""
    names = ("x", "y", "intensity", "z")
    columns = [points[:, 0], points[:, 1], np.full(len(points), 7, np.float32), points[:, 2]]
    header = (
        f"# .PCD v0.7\nVERSION 0.7\nFIELDS {' '.join(names)}\nSIZE 4 4 4 4\nTYPE F F F F\nCOUNT 1 1 1 1\n"
        f"WIDTH {len(points)}\nHEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS {len(points)}\nDATA {data}\n"
    ).encode()
    table = np.stack(columns, axis=1).astype("<f4")
    if data == "ascii":
        body = "".join(" ".join(repr(float(v)) for v in row) + "\n" for row in table).encode()
    elif data == "binary":
        body = table.tobytes()
    else:
        packed = pack_lzf(table.T.tobytes())
        body = struct.pack("<II", len(packed), table.nbytes) + packed
    path.write_bytes(header + body)
    return path
