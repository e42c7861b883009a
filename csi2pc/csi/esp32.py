"""ESP32 CSI logs (CSV) as captures: ESP32-CSI-Tool and esp-csi, for ESP32, S2, S3 and C3."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from ..errors import ConfigError, DataError
from ..types import Capture, Report
from .esp32_fields import HTLTF20, HTLTF40, LLTF, PacketKind, TrainingField, decode, locate
from .esp32_rows import Rows, read_rows, rows_in
from .packet_times import BACKWARDS, OUT_OF_LINE, REPEATED, in_order, repeated, unwrap_clock

TrainingFieldChoice = Literal["auto", "lltf", "htltf"]

#: Packets of a kind that are looked at where its length leaves open which training field it is.
SAMPLE = 1000


def looks_like_esp32_csv(head: bytes) -> bool:
    """Whether a file beginning with ``head`` has a CSI_DATA row, or the header row of one."""
    return any(True for _ in rows_in(head))


def read_esp32_csv(
    path: str | Path, *, mac: str | None = None, training_field: TrainingFieldChoice = "auto"
) -> Capture:
    """Read a log of ESP32-CSI-Tool or esp-csi, header row or none.

    One capture has one set of subcarriers: packets that cannot give the chosen training field are skipped and
    counted, never padded. So are rows that are cut off or malformed, repeated packets (same clock, transmitter and
    values), and packets on another channel than most.

    Times are the receiver's ``local_timestamp`` (microseconds, 32 bits; a wrap-around is unwrapped). One packet out
    of line with both its neighbours is skipped; where the clock runs backwards for good (the receiver restarted),
    only the longest run of packets is kept. Nothing is ever sorted.

    Args:
        path: the file.
        mac: keep the packets of this transmitter only; None keeps all, and a note counts them by transmitter.
        training_field: ``"lltf"`` (52 legacy subcarriers of the primary channel, which every packet carries),
            ``"htltf"`` (56 or 114), or ``"auto"``: the one that most packets can give, the larger one among equals.

    Returns:
        A capture with ``rx = tx = 1``; ``rssi`` and ``noise_floor`` in dBm as logged.

    Raises:
        DataError: the file cannot be read, or no packet of it can be used; the message counts the reasons.
        ConfigError: unknown ``training_field``.
    """
    if training_field not in get_args(TrainingFieldChoice):
        choices = ", ".join(get_args(TrainingFieldChoice))
        raise ConfigError(f"training_field must be one of {choices}; got {training_field!r}: choose one of them")
    path, report = Path(path), Report()
    rows = read_rows(path, report)
    rows = _of_transmitter(rows, mac, path, report)
    rows = _on_commonest_channel(rows, path, report)
    rows, field, csi, valid = _decode_field(rows, training_field, path, report)  # csi, valid: (n, S)
    times, keep = _times(rows, path, report)
    rows = rows.select(keep)
    report.read = len(rows)
    return Capture(
        csi=csi[keep, None], valid=valid[keep, None], timestamps=times, subcarriers=field.subcarriers.copy(),
        device="esp32", source=str(path), center_frequency=_center_frequency(rows, field), bandwidth=field.bandwidth,
        rssi=rows.column("rssi").astype(np.float32), noise_floor=rows.column("noise_floor").astype(np.float32),
        report=report,
    )  # fmt: skip


def _skip(lines: np.ndarray, reason: str, path: Path, report: Report) -> None:
    for line in lines.tolist():
        report.skip(f"{path} line {line}", reason)


def _drop(rows: Rows, keep: np.ndarray, reason: str, path: Path, report: Report) -> Rows:
    _skip(rows.line[~keep], reason, path, report)
    return rows.select(keep)


def _of_transmitter(rows: Rows, mac: str | None, path: Path, report: Report) -> Rows:
    counts = Counter(rows.mac.tolist())
    if mac is None:
        if len(counts) > 1:
            listed = ", ".join(f"{address}: {n}" for address, n in counts.most_common(8))
            report.notes.append(f"{len(counts)} transmitters in one capture ({listed}); mac=... selects one")
        return rows
    if len(rows) and mac.upper() not in counts:
        listed = ", ".join(f"{address} ({n} packets)" for address, n in counts.most_common(8))
        raise DataError(f"{path}: no packet from transmitter {mac}; the file has {listed}: name one of these")
    return _drop(rows, rows.mac == mac.upper(), "another transmitter", path, report)


def _on_commonest_channel(rows: Rows, path: Path, report: Report) -> Rows:
    known = (rows.column("channel") >= 1) & (rows.column("channel") <= 14)
    rows = _drop(rows, known, "channel outside 1..14", path, report)
    channels, secondaries = rows.column("channel"), rows.column("secondary_channel")
    counts = Counter(zip(channels.tolist(), secondaries.tolist(), strict=True))
    if len(counts) < 2:
        return rows
    channel, secondary = counts.most_common(1)[0][0]
    same = (channels == channel) & (secondaries == secondary)
    return _drop(rows, same, f"not on channel {channel} (secondary {secondary}) as most packets", path, report)


def _decode_field(
    rows: Rows, choice: TrainingFieldChoice, path: Path, report: Report
) -> tuple[Rows, TrainingField, np.ndarray, np.ndarray]:
    """The rows that hold the training field, the field, and its csi and valid, ``(n, S)``."""
    layouts, layout_of = _layouts(rows)
    known = np.array([bool(layout) for layout in layouts], dtype=bool)[layout_of]
    for line, count in zip(rows.line[~known].tolist(), rows.stored[~known].tolist(), strict=True):
        report.skip(f"{path} line {line}", f"{count} values, which fit no known layout of this packet")

    allowed = {"auto": (HTLTF40, HTLTF20, LLTF), "lltf": (LLTF,), "htltf": (HTLTF40, HTLTF20)}[choice]
    having = {field: np.array([field in layout for layout in layouts], dtype=bool)[layout_of] for field in allowed}
    field = max(allowed, key=lambda candidate: int(having[candidate].sum()))
    _skip(rows.line[known & ~having[field]], f"packet without the training field {field.name}", path, report)
    rows, layout_of = rows.select(having[field]), layout_of[having[field]]
    if not len(rows):
        wanted = "" if choice == "auto" else f" that holds the training field {choice}"
        raise DataError(
            f"{path}: no usable packet: {report.summary()}; this must be a log of ESP32-CSI-Tool or esp-csi{wanted}"
        )

    csi = np.empty((len(rows), len(field.subcarriers)), dtype=np.complex64)
    valid = np.empty(csi.shape, dtype=bool)
    for number in np.unique(layout_of):
        members = np.flatnonzero(layout_of == number)
        bins, invalid = layouts[number][field], rows.first_word_invalid[members]
        csi[members], valid[members] = decode(rows.values(members), bins, field, invalid)
    return rows, field, csi, valid


def _layouts(rows: Rows) -> tuple[list[dict[TrainingField, np.ndarray]], np.ndarray]:
    """What each kind of packet holds, and which kind each row is, int ``(n,)``."""
    names = ("sig_mode", "bandwidth", "stbc", "secondary_channel", "len")
    keys = np.stack([*map(rows.column, names), rows.stored], axis=1)  # (n, 6)
    kinds, kind_of = np.unique(keys, axis=0, return_inverse=True)
    kind_of = kind_of.reshape(-1)
    layouts = []
    for number, kind in enumerate(kinds.tolist()):
        members = np.flatnonzero(kind_of == number)[:SAMPLE]
        layouts.append(locate(PacketKind(*kind), rows.values(members)))
    return layouts, kind_of


def _times(rows: Rows, path: Path, report: Report) -> tuple[np.ndarray, np.ndarray]:
    """Seconds of the packets that are kept, and the bool ``(n,)`` mask of them."""
    seconds = unwrap_clock(rows.column("local_timestamp"))
    twice = repeated(seconds, partial(_alike, rows))
    _skip(rows.line[twice], REPEATED, path, report)
    inside = np.flatnonzero(~twice)
    kept, odd = in_order(seconds[inside])
    _skip(rows.line[inside[odd]], OUT_OF_LINE, path, report)
    _skip(rows.line[inside[~kept & ~odd]], BACKWARDS, path, report)
    keep = np.zeros(len(rows), dtype=bool)
    keep[inside[kept]] = True
    return seconds[keep], keep


def _alike(rows: Rows, one: int, other: int) -> bool:
    """Whether two packets have the same transmitter and values."""
    if rows.mac[one] != rows.mac[other] or rows.stored[one] != rows.stored[other]:
        return False
    return np.array_equal(*rows.values(np.array([one, other])))


def _center_frequency(rows: Rows, field: TrainingField) -> float:
    """IEEE 802.11 channels of the 2.4 GHz band, 5 MHz apart but for channel 14; a 40 MHz field lies between two."""
    channel = int(rows.column("channel")[0])
    primary = 2484e6 if channel == 14 else 2407e6 + 5e6 * channel
    shift = {0: 0.0, 1: 10e6, 2: -10e6}[int(rows.column("secondary_channel")[0])] if field is HTLTF40 else 0.0
    return primary + shift
