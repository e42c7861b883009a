"""Which training fields the values of an ESP32 packet hold, and where in them each subcarrier stands.

From "Wi-Fi Channel State Information" in Espressif's ESP-IDF programming guide (ESP32, S2, S3, C3): one byte
imaginary, one byte real part for bin after bin; L-LTF first, then HT-LTF, then, for STBC packets, a second HT-LTF.
The bins of a field stand in one of two orders, and this is what recordings show of them:

* no secondary channel: 0..31, -32..-1. Recordings: bins 27 to 37 are zero, the 52 legacy subcarriers fill the rest.
* secondary channel above or below, 20 MHz fields: ascending. The guide numbers these bins within the 40 MHz channel
  (0..63 or -64..-1); within the primary 20 MHz channel bin i is subcarrier i - 32. Recordings: bins 6..31 and 33..58
  are in use and bin 32, the centre, is zero.
* 40 MHz HT-LTF: 0..63, -64..-1 (STBC: 0..60, -60..-1). Recordings (ESP32-S3): 2..58 and -58..-2 are in use.

The first four bytes (bins 0 and 1) may be no CSI at all ("first_word_invalid"). In the order 0..31, -32..-1 bin 1 is
subcarrier +1, which is then not measured. Where the order of a field is not known (20 MHz HT-LTF beside a secondary
channel: guide and Espressif's own example differ) the field is not offered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .layouts import HT20, HT40, LEGACY20
from .rotation import undo_ht40_rotation


@dataclass(frozen=True, eq=False)
class TrainingField:
    """A training field: its name, the subcarriers in use, and the bandwidth in hertz."""

    name: str
    subcarriers: np.ndarray
    bandwidth: float


LLTF = TrainingField("lltf", LEGACY20, 20e6)
HTLTF20 = TrainingField("htltf20", HT20, 20e6)
HTLTF40 = TrainingField("htltf40", HT40, 40e6)


class PacketKind(NamedTuple):
    """What decides how the values of a packet are laid out; ``length`` is the log's ``len``, in bytes."""

    sig_mode: int
    bandwidth: int
    stbc: int
    secondary_channel: int
    length: int
    stored: int


def locate(kind: PacketKind, values: np.ndarray) -> dict[TrainingField, np.ndarray]:
    """The training fields that packets of one kind hold.

    Args:
        kind: the kind.
        values: int8 ``(n, kind.stored)`` of packets of this kind. Where the length alone does not tell which
            field it is, the bins that an L-LTF leaves empty decide.

    Returns:
        For each field the bin of each of its subcarriers, int ``(S,)``. Empty where the layout is not known.
    """
    if kind.sig_mode not in (0, 1) or kind.bandwidth not in (0, 1) or kind.secondary_channel not in (0, 1, 2):
        return {}
    if kind.stored > kind.length or kind.stored % 2 or (kind.sig_mode == 0 and kind.bandwidth == 1):
        return {}
    parts = _full_layout(kind)
    if kind.length == 128:
        parts = _single_field(kind, values)
    elif kind.sig_mode == 1 and kind.bandwidth == 1 and kind.length == 256:
        parts = [(HTLTF40, 128)]  # L-LTF switched off in the firmware
    elif kind.length != 2 * sum(bins for _, bins in parts):
        return {}
    return _positions(parts, kind)


def decode(
    values: np.ndarray, bins: np.ndarray, field: TrainingField, first_word_invalid: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """CSI of one training field, the 40 MHz rotation undone.

    That the chip leaves the rotation in was found on a log of an ESP32-S3: from subcarrier -2 to +2 the phase of its
    raw values turns by about pi/2 more than the slope over the other tones accounts for; turned back, the response
    is continuous there. The same look at any log shows whether it holds there too.

    Args:
        values: int8 ``(n, stored)``.
        bins: int ``(S,)`` from :func:`locate`.
        field: which field that is.
        first_word_invalid: bool ``(n,)``.

    Returns:
        csi complex64 and valid bool, ``(n, S)``. I = Q = 0 is not measured.
    """
    pairs = values.reshape(len(values), -1, 2)[:, bins]  # (n, S, 2): imaginary, real
    csi = np.empty(pairs.shape[:2], dtype=np.complex64)
    csi.imag, csi.real = pairs[..., 0], pairs[..., 1]
    valid = (csi != 0) & ~(first_word_invalid[:, None] & (bins < 2))
    csi[~valid] = 0
    return (undo_ht40_rotation(csi, HT40) if field is HTLTF40 else csi), valid


def _full_layout(kind: PacketKind) -> list[tuple[TrainingField | None, int]]:
    """Fields and their numbers of bins when the firmware has all of them switched on; None: order not known."""
    if kind.sig_mode == 0:
        return [(LLTF, 64)]
    if kind.bandwidth == 1:
        return [(LLTF, 64), (HTLTF40, 121), (None, 121)] if kind.stbc else [(LLTF, 64), (HTLTF40, 128)]
    if kind.secondary_channel == 0:
        return [(LLTF, 64), (HTLTF20, 64), (None, 64)] if kind.stbc else [(LLTF, 64), (HTLTF20, 64)]
    shortened = 63 if kind.secondary_channel == 2 else 62
    return [(LLTF, 64), (None, shortened), (None, shortened)] if kind.stbc else [(LLTF, 64), (None, 64)]


def _single_field(kind: PacketKind, values: np.ndarray) -> list[tuple[TrainingField | None, int]]:
    """64 bins: an L-LTF, if the bins it leaves empty are empty in most packets; else a 20 MHz HT-LTF."""
    if kind.sig_mode == 0 or kind.bandwidth == 1 or kind.stored != 128:
        return [(LLTF, 64)]
    unused = np.setdiff1d(np.arange(2, 64), _bins(LLTF, 64, kind.secondary_channel))
    empty = (values.reshape(len(values), -1, 2)[:, unused] == 0).all((1, 2))
    if empty.mean() > 0.5:
        return [(LLTF, 64)]
    return [(HTLTF20 if kind.secondary_channel == 0 else None, 64)]


def _positions(parts: list[tuple[TrainingField | None, int]], kind: PacketKind) -> dict[TrainingField, np.ndarray]:
    """Only what is stored whole is offered: logs may hold just the first field of a longer buffer."""
    found, start = {}, 0
    for field, bins in parts:
        if field is not None and 2 * (start + bins) <= kind.stored:
            found[field] = start + _bins(field, bins, kind.secondary_channel)
        start += bins
    ends = np.cumsum([bins for _, bins in parts]) * 2
    return found if kind.stored in ends else {}


def _bins(field: TrainingField, count: int, secondary_channel: int) -> np.ndarray:
    if field is not HTLTF40 and secondary_channel != 0:
        return field.subcarriers + 32
    return field.subcarriers % count
