"""Packets of several transmitters in one log: cards in monitor mode hear everybody."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from ..errors import DataError
from ..types import Report


def from_transmitter(
    addresses: np.ndarray, mac: str | None, path: str | Path, report: Report, where: np.ndarray
) -> np.ndarray:
    """Which packets to keep; the others are listed in ``report``, and several transmitters in one capture are noted.

    Args:
        addresses: uint8 ``(n, 6)``; all zero where the log has no address.
        mac: of whom to keep packets, for example ``"00:16:ea:12:34:56"``; None keeps all.
        path: the file, for messages.
        where: int ``(n,)``, the number of each packet in it.

    Returns:
        bool ``(n,)``.

    Raises:
        DataError: no packet is of this transmitter; the message lists who there is.
    """
    names = [address.tobytes().hex(":") for address in addresses]
    counts = Counter(names)
    listed = ", ".join(f"{name}: {count} packets" for name, count in counts.most_common(8))
    if mac is None:
        if len(counts) > 1:
            report.notes.append(f"{len(counts)} transmitters in one capture ({listed}); mac=... selects one")
        return np.ones(len(addresses), dtype=bool)
    wanted = mac.strip().lower().replace("-", ":")
    keep = np.array([name == wanted for name in names], dtype=bool)
    if len(keep) and not keep.any():
        raise DataError(f"{path}: no packet from transmitter {mac}; the file has {listed}: name one of these")
    for number in where[~keep].tolist():
        report.skip(f"{path} packet {number}", "another transmitter")
    return keep
