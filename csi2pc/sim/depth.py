"""The depth camera: an active-stereo image of the body in front of the room's surfaces, uint16 millimetres."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..errors import ConfigError
from .rays import facing_origin, nearest_hits
from .room import RoomConfig, box_ranges

#: Metres; what is nearer to the lens than this is not seen.
_NEAREST = 0.1


@dataclass(frozen=True)
class DepthConfig:
    """A camera at the project's origin, looking along z.

    Attributes:
        width, height: pixels.
        focal: pixels; 386 is an Intel RealSense D435 at 640 x 480, the kind of camera MM-Fi used.
        center: principal point in pixels, x and y.
        baseline: metres between the stereo pair (D435: 50 mm).
        disparity_noise: pixels, standard deviation.
        noise_patch: pixels, edge of the squares that share their error: stereo matches windows, not single pixels.
        disparity_step: pixels, to which the matcher resolves disparity (D400 series: 1/32); 0 for no steps.
        edge_dropout: share of the pixels on the body's outline that find no match and read 0.
        farthest: metres, beyond which a pixel reads 0.
    """

    width: int = 640
    height: int = 480
    focal: float = 386.0
    center: list[float] = field(default_factory=lambda: [320.0, 240.0])
    baseline: float = 0.05
    disparity_noise: float = 0.08
    noise_patch: int = 4
    disparity_step: float = 0.03125
    edge_dropout: float = 0.3
    farthest: float = 10.0

    def __post_init__(self) -> None:
        if self.width < 2 or self.height < 2:
            raise ConfigError(f"depth.width and depth.height must be at least 2; got {self.width} x {self.height}")
        if self.noise_patch < 1:
            raise ConfigError(f"depth.noise_patch must be at least 1 pixel; got {self.noise_patch}")
        if min(self.focal, self.baseline, self.farthest) <= 0:
            raise ConfigError(
                "depth.focal, depth.baseline and depth.farthest must be above 0; "
                f"got {self.focal}, {self.baseline}, {self.farthest}"
            )
        if self.disparity_noise < 0 or self.disparity_step < 0 or not 0 <= self.edge_dropout <= 1:
            raise ConfigError(
                "depth.disparity_noise and disparity_step must not be negative, edge_dropout must lie within 0..1; "
                f"got {self.disparity_noise}, {self.disparity_step}, {self.edge_dropout}"
            )


class DepthCamera:
    """A camera in one room; the room's depth is computed once.

    Args:
        config: the camera.
        room: the box around it.
    """

    def __init__(self, config: DepthConfig, room: RoomConfig) -> None:
        self.config = config
        columns, rows = np.meshgrid(np.arange(config.width), np.arange(config.height))
        x, y = (columns - config.center[0]) / config.focal, (rows - config.center[1]) / config.focal
        rays = np.stack([x, y, np.ones_like(x)], axis=-1)
        length = np.linalg.norm(rays, axis=-1)
        self._rays = rays / length[..., None]  # (H, W, 3)
        self._cosine = 1.0 / length
        self._background = box_ranges(room, np.zeros(3), self._rays) * self._cosine
        farthest = self._background > config.farthest
        self._background[farthest] = np.inf

    def __repr__(self) -> str:
        return f"DepthCamera({self.config.width} x {self.config.height}, focal {self.config.focal:g} px)"

    def depth(self, triangles: np.ndarray) -> np.ndarray:
        """Depth without noise: float64 ``(H, W)`` metres along z, infinite where nothing is within reach.

        Args:
            triangles: float ``(F, 3, 3)`` metres, corners counterclockwise as seen from outside.
        """
        config = self.config
        ahead = triangles[triangles[:, :, 2].min(axis=1) > _NEAREST]
        ahead = ahead[facing_origin(ahead)]
        boxes = []
        for axis, size in ((1, config.height), (0, config.width)):
            pixels = config.focal * ahead[:, :, axis] / ahead[:, :, 2] + config.center[axis]  # (F, 3)
            first, last = np.ceil(pixels.min(axis=1)), np.floor(pixels.max(axis=1)) + 1
            boxes.append(np.stack([first, last], axis=1).clip(0, size).astype(int))
        ranges = nearest_hits(ahead, self._rays, *boxes)
        return np.minimum(self._background, ranges * self._cosine)

    def image(self, triangles: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The image as the camera writes it: uint16 ``(H, W)`` millimetres, 0 where there is no measurement."""
        config = self.config
        depth = self.depth(triangles).astype(np.float32)
        disparity = np.float32(config.focal * config.baseline) / depth  # infinite depth gives 0
        outline = _outline(depth)
        lost = outline[rng.uniform(size=len(outline)) < config.edge_dropout]
        noisy = disparity + self._noise(rng)
        if config.disparity_step:
            step = np.float32(config.disparity_step)
            noisy = np.rint(noisy / step) * step
        with np.errstate(divide="ignore"):
            millimetres = np.float32(1000 * config.focal * config.baseline) / noisy
        image = np.where((disparity > 0) & (millimetres > 0) & (millimetres < 65535), np.rint(millimetres), 0)
        image.flat[lost] = 0
        return image.astype(np.uint16)

    def _noise(self, rng: np.random.Generator) -> np.ndarray:
        """Errors of disparity, float32 ``(H, W)`` pixels."""
        edge, shape = self.config.noise_patch, self._background.shape
        patches = rng.standard_normal([-(-length // edge) for length in shape], dtype=np.float32)
        patches *= np.float32(self.config.disparity_noise)
        return patches.repeat(edge, axis=0).repeat(edge, axis=1)[: shape[0], : shape[1]]


def _outline(depth: np.ndarray, *, jump: float = 0.3) -> np.ndarray:
    """Flat indices of pixels that stand in front of a neighbour by more than ``jump`` metres."""
    front = np.zeros(depth.shape, dtype=bool)
    with np.errstate(invalid="ignore"):
        across, down = np.diff(depth, axis=1), np.diff(depth, axis=0)
    front[:, :-1] |= across > jump
    front[:, 1:] |= across < -jump
    front[:-1] |= down > jump
    front[1:] |= down < -jump
    return np.flatnonzero(front)
