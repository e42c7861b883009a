"""Which training fields the values of an ESP32 packet hold, and where in them each subcarrier stands.

**ESP32, S2, S3, C3.** From the table in Espressif's ESP-IDF programming guide: L-LTF first, then HT-LTF, then, for STBC
packets, a second HT-LTF. The bins of a field stand in one of two orders, and this is what recordings show of them:

* no secondary channel: 0..31, -32..-1. Recordings: bins 27 to 37 are zero, the 52 legacy subcarriers fill the rest.
* secondary channel above or below, L-LTF: ascending. The guide numbers these bins within the 40 MHz channel (0..63 or
  -64..-1); within the primary 20 MHz channel bin i is subcarrier i - 32. Recordings: bins 6..31 and 33..58 are in use
  and bin 32, the centre, is zero.
* secondary channel above or below, 20 MHz HT-LTF: by the guide ascending like the L-LTF, with the centre at bin 32;
  by the table in Espressif's esp-radar component with the centre at bin 30. The bins that the packets leave empty
  decide; where they fit neither the field is not offered.
* 40 MHz HT-LTF: 0..63, -64..-1 (STBC: 0..60, -60..-1). Recordings (ESP32-S3): 2..58 and -58..-2 are in use.

**ESP32-C5, C6, C61** hold one field a packet (two for STBC), and their logs name neither mode nor bandwidth nor
secondary channel. The guide's table for the C5 gives the lengths. For the order of its bins, the guide says 0..26,
-26..-1 and so on; packets that Espressif prints and esp-radar's table have them ascending, as do packets of the C6
(which has no table in the guide): bin i is subcarrier i - 64 at 40 MHz, with bins 6..62 and 66..122 in use. So these
are told by the length and by the bins that stay empty. An L-LTF of the C5 or C61 comes in 12 bits by default: 26
subcarriers, -26..26 in steps of 2, each number in two bytes, low byte first (Espressif's answer to a bug report).

The first four bytes (bins 0 and 1) may be no CSI at all ("first_word_invalid"), so they decide nothing. In the order
0..31, -32..-1 bin 1 is subcarrier +1, which is then not measured.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .esp32_fields import HELTF20, HTLTF20, HTLTF40, LLTF, LLTF12, Place, TrainingField
from .esp32_rows import UNKNOWN


class PacketKind(NamedTuple):
    """What decides how the values of a packet are laid out; ``length`` is the log's ``len``, in bytes.

    The first four are :data:`~csi2pc.csi.esp32_rows.UNKNOWN` where the log does not name them.
    """

    sig_mode: int
    bandwidth: int
    stbc: int
    secondary_channel: int
    length: int
    stored: int


class Part(NamedTuple):
    """``count`` bins in a row; ``bins`` of them, counted from the first, hold the subcarriers of ``field``."""

    count: int
    field: TrainingField | None = None
    bins: np.ndarray = np.empty(0, dtype=np.int64)
    repeated: bool = False


def _wrapped(field: TrainingField, count: int) -> Part:
    """0, 1, ..., then the negative ones."""
    return Part(count, field, field.subcarriers % count)


def _centred(field: TrainingField, count: int, centre: int | None = None) -> Part:
    """Ascending; bin ``centre`` (the middle one by default) is subcarrier 0."""
    return Part(count, field, field.subcarriers + (count // 2 if centre is None else centre))


def _twice(part: Part) -> list[Part]:
    """A field and the same again for the second space-time stream, which is not offered."""
    return [part, part._replace(repeated=True)]


_LLTF, _LLTF_UP = _wrapped(LLTF, 64), _centred(LLTF, 64)
_HT20, _HT20_UP = _wrapped(HTLTF20, 64), _centred(HTLTF20, 64)

#: What packets of a log that names no mode may hold, by the number of bins; fewest subcarriers first.
_BY_BINS: dict[int, list[list[Part]]] = {
    53: [[_centred(LLTF, 53)], [_wrapped(LLTF, 53)]],
    57: [[_centred(HTLTF20, 57)], [_wrapped(HTLTF20, 57)]],
    64: [[_LLTF], [_LLTF_UP], [_HT20], [_HT20_UP]],
    114: [_twice(_centred(HTLTF20, 57)), _twice(_wrapped(HTLTF20, 57))],
    117: [[_centred(HTLTF40, 117)], [_wrapped(HTLTF40, 117)]],
    128: [
        [_LLTF, _HT20], [_LLTF_UP, _HT20_UP], [_LLTF_UP, _centred(HTLTF20, 64, 30)], _twice(_HT20_UP),
        [_wrapped(HTLTF40, 128)], [_centred(HTLTF40, 128)],
    ],
    192: [[_LLTF, *_twice(_HT20)], [_LLTF_UP, _wrapped(HTLTF40, 128)]],
    234: [_twice(_centred(HTLTF40, 117)), _twice(_wrapped(HTLTF40, 117))],
    245: [[_centred(HELTF20, 245)], [_wrapped(HELTF20, 245)]],
    256: [_twice(_centred(HTLTF40, 128)), [_centred(HELTF20, 256)]],
    306: [[_LLTF_UP, *_twice(_wrapped(HTLTF40, 121))]],
}  # fmt: skip

#: Bytes of an L-LTF of ESP32-C5 and C61, and the numbers that esp-csi makes of them where they have 12 bits.
_C5_LLTF, _C5_LLTF12 = 106, 52


def locate(kind: PacketKind, values: np.ndarray) -> dict[TrainingField, Place]:
    """The training fields that packets of one kind hold.

    Args:
        kind: the kind.
        values: integers ``(n, kind.stored)`` of packets of this kind. Where the log does not tell which field it is
            or how it is ordered, the bins that stay empty in most of them decide.

    Returns:
        For each field where its subcarriers stand. Empty where the layout is not known.
    """
    if kind.sig_mode == UNKNOWN:
        return _locate_unnamed(kind, values)
    if kind.sig_mode not in (0, 1) or kind.bandwidth not in (0, 1) or kind.secondary_channel not in (0, 1, 2):
        return {}
    if kind.stored > kind.length or kind.stored % 2 or (kind.sig_mode == 0 and kind.bandwidth == 1):
        return {}
    parts = _full_layout(kind, values)
    if kind.length == 128:
        parts = _single_field(kind, values)
    elif kind.sig_mode == 1 and kind.bandwidth == 1 and kind.length == 256:
        parts = [_wrapped(HTLTF40, 128)]  # L-LTF switched off in the firmware
    elif kind.length != 2 * sum(part.count for part in parts):
        # Some fields are switched off in the firmware.
        return _locate_unnamed(kind, values) if kind.length % 128 == 0 else {}
    return _places(parts, kind.stored)


def _locate_unnamed(kind: PacketKind, values: np.ndarray) -> dict[TrainingField, Place]:
    if kind.length != kind.stored:
        return {}
    positions = np.arange(len(LLTF12.subcarriers))
    if kind.stored == _C5_LLTF12:
        return {LLTF12: Place(positions)}
    if kind.stored == _C5_LLTF and _in_twelve_bits(values):
        return {LLTF12: Place(positions, packed=True)}
    parts = _first_fitting(_BY_BINS.get(kind.stored // 2, []), values) if kind.stored % 2 == 0 else None
    return _places(parts, kind.stored) if parts else {}


def _in_twelve_bits(values: np.ndarray) -> bool:
    """Whether every second byte has its upper half empty, in nearly all packets: it is the rest of a 12 bit number."""
    high = values[:, 1 : 2 * _C5_LLTF12 : 2]
    return bool((((high >= 0) & (high < 16)).all(1)).mean() > 0.9 and high.any())


def _full_layout(kind: PacketKind, values: np.ndarray) -> list[Part]:
    """What a packet holds when the firmware has all its fields switched on."""
    legacy = _LLTF if kind.secondary_channel == 0 else _LLTF_UP
    if kind.sig_mode == 0:
        return [legacy]
    if kind.bandwidth == 1:
        return [legacy, *_twice(_wrapped(HTLTF40, 121))] if kind.stbc else [legacy, _wrapped(HTLTF40, 128)]
    if kind.secondary_channel == 0:
        return [legacy, *_twice(_HT20)] if kind.stbc else [legacy, _HT20]
    count = 64 if not kind.stbc else 63 if kind.secondary_channel == 2 else 62
    return _beside_secondary(legacy, count, bool(kind.stbc), values)


def _beside_secondary(legacy: Part, count: int, stbc: bool, values: np.ndarray) -> list[Part]:
    orders = [_centred(HTLTF20, count, 32), _centred(HTLTF20, count, 30), _wrapped(HTLTF20, count)]
    layouts = [[legacy, *(_twice(order) if stbc else [order])] for order in orders]
    whole = values.shape[1] == 2 * sum(part.count for part in layouts[0])
    found = _first_fitting(layouts, values) if whole else None
    return found or [legacy, *[Part(count)] * (2 if stbc else 1)]


def _single_field(kind: PacketKind, values: np.ndarray) -> list[Part]:
    """64 bins: an L-LTF, if the bins it leaves empty are empty in most packets; else a 20 MHz HT-LTF."""
    legacy = _LLTF if kind.secondary_channel == 0 else _LLTF_UP
    if kind.sig_mode == 0 or kind.bandwidth == 1 or kind.stored != 128:
        return [legacy]
    if kind.secondary_channel == 0:
        return _first_fitting([[legacy]], values) or [_HT20]
    return _first_fitting([[legacy], [_HT20_UP], [_centred(HTLTF20, 64, 30)]], values) or [Part(64)]


def _first_fitting(layouts: list[list[Part]], values: np.ndarray) -> list[Part] | None:
    """The first layout whose unused bins are empty in most packets; failing that, but for those beside used ones.

    Filters in the chip (``channel_filter_en``) let a little of a used bin into the one beside it. Where a layout has
    no other unused bins (20 MHz on C5 and C61) the second test has nothing to look at, and the first layout is taken.
    """
    empty = (values.reshape(len(values), -1, 2) == 0).all(-1).mean(0) > 0.5  # (bins,)
    if empty.mean() > 0.5:
        return None
    for strict in (True, False):
        for layout in layouts:
            if empty[_unused(layout, strict=strict)].all() and not _narrower(layout, empty):
                return layout
    return None


def _unused(layout: list[Part], *, strict: bool) -> np.ndarray:
    """The bins that must be empty; the first two, which may hold no CSI, only where there are no others."""
    starts = np.cumsum([0, *(part.count for part in layout)])
    used = np.zeros(starts[-1], dtype=bool)
    near = np.zeros_like(used)
    for part, start in zip(layout, starts, strict=False):
        used[start + part.bins] = True
        for step in (-1, 1):
            near[start + (part.bins + step) % part.count] = True
    must = np.flatnonzero(~used if strict else ~used & ~near)
    return must[must > 1] if (must > 1).any() else must


def _narrower(layout: list[Part], empty: np.ndarray) -> bool:
    """Whether both outermost subcarriers of a field are empty: what is there is narrower than that field."""
    starts = np.cumsum([0, *(part.count for part in layout)])
    return any(empty[start + part.bins[[0, -1]]].all() for part, start in zip(layout, starts, strict=False))


def _places(parts: list[Part], stored: int) -> dict[TrainingField, Place]:
    """Only what is stored whole is offered: logs may hold just the first field of a longer buffer."""
    found, start = {}, 0
    for part in parts:
        if part.field is not None and not part.repeated and 2 * (start + part.count) <= stored:
            found[part.field] = Place(start + part.bins)
        start += part.count
    ends = np.cumsum([part.count for part in parts]) * 2
    return found if stored in ends else {}
