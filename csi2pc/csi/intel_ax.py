"""What Intel AX200 and AX210 cards report as CSI: which tones, in which order, and what has to be undone.

FeitCSI and PicoScenes log the same reports. Tones by their number: IEEE 802.11-2020, tables 17-6, 19-6 and 21-5, and
802.11ax-2021, 27.3.10.2 (26 to 996 tone resource units; 802.11be keeps them up to 160 MHz). Measured on recordings of
HT 20, HT 40 and VHT 80 MHz packets, and the same on each packet and antenna:

* the imaginary part stands before the real one. Read so, phase falls with frequency (by a delay of 120 to 174 ns, as
  the start of the receiver's window before the symbol gives), and the upper half of a 40 MHz channel stands at +pi/2
  to the lower, as the standard turns it. Read the other way round, the delay is negative and the turn is -pi/2;
* the rotations of 40 and 80 MHz are left in. Here they are undone, and so is that of 160 MHz, of which no recording was
  at hand; 802.11ax has none in the fields that are measured;
* pilots are not measured: all are 0. (Other firmware leaves a constant there; FeitCSI and PicoScenes replace them.)

Some firmware puts 14 (VHT) or 28 (HE) entries without meaning into the middle of a 160 MHz report.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .layouts import HT20, HT40, LEGACY20, VHT80

#: Spacing of subcarriers (Hz): up to 802.11ac, and from 802.11ax on.
SPACING, HE_SPACING = 312.5e3, 78.125e3


@dataclass(frozen=True, eq=False)
class AxLayout:
    """How the tones of a report are laid out.

    Attributes:
        subcarriers: int64 ``(S,)``, strictly increasing indices, in units of ``spacing``.
        pilots: bool ``(S,)``: not measured.
        turn: complex64 ``(S,)``: what undoes the rotation; entries are 1, -1 or -j.
        bandwidth, spacing: hertz.
        junk: first and last + 1 position of entries without meaning in the report; equal where there are none.
    """

    subcarriers: np.ndarray
    pilots: np.ndarray
    turn: np.ndarray
    bandwidth: float
    spacing: float = SPACING
    junk: tuple[int, int] = (0, 0)

    @property
    def reported(self) -> int:
        """Number of entries of a report for each pair of antennas."""
        return len(self.subcarriers) + self.junk[1] - self.junk[0]


def decode_ax(pairs: np.ndarray, layout: AxLayout) -> tuple[np.ndarray, np.ndarray]:
    """CSI and mask of reports of one layout.

    Args:
        pairs: real numbers ``(n, rx, tx, layout.reported, 2)``, imaginary part first.
        layout: from :func:`ax_layout`.

    Returns:
        csi complex64 and valid bool, ``(n, rx * tx, S)``, rx fastest: rotation undone, and 0 where not valid. Not valid
        are pilots, and I = Q = 0: the card has 0 for what it does not measure, beside values of 100 and more.
    """
    packets, rx, tx = pairs.shape[:3]
    tones = np.delete(np.arange(layout.reported), np.s_[layout.junk[0] : layout.junk[1]])
    pairs = pairs.transpose(0, 2, 1, 3, 4)  # (n, tx, rx, reported, 2)
    csi = np.empty((packets, tx, rx, len(tones)), dtype=np.complex64)
    with np.errstate(all="ignore"):  # processed logs may hold what is not finite
        csi.imag, csi.real = pairs[..., tones, 0], pairs[..., tones, 1]
        csi = csi.reshape(packets, tx * rx, len(tones))
        valid = (csi != 0) & ~layout.pilots
        csi *= layout.turn
    csi[~valid] = 0
    return csi, valid


def ax_layout(tones: int, *, he: bool) -> AxLayout | None:
    """The layout of a report of ``tones`` entries; None where there is none such.

    Args:
        tones: entries for each pair of antennas.
        he: whether the packet was of 802.11ax (HE) or 802.11be (EHT).
    """
    return LAYOUTS.get((tones, he))


def _turn_40(index: np.ndarray) -> np.ndarray:
    return np.where(index > 0, -1j, 1)


def _turn_80(index: np.ndarray) -> np.ndarray:
    return np.where(index >= -64, -1, 1)


def _turn_160(index: np.ndarray) -> np.ndarray:
    return np.where((index < -192) | ((index >= 0) & (index < 64)), 1, -1)


def _none(index: np.ndarray) -> np.ndarray:
    return np.ones(len(index))


def _runs(*runs: tuple[int, int]) -> np.ndarray:
    """Both sides of the centre: the runs (lowest, highest) of positive indices, and their mirror image."""
    upper = np.concatenate([np.arange(low, high + 1) for low, high in runs])
    return np.concatenate([-upper[::-1], upper]).astype(np.int64)


def _layouts() -> dict[tuple[int, bool], AxLayout]:
    """By number of entries and whether it is 802.11ax."""
    he80 = (24, 92, 158, 226, 266, 334, 400, 468)
    he160 = tuple(abs(pilot + shift) for pilot in he80 for shift in (512, -512))
    rows = (
        # subcarriers, pilots (either sign), rotation, MHz, 802.11ax, junk
        (LEGACY20, (7, 21), _none, 20, False, ()),
        (HT20, (7, 21), _none, 20, False, ()),
        (HT40, (11, 25, 53), _turn_40, 40, False, ()),
        (VHT80, (11, 39, 75, 103), _turn_80, 80, False, ()),
        (_runs((6, 126), (130, 250)), (25, 53, 89, 117, 139, 167, 203, 231), _turn_160, 160, False, (242, 256)),
        (_runs((2, 122)), (22, 48, 90, 116), _none, 20, True, ()),
        (_runs((3, 244)), (10, 36, 78, 104, 144, 170, 212, 238), _none, 40, True, ()),
        (_runs((3, 500)), he80, _none, 80, True, ()),
        (_runs((12, 509), (515, 1012)), he160, _none, 160, True, (996, 1024)),
    )  # fmt: skip
    found = {}
    for subcarriers, pilots, turn, megahertz, he, junk in rows:
        for gap in filter(None, ((0, 0), junk)):
            layout = AxLayout(
                subcarriers=subcarriers, pilots=np.isin(np.abs(subcarriers), pilots),
                turn=turn(subcarriers).astype(np.complex64), bandwidth=megahertz * 1e6,
                spacing=HE_SPACING if he else SPACING, junk=gap,
            )  # fmt: skip
            found[layout.reported, he] = layout
    return found


#: Every layout, by number of entries and whether the packet was of 802.11ax or later.
LAYOUTS = _layouts()
