"""The mmWave radar: a few points where the body moves, none where it stands still."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import ConfigError

#: x right, y forward, z up from the project's x right, y down, z forward; the sensor stands at the origin.
#: The inverse of the extrinsics that MM-Fi's radar is read with: x = x_m, y = -z_m, z = y_m.
ROTATION = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])


@dataclass(frozen=True)
class MmwaveConfig:
    """A radar that resolves range, Doppler and, coarsely, angle (a TI IWR6843 as MM-Fi used).

    Attributes:
        range_cell: metres.
        doppler_cell: metres a second; what moves slower than half of it counts as static and is removed.
        azimuth_noise, elevation_noise: degrees, standard deviation of a detection's angles. The beams are about
            15 and 30 degrees wide; a detection is located to about a tenth of that.
        threshold: decibels below the strongest cell at which cells are still reported.
        floor: square metres of still-detectable projected area at 3 m, from the radar's noise.
        most: points in a frame at most.
    """

    range_cell: float = 0.044
    doppler_cell: float = 0.13
    azimuth_noise: float = 1.5
    elevation_noise: float = 3.0
    threshold: float = 20.0
    floor: float = 0.002
    most: int = 64

    def __post_init__(self) -> None:
        if self.range_cell <= 0 or self.doppler_cell <= 0 or self.floor <= 0 or self.most < 1:
            raise ConfigError(
                "mmwave.range_cell, doppler_cell, floor and most must be above 0; "
                f"got {self.range_cell}, {self.doppler_cell}, {self.floor}, {self.most}"
            )
        if min(self.azimuth_noise, self.elevation_noise, self.threshold) < 0:
            raise ConfigError(
                "mmwave.azimuth_noise, elevation_noise and threshold must not be negative; "
                f"got {self.azimuth_noise}, {self.elevation_noise}, {self.threshold}"
            )


def detections(
    positions: np.ndarray,
    normals: np.ndarray,
    velocities: np.ndarray,
    areas: np.ndarray,
    *,
    config: MmwaveConfig,
    rng: np.random.Generator,
) -> np.ndarray:
    """Points of one frame.

    Facets that face the radar return their projected area, with speckle; what falls into one cell of range and
    Doppler is one point, in the direction of its power.

    Args:
        positions, normals: float ``(F, 3)``: facets, in the project's frame.
        velocities: float ``(F, 3)`` metres a second.
        areas: float ``(F,)`` square metres.
        config: the radar.
        rng: everything random comes from here.

    Returns:
        float64 ``(N, 5)``, strongest first: x right, y forward, z up in metres, intensity in decibels over the
        radar's noise, Doppler in metres a second, positive away from the radar. N is 0 for a still person.
    """
    ranges = np.linalg.norm(positions, axis=1)
    rays = positions / ranges[:, None]
    doppler = np.einsum("fd,fd->f", velocities, rays)
    facing = -np.einsum("fd,fd->f", normals, rays)
    power = areas * np.maximum(facing, 0.0) ** 2 * (3.0 / ranges) ** 4 * rng.exponential(size=len(areas))
    speed = np.rint(doppler / config.doppler_cell).astype(int)
    seen = (power > 0) & (speed != 0)
    keys = np.stack([np.floor(ranges / config.range_cell).astype(int), speed], axis=1)[seen]
    cells, member = np.unique(keys, axis=0, return_inverse=True)
    member = member.reshape(-1)
    total = np.bincount(member, power[seen], minlength=len(cells))
    kept = np.flatnonzero(total > max(config.floor, 10 ** (-config.threshold / 10) * total.max(initial=0.0)))
    kept = kept[np.argsort(-total[kept], kind="stable")][: config.most]
    center = [np.bincount(member, power[seen] * positions[seen, axis], minlength=len(cells))[kept] for axis in range(3)]
    x, y, z = ROTATION @ np.stack(center)  # (3, N), not yet divided by the power: only directions are taken
    azimuth = np.arctan2(x, y) + np.radians(config.azimuth_noise) * rng.normal(size=len(kept))
    elevation = np.arctan2(z, np.hypot(x, y)) + np.radians(config.elevation_noise) * rng.normal(size=len(kept))
    away = (cells[kept, 0] + 0.5) * config.range_cell
    return np.stack(
        [
            away * np.cos(elevation) * np.sin(azimuth),
            away * np.cos(elevation) * np.cos(azimuth),
            away * np.sin(elevation),
            10 * np.log10(total[kept] / config.floor),
            cells[kept, 1] * config.doppler_cell,
        ],
        axis=1,
    )
