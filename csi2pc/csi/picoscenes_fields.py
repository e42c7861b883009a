"""The contents of PicoScenes' segments, in all their versions (RXS-Parsing-Core, versions of 2020 to 2024)."""

from __future__ import annotations

import numpy as np

#: Everything a CSI segment tells before its values; earlier versions lack some, which are 0 (``csis``: 1).
CSI_INFO = np.dtype([
    ("device", "<u2"), ("firmware", "u1"), ("format", "i1"), ("width", "<u2"), ("carrier", "<u8"), ("carrier2", "<u8"),
    ("merged", "u1"), ("rate", "<u8"), ("spacing", "<u4"), ("tones", "<u2"), ("tx", "u1"), ("rx", "u1"),
    ("extra", "u1"), ("csis", "<u2"), ("antenna_sel", "u1"), ("offset", "<i2"), ("size", "<u4"),
])  # fmt: skip
#: Fields that a version of the segment does not have.
_CSI_LACKS = {
    1: {"firmware", "carrier2", "merged", "csis", "offset"},
    2: {"firmware", "carrier2", "merged", "csis"},
    3: {"firmware", "carrier2", "merged"},
    4: {"carrier2", "merged"},
    5: set(),
    6: set(),
}
#: Everything RxSBasic tells; ``users`` and ``chains`` (RSSI of each) differ in number.
BASIC_INFO = np.dtype([
    ("device", "<u2"), ("ticks", "<u8"), ("system", "<u8"), ("center", "<i2"), ("width", "<u2"), ("format", "i1"),
    ("mcs", "u1"), ("noise", "i1"), ("rssi", "i1"), ("chains", "i1", 8),
])  # fmt: skip
_CHANNEL_3 = [("center", "<i2"), ("control", "<i2"), ("channel_width", "<u2"), ("format", "i1"), ("width", "<u2")]
_STREAMS = [("guard", "<u2"), ("mcs", "u1"), ("streams", "u1"), ("extra", "u1"), ("rx", "u1")]
_USERS = [("users", "u1", 2)]
_LEVELS = [("noise", "i1"), ("rssi", "i1"), ("chains", "i1", 3)]
_CLOCKS = [("device", "<u2"), ("ticks", "<u8")]
_EARLY = [*_CLOCKS, ("center", "<i2"), ("format", "i1"), ("width", "<u2"), *_STREAMS]

#: Version -> layout of the segment up to the CSI.
CSI = {
    version: np.dtype([row for row in CSI_INFO.descr if row[0] not in lacking])
    for version, lacking in _CSI_LACKS.items()
}
#: Version -> layout of the segment.
BASIC = {
    1: np.dtype([*_EARLY, *_LEVELS]),
    2: np.dtype([*_EARLY, *_USERS, *_LEVELS]),
    3: np.dtype([*_CLOCKS, *_CHANNEL_3, *_STREAMS, *_USERS, *_LEVELS]),
    4: np.dtype([*_CLOCKS, ("system", "<u8"), *_CHANNEL_3, *_STREAMS, *_USERS, *_LEVELS]),
    5: np.dtype([
        *_CLOCKS, ("system", "<u8"), _CHANNEL_3[0], ("center2", "<i2"), *_CHANNEL_3[1:], *_STREAMS, *_USERS,
        ("noise", "i1"), ("rssi", "i1"), ("chains", "i1", 8),
    ]),
}  # fmt: skip
#: In these versions of RxSBasic RSSI counts from the noise floor; later it is in dBm.
RELATIVE_RSSI = (1, 2)

#: ExtraInfo: bytes of the fields before the AGC, by the bit of the feature code that says whether they are there.
_EXTRA_SIZES = (8, 2, 6, 6, 4, 1, 20, 1, 1, 1, 8, 4, 4, 2, 1, 1, 2, 1, 1)
_AGC_BIT = len(_EXTRA_SIZES)


def agc_position(feature_code: int) -> int | None:
    """Where in an ExtraInfo segment the AGC byte is; None if there is none."""
    if not feature_code >> _AGC_BIT & 1:
        return None
    return 4 + sum(size for bit, size in enumerate(_EXTRA_SIZES) if feature_code >> bit & 1)


def filled(layout: np.dtype, values: np.ndarray, target: np.ndarray, rows: np.ndarray) -> None:
    """Copy the fields that ``values`` (of ``layout``) and ``target`` share into ``target[rows]``."""
    for name in layout.names:
        if name not in target.dtype.names:
            continue
        field = values[name]
        if field.ndim == 2:
            target[name][rows, : field.shape[1]] = field
        else:
            target[name][rows] = field
