"""Many short integers from text at once."""

from __future__ import annotations

import numpy as np

#: The most digits that a number may have.
DIGITS = 5


def parse_integers(texts: list[bytes], limits: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Integers from texts such as ``b"1 -2 3 "`` or ``b"1,-2,3"``, all texts at once.

    Args:
        texts: one a row; numbers are separated by spaces or commas.
        limits: int ``(len(texts),)``, at most 32768: a text's numbers must lie from ``-limit`` to ``limit - 1``.

    Returns:
        The int16 values of all texts one after another, the number of values of each text, int64, and for each text
        why its values must not be used, empty where they may.
    """
    if not texts:
        return np.empty(0, dtype=np.int16), np.empty(0, dtype=np.int64), []
    ends = np.cumsum([len(text) + 1 for text in texts])
    buffer = np.frombuffer(b" ".join(texts) + b" ", dtype=np.uint8)
    space = (buffer == ord(" ")) | (buffer == ord(","))
    edges = np.flatnonzero(np.diff(space, prepend=True))  # tokens begin and end in turn
    start, stop = edges[0::2], edges[1::2]
    value, good = _token_values(buffer, start, stop)

    first = np.searchsorted(start, np.concatenate([[0], ends]))  # the first token of each row
    counts = np.diff(first)
    reasons = [""] * len(texts)
    most = np.repeat(np.asarray(limits, dtype=np.int32), counts)
    for wrong, reason in (
        (good & ((value < -most) | (value >= most)), "a value outside {}..{}"),
        (~good, "a value that is no integer of one to five digits"),
    ):
        for row in np.unique(np.searchsorted(first, np.flatnonzero(wrong), side="right") - 1).tolist():
            reasons[row] = reason.format(-limits[row], limits[row] - 1)
    return value.astype(np.int16), counts, reasons


def _token_values(buffer: np.ndarray, start: np.ndarray, stop: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Value of each token (int32), and whether it is an integer of one to :data:`DIGITS` digits."""
    negative = buffer[start] == ord("-")
    digits = stop - start - negative
    good = (digits >= 1) & (digits <= DIGITS)
    value = np.zeros(len(start), dtype=np.int32)
    there = np.arange(len(start))
    for place in range(min(DIGITS, int(digits.max(initial=0)))):
        there = there[digits[there] > place]
        # uint8 wraps, so that everything but the ten digits is 10 or more.
        digit = buffer[stop[there] - 1 - place] - np.uint8(ord("0"))
        good[there[digit >= 10]] = False
        value[there] += np.minimum(digit, 9).astype(np.int32) * 10**place
    return np.where(negative, -value, value), good
