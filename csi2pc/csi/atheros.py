"""Atheros logs (``.dat`` of the Atheros CSI Tool) as captures.

Facts are from the tool's user guide (Xie, Li and Li, "Precise Power Delay Profiling with Commodity WiFi", MobiCom 2015)
and its decoder for MATLAB (``read_log_file``). A log is a chain of records: length (16 bits, without itself), header,
CSI, the frame's payload; numbers stand in the byte order of the machine that wrote it. Logs of the tool's later
versions begin with one more byte, 0xFF for big-endian ones, 0x00 for little-endian ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..types import Capture, Report
from .empty_packets import without_empty
from .file_bytes import file_bytes, gaps, positions_of, records_at, rows_at, whole_and_apart
from .layouts import HT20, HT40
from .packet_times import unwrap_clock
from .packets import Packets, captures_of
from .rotation import undo_ht40_rotation

#: Number of tones -> their indices and bandwidth (Hz).
TONES = {56: (HT20, 20e6), 114: (HT40, 40e6)}
#: Most antennas of either side.
MOST_ANTENNAS = 3
#: Bytes by which the CSI may be longer than its values, for the hardware's alignment to words.
SLACK = 8
#: Level the driver (ath9k) adds to the card's RSSI to give dBm: its nominal noise floor.
NOMINAL_NOISE_FLOOR = -95.0
#: What a chain reports that received nothing.
NO_RSSI = -128

#: Packets decoded at a time.
BLOCK = 1024

#: Byte order -> the record up to its CSI.
HEADERS = {
    order: np.dtype([
        ("length", f"{order}u2"), ("ticks", f"{order}u8"), ("csi_size", f"{order}u2"), ("tx_channel", f"{order}u2"),
        ("phy_error", "u1"), ("noise", "i1"), ("rate", "u1"), ("bandwidth", "u1"), ("tones", "u1"), ("rx", "u1"),
        ("tx", "u1"), ("rssi", "u1"), ("rssi_chains", "i1", 3), ("payload_size", f"{order}u2"),
    ])
    for order in "<>"
}  # fmt: skip
_SIZE = HEADERS["<"].itemsize
#: Bytes of the header that ``length`` counts.
_COUNTED = _SIZE - 2


def looks_like_atheros(head: bytes) -> bool:
    """Whether ``head`` holds a consistent record header of either byte order."""
    data = np.frombuffer(head, dtype=np.uint8)
    return any(len(starts) for order in HEADERS for starts, _ in headers_in(data, order))


def headers_in(data: np.ndarray, order: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Every place whose bytes are a consistent header with CSI: starts int64 and headers, block by block.

    Lengths must agree with one another and with the numbers of antennas and tones; of random bytes, fewer than one in
    10^14 do. The CSI behind a header may be cut off.

    Args:
        data: uint8.
        order: ``"<"`` or ``">"``.
    """
    layout = HEADERS[order]
    for tones in TONES:
        for places in positions_of(tones, data):
            starts = places - layout.fields["tones"][1]
            starts = starts[(starts >= 0) & (starts + _SIZE <= len(data))]
            headers = records_at(data, starts, layout)
            rx, tx, size = headers["rx"], headers["tx"], headers["csi_size"].astype(np.int64)
            least = csi_size(rx.astype(np.int64), tx.astype(np.int64), tones)
            consistent = (rx >= 1) & (rx <= MOST_ANTENNAS) & (tx >= 1) & (tx <= MOST_ANTENNAS)
            consistent &= (size >= least) & (size <= least + SLACK)
            consistent &= headers["length"] == _COUNTED + size + headers["payload_size"]
            yield starts[consistent], headers[consistent]


def csi_size(rx: int | np.ndarray, tx: int | np.ndarray, tones: int) -> int | np.ndarray:
    """Bytes that the values of a packet take: two of 10 bits a link and tone."""
    return (20 * rx * tx * tones + 7) // 8


