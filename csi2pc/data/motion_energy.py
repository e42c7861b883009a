"""How much moves at a time, seen by CSI and seen by clouds: two curves that only agree where their clocks do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..csi.level import level_packets
from ..csi.repair import repair
from ..types import Capture

#: Metres: clouds are compared by the centres of their points in cubes of this size, so that neither the density of a
#: sensor nor its single points count.
CUBE = 0.1
#: Metres: no point counts as moved by more, so that a few stray ones do not outweigh a body.
FAR = 0.5
#: Seconds, and packets, over which amplitudes are averaged before they are compared: as short as the noise allows,
#: since at 1 m/s an echo's path changes by half a wavelength of 2.4 GHz in 0.03 s.
CSI_SPAN, PACKETS = 0.04, 3
#: Seconds between clouds that are compared: at 0.5 m/s a body moves 0.2 m meanwhile, more than a sensor's noise.
CLOUD_SPAN = 0.4
#: Links and tones that are looked at, at most, evenly spaced among all: neighbours tell the same.
SERIES = 64


@dataclass(frozen=True, eq=False)
class Energy:
    """Motion over time.

    Attributes:
        times: float64 ``(K,)`` seconds, increasing.
        values: float64 ``(K,)``, 0 or more; only their order counts.
    """

    times: np.ndarray
    values: np.ndarray


def csi_energy(capture: Capture) -> Energy:
    """Change of the levelled amplitude from one short span to the next, a root mean square over links and tones.

    The gain is taken out packet by packet, and averaging over a span (:data:`CSI_SPAN`, or as long as
    :data:`PACKETS` take) takes down the noise of single packets. The phase is left alone: its change from packet to
    packet is the oscillators', not the person's.

    Args:
        capture: as a reader returned it, timestamps on any clock. Packets of which a link is missing do not count.

    Returns:
        Two values a span, where both spans beside have a packet.
    """
    capture = capture.select(capture.valid.any(2).all(1))
    amplitude = np.abs(level_packets(repair(capture.csi, capture.valid, capture.subcarriers), capture.valid))
    flat = amplitude.reshape(len(capture), amplitude[0].size if len(capture) else 0)  # (T, A * S)
    flat = flat[:, :: max(1, -(-flat.shape[1] // SERIES))].astype(np.float64)
    sums = np.concatenate([np.zeros((1, flat.shape[1])), np.cumsum(flat, axis=0)])
    stamps = capture.timestamps
    if len(stamps) < 2:
        return Energy(np.empty(0), np.empty(0))
    span = max(CSI_SPAN, PACKETS * float(np.median(np.diff(stamps))))
    instants = np.arange(stamps[0] + span, stamps[-1] - span, span / 2)
    before, here, after = (np.searchsorted(stamps, instants + shift) for shift in (-span, 0, span))
    used = (here > before) & (after > here)
    before, here, after = before[used], here[used], after[used]
    earlier = (sums[here] - sums[before]) / (here - before)[:, None]
    later = (sums[after] - sums[here]) / (after - here)[:, None]
    return Energy(instants[used], np.sqrt(np.square(later - earlier).mean(1)))


def cloud_energy(clouds: Sequence[np.ndarray | None], times: np.ndarray) -> Energy:
    """How fast clouds change: mean of the ranks of the centroid's speed and of the distance to the nearest points.

    Each cloud is compared with the next one that is :data:`CLOUD_SPAN` later, or at most twice that. The centroid
    tells that a person walks, the nearest points that she moves her arms.

    Args:
        clouds: ``(N, 3)`` metres each; None or empty where there is none.
        times: ``(F,)`` seconds, increasing.

    Returns:
        One value for each pair, at the middle of its times.
    """
    cells = [None if cloud is None or not len(cloud) else _cells(cloud) for cloud in clouds]
    middles, speeds, changes = [], [], []
    for i, time in enumerate(times):
        j = int(np.searchsorted(times, time + CLOUD_SPAN - 0.01))
        if j >= len(times) or times[j] - time > 2 * CLOUD_SPAN or cells[i] is None or cells[j] is None:
            continue
        elapsed = times[j] - time
        middles.append((time + times[j]) / 2)
        speeds.append(np.linalg.norm(cells[j].mean(0) - cells[i].mean(0)) / elapsed)
        changes.append(_distance(cells[i], cells[j]) / elapsed)
    return Energy(np.array(middles), (ranks(np.array(speeds)) + ranks(np.array(changes))) / 2)


def ranks(values: np.ndarray) -> np.ndarray:
    """The place of each value in increasing order, from 0 to 1; equal ones share the mean of their places."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return ((ends - (counts + 1) / 2) / max(len(values) - 1, 1))[inverse.reshape(-1)]


def _cells(cloud: np.ndarray) -> np.ndarray:
    """Centres of the points within each cube, ``(M, 3)``."""
    cubes = np.floor(cloud / CUBE).astype(np.int64) + (1 << 19)  # (N, 3), 20 bits each
    _, inverse, counts = np.unique(cubes @ (1 << np.array([40, 20, 0])), return_inverse=True, return_counts=True)
    centres = [np.bincount(inverse.reshape(-1), weights=cloud[:, axis]) / counts for axis in range(3)]
    return np.stack(centres, axis=1)


def _distance(one: np.ndarray, other: np.ndarray) -> float:
    from scipy.spatial import cKDTree

    there = np.minimum(cKDTree(other).query(one)[0], FAR)
    back = np.minimum(cKDTree(one).query(other)[0], FAR)
    return float(there.mean() + back.mean()) / 2
