"""ESP32 CSI logs as captures: ESP32-CSI-Tool and esp-csi, for ESP32, S2, S3, C3, C5, C6 and C61."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from ..errors import ConfigError, DataError
from ..types import Capture, Report
from .esp32_csv import CsvLines, looks_like_row
from .esp32_fields import FIELDS, HTLTF40, Place, TrainingField, decode
from .esp32_layouts import PacketKind, locate
from .esp32_rows import UNKNOWN, Rows, read_rows
from .packet_times import unwrap_clock
from .packets import Packets, captures_of

TrainingFieldChoice = Literal["auto", "lltf", "htltf", "heltf"]

#: Packets of a kind that are looked at where its length leaves open which training field it is, and packets that are
#: decoded at a time.
SAMPLE = 1000

#: Seconds from the middle of a recording beyond which the time of a computer's clock is damaged (30 days).
FAR = 30 * 86400.0

#: What is kept of each packet beside its CSI, where the log has it, under the name it has in ``Capture.fields``.
_KEPT = {"rate": "rate", "id": "sequence", "agc_gain": "agc_gain", "fft_gain": "fft_gain"}


def looks_like_esp32_csv(head: bytes) -> bool:
    """Whether a file beginning with ``head`` has a CSI_DATA row, or the header row of one."""
    return any(looks_like_row(line) for line in head.splitlines())


def read_esp32_csv(
    path: str | Path, *, mac: str | None = None, training_field: TrainingFieldChoice = "auto"
) -> list[Capture]:
    """Read a log of ESP32-CSI-Tool or esp-csi, header row or none.

    A capture has one channel and one set of subcarriers. Of the training fields that packets hold the one that most
    can give is taken; packets without it make up a capture of their own, and so do those of another channel: nothing
    is ever padded. Rows that are cut off or malformed are skipped and counted, and so are repeated packets.

    Times are the receiver's ``local_timestamp`` (microseconds, 32 bits; a wrap-around is unwrapped): the moment
    at which the chip received the packet. Other times of a row (ESP32-CSI-Tool's ``real_timestamp``, columns of the
    logging computer) are those of printing it and are not used. One packet out of line with both its neighbours is
    skipped; where the clock runs backwards for good (the receiver restarted), only the longest run of packets is kept.
    Nothing is ever sorted.

    Args:
        path: the file.
        mac: keep the packets of this transmitter only; None keeps all, and a note counts them by transmitter.
        training_field: ``"lltf"`` (52 legacy subcarriers of the primary channel; 26 of them where an ESP32-C5 or C61
            gives these alone), ``"htltf"`` (56 or 114), ``"heltf"`` (242, C5, C6 and C61), or ``"auto"``: the one
            that most packets can give, the larger one among equals. Packets without it are then skipped.

    Returns:
        Captures with ``rx = tx = 1``, the one with most packets first; ``rssi`` and ``noise_floor`` in dBm as logged.
        ``fields`` has, where logged, ``rate``, ``sequence`` (the sender's number of the packet), ``agc_gain`` and
        ``fft_gain`` (steps of the chip's gains, whose size Espressif does not publish; -1 where a row has none).

    Raises:
        DataError: the file cannot be read, or no packet of it can be used; the message counts the reasons.
        ConfigError: unknown ``training_field``.
    """
    checked_choice(training_field)
    path, report = Path(path), Report()
    rows = of_transmitter(read_rows(path, report, CsvLines()), mac, str(path), report)
    return captures_of_rows(rows, str(path), report, training_field)


def checked_choice(training_field: str) -> None:
    """Refuse an unknown training field.

    Raises:
        ConfigError: naming those there are.
    """
    if training_field not in get_args(TrainingFieldChoice):
        choices = ", ".join(get_args(TrainingFieldChoice))
        raise ConfigError(f"training_field must be one of {choices}; got {training_field!r}: choose one of them")


def of_transmitter(rows: Rows, mac: str | None, source: str, report: Report) -> Rows:
    """The rows of one transmitter, or of all with a note that counts them.

    Raises:
        DataError: there is none of that transmitter; the message lists those there are.
    """
    counts = Counter(name.decode() for name in rows.mac.tolist())
    if mac is None:
        if len(counts) > 1:
            listed = ", ".join(f"{address}: {n}" for address, n in counts.most_common(8))
            report.notes.append(f"{len(counts)} transmitters in one capture ({listed}); mac=... selects one")
        return rows
    if len(rows) and mac.upper() not in counts:
        listed = ", ".join(f"{address} ({n} packets)" for address, n in counts.most_common(8))
        raise DataError(f"{source}: no packet from transmitter {mac}; the file has {listed}: name one of these")
    return _drop(rows, rows.mac == mac.upper().encode(), "another transmitter", source, report)


def of_receiver(rows: Rows, receiver: str | None, source: str, report: Report) -> Rows:
    """The rows of one receiver; by default the one with most packets, with a note that counts the others.

    Raises:
        DataError: there is none of that receiver; the message lists those there are.
    """
    counts = Counter(name.decode() for name in rows.receiver.tolist())
    if not counts:
        return rows
    listed = ", ".join(f"{name} ({n} packets)" for name, n in counts.most_common(8))
    if receiver is None and len(counts) > 1:
        report.notes.append(f"{len(counts)} receivers in one file: {listed}; receiver=... selects one")
    chosen = counts.most_common(1)[0][0] if receiver is None else str(receiver)
    if chosen not in counts:
        raise DataError(f"{source}: no packet of receiver {chosen}; the file has {listed}: name one of these")
    return rows.select(rows.receiver == chosen.encode())


def captures_of_rows(rows: Rows, source: str, report: Report, training_field: TrainingFieldChoice) -> list[Capture]:
    """One capture a channel and training field, the one with most packets first.

    Raises:
        DataError: no packet can be used; the message counts the reasons.
    """
    rows = _on_known_channels(rows, source, report)
    rows, layouts, layout_of = _known_layouts(rows, source, report)
    seconds, rows, layout_of = _timed(rows, layout_of, source, report)
    groups = []
    pairs = np.stack([rows.column("channel"), rows.column("secondary_channel")], axis=1)
    for pair in np.unique(pairs, axis=0):
        members = np.flatnonzero((pairs == pair).all(1))
        for field, chosen in _by_field(members, layouts, layout_of, training_field):
            own = [layouts[i] for i in layout_of[chosen]]
            groups.append(packets_of(rows.select(chosen), field, own, seconds[chosen]))
            members = np.setdiff1d(members, chosen)
        skip_lines(rows.line[members], f"packet without the training field {training_field}", source, report)
    if not groups:
        wanted = "" if training_field == "auto" else f" that holds the training field {training_field}"
        raise DataError(f"{source}: no usable packet: {report.summary()}; this must be a log of an ESP32{wanted}")
    return captures_of(groups, source, report, device="esp32", unit="line")


def skip_lines(lines: np.ndarray, reason: str, source: str, report: Report) -> None:
    """List lines in the report."""
    for line in lines.tolist():
        report.skip(f"{source} line {line}", reason)


def _drop(rows: Rows, keep: np.ndarray, reason: str, source: str, report: Report) -> Rows:
    skip_lines(rows.line[~keep], reason, source, report)
    return rows.select(keep)


def _on_known_channels(rows: Rows, source: str, report: Report) -> Rows:
    channel = rows.column("channel")
    known = ((channel >= 1) & (channel <= 14)) | (channel == UNKNOWN)
    for low, high in ((32, 68), (96, 144), (149, 177)):
        # Only chips whose logs do not name the mode know the 5 GHz band.
        known |= (channel >= low) & (channel <= high) & (rows.column("sig_mode") == UNKNOWN)
    return _drop(rows, known, "no channel of that number", source, report)


def _known_layouts(
    rows: Rows, source: str, report: Report
) -> tuple[Rows, list[dict[TrainingField, Place]], np.ndarray]:
    layouts, layout_of = layouts_of(rows, locate)
    known = np.array([bool(layout) for layout in layouts], dtype=bool)[layout_of]
    for line, count in zip(rows.line[~known].tolist(), rows.stored[~known].tolist(), strict=True):
        report.skip(f"{source} line {line}", f"{count} values, which fit no known layout of this packet")
    return rows.select(known), layouts, layout_of[known]


def layouts_of(
    rows: Rows, locate_kind: Callable[[PacketKind, np.ndarray], dict[TrainingField, Place]]
) -> tuple[list[dict[TrainingField, Place]], np.ndarray]:
    """What each kind of packet holds, and which kind each row is, int ``(n,)``."""
    names = ("sig_mode", "bandwidth", "stbc", "secondary_channel", "len")
    keys = np.stack([*map(rows.column, names), rows.stored], axis=1)  # (n, 6)
    kinds, kind_of = np.unique(keys, axis=0, return_inverse=True)
    kind_of = kind_of.reshape(-1)
    layouts = []
    for number, kind in enumerate(kinds.tolist()):
        members = np.flatnonzero(kind_of == number)[:SAMPLE]
        layouts.append(locate_kind(PacketKind(*kind), rows.values(members)))
    return layouts, kind_of


def _timed(rows: Rows, layout_of: np.ndarray, source: str, report: Report) -> tuple[np.ndarray, Rows, np.ndarray]:
    """Seconds of the packets: of the receiver's own clock where all have it, else of the computer's."""
    ticks = rows.column("local_timestamp")
    if not len(rows) or (ticks != UNKNOWN).all():
        return unwrap_clock(ticks), rows, layout_of
    seconds = rows.host_time
    near = np.abs(seconds - np.sort(seconds)[(len(seconds) - 1) // 2]) <= FAR
    rows = _drop(rows, near, f"time more than {FAR / 86400:.0f} days from the middle of the recording", source, report)
    return seconds[near], rows, layout_of[near]


def _by_field(
    members: np.ndarray, layouts: list[dict[TrainingField, Place]], layout_of: np.ndarray, choice: TrainingFieldChoice
) -> list[tuple[TrainingField, np.ndarray]]:
    """Training fields and the rows that give them: first the field that most have, then that of the rest, and so on."""
    allowed = [field for field in FIELDS if choice == "auto" or field.name.startswith(choice)]
    found = []
    while len(members):
        having = {
            field: np.array([field in layout for layout in layouts], dtype=bool)[layout_of[members]]
            for field in allowed
        }
        field = max(allowed, key=lambda candidate: int(having[candidate].sum()))
        if not having[field].any():
            break
        found.append((field, members[having[field]]))
        members = members[~having[field]]
    return found


def packets_of(
    rows: Rows, field: TrainingField, layouts: list[dict[TrainingField, Place]], seconds: np.ndarray
) -> Packets:
    """One training field of packets of one channel.

    Args:
        rows: the packets.
        field: the field; ``layouts``, one a packet, must all have it.
        seconds: ``(n,)``.
    """
    csi = np.empty((len(rows), len(field.subcarriers)), dtype=np.complex64)
    valid = np.empty(csi.shape, dtype=bool)
    # Packets that share a layout object share their length too.
    groups: dict[int, list[int]] = {}
    for i, layout in enumerate(layouts):
        groups.setdefault(id(layout), []).append(i)
    for group in groups.values():
        for start in range(0, len(group), SAMPLE):
            members = np.array(group[start : start + SAMPLE])
            place, invalid = layouts[members[0]][field], rows.first_word_invalid[members]
            csi[members], valid[members] = decode(rows.values(members), place, field, invalid)
    return Packets(
        csi=csi[:, None], valid=valid[:, None], seconds=seconds, where=rows.line, rx=1, tx=1,
        subcarriers=field.subcarriers.copy(), center_frequency=center_frequency(rows, field),
        bandwidth=field.bandwidth, rssi=_power(rows, "rssi"), noise_floor=_power(rows, "noise_floor"),
        fields=_kept(rows), notes=_notes(rows),
    )  # fmt: skip


def _power(rows: Rows, name: str) -> np.ndarray | None:
    """dBm, float32; None where the log says nothing that can be dBm, NaN where a row does not."""
    values = rows.column(name)
    logged = values != UNKNOWN
    # A signed byte that some logs print unsigned.
    values = np.where((values > 127) & (values < 256), values - 256, values)
    plausible = logged & ((values < 0) | (rows.column("sig_mode") != UNKNOWN))
    return np.where(plausible, values, np.nan).astype(np.float32) if plausible.any() else None


def _notes(rows: Rows) -> tuple[str, ...]:
    rssi = rows.column("rssi")
    if (rssi != UNKNOWN).any() and _power(rows, "rssi") is None:
        return ("rssi is never below 0 in this log, so it cannot be dBm and is left out",)
    return ()


def _kept(rows: Rows) -> dict[str, np.ndarray]:
    kept = {}
    for name, called in _KEPT.items():
        values = rows.column(name)
        if (values != UNKNOWN).any():
            kept[called] = np.where(values == UNKNOWN, -1, values)
    return kept


def center_frequency(rows: Rows, field: TrainingField) -> float | None:
    """IEEE 802.11 channels, 5 MHz apart but for channel 14; a 40 MHz field lies between two.

    None where the log does not name the channel, or not the side of the second one that a 40 MHz field needs.
    """
    channel, secondary = (int(rows.column(name)[0]) for name in ("channel", "secondary_channel"))
    if channel == UNKNOWN or (field is HTLTF40 and secondary not in (1, 2)):
        return None
    primary = 2484e6 if channel == 14 else 2407e6 + 5e6 * channel if channel < 14 else 5000e6 + 5e6 * channel
    return primary + ({1: 10e6, 2: -10e6}[secondary] if field is HTLTF40 else 0.0)
