"""The LiDAR: a spinning scanner that sees the whole room and the body in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import ConfigError
from .rays import facing_origin, nearest_hits
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

    def scan(self, triangles: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """One turn: float64 ``(N, 3)`` metres, x forward, y left, z up from the scanner.

        Args:
            triangles: float ``(F, 3, 3)`` metres, corners of the people's surfaces in the project's frame.
            rng: noise and dropouts.
        """
        turned = triangles @ ROTATION.T + TRANSLATION
        turned = turned[facing_origin(turned)]
        ranges = np.minimum(self._background, nearest_hits(turned, self._rays, *self._boxes(turned)))
        returned = (ranges <= self.config.farthest) & (rng.uniform(size=ranges.shape) >= self.config.dropout)
        noisy = ranges + self.config.noise * rng.normal(size=ranges.shape)
        return self._rays[returned] * noisy[returned][:, None]

    def _boxes(self, triangles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns of the rays that can meet each triangle, int ``(F, 2)`` each. A column may lie past the
        last, where the turn starts over."""
        across = np.hypot(triangles[..., 0], triangles[..., 1])
        up = np.degrees(np.arctan2(triangles[..., 2], across))  # (F, 3)
        left = np.arctan2(triangles[..., 1], triangles[..., 0])
        left = left[:, :1] + (left - left[:, :1] + np.pi) % (2 * np.pi) - np.pi  # not torn apart behind the scanner
        # The middle of a large triangle can rise above its corners: a row and a column of margin.
        step = 2 * self.config.elevation / (self.config.beams - 1)
        row = (up + self.config.elevation) / step
        rows = np.stack([np.floor(row.min(1)), np.ceil(row.max(1)) + 1], axis=1).clip(0, self.config.beams)
        turn = (left - self._azimuth[0]) * self.config.columns / (2 * np.pi)
        columns = np.stack([np.floor(turn.min(1)), np.ceil(turn.max(1)) + 1], axis=1)
        if len(self._azimuth) < self.config.columns:
            columns = columns.clip(0, len(self._azimuth))
        else:
            columns += np.where(columns[:, :1] < 0, self.config.columns, 0)
        return rows.astype(int), columns.astype(int)
