"""CSI out of PicoScenes' segments, device by device.

* **Intel 5300**: 8-bit I/Q, packed as in the card's own logs. With three receive antennas these stand in the order of
  the card's ports, as the card's own tool decodes them (``antenna_sel`` undone); with fewer that tool and PicoScenes
  leave them in the order of the receive chains, and so does this. As in those logs no rotation is undone.
* **Qualcomm Atheros 9300**: 10-bit I/Q as in the Atheros CSI Tool's logs, the 40 MHz rotation undone. Of this card and
  the Intel 5300 a value of I = Q = 0 is one below a step, unless a whole link is 0: that is not valid.
* **Intel AX200, AX210**: 16-bit I/Q, imaginary part first (as PicoScenes itself reads them since 2022), rotations
  undone, pilots not valid: see :mod:`~csi2pc.csi.intel_ax`.
* **Software radios**: floating-point values and the index of each, as PicoScenes estimated them. Indices at which the
  packet's format sends nothing (the centre above all) were interpolated and are not valid. Of several estimates of one
  packet the first is taken.

Where the packet takes up one half of a wider channel, PicoScenes logs by how much its subcarriers are shifted; here too
index 0 is the centre of the channel.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import DataError
from ..types import Report
from . import atheros, intel5300
from .file_bytes import rows_at
from .intel5300_records import HEADER as INTEL5300_HEADER
from .intel5300_records import csi_size as intel5300_size
from .intel_ax import HE_SPACING, LAYOUTS, ax_layout, decode_ax
from .layouts import HT20, HT40, INTEL5300_HT20, INTEL5300_HT40, LEGACY20
from .rotation import undo_ht40_rotation

#: PicoScenes' number of a device -> our name for it.
DEVICES = {
    0x5300: "intel5300", 0x9300: "qca9300", 0x2000: "ax200", 0x2100: "ax210", 0x1234: "usrp", 0x1000: "virtual-sdr",
    0x24D2: "soapy-sdr",
}  # fmt: skip
#: Packet formats from this number on are of 802.11ax or later.
FIRST_HE_FORMAT = 3
#: ``antenna_sel`` of an Intel 5300 whose chain i is connected to port i.
UNPERMUTED = 0b100100
#: Most antennas of either side that a description is believed to have.
MOST_ANTENNAS = 16

_BLOCK = 512
_KEYS = ("device", "tones", "tx", "rx", "width", "offset", "carrier", "size", "csis")


@dataclass(frozen=True, eq=False)
class CsiGroup:
    """Decoded packets of one layout.

    Attributes:
        members: int ``(n,)``, their positions among all.
        csi, valid, subcarriers, rx, tx, bandwidth, notes: as in :class:`~csi2pc.csi.packets.Packets`.
        ports: int ``(n, rx)`` or ``(1, rx)``: which of the logged RSSI belongs to each receive antenna.
    """

    members: np.ndarray
    csi: np.ndarray
    valid: np.ndarray
    subcarriers: np.ndarray
    rx: int
    tx: int
    bandwidth: float
    ports: np.ndarray
    notes: tuple[str, ...] = ()


def decode_csi(
    data: np.ndarray, infos: np.ndarray, values: np.ndarray, where: np.ndarray, path: Path, report: Report
) -> list[CsiGroup]:
    """CSI by layout; packets of unknown layouts are listed in ``report``.

    Args:
        data: uint8, the whole file.
        infos: ``(n,)`` of :data:`~csi2pc.csi.picoscenes_fields.CSI_INFO`.
        values: int ``(n,)``, where the ``infos["size"]`` bytes of values begin; they lie inside ``data``.
        where: int ``(n,)``, numbers of the packets, for the report.
        path: the file, for messages.
    """
    columns = [infos[name].astype(np.int64) for name in _KEYS]
    columns += [(infos["format"] >= FIRST_HE_FORMAT).astype(np.int64), _headings(data, infos, values)]
    keys = np.stack(columns, axis=1)
    groups = []
    for key in np.unique(keys, axis=0):
        members = np.flatnonzero((keys == key).all(1))
        try:
            groups.append(_decode(data, infos[members], values[members], members))
        except DataError as error:
            for number in where[members].tolist():
                report.skip(f"{path} packet {number}", str(error))
    return groups


def _decode(data: np.ndarray, infos: np.ndarray, values: np.ndarray, members: np.ndarray) -> CsiGroup:
    """Packets of one layout; DataError says why there is none such."""
    info = infos[0]
    decode = _DECODERS.get(int(info["device"]))
    if decode is None:
        raise DataError(f"no CSI known of device type 0x{int(info['device']):04X}")
    if not (0 < info["rx"] <= MOST_ANTENNAS and 0 < info["tx"] <= MOST_ANTENNAS and info["tones"] > 0):
        raise DataError(f"{info['rx']} x {info['tx']} antennas and {info['tones']} tones: no known layout")
    return decode(data, infos, values, members)


def _intel5300(data: np.ndarray, infos: np.ndarray, values: np.ndarray, members: np.ndarray) -> CsiGroup:
    info, rx = infos[0], int(infos["rx"][0])
    subcarriers = {20: INTEL5300_HT20, 40: INTEL5300_HT40}.get(int(info["width"]))
    size = int(info["size"])
    tx = (size - 12) // 60 // rx
    if subcarriers is None or info["tones"] != 30 or rx > 3 or not 0 < tx <= 3 or size != intel5300_size(rx, tx):
        raise _unknown_layout(info)
    selected = infos["antenna_sel"] if rx == 3 else np.full(len(infos), UNPERMUTED, dtype=np.uint8)
    csi = intel5300.decode(data, values - INTEL5300_HEADER.itemsize, selected, rx=rx, tx=tx)
    ports = infos["antenna_sel"].astype(np.int64)[:, None] >> (2 * np.arange(rx)) & 3  # (n, rx)
    notes = ()
    if rx == 3:
        ports = np.sort(ports, axis=1)
    elif len(np.unique(ports, axis=0)) > 1:
        names = Counter("".join("ABC?"[port] for port in row) for row in ports.tolist())
        listed = ", ".join(f"{ports}: {count} packets" for ports, count in names.most_common())
        notes = (f"receive chains on changing antennas ({listed}); field antenna_sel tells which",)
    return CsiGroup(members, csi, _live(csi), subcarriers + int(info["offset"]), rx, tx, _width(info), ports, notes)


def _qca9300(data: np.ndarray, infos: np.ndarray, values: np.ndarray, members: np.ndarray) -> CsiGroup:
    info, rx, tones, size = infos[0], int(infos["rx"][0]), int(infos["tones"][0]), int(infos["size"][0])
    subcarriers = {(20, 56): HT20, (40, 114): HT40}.get((int(info["width"]), tones))
    tx = size * 8 // (20 * rx * tones)
    if subcarriers is None or not 0 < tx <= 4 or size != atheros.csi_size(rx, tx, tones):
        raise _unknown_layout(info)
    # decoded as one antenna of many streams, the links stay in the order of the file: receive antenna fastest
    csi = atheros.decode(data, values - atheros.HEADERS["<"].itemsize, rx=1, tx=rx * tx, tones=tones)
    if subcarriers is HT40:
        csi = undo_ht40_rotation(csi, HT40)
    return CsiGroup(members, csi, _live(csi), subcarriers + int(info["offset"]), rx, tx, _width(info), _chains(rx))


def _intel_ax(data: np.ndarray, infos: np.ndarray, values: np.ndarray, members: np.ndarray) -> CsiGroup:
    info, rx, tx = infos[0], int(infos["rx"][0]), int(infos["tx"][0])
    layout = ax_layout(int(info["tones"]), he=bool(info["format"] >= FIRST_HE_FORMAT))
    if layout is None or info["size"] != 4 * rx * tx * layout.reported:
        raise _unknown_layout(info)
    csi = np.empty((len(infos), rx * tx, len(layout.subcarriers)), dtype=np.complex64)
    valid = np.empty(csi.shape, dtype=bool)
    for begin in range(0, len(infos), _BLOCK):
        block = slice(begin, begin + _BLOCK)
        numbers = rows_at(data, values[block], int(info["size"])).view("<i2")
        csi[block], valid[block] = decode_ax(numbers.reshape(-1, rx, tx, layout.reported, 2), layout)
    return CsiGroup(
        members, csi, valid, layout.subcarriers + int(info["offset"]), rx, tx, layout.bandwidth, _chains(rx),
        _spacing_note(layout.spacing),
    )  # fmt: skip


def _software_radio(data: np.ndarray, infos: np.ndarray, values: np.ndarray, members: np.ndarray) -> CsiGroup:
    info, tones, size = infos[0], int(infos["tones"][0]), int(infos["size"][0])
    heading = _heading(data, int(values[0]), tones, size)
    if heading is None:
        raise _unknown_layout(info)
    matrix = _matrix_layout(heading[2 * tones :])
    indices = np.frombuffer(heading[: 2 * tones], dtype="<i2").astype(np.int64)
    sequence = np.argsort(indices)
    if matrix is None or np.any(np.diff(indices[sequence]) == 0):
        raise _unknown_layout(info)
    number, order, lengths = matrix
    lengths = (*lengths, 1, 1, 1, 1)[: max(len(lengths), 4)]  # tones, streams, receive antennas, estimates
    count = math.prod(lengths)
    if lengths[0] != tones or lengths[2] != info["rx"] or len(heading) + count * number.itemsize != size:
        raise _unknown_layout(info)
    rx, tx = lengths[2], lengths[1]
    if not 0 < rx * tx <= MOST_ANTENNAS**2:
        raise _unknown_layout(info)
    csi = _cubes(data, values + len(heading), number, order, lengths)[..., sequence]
    indices = indices[sequence]
    with np.errstate(invalid="ignore"):
        valid = (csi != 0) & _sent(indices - int(info["offset"]), infos)[:, None]
    csi[~valid] = 0
    notes = _spacing_note(float(info["spacing"]))
    if count > tones * tx * rx:
        notes += (f"{count // (tones * tx * rx)} estimates a packet; the first is read",)
    return CsiGroup(members, csi, valid, indices, rx, tx, _width(info), _chains(rx), notes)


def _cubes(
    data: np.ndarray, starts: np.ndarray, number: np.dtype, order: str, lengths: tuple[int, ...]
) -> np.ndarray:
    """complex64 ``(n, tx * rx, tones)``: first estimates, of matrices of ``lengths`` (tones, tx, rx, estimates ...)."""
    tones, tx, rx, count = *lengths[:3], math.prod(lengths)
    csi = np.empty((len(starts), tx, rx, tones), dtype=np.complex64)
    for begin in range(0, len(starts), _BLOCK):
        block = slice(begin, begin + _BLOCK)
        flat = rows_at(data, starts[block], count * number.itemsize).view(number)
        if order == "R":
            cube = flat.reshape(-1, *lengths)
        else:
            cube = flat.reshape(-1, *lengths[::-1]).transpose(0, *range(len(lengths), 0, -1))
        with np.errstate(all="ignore"):  # what is not finite is skipped, packet by packet
            csi[block] = cube.reshape(len(flat), tones, tx, rx, -1)[..., 0].transpose(0, 2, 3, 1)
    return csi.reshape(len(starts), tx * rx, tones)


def _sent(indices: np.ndarray, infos: np.ndarray) -> np.ndarray:
    """bool ``(n, S)``: on which indices the packet's format sends; all of them where ``indices`` lacks any of these."""
    result = np.ones((len(infos), len(indices)), dtype=bool)
    for format_, width in {(int(info["format"]), int(info["width"])) for info in infos}:
        rows = (infos["format"] == format_) & (infos["width"] == width)
        for (tones, he), layout in LAYOUTS.items():
            alike = he == (format_ >= FIRST_HE_FORMAT) and (tones == len(LEGACY20)) == (format_ == 0)
            if alike and layout.bandwidth == width * 1e6 and np.isin(layout.subcarriers, indices).all():
                result[rows] = np.isin(indices, layout.subcarriers)
    return result


