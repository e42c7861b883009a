"""Nexmon's 32-bit words as complex values, by the number format of the chip.

Facts: README and ``unpack_float.c`` of seemoo-lab/nexmon_csi, with whose decode the values agree exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: Words, of those that are not 0, that must be there to tell a number format by, and the share that must fit it.
FEWEST, SHARE = 200, 0.8
#: Bits above the decimal point that the largest value of a packet is given.
_TOP = 10


@dataclass(frozen=True)
class NumberFormat:
    """How a word holds a complex value.

    Attributes:
        name: for messages.
        mantissa: bits of each part with its sign, or 0: 16-bit integers, the real part in the lower half.
        exponent: bits of the common exponent.
    """

    name: str
    mantissa: int = 0
    exponent: int = 0

    @property
    def width(self) -> int:
        """Bits in use, from the lowest; those above are 0."""
        return 2 * self.mantissa + self.exponent


INT16 = NumberFormat("16-bit integers")
FLOAT9 = NumberFormat("9-bit floats", 9, 5)
FLOAT12 = NumberFormat("12-bit floats", 12, 6)
#: Name of a chip -> its format.
CHIPS = {"4339": INT16, "43455c0": INT16, "4358": FLOAT9, "4366c0": FLOAT12}
#: Number of a chip in the header (``firmware_version.h`` of seemoo-lab/nexmon) -> its name.
CHIP_NUMBERS = {1: "4339", 3: "4358", 101: "43455c0", 106: "4366c0"}


def recognise_format(words: np.ndarray) -> NumberFormat | None:
    """The format that words can only be of, by the bits that a format leaves empty; None if that does not tell.

    Packed floats leave the bits above their width 0. Integers of 14 bits, extended to 16, have parts in
    -8192..8191, and half of their imaginary parts are negative, with all upper bits set.

    Args:
        words: uint32, of any shape.
    """
    words = words[words != 0]
    if len(words) < FEWEST:
        return None
    for candidate in (FLOAT9, FLOAT12):
        if (words >> np.uint32(candidate.width) == 0).mean() >= SHARE:
            return candidate
    halves = words.view(np.int16).reshape(-1, 2)
    inside = ((halves >= -8192) & (halves <= 8191)).all(1)
    return INT16 if inside.mean() >= SHARE else None


def decode(words: np.ndarray, number_format: NumberFormat) -> tuple[np.ndarray, np.ndarray]:
    """Values of whole packets.

    Packed floats are scaled as the official tool does, each packet by the power of two that gives its largest value
    11 bits, and rounded towards 0; the power is returned, so that ``csi * 2 ** exponent`` stands on one scale over
    packets.

    Args:
        words: uint32 ``(n, tones)``, all tones of a packet.

    Returns:
        complex64 ``(n, tones)`` with integer parts, and int64 ``(n,)`` exponents, 0 for integers.
    """
    if not number_format.mantissa:
        parts = words.view(np.int16).astype(np.float32)
        return parts.view(np.complex64), np.zeros(len(words), dtype=np.int64)
    bits, exponent_bits = number_format.mantissa, number_format.exponent
    half = 1 << (exponent_bits - 1)
    signed = words.view(np.int32)
    mask = (1 << (bits - 1)) - 1
    real, imaginary = signed >> (exponent_bits + bits) & mask, signed >> exponent_bits & mask
    exponent = ((signed & (2 * half - 1)) ^ half) - half
    size = _LENGTHS[real | imaginary]
    largest = np.where(size > 0, exponent + size - 1, -half).max(1)  # (n,)
    shift = exponent + (_TOP - largest)[:, None]
    up, down = np.clip(shift, 0, 31), np.clip(-shift, 0, 31)
    parts = np.empty((*words.shape, 2), dtype=np.float32)
    for i, (value, sign) in enumerate(((real, 2 * bits - 1), (imaginary, bits - 1))):
        value = value << up >> down
        parts[..., i] = np.where(signed >> (exponent_bits + sign) & 1, -value, value)
    return parts.view(np.complex64)[..., 0], (largest - _TOP).astype(np.int64)


#: Bits of each number up to the largest mantissa.
_LENGTHS = np.array([number.bit_length() for number in range(1 << 11)], dtype=np.int32)
