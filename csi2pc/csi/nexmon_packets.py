"""Which packets of a network capture hold Nexmon CSI, and what their headers say.

Nexmon sends one UDP datagram to port 5500 for every frame, receive core and spatial stream. Its payload begins with a
header, of which there are three (sources: ``csi_udp_frame`` in ``csi_extractor.c`` of seemoo-lab/nexmon_csi before and
after its pull requests 46 and 256, and of the branch pi-5.4.51-plus of nexmonster/nexmon_csi), and goes on with one
32-bit word a tone. All of it is little-endian.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..types import Report
from .file_bytes import records_at
from .pcap import Frames

#: The UDP port that Nexmon sends to.
PORT = 5500
#: Numbers of tones, 20, 40 and 80 MHz.
TONES = (64, 128, 256)

#: Link-layer type -> bytes before the IP header: none/raw (12, 101, 228), Ethernet, Linux cooked 1 and 2.
_LINK_HEADER = {1: 14, 12: 0, 101: 0, 113: 16, 228: 0, 276: 20}
_MAGIC = 0x1111

_FIRST = np.dtype([
    ("magic", "<u2"), ("magic_again", "<u2"), ("mac", "u1", 6), ("sequence", "<u2"), ("core_stream", "<u2"),
    ("chanspec", "<u2"), ("chip", "<u2"),
])  # fmt: skip
_WITH_RSSI = np.dtype([
    ("magic", "<u2"), ("rssi", "i1"), ("frame_control", "u1"), ("mac", "u1", 6), ("sequence", "<u2"),
    ("core_stream", "<u2"), ("chanspec", "<u2"), ("chip", "<u2"),
])  # fmt: skip
_LONG = np.dtype([
    ("magic", "<u2"), ("magic_again", "<u2"), ("receiver", "u1", 6), ("mac", "u1", 6), ("third", "u1", 6),
    ("frame_control", "<u2"), ("sequence", "<u2"), ("rssi", "i1"), ("reserved", "u1", 18), ("core_stream", "<u2"),
    ("chanspec", "<u2"), ("chip", "<u2"),
])  # fmt: skip


@dataclass(frozen=True, eq=False)
class CsiPackets:
    """Datagrams with CSI, in the order of the file.

    Attributes:
        number: int64 ``(n,)``, number of the packet in the file, from 1.
        seconds: float64 ``(n,)``.
        values: int64 ``(n,)``: where in the file its words begin.
        tones: int64 ``(n,)``, how many words there are.
        mac: uint8 ``(n, 6)``, the transmitter.
        sequence: int64 ``(n,)``: the frame's 802.11 sequence control field (number in the upper 12 bits), as logged.
        core, stream, chanspec, chip: int64 ``(n,)``.
        rssi: float32 ``(n,)`` dBm; NaN where the header has none.
        frame_control: int64 ``(n,)``; -1 where the header has none.
    """

    number: np.ndarray
    seconds: np.ndarray
    values: np.ndarray
    tones: np.ndarray
    mac: np.ndarray
    sequence: np.ndarray
    core: np.ndarray
    stream: np.ndarray
    chanspec: np.ndarray
    chip: np.ndarray
    rssi: np.ndarray
    frame_control: np.ndarray

    def __len__(self) -> int:
        return len(self.number)

    def select(self, keep: np.ndarray) -> CsiPackets:
        """Some of the packets, by a bool mask or positions."""
        return CsiPackets(**{name: getattr(self, name)[keep] for name in self.__dataclass_fields__})


def find_csi(data: np.ndarray, frames: Frames, path: Path, report: Report) -> CsiPackets:
    """The datagrams with CSI; other traffic is counted in a note, and damaged or cut-off datagrams are skipped."""
    number = np.arange(1, len(frames.start) + 1)
    payload, size = _datagrams(data, frames)
    other = size < 0
    if other.any():
        report.notes.append(f"{int(other.sum())} packets that are not for UDP port {PORT} passed over")
    end = frames.start + frames.length
    short = ~other & ((payload + size > end) | (size < _FIRST.itemsize))
    _skip(number[short & ~frames.whole], "packet cut off by the capture's snapshot length", path, report)
    _skip(number[short & frames.whole], "damaged datagram", path, report)
    left = np.flatnonzero(~other & ~short)
    headers = records_at(data, payload[left], _FIRST)
    magic = headers["magic"] == _MAGIC
    _skip(number[left[~magic]], f"datagram to port {PORT} without Nexmon's magic bytes", path, report)
    left, headers = left[magic], headers[magic]
    kinds = {_FIRST: headers["magic_again"] == _MAGIC, _WITH_RSSI: headers["magic_again"] != _MAGIC}
    kinds[_LONG] = kinds[_FIRST] & np.isin(size[left] - _LONG.itemsize, 4 * np.array(TONES))
    kinds[_FIRST] = kinds[_FIRST] & ~kinds[_LONG]
    parts = []
    for layout, members in kinds.items():
        chosen = left[members]
        tones, rest = np.divmod(size[chosen] - layout.itemsize, 4)
        fits = (rest == 0) & np.isin(tones, TONES)
        _skip(number[chosen[~fits]], "length that fits no bandwidth", path, report)
        chosen = chosen[fits]
        if len(chosen):
            header = records_at(data, payload[chosen], layout)
            values = payload[chosen] + layout.itemsize
            parts.append(_packets(header, number[chosen], frames.seconds[chosen], values, tones[fits]))
    return _joined(parts)


def _skip(numbers: np.ndarray, reason: str, path: Path, report: Report) -> None:
    for number in numbers.tolist():
        report.skip(f"{path} packet {number}", reason)


def _datagrams(data: np.ndarray, frames: Frames) -> tuple[np.ndarray, np.ndarray]:
    """Start and size of the payload of each packet as its headers say; size -1 where it is not UDP to the port."""
    ip = np.full(len(frames.start), -1)
    for link, header in _LINK_HEADER.items():
        ip[frames.link == link] = header
    payload, size = np.zeros_like(ip), np.full(len(ip), -1)
    left = np.flatnonzero((ip >= 0) & (frames.length >= ip + 28))
    at = frames.start[left] + ip[left]
    words = 4 * (data[at].astype(np.int64) & 15)
    fits = (data[at] >> 4 == 4) & (words >= 20) & (data[at + 9] == 17)
    fits &= ip[left] + words + 8 <= frames.length[left]
    left, udp = left[fits], at[fits] + words[fits]
    to_port = (data[udp + 2].astype(np.int64) << 8 | data[udp + 3]) == PORT
    left, udp = left[to_port], udp[to_port]
    payload[left] = udp + 8
    size[left] = np.maximum((data[udp + 4].astype(np.int64) << 8 | data[udp + 5]) - 8, 0)
    return payload, size


def _packets(
    header: np.ndarray, number: np.ndarray, seconds: np.ndarray, values: np.ndarray, tones: np.ndarray
) -> CsiPackets:
    names = header.dtype.names
    # releases differ in which of the two bytes holds core and stream; the other one is 0
    place = header["core_stream"] | header["core_stream"] >> 8
    rssi = header["rssi"].astype(np.float32) if "rssi" in names else np.full(len(header), np.nan, dtype=np.float32)
    rssi[rssi == 0] = np.nan
    control = header["frame_control"].astype(np.int64) if "frame_control" in names else np.full(len(header), -1)
    return CsiPackets(
        number, seconds, values, tones, header["mac"], header["sequence"].astype(np.int64),
        (place & 7).astype(np.int64), (place >> 3 & 7).astype(np.int64), header["chanspec"].astype(np.int64),
        header["chip"].astype(np.int64), rssi, control,
    )  # fmt: skip


def _joined(parts: list[CsiPackets]) -> CsiPackets:
    if not parts:
        nothing = np.empty(0, dtype=np.int64)
        empty = _packets(np.empty(0, dtype=_FIRST), nothing, np.empty(0), nothing, nothing)
        return empty
    if len(parts) == 1:
        return parts[0]
    names = parts[0].__dataclass_fields__
    whole = CsiPackets(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})
    return whole.select(np.argsort(whole.number))
