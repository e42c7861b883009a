"""PicoScenes logs (``.csi``) as captures: Intel 5300, AX200, AX210, Qualcomm Atheros 9300 and software radios.

The layout of segments is that of PicoScenes' open parsing library; see :mod:`~csi2pc.csi.picoscenes_fields`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..types import Capture, Report
from .empty_packets import without_empty
from .file_bytes import file_bytes, records_at, rows_at
from .packet_times import unwrap_clock
from .packets import Packets, captures_of
from .picoscenes_csi import DEVICES, CsiGroup, decode_csi
from .picoscenes_fields import BASIC, BASIC_INFO, CSI, CSI_INFO, RELATIVE_RSSI, agc_position, filled
from .picoscenes_frames import Frame, begins_frame, find_frames
from .transmitters import from_transmitter

#: Bytes of a packet's 802.11 header up to its sequence number.
_MAC_HEADER = 24
#: Control frames (by subtype) that name a transmitter: trigger, block acknowledgement and its request, PS-Poll, RTS.
_NAMING = (2, 8, 9, 10, 11)


def looks_like_picoscenes(head: bytes) -> bool:
    """Whether a frame begins in ``head``: magic number, version, and the name of a segment behind them."""
    at = head.find(b"\x15\x03\x15\x20\x01\x00")
    while at >= 0:
        if at >= 4 and begins_frame(head, at - 4):
            return True
        at = head.find(b"\x15\x03\x15\x20\x01\x00", at + 1)
    return False


def read_picoscenes(path: str | Path, *, mac: str | None = None) -> list[Capture]:
    """Read a log of PicoScenes.

    CSI is the hardware's own (integer I/Q, or the floating-point estimate of a software radio); what
    :mod:`~csi2pc.csi.picoscenes_csi` says of each device holds. Only the segment ``CSI`` is read: what was measured on
    HT, VHT or HE training fields, or on the legacy ones of a legacy packet; never a second estimate of the same packet.

    Times are the host's (``SystemTime``, nanoseconds since 1970) where most packets have them, else the device's own
    clock in microseconds. Damaged and cut-off frames, unknown versions and layouts are skipped and counted; packets
    with clocks that repeat or run backwards are treated as :func:`~csi2pc.csi.packets.captures_of` says.

    Args:
        path: the file.
        mac: keep the packets of this transmitter only; None keeps all, and a note counts them by transmitter: cards in
            monitor mode hear everybody.

    Returns:
        One capture for each device, number of antennas, set of subcarriers and channel, the one with most packets
        first: ``rssi`` and ``noise_floor`` dBm, ``rssi_antennas`` dBm (NaN where an antenna reported none), ``agc`` as
        logged where it is, and the fields ``device_clock`` (ticks), ``mcs``, ``format`` (0 legacy, 1 HT, 2 VHT, 3 to
        5 HE, 6 and 7 EHT), ``antenna_sel``, ``sequence`` (of the 802.11 header; -1 where it has none) and
        ``transmitter`` (uint8 ``(T, 6)``, 0 where the packet names none).

    Raises:
        DataError: the file cannot be read, or holds no usable packet; the message counts the reasons.
    """
    path, report = Path(path), Report()
    data = file_bytes(path)
    packets = _packets(data, find_frames(data, path, report), path, report)
    keep = from_transmitter(packets["transmitter"], mac, path, report, packets["where"])
    packets = {name: values[keep] for name, values in packets.items()}
    groups = []
    for decoded in decode_csi(data, packets["csi"], packets["values"], packets["where"], path, report):
        groups.append(without_empty(_group(decoded, packets), path, report))
    kinds = {int(device) for device in np.unique(packets["csi"]["device"])}
    device = f"picoscenes-{DEVICES[kinds.pop()]}" if len(kinds) == 1 and kinds <= DEVICES.keys() else "picoscenes"
    return captures_of(groups, path, report, device=device)


def _packets(data: np.ndarray, frames: list[Frame], path: Path, report: Report) -> dict[str, np.ndarray]:
    """Everything but the CSI of the frames that have what it takes; the other frames are listed and skipped."""
    complete = []
    for frame in frames:
        reason = _lacks(frame)
        if reason:
            report.skip(f"{path} packet {frame.number}", reason)
        else:
            complete.append(frame)
    csi, values = _csi(data, complete)
    room = np.array([frame.segments["CSI"].end for frame in complete], dtype=np.int64) - values
    packets = {"csi": csi, "values": values, "where": np.array([frame.number for frame in complete], dtype=np.int64)}
    packets.update(_basic(data, complete), agc=_agc(data, complete), **_addresses(data, complete))
    inside = csi["size"] <= room
    for number in packets["where"][~inside].tolist():
        report.skip(f"{path} packet {number}", "CSI longer than its segment")
    return {name: columns[inside] for name, columns in packets.items()}


def _lacks(frame: Frame) -> str:
    """Why a frame cannot be used; empty if it can."""
    for name, layouts in (("RxSBasic", BASIC), ("CSI", CSI)):
        segment = frame.segments.get(name)
        if segment is None:
            return f"no segment {name}"
        if segment.version not in layouts:
            return f"segment {name} of unknown version {segment.version}"
        if segment.end - segment.begin < layouts[segment.version].itemsize:
            return f"segment {name} too short"
    return ""


def _read(
    data: np.ndarray, frames: list[Frame], name: str, layouts: dict[int, np.dtype], target: np.dtype
) -> tuple[np.ndarray, np.ndarray]:
    """``(n,)`` of ``target`` from segments of any version, and the versions."""
    versions = np.array([frame.segments[name].version for frame in frames], dtype=np.int64)
    begins = np.array([frame.segments[name].begin for frame in frames], dtype=np.int64)
    result = np.zeros(len(frames), dtype=target)
    for version in np.unique(versions).tolist():
        rows = np.flatnonzero(versions == version)
        filled(layouts[version], records_at(data, begins[rows], layouts[version]), result, rows)
    return result, versions


def _csi(data: np.ndarray, frames: list[Frame]) -> tuple[np.ndarray, np.ndarray]:
    """The descriptions (:data:`CSI_INFO`), and where the values begin."""
    csi, versions = _read(data, frames, "CSI", CSI, CSI_INFO)
    csi["csis"][versions < 3] = 1
    begins = np.array([frame.segments["CSI"].begin for frame in frames], dtype=np.int64)
    return csi, begins + np.array([CSI[version].itemsize for version in versions.tolist()], dtype=np.int64)


def _basic(data: np.ndarray, frames: list[Frame]) -> dict[str, np.ndarray]:
    """The description (:data:`BASIC_INFO`), RSSI in dBm, and times in seconds."""
    basic, versions = _read(data, frames, "RxSBasic", BASIC, BASIC_INFO)
    relative = np.isin(versions, RELATIVE_RSSI)
    noise = basic["noise"].astype(np.float32)
    floor = np.where(relative, noise, np.float32(0))
    chains = basic["chains"].astype(np.float32)
    return {
        "basic": basic, "noise": noise, "rssi": basic["rssi"] + floor, "seconds": _seconds(basic),
        "chains": np.where(chains == 0, np.float32(np.nan), chains + floor[:, None]),
    }  # fmt: skip


def _seconds(basic: np.ndarray) -> np.ndarray:
    """float64 ``(n,)``: the clock that most packets have; one damaged value must not decide."""
    if len(basic) and np.median(basic["system"] > 0) == 1:
        return basic["system"].astype(np.float64) * 1e-9
    ticks = basic["ticks"]
    if len(ticks) and np.median(ticks >> np.uint64(32)) > 0:
        return ticks.astype(np.float64) * 1e-6
    return unwrap_clock((ticks & np.uint64(0xFFFFFFFF)).astype(np.int64))


def _agc(data: np.ndarray, frames: list[Frame]) -> np.ndarray:
    """float32 ``(n,)``; NaN where a frame has none."""
    agc = np.full(len(frames), np.nan, dtype=np.float32)
    extras = [frame.segments.get("ExtraInfo") for frame in frames]
    rows = np.array([i for i, extra in enumerate(extras) if extra and extra.end - extra.begin >= 4], dtype=np.int64)
    begins = np.array([extras[i].begin for i in rows.tolist()], dtype=np.int64)
    ends = np.array([extras[i].end for i in rows.tolist()], dtype=np.int64)
    codes = rows_at(data, begins, 4).view("<u4")[:, 0]
    for code in np.unique(codes).tolist():
        at = agc_position(code)
        if at is not None:
            own = (codes == code) & (begins + at < ends)
            agc[rows[own]] = data[begins[own] + at]
    return agc


def _addresses(data: np.ndarray, frames: list[Frame]) -> dict[str, np.ndarray]:
    """Transmitter's address and sequence number of the received packets."""
    places = np.array([frame.packet for frame in frames], dtype=np.int64).reshape(-1, 2)
    headers = np.zeros((len(frames), _MAC_HEADER), dtype=np.uint8)
    whole = np.flatnonzero(places[:, 1] - places[:, 0] >= _MAC_HEADER)
    headers[whole] = rows_at(data, places[whole, 0], _MAC_HEADER)
    short = np.flatnonzero((places[:, 1] - places[:, 0] >= 16) & (places[:, 1] - places[:, 0] < _MAC_HEADER))
    headers[short, :16] = rows_at(data, places[short, 0], 16)
    control, subtype = (headers[:, 0] >> 2 & 3) == 1, headers[:, 0] >> 4
    named = ~control | np.isin(subtype, _NAMING)
    numbered = ~control & (places[:, 1] - places[:, 0] >= _MAC_HEADER)
    sequence = headers[:, 22:24].copy().view("<u2")[:, 0].astype(np.int64) >> 4
    return {
        "transmitter": np.where(named[:, None], headers[:, 10:16], 0).astype(np.uint8),
        "sequence": np.where(numbered, sequence, -1),
    }


