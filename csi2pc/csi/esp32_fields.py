"""The training fields of ESP32 packets, and their values as CSI.

One byte imaginary, one byte real part for bin after bin ("Wi-Fi Channel State Information" in Espressif's ESP-IDF
programming guide). Which bins belong to which subcarrier is told by :mod:`~csi2pc.csi.esp32_layouts`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .layouts import HT20, HT40, LEGACY20, VHT80
from .rotation import undo_ht40_rotation


@dataclass(frozen=True, eq=False)
class TrainingField:
    """A training field: its name, the subcarriers in use, and the bandwidth in hertz."""

    name: str
    subcarriers: np.ndarray
    bandwidth: float


LLTF = TrainingField("lltf", LEGACY20, 20e6)
#: Every second subcarrier of the L-LTF in 12 bits, as ESP32-C5 and C61 report it by default.
LLTF12 = TrainingField("lltf12", LEGACY20[LEGACY20 % 2 == 0], 20e6)
HTLTF20 = TrainingField("htltf20", HT20, 20e6)
HTLTF40 = TrainingField("htltf40", HT40, 40e6)
#: 242 subcarriers of 78.125 kHz, a quarter of the older standards' spacing, numbered as VHT's at 80 MHz are.
HELTF20 = TrainingField("heltf20", VHT80, 20e6)

#: From the one that says most to the one that says least.
FIELDS = (HELTF20, HTLTF40, HTLTF20, LLTF, LLTF12)


@dataclass(frozen=True, eq=False)
class Place:
    """Where in the values of a packet the subcarriers of a field stand.

    Attributes:
        bins: int ``(S,)``: bin i holds values 2 i (imaginary) and 2 i + 1 (real).
        packed: two values make one number of 12 bits, low byte first (see :func:`unpack`); then bins count these.
    """

    bins: np.ndarray
    packed: bool = False


def decode(
    values: np.ndarray, place: Place, field: TrainingField, first_word_invalid: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """CSI of one training field, the 40 MHz rotation undone.

    That the chips leave the rotation in was found on a log of an ESP32-S3: from subcarrier -2 to +2 the phase of its
    raw values turns by about pi/2 more than the slope over the other tones accounts for; turned back, the response
    is continuous there. Packets printed by an ESP32-C5 and a C6 (Espressif's own documentation and issues) show the
    same step.

    Args:
        values: integers ``(n, stored)``.
        place: from :func:`csi2pc.csi.esp32_layouts.locate`.
        field: which field that is.
        first_word_invalid: bool ``(n,)``: the first four bytes are no CSI.

    Returns:
        csi complex64 and valid bool, ``(n, S)``. I = Q = 0 is not measured.
    """
    numbers = unpack(values) if place.packed else values
    pairs = numbers[:, : numbers.shape[1] // 2 * 2].reshape(len(values), -1, 2)[:, place.bins]  # (n, S, 2)
    csi = np.empty(pairs.shape[:2], dtype=np.complex64)
    csi.imag, csi.real = pairs[..., 0], pairs[..., 1]
    lost = place.bins < (1 if field is LLTF12 else 2)  # four bytes
    valid = (csi != 0) & ~(first_word_invalid[:, None] & lost)
    csi[~valid] = 0
    return (undo_ht40_rotation(csi, HT40) if field is HTLTF40 else csi), valid


def unpack(values: np.ndarray) -> np.ndarray:
    """Numbers of 12 bits, each logged as two bytes of which the first is the low one.

    Args:
        values: bytes as logged, ``(n, stored)``; a last one without a partner is left out.

    Returns:
        int16 ``(n, stored // 2)``, -2048 to 2047.
    """
    pairs = values[:, : values.shape[1] // 2 * 2].reshape(len(values), -1, 2).astype(np.int16)
    word = (pairs[..., 0] & 0xFF) | ((pairs[..., 1] & 0x0F) << 8)
    return np.where(word >= 2048, word - 4096, word)
