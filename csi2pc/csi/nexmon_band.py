"""Nexmon frames that are narrower than the channel they were received in: only their own 20 MHz hold CSI."""

from __future__ import annotations

import itertools

import numpy as np

from .layouts import LEGACY20

#: Tones of 20 MHz, and hertz from tone to tone.
PART, SPACING = 64, 312500.0
#: A part whose power is below this share of the strongest part's (-20 dB) is noise: fades are far narrower than
#: 20 MHz indoors, and in the extractor's own example (4366c0) the parts beside a frame's own are 44 to 49 dB down.
NOISE = 0.01

#: Chanspec: which 20 MHz part, counted from the lowest, is the primary channel (``WL_CHANSPEC_CTL_SB``).
_PRIMARY, _PRIMARY_SHIFT = 0x0700, 8


def primary_centre(chanspec: int, tones: int) -> int | None:
    """Index of the middle of the primary 20 MHz within a channel of ``tones`` tones; None if it names no part of it."""
    part = (chanspec & _PRIMARY) >> _PRIMARY_SHIFT
    return PART * part - tones // 2 + PART // 2 if part < tones // PART else None


def primary_tones(subcarriers: np.ndarray, centre: int) -> np.ndarray:
    """Where the 52 tones that frames of every kind carry (+-1..26 around ``centre``) stand in ``subcarriers``."""
    return np.searchsorted(subcarriers, LEGACY20 + centre)


def noise_note(csi: np.ndarray, subcarriers: np.ndarray, tones: int) -> str:
    """What to say of frames that left whole 20 MHz parts at noise level; empty where there is none.

    Args:
        csi: complex64 ``(n, A, S)``.
        subcarriers: int ``(S,)``, true indices.
        tones: of the whole channel, 64, 128 or 256.
    """
    borders = np.searchsorted(subcarriers, np.arange(-tones // 2, tones // 2 + 1, PART))
    power = []
    for begin, end in itertools.pairwise(borders.tolist()):
        part = csi[..., begin:end].view(np.float32)  # (n, A, 2 * tones of this part)
        power.append(np.einsum("nas,nas->n", part, part) / (end - begin))
    narrow = int((np.min(power, axis=0) < NOISE * np.max(power, axis=0)).sum())
    if not narrow:
        return ""
    return (
        f"{narrow} of {len(csi)} packets hold noise in some of the channel's 20 MHz parts (more than 20 dB below the "
        "strongest), as frames narrower than the channel do; band=20 keeps the primary 20 MHz alone"
    )