def _group(decoded: CsiGroup, packets: dict[str, np.ndarray]) -> Packets:
    """The packets of one layout with everything recorded beside their CSI."""
    own = {name: values[decoded.members] for name, values in packets.items()}
    basic, info = own["basic"], own["csi"]
    carrier = int(info["carrier"][0]) or int(basic["center"][0]) * 1_000_000
    return Packets(
        csi=decoded.csi, valid=decoded.valid, seconds=own["seconds"], where=own["where"],
        subcarriers=decoded.subcarriers, rx=decoded.rx, tx=decoded.tx,
        center_frequency=float(carrier) if carrier > 0 else None, bandwidth=decoded.bandwidth,
        rssi=own["rssi"], noise_floor=own["noise"], agc=None if np.isnan(own["agc"]).all() else own["agc"],
        rssi_antennas=_of_antennas(own["chains"], decoded.ports),
        fields={
            "device_clock": basic["ticks"].astype(np.int64), "mcs": basic["mcs"].astype(np.int64),
            "format": info["format"].astype(np.int64), "antenna_sel": info["antenna_sel"].astype(np.int64),
            "sequence": own["sequence"], "transmitter": own["transmitter"],
        },
        notes=decoded.notes,
    )  # fmt: skip


def _of_antennas(chains: np.ndarray, ports: np.ndarray) -> np.ndarray:
    """float32 ``(n, rx)`` of ``(n, 8)``, by the port of each receive antenna, ``(n, rx)`` or ``(1, rx)``."""
    ports = np.broadcast_to(ports, (len(chains), ports.shape[1]))
    known = np.take_along_axis(chains, np.minimum(ports, chains.shape[1] - 1), axis=1)
    return np.where(ports < chains.shape[1], known, np.float32(np.nan))
