"""2-D keypoints in the camera's images, COCO's order: MM-Fi's ``rgb``, ``infra1`` and ``infra2``."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from ..errors import ConfigError
from .kinematics import JOINTS
from .mesh import SEGMENTS, draw_surface

#: COCO's order.
KEYPOINTS = (
    *("nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow"),
    *("right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee"),
    *("left_ankle", "right_ankle"),
)
#: The folders of MM-Fi that hold keypoints.
CAMERAS = ("infra1", "infra2", "rgb")
_JOINTS = np.array([JOINTS.index(name) for name in KEYPOINTS[5:]])


@dataclass(frozen=True)
class CamerasConfig:
    """Where the images are taken from; ``infra1`` is the depth camera itself.

    Attributes:
        width, height: pixels of every image; keypoints outside are written as they fall.
        infra_focal: pixels, of both infrared cameras; the depth image's (RealSense D435 at 640 x 480).
        infra_baseline: metres from ``infra1`` to ``infra2``, along x.
        rgb_focal: pixels, of the colour camera (D435 at 640 x 480: about 612).
        rgb_offset: metres from ``infra1`` to the colour camera, along x (D435: 15 mm).
        center: principal point in pixels, x and y, of all three.
    """

    width: int = 640
    height: int = 480
    infra_focal: float = 386.0
    infra_baseline: float = 0.05
    rgb_focal: float = 612.0
    rgb_offset: float = 0.015
    center: list[float] = field(default_factory=lambda: [320.0, 240.0])

    def __post_init__(self) -> None:
        if min(self.width, self.height, self.infra_focal, self.rgb_focal) <= 0:
            raise ConfigError(
                "cameras.width, height, infra_focal and rgb_focal must be above 0; "
                f"got {self.width}, {self.height}, {self.infra_focal}, {self.rgb_focal}"
            )


def keypoints(vertices: np.ndarray, joints: np.ndarray) -> np.ndarray:
    """COCO's keypoints in space: the face's are points of the skin, the others Human3.6M's joints.

    Args:
        vertices: float ``(V, 3)`` of one person at one instant, any frame.
        joints: float ``(17, 3)``, Human3.6M's order, the same frame.

    Returns:
        float ``(17, 3)`` in the order of :data:`KEYPOINTS`.
    """
    return np.concatenate([vertices[_face()], joints[_JOINTS]])


def projected(points: np.ndarray, modality: str, config: CamerasConfig) -> np.ndarray:
    """Pixels of points in the project's frame, float64 ``(N, 2)``: x to the right, y down.

    Args:
        points: float ``(N, 3)`` metres, in front of the camera.
        modality: "infra1", "infra2" or "rgb".
        config: the cameras.
    """
    offset = {"infra1": 0.0, "infra2": config.infra_baseline, "rgb": config.rgb_offset}[modality]
    focal = config.rgb_focal if modality == "rgb" else config.infra_focal
    seen = points - (offset, 0.0, 0.0)
    return (focal * seen[:, :2] / seen[:, 2:] + config.center)


@lru_cache(maxsize=1)
def _face() -> np.ndarray:
    """Vertices of nose, eyes and ears, found on the mean adult; finer meshes keep their numbers."""
    surface = draw_surface(1.0, build=0.0, subdivisions=0, rng=np.random.default_rng(0))
    head = np.flatnonzero(surface.weights[:, SEGMENTS.index("head")].toarray()[:, 0] > 0.9)
    places = surface.vertices[head]
    nose = places[np.argmax(places[:, 2] - 0.5 * np.abs(places[:, 0]))]
    # Faces are about alike: eyes and ears in thousandths of the height from the tip of the nose.
    wanted = np.array([(0, 0, 0), (19, 22, -14), (-19, 22, -14), (46, 10, -62), (-46, 10, -62)]) / 1000 + nose
    return head[np.argmin(np.linalg.norm(places[None] - wanted[:, None], axis=-1), axis=1)]
