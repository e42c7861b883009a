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
from .placing import check_places
from .room import RoomConfig
from .walk import WALK, WalkConfig

MODALITIES = ("wifi-csi", "mmwave", "lidar", "depth", *CAMERAS)
#: Antennas of MM-Fi's receiver.
_MMFI_ANTENNAS = 3


@dataclass(frozen=True)
class SimConfig:
    """A synthetic data set in MM-Fi's layout.

    Attributes:
        seed: everything random follows from it.
        subjects: "S01" to "S40"; S01-S10 live in scene E01, S11-S20 in E02, and so on, as in MM-Fi. The default is
            the first scene.
        actions: "A01" to "A27" as in MM-Fi, and "walk", which MM-Fi does not have: a folder of its own beside theirs.
        frames: of a sequence, at 10 a second, 1 to 297. The default, 297, is MM-Fi's; more would not be read.
        modalities: what is written, out of wifi-csi, mmwave, lidar, depth, and the keypoints infra1, infra2, rgb.
        companions: metres, [x, z] of other people's spots. In every sequence each is somebody else, drawn from the
            seed, with one of the 27 actions; they scatter and shadow, and all sensors see them. Joints and keypoints
            stay the subject's; the companions' joints are written beside, as ``companions.npy``.
        room, radio, hardware, body, motion, walk, depth, lidar, mmwave, cameras: the parts, each documented with its
            class.
    """

    seed: int = 0
    subjects: list[str] = field(default_factory=lambda: [f"S{number:02d}" for number in range(1, 11)])
    actions: list[str] = field(default_factory=lambda: list(ACTIONS))
    frames: int = FRAMES
    modalities: list[str] = field(default_factory=lambda: list(MODALITIES))
    companions: list[list[float]] = field(default_factory=list)
    room: RoomConfig = field(default_factory=RoomConfig)
    radio: RadioConfig = field(default_factory=RadioConfig)
    hardware: HardwareConfig = field(default_factory=HardwareConfig)
    body: BodyConfig = field(default_factory=BodyConfig)
    motion: MotionConfig = field(default_factory=MotionConfig)
    walk: WalkConfig = field(default_factory=WalkConfig)
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
        _check_names("actions", self.actions, {*ACTIONS, WALK}, f"A01 to A27 and {WALK}")
        _check_names("modalities", self.modalities, set(MODALITIES), ", ".join(MODALITIES))
        check_places(self)
        if self.radio.layout == "mmfi":
            self._check_mmfi()

    @property
    def captures(self) -> bool:
        """Whether CSI goes into capture files, one a receiver, instead of MM-Fi's .mat files."""
        return self.radio.layout != "mmfi"

    def _check_mmfi(self) -> None:
        antennas = {name: len(places) for name, places in self.radio.antennas.items()}
        if list(antennas.values()) != [_MMFI_ANTENNAS] or self.radio.further_tx:
            raise ConfigError(
                f"radio.layout: mmfi has one transmit antenna and one receiver of {_MMFI_ANTENNAS}; got receivers with "
                f"{antennas} and {len(self.radio.transmitters)} transmit antennas. Set radio.layout: ht40 (or another) "
                f"for capture files with any antennas"
            )


def _check_names(what: str, names: list[str], allowed: set[str], meaning: str) -> None:
    wrong = [name for name in names if name not in allowed]
    if not names or wrong or len(set(names)) != len(names):
        raise ConfigError(f"{what} must be different names out of {meaning}, at least one; got {names}")
