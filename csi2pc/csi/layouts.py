"""Which subcarriers a training field measures, by their true indices (index 0 is the centre frequency).

Sources: IEEE 802.11-2020, 17.3.5.10 (legacy), 19.3.9 (HT) and 21.3.7 (VHT); Intel 5300: the grouping of
802.11n sounding feedback (Ng = 2 at 20 MHz, Ng = 4 at 40 MHz) that its firmware reports.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ..errors import DataError


def _both_sides(lowest: int, highest: int) -> np.ndarray:
    side = np.arange(lowest, highest + 1, dtype=np.int64)
    return np.concatenate([-side[::-1], side])


#: 52 subcarriers of 802.11a/g and of every L-LTF: +-1..26.
LEGACY20 = _both_sides(1, 26)
#: 56 subcarriers of 20 MHz 802.11n: +-1..28.
HT20 = _both_sides(1, 28)
#: 114 subcarriers of 40 MHz 802.11n: +-2..58.
HT40 = _both_sides(2, 58)
#: 242 subcarriers of 80 MHz 802.11ac: +-2..122.
VHT80 = _both_sides(2, 122)
#: The 30 subcarriers an Intel 5300 reports at 20 MHz.
INTEL5300_HT20 = np.array([*range(-28, -1, 2), -1, *range(1, 28, 2), 28], dtype=np.int64)
#: The 30 subcarriers an Intel 5300 reports at 40 MHz.
INTEL5300_HT40 = np.array([*range(-58, -1, 4), *range(2, 59, 4)], dtype=np.int64)


def describe_indices(indices: Iterable[int]) -> str:
    """Indices as short text, for example ``"-58..-2, 2..58"`` or ``"-58..58 step 4"``.

    Args:
        indices: integers in increasing order; none gives ``"none"``.
    """
    left = [int(i) for i in indices]
    parts = []
    while left:
        length = _run_length(left)
        step = left[1] - left[0] if length > 1 else 0
        part = str(left[0]) if length == 1 else f"{left[0]}..{left[length - 1]}"
        parts.append(part if step <= 1 else f"{part} step {step}")
        left = left[length:]
    return ", ".join(parts) or "none"


def _run_length(values: list[int]) -> int:
    """How many leading values stand equally far apart; pairs count only where they are neighbours."""
    if len(values) < 2:
        return len(values)
    step, length = values[1] - values[0], 2
    while length < len(values) and values[length] - values[length - 1] == step:
        length += 1
    return length if step == 1 or length > 2 else 1


def positions(wanted: Iterable[int], available: np.ndarray, *, source: str = "this capture") -> np.ndarray:
    """Where the ``wanted`` indices stand in ``available``.

    Args:
        wanted: true subcarrier indices.
        available: int ``(S,)``, strictly increasing.
        source: what the error calls the owner of ``available``.

    Returns:
        int64 positions into ``available``, in the order of ``wanted``.

    Raises:
        DataError: some are not there; the message lists them and what is there.
    """
    wanted = np.asarray(list(wanted), dtype=np.int64)
    missing = np.setdiff1d(wanted, available)
    if missing.size:
        raise DataError(
            f"{source} does not measure the subcarriers {describe_indices(missing)} that are asked for; "
            f"it has {describe_indices(available)}: choose among these, or use a capture of the wanted layout"
        )
    return np.searchsorted(available, wanted)
