"""ESP32 CSI as JSON lines: one object a packet, as a computer writes that collects packets of several receivers.

Each object holds ``iq_hex`` (the values of the packet as the chip gives them, two hexadecimal digits a byte,
imaginary part first) and ``timestamp`` (seconds); most also ``node_id`` (which receiver), ``subcarriers`` (number of
bins), ``rssi``, ``noise_floor``, ``channel`` and ``mac``. Objects without ``iq_hex`` are other records (features,
vital signs); they are counted.

**Clock.** ``timestamp`` is the time at which the collecting computer got the packet: one clock for all receivers, so
that their captures can be combined, but with the network's delay and jitter in it (packets may come in bursts).
Objects that also name the receiver's own clock, ``local_timestamp`` in microseconds of 32 bits, are timed by that, as
long as all packets of the receiver do.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from ..types import Capture, Report
from .esp32 import TrainingFieldChoice, captures_of_rows, checked_choice, of_receiver
from .esp32_rows import INTEGERS, LONGEST_LINE, UNKNOWN, Rows, read_rows, rows_of

#: What names the receiver; the first that an object has counts.
_RECEIVER = ("node_id", "receiver", "port")
#: Integers of an object -> their smallest and largest value.
_RANGES = {
    "rssi": (-128, 127), "noise_floor": (-128, 127), "channel": (1, 255), "secondary_channel": (0, 2),
    "local_timestamp": (-(1 << 31), (1 << 32) - 1), "rate": (0, 255), "agc_gain": (0, 255), "fft_gain": (-128, 255),
}  # fmt: skip
#: Longest packet, in bytes.
_LONGEST = 4096


def looks_like_esp32_jsonl(head: bytes) -> bool:
    """Whether one of the first lines of a file is an object that holds a packet."""
    if b'"iq_hex"' not in head:
        return False
    return any(isinstance(_parse(line), tuple) for line in head.split(b"\n"))


def read_esp32_jsonl(
    path: str | Path, *, receiver: str | None = None, training_field: TrainingFieldChoice = "auto"
) -> list[Capture]:
    """Read JSON lines of one or several ESP32 receivers.

    The objects name neither mode nor bandwidth: which training fields a packet holds is told by its length and the
    bins that stay empty. ``rssi`` is kept where it is below 0 dBm; some firmware puts something else there.

    Args:
        path: the file.
        receiver: which one, as the file names it; None takes the one with most packets, and a note counts the others.
        training_field: as in :func:`csi2pc.csi.esp32.read_esp32_csv`.

    Returns:
        As :func:`csi2pc.csi.esp32.read_esp32_csv`.

    Raises:
        DataError: the file cannot be read, or no packet of it can be used; the message counts the reasons.
        ConfigError: unknown ``training_field``.
    """
    checked_choice(training_field)
    path, report = Path(path), Report()
    rows = of_receiver(read_rows(path, report, parse_json_lines), receiver, str(path), report)
    return captures_of_rows(rows, str(path), report, training_field)


def parse_json_lines(lines: list[bytes], first: int, source: str, report: Report) -> Rows:
    """Rows of the lines; see :data:`csi2pc.csi.esp32_rows.Parse`."""
    number, parsed = [], []
    for n, line in enumerate(lines, first):
        row = _parse(line)
        if not isinstance(row, str):
            number.append(n)
            parsed.append(row)
        elif row:
            report.skip(f"{source} line {n}", row)
    mac, receiver, time, numbers, data = ([row[i] for row in parsed] for i in range(5))
    stored = np.array([len(values) for values in data], dtype=np.int64)
    values = np.frombuffer(b"".join(data), dtype=np.int8).astype(np.int16)
    return rows_of(
        line=number, mac=mac, receiver=receiver, host_time=time, data=values, stored=stored,
        fields=np.array(numbers, dtype=np.int64).reshape(-1, len(INTEGERS)), first_word=[False] * len(mac),
    )  # fmt: skip


def _parse(line: bytes) -> tuple[bytes, bytes, float, list[int], bytes] | str:
    """MAC, receiver, time, integers and values of a packet; or why it is none (empty: nothing worth listing)."""
    if not line.strip():
        return ""
    if len(line) > LONGEST_LINE:
        return f"a line of more than {LONGEST_LINE} bytes"
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return "no JSON object, or one that is cut off"
    if not isinstance(record, dict):
        return "no JSON object, or one that is cut off"
    if "iq_hex" not in record:
        return f"record without CSI (type {str(record.get('type', 'not named')):.20})"
    return _packet(record)


def _packet(record: dict[str, Any]) -> tuple[bytes, bytes, float, list[int], bytes] | str:
    time = record.get("timestamp")
    if isinstance(time, bool) or not isinstance(time, (int, float)) or not abs(time) <= 1e12:
        return "no timestamp in seconds"
    try:
        data = bytes.fromhex(record["iq_hex"])
    except (TypeError, ValueError):
        return "iq_hex is no text of hexadecimal digits"
    bins = record.get("subcarriers", len(data) // 2)
    if len(data) % 2 or not 0 < len(data) <= _LONGEST or bins != len(data) // 2:
        return f"{len(data)} bytes in iq_hex, which are not the two a bin that the record promises"
    numbers = [_integer(record, name) for name in INTEGERS]
    numbers[INTEGERS.index("len")] = len(data)
    receiver = next((str(record[name]) for name in _RECEIVER if name in record), "")
    mac = str(record.get("mac", "")).upper()
    return _ascii(mac), _ascii(receiver), float(time), numbers, data


def _ascii(text: str) -> bytes:
    return text.encode("ascii", "backslashreplace")[:17]


def _integer(record: dict[str, Any], name: str) -> int:
    value = record.get(name)
    low, high = _RANGES.get(name, (0, -1))
    return value if type(value) is int and low <= value <= high else UNKNOWN