def read_atheros(path: str | Path) -> list[Capture]:
    """Read a log of the Atheros CSI Tool, of either byte order, with or without the leading byte that tells it.

    CSI is the signed 10-bit I/Q of the card, as it is. At 40 MHz the card leaves the rotation of the upper half in, as
    the frames of MM-Fi show, which come from this tool (see :mod:`csi2pc.csi.mmfi`); it is undone. An entry of
    I = Q = 0 is a measured value below one step of the card (in recordings it stands at the bottom of a fade), unless
    all tones of a link are 0: that link is not valid, and a packet of such links alone is skipped.

    Times are the card's clock (microseconds; 32 bits, unwrapped, where no packet uses more). Damaged and cut-off
    records are skipped and counted, records without CSI are counted in a note; packets with clocks that repeat or run
    backwards are treated as :func:`~csi2pc.csi.packets.captures_of` says.

    Args:
        path: the file.

    Returns:
        One capture for each number of antennas and tones and each channel, the one with most packets first: ``rssi`` in
        dBm as the driver reckons it (the card's value over a noise floor of nominally -95 dBm), ``noise_floor`` where
        the tool logged one (it writes 0 as a rule: None), ``rssi_antennas`` in dB over the noise floor (chains that
        report a level, in their order; NaN where fewer do), and the fields ``rate``, ``phy_error`` and ``tx_channel``
        (MHz) as logged. ``center_frequency`` is not known at 40 MHz, where ``tx_channel`` is the primary channel.

    Raises:
        DataError: the file cannot be read, or holds no usable packet; the message counts the reasons.
    """
    path, report = Path(path), Report()
    data = file_bytes(path)
    starts, headers = _records(data, path, report)
    seconds = _seconds(headers["ticks"])
    kinds = headers["tx_channel"].astype(np.int64) << 16 | headers["tones"].astype(np.int64) << 8
    kinds |= headers["rx"].astype(np.int64) << 4 | headers["tx"]
    groups = []
    for kind in np.unique(kinds):
        members = np.flatnonzero(kinds == kind)
        group = _group(data, starts[members], headers[members], seconds[members], members + 1)
        groups.append(without_empty(group, path, report))
    return captures_of(groups, path, report, device="atheros")


def _records(data: np.ndarray, path: Path, report: Report) -> tuple[np.ndarray, np.ndarray]:
    """Starts and headers of the whole records with CSI, in the order of the file."""
    for order in HEADERS:
        found = list(headers_in(data, order))
        starts = np.concatenate([starts for starts, _ in found])
        headers = np.concatenate([headers for _, headers in found])
        if len(starts):
            break
    sequence = np.argsort(starts)
    starts, headers = starts[sequence], headers[sequence]
    ends = starts + headers["length"] + (_SIZE - _COUNTED)
    keep = whole_and_apart(starts, ends, len(data))
    unfinished = set(starts[ends > len(data)].tolist())
    starts, headers, ends = starts[keep], headers[keep], ends[keep]
    empty = 0
    for begin, end in gaps(starts, ends, len(data)):
        if (begin, end) == (0, 1) and data[0] == (0xFF if order == ">" else 0):
            continue
        stopped, passed = _walk(data, begin, end, order)
        empty += passed
        if stopped < end:
            cut = stopped in unfinished or len(data) - stopped < _SIZE
            reason = "record cut off by the end of the file" if cut else "damaged record"
            report.skip(f"{path} byte {stopped}", reason)
    if empty:
        report.notes.append(f"{empty} records without CSI passed over")
    return starts, headers


def _walk(data: np.ndarray, begin: int, end: int, order: str) -> tuple[int, int]:
    """Follow the chain of records without CSI: where it breaks (or ``end``), and how many there are."""
    at, passed = begin, 0
    while at + _SIZE <= end:
        header = records_at(data, np.array([at]), HEADERS[order])[0]
        if header["csi_size"] or int(header["length"]) != _COUNTED + int(header["payload_size"]):
            break
        following = at + int(header["length"]) + (_SIZE - _COUNTED)
        if following > end:
            break
        at, passed = following, passed + 1
    return at, passed


