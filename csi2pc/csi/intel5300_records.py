"""Where the records of an Intel 5300 log stand; whatever is no whole record is listed and skipped.

A log of the Linux 802.11n CSI Tool (Halperin et al., "Tool Release: Gathering 802.11n Traces with Channel State
Information", 2011) is a chain of records: length (16 bits, big-endian, without itself), a code, and a body. Code 0xBB
is CSI; its body says in three places how long it is, so that a record can be told from other bytes and the chain can
be taken up again behind damage.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..types import Report
from .file_bytes import gaps, positions_of, records_at, whole_and_apart

CSI_CODE = 0xBB
#: Most antennas of either side.
MOST_ANTENNAS = 3
#: The record up to its CSI. All of the body is little-endian.
HEADER = np.dtype([
    ("length", ">u2"), ("code", "u1"), ("ticks", "<u4"), ("bfee_count", "<u2"), ("reserved", "<u2"),
    ("rx", "u1"), ("tx", "u1"), ("rssi", "u1", 3), ("noise", "i1"), ("agc", "u1"), ("antenna_sel", "u1"),
    ("size", "<u2"), ("rate", "<u2"),
])  # fmt: skip
#: Bytes of the header that ``length`` does not count.
_UNCOUNTED = 2


def headers_in(data: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Every place whose bytes are a consistent CSI header: starts int64 and headers (:data:`HEADER`), block by block.

    Of random bytes, one in about 10^11 would pass. The CSI behind a header may be cut off.
    """
    for codes in positions_of(CSI_CODE, data):
        starts = codes - HEADER.fields["code"][1]
        starts = starts[(starts >= 0) & (starts + HEADER.itemsize <= len(data))]
        headers = records_at(data, starts, HEADER)
        rx, tx = headers["rx"].astype(np.int64), headers["tx"].astype(np.int64)
        size = csi_size(rx, tx)
        consistent = (headers["size"] == size) & (headers["length"] == HEADER.itemsize - _UNCOUNTED + size)
        consistent &= (rx >= 1) & (rx <= MOST_ANTENNAS) & (tx >= 1) & (tx <= MOST_ANTENNAS)
        yield starts[consistent], headers[consistent]


def csi_size(rx: int | np.ndarray, tx: int | np.ndarray) -> int | np.ndarray:
    """Bytes of CSI: 30 times 3 bits and two bytes a link, rounded up."""
    return (30 * (3 + 16 * rx * tx) + 7) // 8


def find_records(data: np.ndarray, path: Path, report: Report) -> tuple[np.ndarray, np.ndarray]:
    """The whole CSI records of a file.

    Records of other codes (frames, noise, status, as the tool may be told to log) are counted in one note. Stretches
    that are neither are skipped, each with its position.

    Returns:
        starts int64 ``(n,)`` and headers ``(n,)`` (:data:`HEADER`).
    """
    found = list(headers_in(data))
    starts = np.concatenate([starts for starts, _ in found])
    headers = np.concatenate([headers for _, headers in found])
    ends = starts + headers["length"] + _UNCOUNTED
    keep = whole_and_apart(starts, ends, len(data))
    unfinished = set(starts[ends > len(data)].tolist())
    starts, headers, ends = starts[keep], headers[keep], ends[keep]
    others: Counter[int] = Counter()
    for begin, end in gaps(starts, ends, len(data)):
        stopped = _walk(data, begin, end, others)
        if stopped < end:
            cut = stopped in unfinished or len(data) - stopped < HEADER.itemsize
            reason = "record cut off by the end of the file" if cut else "damaged record"
            report.skip(f"{path} byte {stopped}", reason)
    if others:
        listed = ", ".join(f"0x{code:02X}: {n}" for code, n in others.most_common())
        report.notes.append(f"{others.total()} records that hold no CSI passed over, by code ({listed})")
    return starts, headers


def _walk(data: np.ndarray, begin: int, end: int, others: Counter[int]) -> int:
    """Follow the chain of records without CSI; returns where it breaks, or ``end``."""
    at = begin
    while at + 3 <= end:
        length, code = int(data[at]) << 8 | int(data[at + 1]), int(data[at + 2])
        if code == CSI_CODE or length == 0 or at + _UNCOUNTED + length > end:
            break
        others[code] += 1
        at += _UNCOUNTED + length
    return at

