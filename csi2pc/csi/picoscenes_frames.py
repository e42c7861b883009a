"""Where the frames of a PicoScenes log stand, and the segments in each; every length checked before it is used.

A log is a chain of frames: length (32 bits, without itself), a magic number, a version, the number of segments, the
segments, and the packet itself as it was received. A segment is a length (32 bits, without itself), its name, a version
and its content. All numbers are little-endian. Source: the open parsing library of PicoScenes (RXS-Parsing-Core).
"""

from __future__ import annotations

import functools
import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..types import Report

MAGIC = 0x20150315
#: The only version of the frame's header there is so far.
FRAME_VERSION = 1
#: Longest name of a segment that is believed; the library's own have up to 16 letters.
LONGEST_NAME = 48

_HEADER = struct.Struct("<IIHB")
_SEGMENT = struct.Struct("<IB")
_VERSION = struct.Struct("<H")
#: Magic number and version, as they stand in the file.
_MARK = struct.pack("<IH", MAGIC, FRAME_VERSION)
_BLOCK = 1 << 20


class Segment(NamedTuple):
    """Version and place (first byte, last + 1) of a segment's content."""

    version: int
    begin: int
    end: int


class Frame(NamedTuple):
    """Segments by name, and the place of the received packet."""

    number: int
    segments: dict[str, Segment]
    packet: tuple[int, int]


def frame_at(data: memoryview, begin: int) -> tuple[dict[str, Segment], int, int] | None:
    """Segments of the frame that begins there, where they end and where the frame ends; None if there is no whole one.

    Args:
        data: the file.
        begin: any position.
    """
    if begin + _HEADER.size > len(data):
        return None
    length, magic, version, count = _HEADER.unpack_from(data, begin)
    end = begin + 4 + length
    if magic != MAGIC or version != FRAME_VERSION or end > len(data):
        return None
    segments, at = {}, begin + _HEADER.size
    for _ in range(count):
        found = _segment_at(data, at, end)
        if found is None:
            return None
        name, segment = found
        segments[name] = segment
        at = segment.end
    return segments, at, end


def _segment_at(data: memoryview, begin: int, limit: int) -> tuple[str, Segment] | None:
    if begin + _SEGMENT.size > limit:
        return None
    length, letters = _SEGMENT.unpack_from(data, begin)
    end, name_at = begin + 4 + length, begin + _SEGMENT.size
    content = name_at + letters + _VERSION.size
    if end > limit or content > end or not 0 < letters <= LONGEST_NAME:
        return None
    name = _name(bytes(data[name_at : name_at + letters]))
    if not name:
        return None
    return name, Segment(_VERSION.unpack_from(data, name_at + letters)[0], content, end)


@functools.lru_cache(maxsize=256)
def _name(letters: bytes) -> str:
    """A segment's name; empty where it is none. Later versions count a closing zero as a letter."""
    name = letters.removesuffix(b"\0")
    return name.decode("ascii") if name.isalnum() else ""


def begins_frame(head: bytes, begin: int = 0) -> bool:
    """Whether a frame begins there: its header and the first segment's name are right; the rest may be cut off."""
    if begin + _HEADER.size + _SEGMENT.size > len(head) or head[begin + 4 : begin + 4 + len(_MARK)] != _MARK:
        return False
    at = begin + _HEADER.size + _SEGMENT.size
    letters = head[at - 1]
    return 0 < letters <= LONGEST_NAME and len(head) >= at + letters and bool(_name(bytes(head[at : at + letters])))


def find_frames(data: np.ndarray, path: Path, report: Report) -> list[Frame]:
    """All whole frames, in the order of the file, numbered from 1; what lies between them is listed and skipped.

    A frame whose length leads to no other frame is kept if no other frame begins before its segments end; the search
    goes on behind them.
    """
    view, frames, at = memoryview(data), [], 0
    while at < len(data):
        found = frame_at(view, at)
        if found is None:
            following = _next_frame(view, at + 1)
            whole_header = at + _HEADER.size <= len(data) and bytes(view[at + 4 : at + 4 + len(_MARK)]) == _MARK
            cut = following == len(data) and (whole_header or len(data) - at < _HEADER.size)
            report.skip(f"{path} byte {at}", "record cut off by the end of the file" if cut else "damaged record")
            at = following
            continue
        segments, packet, end = found
        if end < len(data) and not _starts(view, end):
            following = _next_frame(view, at + _HEADER.size)
            if following < packet:
                report.skip(f"{path} byte {at}", "damaged record")
                at = following
                continue
            end = min(end, following)
        frames.append(Frame(len(frames) + 1, segments, (packet, end)))
        at = end
    return frames


def _starts(data: memoryview, begin: int) -> bool:
    return bytes(data[begin + 4 : begin + 4 + len(_MARK)]) == _MARK


def _next_frame(data: memoryview, begin: int) -> int:
    """Where the next frame begins, or the end of the file."""
    for start in range(begin, len(data), _BLOCK):
        piece = bytes(data[start : start + _BLOCK + len(_MARK) + LONGEST_NAME + _HEADER.size])
        at = piece.find(_MARK, 4)
        while 0 <= at < _BLOCK + 4:
            if begins_frame(piece, at - 4):
                return start + at - 4
            at = piece.find(_MARK, at + 1)
    return len(data)
