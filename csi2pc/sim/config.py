"""What is simulated: one dataclass over all parts' own."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..data.mmfi import FRAMES
from ..errors import ConfigError
from .actions import ACTIONS
from .body import BodyConfig
from .channel import RadioConfig
from .depth import DepthConfig
from .hardware import HardwareConfig
from .keypoints import CAMERAS, CamerasConfig
from .lidar import LidarConfig
from .mmwave import MmwaveConfig
from .motion import MotionConfig
from .room import RoomConfig

MODALITIES = ("wifi-csi", "mmwave", "lidar", "depth", *CAMERAS)


@dataclass(frozen=True)
class SimConfig:
    """A synthetic data set in MM-Fi's layout.

    Attributes:
        seed: everything random follows from it.
        subjects: "S01" to "S40"; S01-S10 live in scene E01, S11-S20 in E02, and so on, as in MM-Fi. The default is
            the first scene.
        actions: "A01" to "A27".
        frames: of a sequence, at 10 a second, 1 to 297. The default, 297, is MM-Fi's; more would not be read.
        modalities: what is written, out of wifi-csi, mmwave, lidar, depth, and the keypoints infra1, infra2, rgb.
        room, radio, hardware, body, motion, depth, lidar, mmwave, cameras: the parts, each documented with its class.
    """

    seed: int = 0
    subjects: list[str] = field(default_factory=lambda: [f"S{number:02d}" for number in range(1, 11)])
    actions: list[str] = field(default_factory=lambda: list(ACTIONS))
    frames: int = FRAMES
    modalities: list[str] = field(default_factory=lambda: list(MODALITIES))
    room: RoomConfig = field(default_factory=RoomConfig)
    radio: RadioConfig = field(default_factory=RadioConfig)
    hardware: HardwareConfig = field(default_factory=HardwareConfig)
    body: BodyConfig = field(default_factory=BodyConfig)
    motion: MotionConfig = field(default_factory=MotionConfig)
    depth: DepthConfig = field(default_factory=DepthConfig)
    lidar: LidarConfig = field(default_factory=LidarConfig)
    mmwave: MmwaveConfig = field(default_factory=MmwaveConfig)
    cameras: CamerasConfig = field(default_factory=CamerasConfig)

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ConfigError(f"seed must not be negative; got {self.seed}")
        if not 1 <= self.frames <= FRAMES:
            raise ConfigError(
                f"frames must lie within 1..{FRAMES}, since sequences of MM-Fi's layout have at most {FRAMES}; got "
                f"{self.frames}. For more data, simulate more subjects or actions"
            )
        _check_names("subjects", self.subjects, {f"S{number:02d}" for number in range(1, 41)}, "S01 to S40")
        _check_names("actions", self.actions, set(ACTIONS), "A01 to A27")
        _check_names("modalities", self.modalities, set(MODALITIES), ", ".join(MODALITIES))
        self._check_room()

    def _check_room(self) -> None:
        """Sensors, antennas and the person must fit into the room."""
        antennas = {"radio.tx": self.radio.tx, **{f"radio.rx[{i}]": place for i, place in enumerate(self.radio.rx)}}
        for name, place in {"the camera": [0.0, 0.0, 0.0], **antennas}.items():
            self._check_inside(name, place, margin=0.02)
        x, z = self.motion.spot
        height, arms = self.body.height[1], 0.65 * self.body.height[1] + self.motion.spot_spread
        if self.room.upper[1] - self.room.lower[1] < 1.3 * height:
            raise ConfigError(
                f"the room must be 1.3 times as high as the tallest person ({height} m) to raise the hands in; "
                f"got {self.room.upper[1] - self.room.lower[1]:.2f} m. Lower room.lower[1] or body.height"
            )
        self._check_inside("motion.spot with outstretched arms", [x, 0.0, z], margin=arms, height=False)
        if z < arms:
            raise ConfigError(f"motion.spot must be at least {arms:.2f} m in front of the sensors; got z = {z}")
        for name, antenna in antennas.items():
            if (antenna[0] - x) ** 2 + (antenna[2] - z) ** 2 < arms**2:
                raise ConfigError(
                    f"{name} must be out of the reach of the person at motion.spot ({arms:.2f} m); got {antenna}"
                )

    def _check_inside(self, name: str, place: list[float], *, margin: float, height: bool = True) -> None:
        for axis in range(3):
            if axis == 1 and not height:
                continue
            low, high = self.room.lower[axis] + margin, self.room.upper[axis] - margin
            if not low <= place[axis] <= high:
                raise ConfigError(
                    f"{name} must lie inside the room, {'xyz'[axis]} within {low:.2f}..{high:.2f} m; "
                    f"got {place[axis]}. Move it or enlarge room.lower / room.upper"
                )


def _check_names(what: str, names: list[str], allowed: set[str], meaning: str) -> None:
    wrong = [name for name in names if name not in allowed]
    if not names or wrong or len(set(names)) != len(names):
        raise ConfigError(f"{what} must be different names out of {meaning}, at least one; got {names}")
