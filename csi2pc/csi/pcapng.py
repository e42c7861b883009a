"""Packets of a pcapng file, Wireshark's own format (draft-ietf-opsawg-pcapng)."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from ..types import Report
from .pcap import CUT, DAMAGED, LARGEST, Frames, frames_of

#: First four bytes of a file, the type of a section header block in either byte order.
MAGIC = b"\x0a\x0d\x0d\x0a"

_SECTION, _INTERFACE, _PACKET = 0x0A0D0D0A, 1, 6
_BYTE_ORDERS = {b"\x1a\x2b\x3c\x4d": ">", b"\x4d\x3c\x2b\x1a": "<"}
#: Code of the interface option that holds the clock's resolution, and the resolution without it.
_RESOLUTION, _MICROSECONDS = 9, 1e-6
#: Bytes of a block beside its body: type and length before it, length again behind it.
_FRAME = 12


def read_pcapng(data: np.ndarray, path: Path, report: Report) -> Frames:
    """The packets of a pcapng file. Behind damage the next section or packet block is searched for.

    Args:
        data: uint8, the whole file; it begins with :data:`MAGIC`.
        path: for the report.
        report: damaged stretches are listed here.
    """
    rows: list[tuple[int, int, int, float, int]] = []
    interfaces: list[tuple[int, float]] = []
    order, at, size = "<", 0, len(data)
    while at < size:
        order = _BYTE_ORDERS.get(data[at + 8 : at + 12].tobytes(), order) if _is_section(data, at) else order
        block = _block(data, at, order)
        if block is None:
            found = _next_block(data, at + 1, order)
            report.skip(f"{path} byte {at}", CUT if found is None else DAMAGED)
            at = size if found is None else found
            continue
        kind, length = block
        body, end = at + 8, at + length - 4
        if kind == _SECTION:
            interfaces = []
        elif kind == _INTERFACE and end - body >= 8:
            interfaces.append((struct.unpack_from(f"{order}H", data, body)[0], _tick(data, body + 8, end, order)))
        elif kind == _PACKET:
            row = _packet(data, body, end, order, interfaces)
            if row is None:
                report.skip(f"{path} byte {at}", DAMAGED)
            else:
                rows.append(row)
        at += length
    return frames_of(rows)


def _is_section(data: np.ndarray, at: int) -> bool:
    return data[at : at + 4].tobytes() == MAGIC


def _block(data: np.ndarray, at: int, order: str) -> tuple[int, int] | None:
    """Type and length of the block at a place; None unless both lengths agree and it ends inside the file."""
    if at + _FRAME > len(data):
        return None
    kind, length = struct.unpack_from(f"{order}II", data, at)
    if length % 4 or length < _FRAME or at + length > len(data):
        return None
    return (kind, length) if struct.unpack_from(f"{order}I", data, at + length - 4)[0] == length else None


def _next_block(data: np.ndarray, begin: int, order: str) -> int | None:
    """The next place, at a multiple of four bytes or not, where a packet or section block stands whole."""
    kinds = np.frombuffer(struct.pack(f"{order}II", _SECTION, _PACKET), dtype=np.uint32)
    block = 2048
    while begin + _FRAME <= len(data):
        piece = data[begin : begin + block + 3]
        words = np.ascontiguousarray(np.lib.stride_tricks.sliding_window_view(piece, 4)).view(np.uint32)[:, 0]
        for place in (np.flatnonzero(np.isin(words, kinds)) + begin).tolist():
            if _block(data, place, order) is not None:
                return place
        begin += len(words)
        block = min(2 * block, 1 << 16)
    return None


def _packet(
    data: np.ndarray, body: int, end: int, order: str, interfaces: list[tuple[int, float]]
) -> tuple[int, int, int, float, int] | None:
    if end - body < 20:
        return None
    interface, high, low, kept, sent = struct.unpack_from(f"{order}IIIII", data, body)
    if interface >= len(interfaces) or body + 20 + kept > end or not 0 < kept <= min(sent, LARGEST):
        return None
    link, tick = interfaces[interface]
    return body + 20, kept, sent, (high << 32 | low) * tick, link


def _tick(data: np.ndarray, at: int, end: int, order: str) -> float:
    """Seconds a tick of an interface's clock: a power of ten, or of two where the highest bit is set."""
    while at + 4 <= end:
        code, length = struct.unpack_from(f"{order}HH", data, at)
        if code == _RESOLUTION and length == 1 and at + 5 <= end:
            value = int(data[at + 4])
            return 2.0 ** -(value & 127) if value & 128 else 10.0**-value
        if code == 0:
            break
        at += 4 + (length + 3) // 4 * 4
    return _MICROSECONDS