def _headings(data: np.ndarray, infos: np.ndarray, values: np.ndarray) -> np.ndarray:
    """int64 ``(n,)``: packets of software radios with the same indices and matrix layout have the same number."""
    numbers, seen = np.zeros(len(infos), dtype=np.int64), {}
    for i in np.flatnonzero(np.isin(infos["device"], _RADIOS)):
        heading = _heading(data, int(values[i]), int(infos["tones"][i]), int(infos["size"][i]))
        numbers[i] = seen.setdefault((heading, int(infos["format"][i])), len(seen) + 1)
    return numbers


def _heading(data: np.ndarray, begin: int, tones: int, size: int) -> bytes | None:
    """What stands before a software radio's numbers: indices (16 bits each) and the matrix's own description."""
    at = 2 * tones + _MATRIX_MARK
    if size < at + 1:
        return None
    dimensions = int(data[begin + at])
    mark = data[begin + 2 * tones : begin + at].tobytes()
    each = {b"BBv1": 4, b"BBv2": 8}.get(mark)
    if each is None or not 2 <= dimensions <= 5 or size < at + 1 + each * dimensions + 4:
        return None
    return data[begin : begin + at + 1 + each * dimensions + 4].tobytes()


def _matrix_layout(heading: bytes) -> tuple[np.dtype, str, tuple[int, ...]] | None:
    """Type of the complex numbers, order ("R" rows or "C" columns), and lengths."""
    each = 4 if heading[:4] == b"BBv1" else 8
    lengths = np.frombuffer(heading[5:-4], dtype=f"<u{each}").tolist()
    kind, letter, bits, order = chr(heading[-4]), chr(heading[-3]), heading[-2], chr(heading[-1])
    number = {("D", 64): "<c16", ("F", 32): "<c8"}.get((letter, bits))
    if kind != "C" or number is None or order not in "RC" or max(lengths) > 1 << 16:
        return None
    return np.dtype(number), order, tuple(lengths)


def _live(csi: np.ndarray) -> np.ndarray:
    """bool ``(n, A, S)``: all of a link, unless all of it is 0."""
    return np.repeat((csi != 0).any(2, keepdims=True), csi.shape[2], axis=2)


def _chains(rx: int) -> np.ndarray:
    return np.arange(rx)[None]


def _width(info: np.void) -> float:
    return float(info["width"]) * 1e6


def _spacing_note(spacing: float) -> tuple[str, ...]:
    return ("802.11ax: subcarriers are 78.125 kHz apart",) if spacing == HE_SPACING else ()


def _unknown_layout(info: np.void) -> DataError:
    name = DEVICES[int(info["device"])]
    return DataError(
        f"{name}: {info['tones']} tones at {info['width']} MHz, {info['rx']} receive antennas: no known layout"
    )


#: Bytes of the letters that begin a matrix.
_MATRIX_MARK = 4
_RADIOS = (0x1234, 0x1000, 0x24D2)
_DECODERS: dict[int, Callable[..., CsiGroup]] = {
    0x5300: _intel5300, 0x9300: _qca9300, 0x2000: _intel_ax, 0x2100: _intel_ax,
    **{device: _software_radio for device in _RADIOS},
}  # fmt: skip
