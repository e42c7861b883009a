"""Nexmon captures (``.pcap``, ``.pcapng``) of Broadcom chips as captures of CSI."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from ..errors import ConfigError, DataError
from ..types import Capture, Report
from .empty_packets import without_empty
from .file_bytes import file_bytes, rows_at
from .layouts import HT20, HT40, LEGACY20, VHT80
from .nexmon_band import PART, SPACING, noise_note, primary_centre, primary_tones
from .nexmon_packets import CsiPackets, find_csi
from .nexmon_values import CHIP_NUMBERS, CHIPS, NumberFormat, decode, recognise_format
from .packets import Packets, captures_of
from .pcap import MAGIC, read_pcap
from .pcapng import MAGIC as PCAPNG_MAGIC
from .pcapng import read_pcapng
from .rotation import undo_ht40_rotation, undo_vht80_rotation
from .transmitters import from_transmitter

#: Number of tones -> the subcarriers that carry a signal, and the bandwidth (Hz).
BANDS = {64: (HT20, 20e6), 128: (HT40, 40e6), 256: (VHT80, 80e6)}

#: Packets decoded at a time, and packets looked at to tell a number format.
BLOCK, SAMPLE = 512, 256

#: Chanspec: bits of the band and of the channel.
_BAND, _CHANNEL = 0xC000, 0x00FF


def looks_like_nexmon(head: bytes) -> bool:
    """Whether it is a pcap or pcapng file; one without CSI is refused by the reader, which can say so."""
    return head[:4] in MAGIC or head[:4] == PCAPNG_MAGIC


def read_nexmon(
    path: str | Path, *, chip: str | None = None, mac: str | None = None, band: int | None = None
) -> list[Capture]:
    """Read a capture of the datagrams that Nexmon's CSI extractor sends.

    CSI is as the official tool decodes it (integers; packed floats scaled packet by packet, the power of two kept as
    field ``exponent``), without the tones that carry no signal, from the lowest subcarrier up. The chips leave the
    transmitter's rotation in, and it is undone: in the extractor's own example (4358, 80 MHz) the phase jumps by pi at
    subcarrier -64, within 0.05 rad, and by less than 0.2 rad at -32, 32 and 64 (``tests/csi/test_nexmon.py`` holds
    this). At the centre it steps by some 0.8 rad, with a bend of a few tones to each side, on all its links: that is
    no rotation of the standard, looks like a filter of the receiver, and stays. For 40 MHz, of which no recording was
    at hand, the same is inferred. A 20 MHz frame received in a wider channel leaves the tones of the other 20 MHz
    parts at noise level, all of them valid, which spoils phase lines and levels: a note counts such frames, and
    ``band`` takes its own tones out.

    The datagrams of one frame, one a receive core and spatial stream, become one packet of ``cores x streams`` links:
    those that follow one another with the same transmitter, sequence number and channel, until a core and stream comes
    again. Frames of all cores but fewer streams are a layout of their own; frames that lack a datagram are skipped and
    counted. An entry of I = Q = 0 is a value below one step, unless a whole link is 0: that is not valid.

    Args:
        path: the file.
        chip: ``"4339"``, ``"43455c0"``, ``"4358"`` or ``"4366c0"``. None takes the header's word; where the header
            does not say (older firmware), the number format is told by the bits it leaves empty, and a note says so.
        mac: keep the frames of this transmitter only, for example ``"00:12:34:56:78:9b"``; None keeps all, and a note
            counts them by transmitter.
        band: 20 keeps the primary 20 MHz of the channel, which every frame fills: the 52 subcarriers -26..26 around
            its own centre, the capture's ``center_frequency``. None keeps the whole channel.

    Returns:
        One capture for each channel, bandwidth and number of antennas, the one with most packets first. ``timestamps``
        are those of the network capture (seconds since 1970), of a frame's first datagram; ``rssi`` in dBm where the
        header has one; fields ``sequence`` (802.11 sequence control as logged), ``mac`` ``(T, 6)``, ``frame_control``
        where the header has it, ``exponent`` ``(T, A)`` for packed floats.

    Raises:
        DataError: the file cannot be read or holds no usable packet (the message counts the reasons), the chip cannot
            be told, or the transmitter asked for is not there.
        ConfigError: unknown ``chip`` or ``band``.
    """
    chosen = _chosen_format(chip)
    if band not in (None, 20):
        raise ConfigError(f"band must be 20, the primary 20 MHz; got {band!r}: leave it out for the whole channel")
    path, report = Path(path), Report()
    data = file_bytes(path)
    magic = data[:4].tobytes()
    if not looks_like_nexmon(magic):
        raise DataError(f"{path}: no network capture: a pcap or pcapng file is needed, which tcpdump -w writes")
    frames = (read_pcapng if magic == PCAPNG_MAGIC else read_pcap)(data, path, report)
    packets = find_csi(data, frames, path, report)
    packets = packets.select(from_transmitter(packets.mac, mac, path, report, packets.number))
    packets, formats = _with_format(data, packets, chosen, path, report)
    groups = []
    for key in sorted(set(zip(packets.tones.tolist(), packets.chanspec.tolist(), formats.tolist(), strict=True))):
        tones, chanspec, number = key
        members = (packets.tones == tones) & (packets.chanspec == chanspec) & (formats == number)
        groups += _groups(data, packets.select(members), _FORMATS[number], band, path, report)
    return captures_of([without_empty(group, path, report) for group in groups], path, report, device="nexmon")


#: Number formats by number.
_FORMATS = list(dict.fromkeys(CHIPS.values()))


def _chosen_format(chip: str | None) -> NumberFormat | None:
    if chip is None:
        return None
    name = str(chip).lower().removeprefix("bcm")
    if name not in CHIPS:
        raise ConfigError(f"chip must be one of {', '.join(CHIPS)}; got {chip!r}: name the chip that recorded the file")
    return CHIPS[name]


def _skip(numbers: np.ndarray, reason: str, path: Path, report: Report) -> None:
    for number in numbers.tolist():
        report.skip(f"{path} packet {number}", reason)


def _with_format(
    data: np.ndarray, packets: CsiPackets, chosen: NumberFormat | None, path: Path, report: Report
) -> tuple[CsiPackets, np.ndarray]:
    """The packets whose number format is known, and its position in :data:`_FORMATS`, int ``(n,)``."""
    formats = np.full(len(packets), -1)
    if chosen is not None:
        formats[:] = _FORMATS.index(chosen)
        return packets, formats
    for number in np.unique(packets.chip).tolist():
        members = np.flatnonzero(packets.chip == number)
        if number in CHIP_NUMBERS:
            found = CHIPS[CHIP_NUMBERS[number]]
        else:
            few = members[:: max(1, len(members) // SAMPLE), None]
            found = recognise_format(np.concatenate([_words(data, packets, one)[0] for one in few]))
            if found is not None:
                report.notes.append(
                    f"chip number 0x{number:x} in the header names no chip; {len(members)} packets hold {found.name} "
                    "by the bits they leave empty; chip=... overrides this"
                )
        if found is not None:
            formats[members] = _FORMATS.index(found)
    unknown = formats < 0
    if unknown.all() and len(packets):
        numbers = ", ".join(f"0x{number:x}" for number in np.unique(packets.chip)[:4].tolist())
        raise DataError(
            f"{path}: the header must name the chip, by which CSI is decoded; got {numbers}, and the values do not "
            f"tell it: give chip=, one of {', '.join(CHIPS)}"
        )
    _skip(packets.number[unknown], "chip not known", path, report)
    return packets.select(~unknown), formats[~unknown]


def _words(data: np.ndarray, packets: CsiPackets, chosen: np.ndarray) -> np.ndarray:
    """uint32 ``(len(chosen), tones)``; all must have as many tones."""
    return rows_at(data, packets.values[chosen], 4 * int(packets.tones[chosen[0]])).view("<u4")


def _groups(
    data: np.ndarray, packets: CsiPackets, number_format: NumberFormat, band: int | None, path: Path, report: Report
) -> list[Packets]:
    """Packets of one channel, frame by frame, split by which streams they have."""
    csi, exponent = _decoded(data, packets, number_format)
    tones, chanspec = int(packets.tones[0]), int(packets.chanspec[0])
    (subcarriers, bandwidth), middle = BANDS[tones], _center_frequency(chanspec)
    if band is not None:
        centre = primary_centre(chanspec, tones)
        if centre is None:
            _skip(packets.number, "chanspec that names no primary channel", path, report)
            return []
        csi, subcarriers, bandwidth = csi[:, primary_tones(subcarriers, centre)], LEGACY20, 20e6
        tones, middle = PART, None if middle is None else middle + centre * SPACING
    groups = []
    for cores, streams, members in _frames(packets, path, report):
        first = members[:, 0]  # datagrams of a frame are ordered by stream and core; the earliest gives its time
        seconds = packets.seconds[members].min(1)
        own = csi[members]  # (frames, A, S)
        fields = {"sequence": packets.sequence[first], "mac": packets.mac[first]}
        if (packets.frame_control[first] >= 0).all():
            fields["frame_control"] = packets.frame_control[first]
        if number_format.mantissa:
            fields["exponent"] = exponent[members]
        rssi = packets.rssi[first]
        groups.append(Packets(
            csi=own, valid=np.repeat((own != 0).any(2, keepdims=True), own.shape[2], axis=2), seconds=seconds,
            where=packets.number[members].min(1), subcarriers=subcarriers.copy(), rx=cores, tx=streams,
            center_frequency=middle, bandwidth=bandwidth, rssi=None if np.isnan(rssi).all() else rssi, fields=fields,
            notes=tuple(filter(None, [noise_note(own, subcarriers, tones)])),
        ))  # fmt: skip
    return groups


def _decoded(
    data: np.ndarray, packets: CsiPackets, number_format: NumberFormat
) -> tuple[np.ndarray, np.ndarray]:
    """complex64 ``(n, S)``, subcarriers in order and the rotation undone, and exponents ``(n,)``."""
    tones = int(packets.tones[0])
    subcarriers, _ = BANDS[tones]
    csi = np.empty((len(packets), len(subcarriers)), dtype=np.complex64)
    exponent = np.empty(len(packets), dtype=np.int64)
    for begin in range(0, len(packets), BLOCK):
        block = np.arange(begin, min(begin + BLOCK, len(packets)))
        values, exponent[block] = decode(_words(data, packets, block), number_format)
        csi[block] = values[:, subcarriers % tones]  # stored as an FFT: from 0 up, then the negative ones
    if tones == 128:
        csi = undo_ht40_rotation(csi, subcarriers)
    elif tones == 256:
        csi = undo_vht80_rotation(csi, subcarriers)
    return csi, exponent


def _frames(packets: CsiPackets, path: Path, report: Report) -> list[tuple[int, int, np.ndarray]]:
    """Numbers of cores and streams, and positions int ``(frames, cores * streams)`` of the datagrams of each frame.

    A link is a core and a stream, cores fastest.
    """
    places = packets.stream * 8 + packets.core
    grid = np.unique(places)
    if len(grid) == 1:
        return [(1, 1, np.arange(len(packets))[:, None])]
    frame_of = _frame_numbers(packets, places)
    kinds = np.bitwise_or.reduceat(np.int64(1) << places, np.flatnonzero(np.diff(frame_of, prepend=-1)))  # (frames,)
    counts = Counter(kind for kind in kinds.tolist() if _grid(kind) is not None)
    cores = _grid(counts.most_common(1)[0][0])[0] if counts else []
    complete = [kind for kind in counts if _grid(kind)[0] == cores]
    incomplete = ~np.isin(kinds, complete)[frame_of]
    _skip(packets.number[incomplete], "frame without the datagrams of all cores and streams", path, report)
    found = []
    for kind in complete:
        members = np.flatnonzero((kinds == kind)[frame_of])
        ordered = members[np.lexsort((places[members], frame_of[members]))]
        streams = _grid(kind)[1]
        found.append((len(cores), len(streams), ordered.reshape(-1, len(cores) * len(streams))))
    return found


def _frame_numbers(packets: CsiPackets, places: np.ndarray) -> np.ndarray:
    """int ``(n,)``, increasing: a new frame where transmitter or sequence changes, or a core and stream comes again."""
    keys = zip(np.ascontiguousarray(packets.mac).view("V6")[:, 0].tolist(), packets.sequence.tolist(), strict=True)
    numbers, number, last, seen = [], -1, None, 0
    for key, place in zip(keys, places.tolist(), strict=True):
        if key != last or seen >> place & 1:
            number, last, seen = number + 1, key, 0
        seen |= 1 << place
        numbers.append(number)
    return np.array(numbers)


def _grid(kind: int) -> tuple[list[int], list[int]] | None:
    """Cores and streams of a set of places, if it holds each core with each stream."""
    places = [place for place in range(64) if kind >> place & 1]
    cores, streams = sorted({place & 7 for place in places}), sorted({place >> 3 for place in places})
    return (cores, streams) if len(places) == len(cores) * len(streams) else None


def _center_frequency(chanspec: int) -> float | None:
    """Hertz, of the middle of the whole channel; None where the channel number is none of its band."""
    channel, band = chanspec & _CHANNEL, chanspec & _BAND
    if band == 0 and 1 <= channel <= 14:
        return 2484e6 if channel == 14 else 2407e6 + 5e6 * channel
    return 5000e6 + 5e6 * channel if band == _BAND and 32 <= channel <= 177 else None