def _seconds(ticks: np.ndarray) -> np.ndarray:
    """float64 ``(n,)``: one damaged clock must not decide how wide all of them are."""
    ticks = ticks.astype(np.uint64)
    if len(ticks) and np.median(ticks >> np.uint64(32)) > 0:
        return ticks.astype(np.float64) * 1e-6
    return unwrap_clock((ticks & np.uint64(0xFFFFFFFF)).astype(np.int64))


def _group(
    data: np.ndarray, starts: np.ndarray, headers: np.ndarray, seconds: np.ndarray, where: np.ndarray
) -> Packets:
    """Packets of one layout."""
    rx, tx, tones, channel = (int(headers[name][0]) for name in ("rx", "tx", "tones", "tx_channel"))
    subcarriers, bandwidth = TONES[tones]
    csi = decode(data, starts, rx=rx, tx=tx, tones=tones)
    if subcarriers is HT40:
        csi = undo_ht40_rotation(csi, HT40)
    chains = headers["rssi_chains"].astype(np.float32)  # (n, 3)
    chains[chains == NO_RSSI] = np.nan
    reporting = np.argsort(np.isnan(chains), axis=1, kind="stable")[:, :rx]
    links = (csi != 0).any(2)  # (n, A)
    noise = np.where(headers["noise"] == 0, np.nan, headers["noise"]).astype(np.float32)
    return Packets(
        csi=csi, valid=np.repeat(links[..., None], tones, axis=2), seconds=seconds, where=where,
        subcarriers=subcarriers.copy(), rx=rx, tx=tx,
        center_frequency=channel * 1e6 if channel and subcarriers is HT20 else None, bandwidth=bandwidth,
        rssi=headers["rssi"].astype(np.float32) + np.float32(NOMINAL_NOISE_FLOOR),
        noise_floor=None if np.isnan(noise).all() else noise,
        rssi_antennas=np.take_along_axis(chains, reporting, axis=1),
        fields={
            name: headers[name].astype(headers[name].dtype.newbyteorder("="))
            for name in ("rate", "phy_error", "tx_channel")
        },
    )  # fmt: skip


def decode(data: np.ndarray, starts: np.ndarray, *, rx: int, tx: int, tones: int) -> np.ndarray:
    """CSI of records of one layout, the 40 MHz rotation still in.

    Values of 10 bits follow one another from the lowest bit of the first byte up, whatever the byte order of the
    header: tone by tone, stream by stream, receive antenna by receive antenna, imaginary part before real part, as the
    tool's own decoder reads them. (csiread takes the last two the other way round; in a recording whose second chain
    received by far the most power, the order here gives that chain the largest amplitudes.)

    Args:
        data: uint8, the whole file.
        starts: int ``(n,)``, where whole records of this layout begin.

    Returns:
        complex64 ``(n, rx * tx, tones)``, integer parts in -512..511.
    """
    parts = np.empty((len(starts), tx, rx, tones, 2), dtype=np.float32)
    for begin in range(0, len(starts), BLOCK):
        packed = rows_at(data, starts[begin : begin + BLOCK] + _SIZE, csi_size(rx, tx, tones))
        values = _ten_bits(packed).reshape(-1, tones, tx, rx, 2)
        parts[begin : begin + BLOCK] = values[..., ::-1].transpose(0, 2, 3, 1, 4)
    return parts.view(np.complex64).reshape(len(starts), tx * rx, tones)


def _ten_bits(packed: np.ndarray) -> np.ndarray:
    """int16 ``(n, 4 m)``: signed 10-bit values, four out of each five bytes of ``(n, 5 m)``."""
    five = packed.reshape(len(packed), -1, 5).astype(np.uint16)  # (n, m, 5)
    values = np.empty((*five.shape[:2], 4), dtype=np.uint16)
    for i in range(4):  # shifted up to the top, where an arithmetic shift back keeps the sign
        values[..., i] = five[..., i] >> (2 * i) << 6 | five[..., i + 1] << (14 - 2 * i)
    return (values.view(np.int16) >> 6).reshape(len(packed), -1)
