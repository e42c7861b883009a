"""Walking: to and fro on a straight path, foot by foot.

Footsteps are planned first: where each foot stands, and when it is lifted to its next place. A standing foot keeps its
place and direction exactly; the body follows between the feet at an even pace, the arms swing against the legs, and at
the ends of the path the person turns round in four steps.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.interpolate import PchipInterpolator

from ..errors import ConfigError
from .body import FACING
from .kinematics import JOINTS, STANCE, Posture, leg_length, posture, rotation_of
from .mesh import SEGMENTS, Surface
from .motion import MotionConfig, Style
from .poses import (
    BOW,
    DIRECTIONS,
    LEFT_FOOT,
    LEFT_FOREARM,
    LEFT_UPPER_ARM,
    PELVIS,
    RIGHT_FOOT,
    RIGHT_FOREARM,
    RIGHT_UPPER_ARM,
    TURN,
    Pose,
)

#: How sequences of walking are called; MM-Fi's actions are A01 to A27, and walking is not among them.
WALK = "walk"
#: When within its step a foot leaves the floor and lands; both feet stand for the rest, about a fifth of a cycle.
LIFTED, LANDED = 0.1, 0.9
#: Metres a foot is lifted.
_LIFT = 0.09
#: Degrees the arms swing to either side, and forearms bend.
_ARM_SWING, _ELBOW = 25.0, 16.0
#: Degrees the trunk turns against the legs, and leans into the walk.
_TRUNK_TURN, _TRUNK_BOW = 5.0, 3.0
#: How far ahead of the body a foot lands at most, as a share of a step; the pelvis sinks as much as legs then need.
_REACHED = 0.6
#: Longest step in leg lengths.
_LONGEST = 0.7
#: Metres that the pelvis stays below standing, so that knees are never quite straight and it moves evenly.
_SUNK = 0.015
#: Share of the half turn that each of its four steps ends at.
_TURN_STEPS = (1 / 3, 2 / 3, 1.0, 1.0)


@dataclass(frozen=True)
class WalkConfig:
    """Walking; used by sequences of the action "walk".

    Attributes:
        path: metres, the two ends of the path, [x, z] each, in the project's frame.
        speed: metres a second at ordinary tempo, lowest and highest over sequences; each subject's tempo
            (motion.tempo) comes on top. People stroll indoors at about 0.8 to 1.1.
        step: metres, longest step; short people take shorter ones.
    """

    path: list[list[float]] = field(default_factory=lambda: [[0.0, 2.0], [0.0, 3.6]])
    speed: list[float] = field(default_factory=lambda: [0.8, 1.1])
    step: float = 0.55

    def __post_init__(self) -> None:
        if len(self.path) != 2 or any(len(end) != 2 for end in self.path) or not self.length >= 0.5:
            raise ConfigError(f"walk.path must be two places [x, z] at least 0.5 m apart; got {self.path}")
        if len(self.speed) != 2 or not 0.2 <= self.speed[0] <= self.speed[1] <= 2.0:
            raise ConfigError(f"walk.speed must be [lowest, highest] within 0.2..2 m/s; got {self.speed}")
        if not 0.2 <= self.step <= 0.8:
            raise ConfigError(f"walk.step must lie within 0.2..0.8 m; got {self.step}")

    @property
    def length(self) -> float:
        """Metres from end to end."""
        return float(np.hypot(*np.subtract(self.path[1], self.path[0])))


@dataclass(frozen=True, eq=False)
class Footsteps:
    """One round, there and back: K steps of equal length in time.

    Attributes:
        foot: int ``(K,)``, which foot steps: 1 the left, 0 the right.
        before: float ``(K + 1, 2, 2)``: for the right and the left foot, metres along the path and radians of direction
            before each step, and after the last.
    """

    foot: np.ndarray
    before: np.ndarray


def footsteps(length: float, step: float) -> Footsteps:
    """Plan one round on a path of ``length`` metres with steps of at most ``step``, the left foot first.

    Directions count from the way there, to the own left.
    """
    count = int(np.ceil(length / step - 1e-9))
    places, yaw, foot = np.zeros((2, 2)), 0.0, 1  # the right foot is 0, the left 1
    feet, before = [], [places.copy()]

    def take(along: float, direction: float) -> None:
        nonlocal foot
        places[foot] = along, direction
        feet.append(foot)
        before.append(places.copy())
        foot = 1 - foot

    for start, end in ((0.0, length), (length, 0.0)):
        for number in range(1, count + 2):
            take(start + (end - start) * min(number / count, 1.0), yaw)
        side = 1.0 if foot else -1.0  # towards the foot whose turn it is
        for share in _TURN_STEPS:
            take(end, yaw + side * np.pi * share)
        yaw += side * np.pi
    return Footsteps(np.array(feet), np.array(before))


@dataclass(frozen=True, eq=False)
class Walk:
    """One subject walking.

    Attributes:
        surface: the subject.
        plan: the footsteps of one round.
        period: seconds a round takes.
        start: 0..1, where in the round time 0 falls.
        ends: float ``(2, 3)`` metres, the path's ends on the floor.
        amplitude: of the arms' swing, against the ordinary.
        manner: float ``(24,)``, how the pose deviates throughout.
    """

    surface: Surface
    plan: Footsteps
    period: float
    start: float
    ends: np.ndarray
    amplitude: float
    manner: np.ndarray

    @property
    def spot(self) -> np.ndarray:
        """float ``(3,)`` metres: the middle of the path, on the floor."""
        return self.ends.mean(axis=0)

    def posture(self, times: np.ndarray) -> Posture:
        """Joints and segments in metres, project's frame, at ``times`` ``(T,)`` seconds."""
        feet, lift = self._feet(times)
        along, yaw = self._body(times)
        poses = self._poses(feet, lift, along, yaw)
        now = posture(poses, self.surface)
        rotations, shifts = now.rotations.copy(), now.shifts.copy()
        for foot, side in enumerate(("right", "left")):  # feet keep their direction while the body turns over them
            segment, ankle = SEGMENTS.index(f"{side}_foot"), JOINTS.index(f"{side}_ankle")
            rotations[:, segment] = _about_up(feet[:, foot, 1] - yaw) @ rotations[:, segment]
            rest = self.surface.joints[f"{side}_ankle"]
            shifts[:, segment] = now.joints[:, ankle] - rotations[:, segment] @ rest
        turned = FACING @ _about_up(yaw + self._heading)  # (T, 3, 3)
        place = self._place(along)[:, None]
        return Posture(
            joints=np.einsum("tij,tkj->tki", turned, now.joints) + place,
            rotations=turned[:, None] @ rotations,
            shifts=np.einsum("tij,tkj->tki", turned, shifts) + place,
        )

    def vertices(self, times: np.ndarray) -> np.ndarray:
        """The body's surface ``(T, V, 3)`` in metres, project's frame, at ``times`` ``(T,)`` seconds."""
        now = self.posture(times)
        return self.surface.posed(now.rotations, now.shifts)

    def swinging(self, times: np.ndarray) -> np.ndarray:
        """bool ``(T, 2)``: whether the right and the left foot are off the floor."""
        step, within = self._step(times)
        lifted = (within > LIFTED) & (within < LANDED)
        return lifted[:, None] & (self.plan.foot[step][:, None] == [0, 1])

    @property
    def _heading(self) -> float:
        """Radians from facing the sensor to the own left, on the way there."""
        x, _, z = self.ends[1] - self.ends[0]
        return float(np.arctan2(x, -z))

    def _place(self, along: np.ndarray) -> np.ndarray:
        way = self.ends[1] - self.ends[0]
        return self.ends[0] + along[:, None] * way / np.linalg.norm(way)

    def _step(self, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Number of the step and how much of it is over, 0..1, ``(T,)`` each."""
        steps = (self.start + times / self.period) % 1.0 * len(self.plan.foot)
        step = np.minimum(steps.astype(int), len(self.plan.foot) - 1)
        return step, steps - step

    def _feet(self, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Both feet's place along the path and direction ``(T, 2, 2)``, and height over the floor ``(T, 2)`` metres."""
        step, within = self._step(times)
        share = np.clip((within - LIFTED) / (LANDED - LIFTED), 0.0, 1.0)
        eased = share**3 * (10 - 15 * share + 6 * share**2)  # starts and ends at rest, without a jerk
        before, after = self.plan.before[step], self.plan.before[step + 1]
        lift = _LIFT * np.sin(np.pi * share[:, None]) ** 2 * (self.plan.foot[step][:, None] == [0, 1])
        return before + (after - before) * eased[:, None, None], lift

    def _body(self, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Place along the path and direction of the body, ``(T,)`` each: between the feet after every step."""
        steps = len(self.plan.foot)
        middle = self.plan.before.mean(axis=1)  # (K + 1, 2)
        whole = middle[-1] - middle[0]  # nothing along the path, whole turns in direction
        rounds = np.concatenate([middle[:-1] + turn * whole for turn in (-1, 0, 1)])
        curve = PchipInterpolator(np.arange(-steps, 2 * steps), rounds, axis=0)
        step, within = self._step(times)
        along, yaw = curve(step + within).T
        return along, yaw

    def _poses(self, feet: np.ndarray, lift: np.ndarray, along: np.ndarray, yaw: np.ndarray) -> np.ndarray:
        """float ``(T, 24)``, see :mod:`csi2pc.sim.poses`."""
        poses = np.tile(Pose().vector() + self.manner, (len(yaw), 1))
        stance = STANCE * self.surface.height
        step = np.abs(np.diff(self.plan.before[:, 0, 0] - self.plan.before[:, 1, 0])).max() / 2
        stride = np.cos(yaw) * (feet[:, 0, 0] - feet[:, 1, 0]) / step  # 1: the right foot is ahead
        swing = np.radians(_ARM_SWING) * self.amplitude * stride
        for upper, fore, side, angle in (
            (LEFT_UPPER_ARM, LEFT_FOREARM, 1.0, swing),
            (RIGHT_UPPER_ARM, RIGHT_FOREARM, -1.0, -swing),
        ):
            bent = angle + np.radians(_ELBOW)
            poses[:, upper] += np.stack([0 * angle, 1 - np.cos(angle), np.sin(angle)], axis=1)
            poses[:, fore] += np.stack([-0.04 * side + 0 * bent, 1 - np.cos(bent), np.sin(bent)], axis=1)
        for part in DIRECTIONS:
            poses[:, part] /= np.linalg.norm(poses[:, part], axis=1, keepdims=True)
        poses[:, TURN] -= np.radians(_TRUNK_TURN) * stride
        poses[:, BOW] += np.radians(_TRUNK_BOW)
        leg = leg_length(self.surface)
        sunk = leg - np.sqrt(leg**2 - (_REACHED * step) ** 2)
        poses[:, PELVIS.start + 1] -= (_SUNK + sunk * stride**2) / leg
        for foot, part, side in ((0, RIGHT_FOOT, -1.0), (1, LEFT_FOOT, 1.0)):
            ahead, turn = feet[:, foot, 0] - along, feet[:, foot, 1]
            # From the path's frame (left, front of the way there) into the body's, turned by yaw.
            left, front = side * stance * np.cos(turn), ahead - side * stance * np.sin(turn)
            poses[:, part.start] = (np.cos(yaw) * left - np.sin(yaw) * front - side * stance) / leg
            poses[:, part.start + 1] = lift[:, foot] / leg
            poses[:, part.start + 2] = (np.sin(yaw) * left + np.cos(yaw) * front) / leg
        return poses


def walk(
    surface: Surface,
    style: Style,
    config: WalkConfig,
    motion: MotionConfig,
    *,
    floor: float,
    rng: np.random.Generator,
) -> Walk:
    """Draw one walk.

    Args:
        surface, style: the subject.
        config: path and pace.
        motion: of its spreads, ``spot_spread`` (of the path as a whole) and ``manner``.
        floor: metres, y of the floor in the project's frame.
        rng: everything random comes from here.
    """
    manner = np.zeros(RIGHT_FOOT.stop)
    manner[: PELVIS.start] = motion.manner * rng.normal(size=PELVIS.start)
    manner[TURN : PELVIS.start] *= 0.5
    shift = rng.uniform(-motion.spot_spread, motion.spot_spread, size=2)
    ends = np.array([[x + shift[0], floor, z + shift[1]] for x, z in config.path])
    plan = footsteps(config.length, min(config.step, _LONGEST * leg_length(surface)))
    pace = style.tempo * rng.uniform(*config.speed)
    seconds = plan.before[1, 1, 0] / pace  # a step
    return Walk(
        surface=surface,
        plan=plan,
        period=seconds * len(plan.foot),
        start=rng.uniform(),
        ends=ends,
        amplitude=style.amplitude,
        manner=manner,
    )


def _about_up(angles: np.ndarray) -> np.ndarray:
    """Rotations ``(T, 3, 3)`` to the own left by ``(T,)`` radians."""
    zero = np.zeros_like(angles)
    return rotation_of(np.stack([angles, zero, zero], axis=1))
