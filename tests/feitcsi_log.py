"""Writes FeitCSI logs, as the tool's header file lays them out."""

import struct

import numpy as np

#: Format -> type bits of rate_n_flags, version 2.
TYPES = {"legacy": 1, "ht": 2, "vht": 3, "he": 4, "eht": 5}
#: Format and MHz -> entries of a report.
TONES = {
    ("legacy", 20): 52, ("ht", 20): 56, ("ht", 40): 114, ("vht", 20): 56, ("vht", 40): 114, ("vht", 80): 242,
    ("vht", 160): 484, ("he", 20): 242, ("he", 40): 484, ("he", 80): 996, ("he", 160): 1992, ("eht", 80): 996,
}  # fmt: skip


def reported(values, *, number="<i2"):
    """Bytes of CSI: complex ``(rx, tx, reported)``, imaginary part first."""
    values = np.asarray(values)
    return np.stack([values.imag, values.real], -1).astype(number).tobytes()


def record(
    values, *, kind="ht", width=20, card=0, host=0, ftm=0, rssi=(41, 39), source=b"\0\x16\xea\x124V", number="<i2",
    rate=None,
):  # fmt: skip
    """One record of complex ``(rx, tx, reported)``."""
    rx, tx, tones = values.shape
    body = reported(values, number=number)
    header = bytearray(272)
    struct.pack_into("<IIIQ", header, 0, len(body), 4, ftm, host)
    struct.pack_into("<BB", header, 46, rx, tx)
    struct.pack_into("<I", header, 52, tones)
    struct.pack_into("<II6s", header, 60, *rssi, source)
    flags = TYPES[kind] << 8 | (20, 40, 80, 160).index(width) << 11 | 0x10C000
    struct.pack_into("<II", header, 88, card, flags if rate is None else rate)
    return bytes(header) + body


def values(rng, rx=2, tx=1, tones=56):
    """Complex integers ``(rx, tx, tones)``, none of them 0."""
    parts = rng.integers(1, 2000, (2, rx, tx, tones)) * rng.choice([-1, 1], (2, rx, tx, tones))
    return parts[0] + 1j * parts[1]


def log(rng, *, packets=20, rx=2, tx=1, kind="ht", width=20, **options):
    """A whole log: its records, 10 ms apart on the card's clock, and the values ``(packets, rx, tx, tones)``."""
    made = np.stack([values(rng, rx, tx, TONES[kind, width]) for _ in range(packets)])
    records = [
        record(one, kind=kind, width=width, card=5_000_000 + 10_000 * i, ftm=3_200_000 * i % 2**32, **options)
        for i, one in enumerate(made)
    ]
    return records, made
