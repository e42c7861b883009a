"""Motion: one subject performing one action, as a smooth cycle through its key poses.

Subjects differ in amplitude, tempo and how they hold themselves; a performance draws its start within the cycle,
where the person stands and faces, and an uneven tempo.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.interpolate import PchipInterpolator

from ..errors import ConfigError
from .actions import ACTIONS, CYCLE_SECONDS
from .body import FACING
from .kinematics import Posture, leg_length, posture
from .mesh import Surface
from .poses import DIRECTIONS, LEAN, PELVIS, TURN, Pose


@dataclass(frozen=True)
class MotionConfig:
    """How the actions are performed.

    Attributes:
        spot: metres, where the person stands: x and z in the project's frame. MM-Fi's subjects stand about 3 m
            in front of the sensors.
        spot_spread: metres, how far a sequence's spot lies from ``spot`` at most, in x and in z.
        heading_spread: degrees, how far the person faces off the sensor at most.
        amplitude: size of the movement against the key poses, lowest and highest over subjects.
        tempo: speed against the ordinary, lowest and highest over subjects.
        manner: how far limbs and trunk deviate from the key poses throughout a performance, as the standard
            deviation of a unit direction's components (half as many radians for the trunk).
        cycle: seconds one cycle takes at ordinary tempo, for actions that set no time of their own.
        sway: metres, standard deviation of the slow sway of someone standing.
    """

    spot: list[float] = field(default_factory=lambda: [0.0, 3.0])
    spot_spread: float = 0.02
    heading_spread: float = 3.0
    amplitude: list[float] = field(default_factory=lambda: [0.88, 1.08])
    tempo: list[float] = field(default_factory=lambda: [0.85, 1.2])
    manner: float = 0.05
    cycle: float = 3.0
    sway: float = 0.004

    def __post_init__(self) -> None:
        if len(self.spot) != 2:
            raise ConfigError(f"motion.spot must be [x, z] in metres; got {self.spot}")
        for name, low, high in (("amplitude", 0.0, 1.3), ("tempo", 0.1, 5.0)):
            span = getattr(self, name)
            if len(span) != 2 or not low <= span[0] <= span[1] <= high:
                raise ConfigError(f"motion.{name} must be [lowest, highest] within {low}..{high}; got {span}")
        for name, high in (("spot_spread", 2.0), ("heading_spread", 180.0), ("manner", 0.3), ("sway", 0.1)):
            if not 0.0 <= getattr(self, name) <= high:
                raise ConfigError(f"motion.{name} must lie within 0..{high}; got {getattr(self, name)}")
        if not self.cycle > 0.2:
            raise ConfigError(f"motion.cycle must be longer than 0.2 s; got {self.cycle}")


@dataclass(frozen=True)
class Style:
    """What one subject brings to every action: see :class:`MotionConfig`."""

    amplitude: float
    tempo: float


def make_style(config: MotionConfig, rng: np.random.Generator) -> Style:
    """Draw one subject's style."""
    return Style(amplitude=rng.uniform(*config.amplitude), tempo=rng.uniform(*config.tempo))


@dataclass(frozen=True, eq=False)
class Performance:
    """One subject performing one action.

    Attributes:
        surface: the subject.
        curve: poses over one cycle, defined on -1..2 so that its ends meet smoothly.
        period: seconds a cycle takes.
        start: 0..1, where in the cycle time 0 falls.
        heading: radians, how far the person faces to the own left of the sensor.
        spot: float ``(3,)`` metres, between the feet, on the floor.
        wobble: phases (radians) of the uneven tempo and of the sway in x and z.
        sway: metres.
    """

    surface: Surface
    curve: PchipInterpolator
    period: float
    start: float
    heading: float
    spot: np.ndarray
    wobble: np.ndarray
    sway: float

    def posture(self, times: np.ndarray) -> Posture:
        """Joints and segments in metres, project's frame, at ``times`` ``(T,)`` seconds."""
        phase = self.start + times / self.period + 0.02 * np.sin(2 * np.pi * times / 6.1 + self.wobble[0])
        poses = self.curve(phase % 1.0)
        for part in DIRECTIONS:
            poses[:, part] /= np.linalg.norm(poses[:, part], axis=1, keepdims=True)
        sway = self.sway * np.sqrt(2) * np.sin(2 * np.pi * times[:, None] / (3.7, 4.9) + self.wobble[1:])
        poses[:, PELVIS][:, [0, 2]] += sway / leg_length(self.surface)
        cos, sin = np.cos(self.heading), np.sin(self.heading)
        turned = np.array([[cos, 0.0, sin], [0.0, 1.0, 0.0], [-sin, 0.0, cos]])
        return posture(poses, self.surface).moved(FACING @ turned, self.spot)

    def vertices(self, times: np.ndarray) -> np.ndarray:
        """The body's surface ``(T, V, 3)`` in metres, project's frame, at ``times`` ``(T,)`` seconds."""
        now = self.posture(times)
        return self.surface.posed(now.rotations, now.shifts)


def perform(
    action: str, surface: Surface, style: Style, config: MotionConfig, *, floor: float, rng: np.random.Generator
) -> Performance:
    """Draw one performance.

    Args:
        action: "A01" to "A27".
        surface, style: the subject.
        config: spreads of what is drawn.
        floor: metres, y of the floor in the project's frame.
        rng: everything random comes from here.
    """
    manner = config.manner * rng.normal(size=PELVIS.start)
    keys = np.stack([_styled(pose.vector(), style.amplitude, manner) for pose in ACTIONS[action]])
    count = len(keys)
    knots = np.arange(-count, 2 * count + 1) / count
    curve = PchipInterpolator(knots, keys[np.arange(len(knots)) % count], axis=0)
    spot = config.spot + rng.uniform(-config.spot_spread, config.spot_spread, size=2)
    return Performance(
        surface=surface,
        curve=curve,
        period=CYCLE_SECONDS.get(action, config.cycle) / (style.tempo * rng.uniform(0.93, 1.07)),
        start=rng.uniform(),
        heading=np.radians(rng.uniform(-config.heading_spread, config.heading_spread)),
        spot=np.array([spot[0], floor, spot[1]]),
        wobble=rng.uniform(0.0, 2 * np.pi, size=3),
        sway=config.sway,
    )


def _styled(pose: np.ndarray, amplitude: float, manner: np.ndarray) -> np.ndarray:
    """A key pose as one subject takes it: ``amplitude`` of the way from standing at ease, and a little off."""
    ease = Pose().vector()
    styled = ease + amplitude * (pose - ease)
    styled[TURN : LEAN + 1] += 0.5 * manner[TURN : LEAN + 1]
    for part in DIRECTIONS:
        styled[part] = _between(ease[part], pose[part], amplitude) + manner[part]
        styled[part] /= np.linalg.norm(styled[part])
    return styled


def _between(start: np.ndarray, end: np.ndarray, share: float) -> np.ndarray:
    """The unit vector ``share`` of the way along the great circle from one unit vector to another."""
    angle = np.arccos(np.clip(start @ end, -1.0, 1.0))
    if angle < 1e-6:
        return end
    return (np.sin((1 - share) * angle) * start + np.sin(share * angle) * end) / np.sin(angle)
