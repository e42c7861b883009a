"""Damage done to a file on purpose, from a seed."""

import numpy as np


def mutate(content: bytes, rng: np.random.Generator) -> bytes:
    """Flip bytes, cut the end, drop, repeat, exchange or overwrite a piece, or set a number near the beginning to an
    extreme; one to three of these."""
    content = bytearray(content)
    for _ in range(rng.integers(1, 4)):
        if not content:
            break
        KINDS[rng.integers(len(KINDS))](content, rng)
    return bytes(content)


def _place(content, rng):
    return int(rng.integers(len(content)))


def _flip(content, rng):
    for position in rng.integers(0, len(content), max(1, len(content) // 100)):
        content[position] = rng.integers(256)


def _flip_few(content, rng):
    for position in rng.integers(0, len(content), 3):
        content[position] ^= 1 << int(rng.integers(8))


def _cut(content, rng):
    del content[_place(content, rng) :]


def _drop(content, rng):
    at = _place(content, rng)
    del content[at : at + int(rng.integers(1, 400))]


def _repeat(content, rng):
    at = _place(content, rng)
    content[at:at] = content[at : at + int(rng.integers(1, 4000))]


def _move(content, rng):
    at, to, length = _place(content, rng), _place(content, rng), int(rng.integers(1, 400))
    content[to : to + length] = content[at : at + length]


def _overwrite(content, rng):
    at, length = _place(content, rng), int(rng.integers(1, 400))
    content[at : at + length] = rng.integers(0, 256, length, dtype=np.uint8).tobytes()


def _early(content, rng):
    content[int(rng.integers(min(300, len(content))))] = rng.integers(256)


def _extreme(content, rng):
    """A field of 1 to 8 bytes all zeros or all ones."""
    at, length = int(rng.integers(min(2000, len(content)))), int(rng.choice([1, 2, 4, 8]))
    content[at : at + length] = bytes([rng.choice([0, 255])]) * length


KINDS = (_flip, _flip_few, _cut, _drop, _repeat, _move, _overwrite, _early, _extreme)
