"""FeitCSI logs (``.csi`` or ``.dat``, Intel AX200 and AX210) as captures.

A log is a chain of records: the card's header of 272 bytes, then the CSI; all numbers are little-endian. Which bytes
of the header mean what: the tool's own header file, CSIKit's reader, and PicoScenes for the clock at byte 88. That the
fine clock ticks at 320 MHz was measured against it: 320.0 ticks a microsecond on three recordings.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..types import Capture, Report
from .empty_packets import without_empty
from .file_bytes import BLOCK, file_bytes, gaps, records_at, rows_at, whole_and_apart
from .intel_ax import HE_SPACING, LAYOUTS, AxLayout, ax_layout, decode_ax
from .packet_times import unwrap_clock
from .packets import Packets, captures_of
from .transmitters import from_transmitter

HEADER = np.dtype({
    "names": ["size", "ftm", "host", "rx", "tx", "tones", "rssi", "source", "card", "rate"],
    "formats": ["<u4", "<u4", "<u8", "u1", "u1", "<u4", ("<u4", 2), ("u1", 6), "<u4", "<u4"],
    "offsets": [0, 8, 12, 46, 47, 52, 60, 68, 88, 92],
    "itemsize": 272,
})  # fmt: skip
#: Most antennas of either side that a header is believed to have; the cards have two.
MOST_ANTENNAS = 4
#: Ticks a second of the card's clock for fine timing measurement.
FTM_RATE = 320e6
#: Bytes of one number: as the card reports it, and in logs that FeitCSI itself has processed.
RAW, PROCESSED = 2, 8
#: rate_n_flags, the bits that versions 1 and 2 share: HE or later, channel width (20, 40, 80 or 160 MHz).
HE_FLAG, WIDTH_SHIFT, WIDTH_MASK = 0x400, 11, 3
#: Largest magnitude of an RSSI (the header has -dBm) that is believed.
LARGEST_RSSI = 127

_TONES = HEADER.fields["tones"][1]
#: Packets decoded at a time.
_BLOCK = 512


def looks_like_feitcsi(head: bytes) -> bool:
    """Whether ``head`` begins with a record, or has two of them one behind the other.

    Of random bytes, one in about 10^20 passes for a record.
    """
    found = list(headers_in(np.frombuffer(head, dtype=np.uint8)))
    starts = np.concatenate([starts for starts, _ in found] or [np.empty(0, dtype=np.int64)])
    if not len(starts):
        return False
    ends = np.concatenate([_ends(starts, headers) for starts, headers in found])
    return starts[0] == 0 or bool(np.isin(ends, starts).any())


def headers_in(data: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Every place whose bytes are a consistent header of a known number of tones, block by block of ``data``.

    Yields:
        starts int64 and headers (:data:`HEADER`). The CSI behind a header may be cut off.
    """
    known = np.zeros(1 << 16, dtype=bool)
    known[[tones for tones, _ in LAYOUTS]] = True
    for begin in range(0, len(data), BLOCK):
        piece = data[begin : begin + BLOCK + 3]
        if len(piece) < 4:
            return
        words = piece[:-3] | piece[1:-2].astype(np.uint16) << np.uint16(8)
        places = np.flatnonzero(known[words] & (piece[2:-1] == 0) & (piece[3:] == 0)) + begin
        starts = places - _TONES
        starts = starts[(starts >= 0) & (starts + HEADER.itemsize <= len(data))]
        headers = records_at(data, starts, HEADER)
        consistent = _number_size(headers) > 0
        yield starts[consistent], headers[consistent]


def _number_size(headers: np.ndarray) -> np.ndarray:
    """int64 ``(n,)``: :data:`RAW` or :data:`PROCESSED`; 0 where header and size do not agree."""
    rx, tx = headers["rx"].astype(np.int64), headers["tx"].astype(np.int64)
    numbers = 2 * rx * tx * headers["tones"]
    plausible = (rx >= 1) & (rx <= MOST_ANTENNAS) & (tx >= 1) & (tx <= MOST_ANTENNAS) & (headers["tones"] > 0)
    sizes = [plausible & (headers["size"] == number * numbers) for number in (RAW, PROCESSED)]
    return np.select(sizes, [RAW, PROCESSED], 0)


def _ends(starts: np.ndarray, headers: np.ndarray) -> np.ndarray:
    return starts + HEADER.itemsize + headers["size"]


