"""The LiDAR: a spinning scanner that sees the whole room and the body in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import ConfigError
from .capsules import Capsules, ray_ranges
from .room import RoomConfig, box_ranges

#: x forward, y left, z up from the project's x right, y down, z forward; ``sensor = ROTATION @ point + TRANSLATION``.
#: The inverse of the extrinsics that MM-Fi's LiDAR is read with: x = -y_l, y = -z_l - 0.2, z = x_l + 0.1.
ROTATION = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
TRANSLATION = np.array([-0.1, 0.0, -0.2])


@dataclass(frozen=True)
class LidarConfig:
    """A scanner with evenly spaced beams (an Ouster OS1-32: 32 beams within +-22.5 degrees, 1,024 columns a turn).

    Attributes:
        beams: number of beams, one above the other.
        elevation: degrees, of the outermost beams above and below the horizontal.
        columns: directions in a full turn.
        azimuth: degrees to either side of straight ahead that are kept; 180 is the whole turn.
        noise: metres, standard deviation of a range.
        dropout: share of the rays that return nothing.
        farthest: metres, beyond which a ray returns nothing.
    """

    beams: int = 32
    elevation: float = 22.5
    columns: int = 1024
    azimuth: float = 180.0
    noise: float = 0.015
    dropout: float = 0.01
    farthest: float = 60.0

    def __post_init__(self) -> None:
        if self.beams < 2 or self.columns < 2:
            raise ConfigError(f"lidar.beams and lidar.columns must be at least 2; got {self.beams}, {self.columns}")
        if not 0 < self.elevation < 90 or not 0 < self.azimuth <= 180:
            raise ConfigError(
                "lidar.elevation must lie within 0..90 and lidar.azimuth within 0..180 degrees; "
                f"got {self.elevation}, {self.azimuth}"
            )
        if self.noise < 0 or not 0 <= self.dropout <= 1 or self.farthest <= 0:
            raise ConfigError(
                "lidar.noise must not be negative, dropout must lie within 0..1, farthest above 0; "
                f"got {self.noise}, {self.dropout}, {self.farthest}"
            )


class Lidar:
    """A scanner in one room; the room's ranges are computed once.

    Args:
        config: the scanner.
        room: the box around it.
    """

    def __init__(self, config: LidarConfig, room: RoomConfig) -> None:
        self.config = config
        azimuth = 2 * np.pi * (np.arange(config.columns) + 0.5) / config.columns - np.pi
        azimuth = azimuth[np.abs(azimuth) <= np.radians(config.azimuth)]
        elevation = np.radians(np.linspace(-config.elevation, config.elevation, config.beams))
        up, left = np.meshgrid(elevation, azimuth, indexing="ij")
        self._rays = np.stack([np.cos(up) * np.cos(left), np.cos(up) * np.sin(left), np.sin(up)], axis=-1)  # (E, A, 3)
        self._azimuth = azimuth
        # Rays turned into the project's frame, from where the scanner stands there.
        self._background = box_ranges(room, -ROTATION.T @ TRANSLATION, self._rays @ ROTATION)

    def __repr__(self) -> str:
        return f"Lidar({self._rays.shape[0]} beams x {self._rays.shape[1]} columns)"

    def scan(self, limbs: Capsules, rng: np.random.Generator) -> np.ndarray:
        """One turn: float64 ``(N, 3)`` metres, x forward, y left, z up from the scanner; ``limbs`` in the project's."""
        limbs = limbs.moved(ROTATION, TRANSLATION)
        ranges = self._background.copy()
        for limb in range(len(limbs.radii)):
            columns = self._columns(limbs.corners(limb))
            hit = ray_ranges(self._rays[:, columns], limbs.starts[limb], limbs.ends[limb], limbs.radii[limb])
            np.minimum(ranges[:, columns], hit, out=ranges[:, columns])
        returned = (ranges <= self.config.farthest) & (rng.uniform(size=ranges.shape) >= self.config.dropout)
        noisy = ranges + self.config.noise * rng.normal(size=ranges.shape)
        return self._rays[returned] * noisy[returned][:, None]

    def _columns(self, corners: np.ndarray) -> slice:
        """Columns that hold the hull of points in front of the scanner; all of them for points behind."""
        if np.any(corners[:, 0] <= 0):
            return slice(None)
        angles = np.arctan2(corners[:, 1], corners[:, 0])
        first, last = np.searchsorted(self._azimuth, [angles.min(), angles.max()])
        return slice(int(first), int(last))
