"""Intel 5300 logs (``.dat`` of the Linux 802.11n CSI Tool) as captures, and their absolute scale.

Facts are from the tool's own documentation and its decoder for MATLAB (``read_bf_file``, ``get_total_rss``,
``get_scaled_csi``), with which values here agree exactly, and scaled values to 1e-8.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..errors import DataError
from ..types import Capture, Report
from .empty_packets import without_empty
from .file_bytes import file_bytes, rows_at
from .intel5300_records import HEADER, MOST_ANTENNAS, csi_size, find_records, headers_in
from .layouts import INTEL5300_HT20, INTEL5300_HT40
from .packet_times import unwrap_clock
from .packets import Packets, captures_of

#: Bit of the rate flags that says 40 MHz.
HT40_FLAG = 0x0800
#: What the card writes where it has no noise measurement, and what the tool's own scaling then assumes (dBm).
NO_NOISE, ASSUMED_NOISE = -127, -92.0
#: Offset between the card's RSSI and dBm at zero gain (dB).
RSSI_OFFSET = 44.0
#: Power by which the card's scale is low for 1, 2 and 3 transmitted streams: 0 dB, 3 dB (exactly 2) and 4.5 dB.
STREAM_POWER = {1: 1.0, 2: 2.0, 3: 10**0.45}

#: Packets decoded at a time: their bytes and values fit a processor's cache.
BLOCK = 1024


def looks_like_intel5300(head: bytes) -> bool:
    """Whether ``head`` holds the header of a CSI record anywhere (see :func:`.intel5300_records.headers_in`)."""
    return any(len(starts) for starts, _ in headers_in(np.frombuffer(head, dtype=np.uint8)))


def read_intel5300(path: str | Path) -> list[Capture]:
    """Read a log of the Linux 802.11n CSI Tool.

    CSI is the signed 8-bit I/Q of the card, as it is; :func:`scaled_csi` gives it an absolute scale. Three receive
    antennas stand in the order of the card's ports (A, B, C): ``antenna_sel``, by which the card permutes them packet
    by packet, is undone. One or two stay in the order of the receive chains, as the tool's own decoder leaves them, and
    so do three where ``antenna_sel`` does not name three different ports; a note counts these.

    The 30 tones are those of 802.11n's grouped feedback, at 20 or 40 MHz by the packet's rate flags. No rotation is
    undone at 40 MHz: published work on 40 MHz logs of this card (SpotFi, SIGCOMM 2015) takes its phase as continuous
    across the centre. An entry of I = Q = 0 is a measured value below one step of the card, unless all 30 tones of a
    link are 0: that link is not valid, and a packet of such links alone is skipped.

    Times are the card's ``timestamp_low`` (microseconds, 32 bits, unwrapped). Damaged and cut-off records are skipped
    and counted, and records that hold no CSI are counted in a note; packets with clocks that repeat or run backwards
    are treated as :func:`~csi2pc.csi.packets.captures_of` says.

    Args:
        path: the file.

    Returns:
        One capture for each number of antennas and bandwidth, the one with most packets first: ``rssi`` the total power
        in dBm (NaN where no antenna reported any), ``noise_floor`` dBm (NaN where not measured), ``agc`` dB,
        ``rssi_antennas`` dB over the card's own reference (NaN where an antenna reported none), and the fields
        ``rssi_a``, ``rssi_b``, ``rssi_c``, ``bfee_count``, ``rate`` and ``antenna_sel`` as logged.

    Raises:
        DataError: the file cannot be read, or holds no usable packet; the message counts the reasons.
    """
    path, report = Path(path), Report()
    data = file_bytes(path)
    starts, headers = find_records(data, path, report)
    seconds = unwrap_clock(headers["ticks"])
    layouts = (headers["rate"] & HT40_FLAG) | headers["rx"] << 4 | headers["tx"]
    groups = []
    for layout in np.unique(layouts):
        members = np.flatnonzero(layouts == layout)
        group = _group(data, starts[members], headers[members], seconds[members], members + 1)
        groups.append(without_empty(group, path, report))
    return captures_of(groups, path, report, device="intel5300")


def _group(
    data: np.ndarray, starts: np.ndarray, headers: np.ndarray, seconds: np.ndarray, where: np.ndarray
) -> Packets:
    """Packets of one layout."""
    rx, tx, wide = int(headers["rx"][0]), int(headers["tx"][0]), bool(headers["rate"][0] & HT40_FLAG)
    ports = _ports(headers["antenna_sel"], rx)
    known = ports[:, 0] >= 0
    csi = decode(data, starts, headers["antenna_sel"], rx=rx, tx=tx)  # (n, A, 30)
    links = (csi != 0).any(2)  # (n, A)
    rssi = headers["rssi"].astype(np.float32)  # (n, 3)
    own = np.take_along_axis(rssi, np.maximum(ports, 0), axis=1)  # (n, rx)
    lost = int((~known).sum())
    note = f"{lost} packets whose antenna_sel names no order of the {rx} antennas: chains as logged"
    return Packets(
        csi=csi, valid=np.repeat(links[..., None], 30, axis=2), seconds=seconds, where=where,
        subcarriers=(INTEL5300_HT40 if wide else INTEL5300_HT20).copy(), rx=rx, tx=tx, bandwidth=40e6 if wide else 20e6,
        rssi=total_rss(rssi, headers["agc"]).astype(np.float32),
        noise_floor=np.where(headers["noise"] == NO_NOISE, np.nan, headers["noise"]).astype(np.float32),
        agc=headers["agc"].astype(np.float32),
        rssi_antennas=np.where(known[:, None] & (own > 0), own, np.float32(np.nan)),
        fields={
            **{f"rssi_{port}": headers["rssi"][:, i].copy() for i, port in enumerate("abc")},
            **{
                name: headers[name].astype(headers[name].dtype.newbyteorder("="))
                for name in ("bfee_count", "rate", "antenna_sel")
            },
        },
        notes=(note,) if lost else (),
    )  # fmt: skip


def _ports(antenna_sel: np.ndarray, rx: int) -> np.ndarray:
    """int64 ``(n, rx)``: the port (0, 1, 2) of each receive antenna; -1 where ``antenna_sel`` does not tell."""
    ports = antenna_sel[:, None].astype(np.int64) >> (2 * np.arange(rx)) & 3
    ordered = np.sort(ports, axis=1)
    told = (np.diff(ordered, axis=1) > 0).all(1) & (ordered[:, -1] < MOST_ANTENNAS)
    if rx == MOST_ANTENNAS:
        ports = ordered
    return np.where(told[:, None], ports, -1)


def _order(antenna_sel: int, rx: int) -> list[int]:
    """Which receive antenna of the capture each receive chain is."""
    if rx < MOST_ANTENNAS or _ports(np.array([antenna_sel]), rx)[0, 0] < 0:
        return list(range(rx))
    return [antenna_sel >> (2 * chain) & 3 for chain in range(rx)]


def decode(data: np.ndarray, starts: np.ndarray, antenna_sel: np.ndarray, *, rx: int, tx: int) -> np.ndarray:
    """CSI of records of one layout, three receive antennas in the order of the ports.

    Three bits precede the values of each tone, so these begin at a bit of their own in each tone; they follow one
    another receive chain by receive chain, and in each stream by stream, 8 bits real part and 8 bits imaginary part.

    Args:
        data: uint8, the whole file.
        starts: int ``(n,)``, where whole records of ``rx`` and ``tx`` antennas begin.
        antenna_sel: uint8 ``(n,)``.

    Returns:
        complex64 ``(n, rx * tx, 30)``, integer parts in -128..127.
    """
    parts = np.empty((len(starts), tx, rx, 30, 2), dtype=np.float32)
    for value in np.unique(antenna_sel):
        order = _order(int(value), rx)
        members = np.flatnonzero(antenna_sel == value)
        for begin in range(0, len(members), BLOCK):
            block = members[begin : begin + BLOCK]
            pairs = _pairs(rows_at(data, starts[block] + HEADER.itemsize, csi_size(rx, tx)), rx, tx)
            ordered = np.empty((len(block), tx, rx, 30), dtype=pairs.dtype)
            ordered[:, :, order] = pairs.transpose(0, 3, 2, 1)
            parts[block] = ordered.view(np.int8).reshape(*ordered.shape, 2)
    return parts.view(np.complex64).reshape(len(starts), tx * rx, 30)


def _pairs(packed: np.ndarray, rx: int, tx: int) -> np.ndarray:
    """int16 ``(n, 30, rx, tx)`` out of the packed CSI ``(n, bytes)``: both bytes of each value together."""
    size = 2 * rx * tx
    values = np.empty((len(packed), 30, size), dtype=np.uint8)
    for tone in range(30):
        first, shift = divmod(3 * (tone + 1) + 8 * size * tone, 8)
        here, following = packed[:, first : first + size], packed[:, first + 1 : first + size + 1]
        values[:, tone] = here >> np.uint8(shift) | following << np.uint8(8 - shift) if shift else here
    return values.view(np.int16).reshape(-1, 30, rx, tx)


def total_rss(rssi: np.ndarray, agc: np.ndarray) -> np.ndarray:
    """Received power of all antennas together, as the tool's ``get_total_rss``.

    Args:
        rssi: ``(n, 3)`` by port, dB over the card's reference; 0 where a port received nothing.
        agc: ``(n,)`` dB.

    Returns:
        float64 ``(n,)`` dBm; NaN where no port received anything.
    """
    rssi = np.asarray(rssi, dtype=np.float64)
    power = np.where(rssi > 0, 10 ** (rssi / 10), 0).sum(1)
    level = 10 * np.log10(np.where(power > 0, power, np.nan))
    return level - RSSI_OFFSET - np.asarray(agc, dtype=np.float64)


def gain(capture: Capture) -> np.ndarray:
    """The factor, packet by packet, that gives raw CSI the absolute scale of the tool's ``get_scaled_csi``.

    Scaled CSI is in units of the square root of the signal-to-noise ratio: its power is received power over thermal
    noise and the quantisation noise of the 8-bit values. Where the card measured no noise, -92 dBm are assumed, as the
    tool does. For 2 and 3 streams the card's values are 3 and 4.5 dB low; the factor makes good for it.

    Args:
        capture: from :func:`read_intel5300`, its CSI as read; only what was measured counts.

    Returns:
        float64 ``(T,)``; NaN where no antenna reported power.

    Raises:
        DataError: another device's capture, or one without its gains.
    """
    needed = ("rssi_a", "rssi_b", "rssi_c")
    if capture.device != "intel5300" or capture.agc is None or not set(needed) <= set(capture.fields):
        raise DataError(
            f"the scale of CSI needs a capture of an Intel 5300 with agc and the fields {', '.join(needed)}; got a "
            f"capture of {capture.device!r} with fields {sorted(capture.fields)}: read the log with read_intel5300"
        )
    level = total_rss(np.stack([capture.fields[name] for name in needed], axis=1), capture.agc)
    noise = ASSUMED_NOISE if capture.noise_floor is None else capture.noise_floor.astype(np.float64)
    thermal = 10 ** (np.where(np.isfinite(noise), noise, ASSUMED_NOISE) / 10)
    parts = np.where(capture.valid, capture.csi, 0).view(np.float32)  # (T, A, 60)
    power = np.einsum("tas,tas->t", parts, parts, dtype=np.float64) / 30
    scale = 10 ** (level / 10) / np.where(power > 0, power, np.nan)
    return np.sqrt(scale * STREAM_POWER[capture.tx] / (thermal + scale * capture.rx * capture.tx))


def scaled_csi(capture: Capture) -> np.ndarray:
    """CSI on the absolute scale of the tool's ``get_scaled_csi``: complex128 ``(T, A, 30)``; see :func:`gain`."""
    return capture.csi * gain(capture)[:, None, None]