def read_feitcsi(path: str | Path, *, mac: str | None = None) -> list[Capture]:
    """Read a log of FeitCSI.

    CSI is the card's 16-bit I/Q, imaginary part first, the rotations of wide channels undone; pilots and entries of
    I = Q = 0 are not measured (see :mod:`~csi2pc.csi.intel_ax`). Indices of 802.11ax packets count subcarriers of
    78.125 kHz, as a note says. The format does not tell the channel.

    Times are the host's (microseconds since 1970) where the log has them (FeitCSI 2); else the card's own, in
    microseconds (32 bits, unwrapped); else its fine clock of 320 MHz (32 bits, 13.4 s, unwrapped). Damaged and cut-off
    records, and tones that fit no known layout, are skipped and counted; packets with clocks that repeat or run
    backwards are treated as :func:`~csi2pc.csi.packets.captures_of` says.

    Args:
        path: the file.
        mac: keep the packets of this transmitter only; None keeps all, and a note counts them by transmitter.

    Returns:
        One capture for each number of antennas and tones, the one with most packets first: ``rssi_antennas`` in dBm
        (NaN where an antenna reported none), ``rssi`` their power together, and the fields ``ftm_clock``,
        ``card_clock`` (ticks as logged), ``rate_n_flags`` and ``transmitter`` (uint8 ``(T, 6)``).

    Raises:
        DataError: the file cannot be read, or holds no usable packet; the message counts the reasons.
    """
    path, report = Path(path), Report()
    data = file_bytes(path)
    starts, headers = _records(data, path, report)
    where = np.arange(1, len(starts) + 1)
    seconds = _seconds(headers)
    keep = from_transmitter(headers["source"], mac, path, report, where)
    starts, headers, where, seconds = starts[keep], headers[keep], where[keep], seconds[keep]
    he = (headers["rate"] & HE_FLAG) != 0
    kinds = (headers["tones"], he, headers["rx"], headers["tx"], _number_size(headers), _width(headers))
    kinds = np.stack([kind.astype(np.int64) for kind in kinds], axis=1)  # (n, 6)
    groups = []
    for kind in np.unique(kinds, axis=0):
        members = np.flatnonzero((kinds == kind).all(1))
        layout = ax_layout(int(kind[0]), he=bool(kind[1]))
        if layout is None or layout.bandwidth != kind[-1] * 1e6:
            for number in where[members].tolist():
                report.skip(f"{path} packet {number}", f"{kind[0]} tones at {kind[-1]} MHz: no known layout")
            continue
        group = _group(data, starts[members], headers[members], seconds[members], where[members], layout)
        groups.append(without_empty(group, path, report))
    return captures_of(groups, path, report, device="feitcsi")


def _records(data: np.ndarray, path: Path, report: Report) -> tuple[np.ndarray, np.ndarray]:
    """Starts and headers of the whole records, in the order of the file."""
    found = list(headers_in(data))
    starts = np.concatenate([starts for starts, _ in found] or [np.empty(0, dtype=np.int64)])
    headers = np.concatenate([headers for _, headers in found] or [np.empty(0, dtype=HEADER)])
    ends = _ends(starts, headers)
    keep = whole_and_apart(starts, ends, len(data))
    unfinished = set(starts[ends > len(data)].tolist())
    starts, headers, ends = starts[keep], headers[keep], ends[keep]
    for begin, end in gaps(starts, ends, len(data)):
        while begin < end:
            reason, begin_next = "damaged record", end
            if begin in unfinished or len(data) - begin < HEADER.itemsize:
                reason = "record cut off by the end of the file"
            elif begin + HEADER.itemsize <= end:
                header = records_at(data, np.array([begin]), HEADER)
                following = int(_ends(np.array([begin]), header)[0])
                if _number_size(header)[0] and following <= end:
                    reason, begin_next = f"{header['tones'][0]} tones: no known layout", following
            report.skip(f"{path} byte {begin}", reason)
            begin = begin_next
    return starts, headers


def _width(headers: np.ndarray) -> np.ndarray:
    """int64 ``(n,)`` MHz."""
    return np.int64(20) << (headers["rate"].astype(np.int64) >> WIDTH_SHIFT & WIDTH_MASK)


def _seconds(headers: np.ndarray) -> np.ndarray:
    """float64 ``(n,)`` from the best clock that most records have."""
    if len(headers) and np.median(headers["host"] > 0) == 1:
        return headers["host"].astype(np.float64) * 1e-6
    if headers["card"].any():
        return unwrap_clock(headers["card"])
    return unwrap_clock(headers["ftm"], tick=1 / FTM_RATE)


def _group(
    data: np.ndarray, starts: np.ndarray, headers: np.ndarray, seconds: np.ndarray, where: np.ndarray, layout: AxLayout
) -> Packets:
    """Packets of one layout."""
    rx, tx, size = int(headers["rx"][0]), int(headers["tx"][0]), int(headers["size"][0])
    number = np.dtype("<i2" if _number_size(headers[:1])[0] == RAW else "<f8")
    csi = np.empty((len(starts), rx * tx, len(layout.subcarriers)), dtype=np.complex64)
    valid = np.empty(csi.shape, dtype=bool)
    for begin in range(0, len(starts), _BLOCK):
        block = slice(begin, begin + _BLOCK)
        numbers = rows_at(data, starts[block] + HEADER.itemsize, size).view(number)
        csi[block], valid[block] = decode_ax(numbers.reshape(-1, rx, tx, layout.reported, 2), layout)
    antennas = _rssi(headers, rx)
    power = np.where(np.isnan(antennas), 0, 10 ** (antennas / 10)).sum(1)
    notes = ("802.11ax: subcarriers are 78.125 kHz apart",) if layout.spacing == HE_SPACING else ()
    return Packets(
        csi=csi, valid=valid, seconds=seconds, where=where, subcarriers=layout.subcarriers.copy(), rx=rx, tx=tx,
        bandwidth=layout.bandwidth, rssi=10 * np.log10(np.where(power > 0, power, np.nan)).astype(np.float32),
        rssi_antennas=antennas,
        fields={
            "ftm_clock": headers["ftm"].astype(np.int64), "card_clock": headers["card"].astype(np.int64),
            "rate_n_flags": headers["rate"].astype(np.int64), "transmitter": headers["source"].copy(),
        },
        notes=notes,
    )  # fmt: skip


def _rssi(headers: np.ndarray, rx: int) -> np.ndarray:
    """float32 ``(n, rx)`` dBm; one receive antenna has the first of the two that reports any."""
    logged = headers["rssi"].astype(np.float32)
    level = np.where((logged > 0) & (logged <= LARGEST_RSSI), -logged, np.float32(np.nan))  # (n, 2)
    if rx == 1:
        return np.where(np.isnan(level[:, :1]), level[:, 1:], level[:, :1])
    return np.concatenate([level, np.full((len(level), rx - 2), np.nan, dtype=np.float32)], axis=1)
