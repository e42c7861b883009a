"""Packets of a pcap file (libpcap's format, both byte orders, microseconds or nanoseconds); pcapng is in its own file.

Source: the format's description, draft-ietf-opsawg-pcap. Every length is checked; behind damage the next packet is
searched for.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..types import Report

#: First four bytes -> byte order, and parts of a second in the clock.
MAGIC = {
    b"\xa1\xb2\xc3\xd4": (">", 10**6), b"\xd4\xc3\xb2\xa1": ("<", 10**6),
    b"\xa1\xb2\x3c\x4d": (">", 10**9), b"\x4d\x3c\xb2\xa1": ("<", 10**9),
}  # fmt: skip
#: Largest packet that is believed (bytes): libpcap's own limit.
LARGEST = 262144

_FILE_HEADER, _RECORD_HEADER = 24, 16
#: A packet found behind damage must be within this time of the last one before it (s).
_DAY = 86400

CUT = "record cut off by the end of the file"
DAMAGED = "damaged record"


@dataclass(frozen=True, eq=False)
class Frames:
    """Captured packets, in the order of the file.

    Attributes:
        start, length: int64 ``(n,)``: where a packet's bytes stand in the file.
        whole: bool ``(n,)``: captured to its end, not cut by the capture's snapshot length.
        seconds: float64 ``(n,)`` since 1970.
        link: int64 ``(n,)``: link-layer type, 1 for Ethernet.
    """

    start: np.ndarray
    length: np.ndarray
    whole: np.ndarray
    seconds: np.ndarray
    link: np.ndarray

    def select(self, keep: np.ndarray) -> Frames:
        """Some of the packets, by a bool mask or positions."""
        return Frames(self.start[keep], self.length[keep], self.whole[keep], self.seconds[keep], self.link[keep])


def frames_of(rows: list[tuple[int, int, int, float, int]]) -> Frames:
    """From (start, captured length, original length, seconds, link) row by row."""
    start, length, original, seconds, link = (list(column) for column in zip(*rows, strict=True)) if rows else [[]] * 5
    length = np.array(length, dtype=np.int64)
    return Frames(
        np.array(start, dtype=np.int64), length, length >= np.array(original, dtype=np.int64),
        np.array(seconds, dtype=np.float64), np.array(link, dtype=np.int64),
    )  # fmt: skip


def read_pcap(data: np.ndarray, path: Path, report: Report) -> Frames:
    """The packets of a pcap file.

    Args:
        data: uint8, the whole file; its first four bytes are one of :data:`MAGIC`.
        path: for the report.
        report: damaged stretches are listed here.
    """
    order, parts = MAGIC[data[:4].tobytes()]
    if len(data) < _FILE_HEADER:
        report.skip(f"{path} byte 0", CUT)
        return frames_of([])
    link = struct.unpack_from(f"{order}I", data, 20)[0] & 0x0FFFFFFF
    header = struct.Struct(f"{order}IIII")
    rows: list[tuple[int, int, int, float, int]] = []
    at, size, last = _FILE_HEADER, len(data), None
    while at < size:
        seconds, part, kept, sent = header.unpack_from(data, at) if at + _RECORD_HEADER <= size else (0, 0, 0, 0)
        following = at + _RECORD_HEADER + kept
        if 0 < kept <= sent and kept <= LARGEST and part < parts and following <= size:
            rows.append((at + _RECORD_HEADER, kept, sent, seconds + part / parts, link))
            at, last = following, seconds
            continue
        # the packet before may be the damaged one, its length leading astray: search from its own bytes on
        begin = rows[-1][0] if rows else at + 1
        found = _next_record(data, begin, order, parts, last)
        if found is not None and found < at:
            at = rows.pop()[0] - _RECORD_HEADER
        report.skip(f"{path} byte {at}", CUT if found is None else DAMAGED)
        at = size if found is None else found
    return frames_of(rows)


def _next_record(data: np.ndarray, begin: int, order: str, parts: int, last: int | None) -> int | None:
    """Where the next record begins: its header is sound, and another sound header, or the end, follows on it."""
    block = 2048
    while begin + _RECORD_HEADER <= len(data):
        piece = data[begin : begin + block + _RECORD_HEADER - 1]
        windows = np.lib.stride_tricks.sliding_window_view(piece, _RECORD_HEADER)
        headers = np.ascontiguousarray(windows).view(f"{order}u4").astype(np.int64)  # (m, 4)
        for offset in np.flatnonzero(_sound(headers, parts, last)).tolist():
            following = begin + offset + _RECORD_HEADER + int(headers[offset, 2])
            if following == len(data):
                return begin + offset
            if following + _RECORD_HEADER <= len(data):
                after = data[following : following + _RECORD_HEADER].view(f"{order}u4").astype(np.int64)
                if _sound(after[None], parts, int(headers[offset, 0]))[0]:
                    return begin + offset
        begin += len(windows)
        block = min(2 * block, 1 << 16)
    return None


def _sound(headers: np.ndarray, parts: int, last: int | None) -> np.ndarray:
    """bool ``(n,)`` of headers ``(n, 4)``: seconds, parts of a second, captured and original length."""
    seconds, part, kept, sent = headers.T
    sound = (part < parts) & (kept > 0) & (kept <= sent) & (sent <= LARGEST)
    return sound if last is None else sound & (np.abs(seconds - last) <= _DAY)
