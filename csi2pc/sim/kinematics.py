"""From poses to the joints of Human3.6M, and to the rigid motion of each segment of the body's surface.

Arms and trunk follow the pose's directions; legs are solved backwards from where the feet stand (two bones, knee to
the front), and the pelvis sinks as far as both legs need to reach, so feet neither slide nor float. Segments turn from
rest by the smallest rotation relative to the segment they hang on, so that skin is not wrung.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .mesh import SEGMENTS, Surface
from .poses import (
    LEAN,
    LEFT_FOOT,
    LEFT_FOREARM,
    LEFT_UPPER_ARM,
    PELVIS,
    RIGHT_FOOT,
    RIGHT_FOREARM,
    RIGHT_UPPER_ARM,
    TURN,
)

#: Human3.6M's order, MM-Fi's ``ground_truth.npy``.
JOINTS = (
    *("pelvis", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", "spine", "thorax"),
    *("neck", "head", "left_shoulder", "left_elbow", "left_wrist", "right_shoulder", "right_elbow", "right_wrist"),
)
#: Height of Human3.6M's head above its neck joint, and how far it lies behind, as shares of a person's height; read
#: off the one pose that is known of MM-Fi's first subject (0.085 m and 0.017 m at 1.73 m).
HEAD = (0.049, -0.010)
#: Half the distance between the ankles of a person at ease, as a share of the height (0.13 m at 1.73 m, same source).
STANCE = 0.075
#: How far the longest leg may stretch, as a share of thigh and shin: a straight knee has no bending direction.
_STRETCH = 0.998
#: Share of the trunk's turn, bow and lean that the pelvis takes.
_PELVIS_SHARE = np.array([0.35, 0.2, 0.3])
#: Metres over which a foot that leaves the floor begins to turn with its shin.
_FOOT_LIFT = 0.25

_SIDES = (
    ("left", 1.0, LEFT_UPPER_ARM, LEFT_FOREARM, LEFT_FOOT),
    ("right", -1.0, RIGHT_UPPER_ARM, RIGHT_FOREARM, RIGHT_FOOT),
)
_LIMB_STARTS = {
    "upper_arm": "shoulder", "forearm": "elbow", "hand": "wrist", "thigh": "hip", "shin": "knee", "foot": "ankle",
}  # fmt: skip
#: The joint that each segment hangs on.
_ANCHORS = {"pelvis": "pelvis", "belly": "spine", "chest": "thorax", "neck": "thorax", "head": "neck"} | {
    f"{side}_{segment}": f"{side}_{joint}" for side, *_ in _SIDES for segment, joint in _LIMB_STARTS.items()
}


@dataclass(frozen=True, eq=False)
class Posture:
    """A body at T instants, in any frame.

    Attributes:
        joints: float ``(T, 17, 3)`` metres, in the order of :data:`JOINTS`.
        rotations, shifts: float ``(T, K, 3, 3)`` and ``(T, K, 3)``, from the surface at rest to each segment's place.
    """

    joints: np.ndarray
    rotations: np.ndarray
    shifts: np.ndarray

    def moved(self, rotation: np.ndarray, shift: np.ndarray) -> Posture:
        """The same posture in another frame: ``rotation @ x + shift``, ``(3, 3)`` and ``(3,)`` or ``(T, 3)``."""
        shift = np.atleast_2d(shift)[:, None]
        return Posture(
            joints=self.joints @ rotation.T + shift,
            rotations=rotation @ self.rotations,
            shifts=self.shifts @ rotation.T + shift,
        )


def leg_length(surface: Surface) -> float:
    """Thigh and shin, the unit of a pose's places."""
    return sum(sum(_leg_bones(surface.joints, side)) for side in ("left", "right")) / 2


def posture(poses: np.ndarray, surface: Surface) -> Posture:
    """Joints and segments for poses of one person.

    Args:
        poses: float ``(T, 24)``, see :mod:`csi2pc.sim.poses`.
        surface: the subject.

    Returns:
        The posture in (left, up, front) of the spot on the floor between the feet.
    """
    rest, place, turned = surface.joints, {}, {}
    angles = poses[:, TURN : LEAN + 1]
    turned["pelvis"] = rotation_of(angles * _PELVIS_SHARE)
    turned["belly"] = rotation_of(angles * (1 + _PELVIS_SHARE) / 2)
    turned["chest"] = turned["neck"] = turned["head"] = rotation_of(angles)
    place["pelvis"], ankles = _pelvis_and_ankles(poses, turned["pelvis"], surface)
    place["spine"] = place["pelvis"] + turned["pelvis"] @ rest["spine"]
    place["thorax"] = place["spine"] + turned["belly"] @ (rest["thorax"] - rest["spine"])
    place["neck"] = place["thorax"] + turned["chest"] @ (rest["neck"] - rest["thorax"])
    place["head"] = place["neck"] + turned["head"] @ (0.0, HEAD[0] * surface.height, HEAD[1] * surface.height)
    yaw = rotation_of(angles * (1.0, 0.0, 0.0))
    for side, sign, upper, fore, _ in _SIDES:
        directions = [np.einsum("tij,tj->ti", yaw, poses[:, part]) for part in (upper, fore)]
        place[f"{side}_shoulder"] = place["thorax"] + turned["chest"] @ (rest[f"{side}_shoulder"] - rest["thorax"])
        _arm(place, turned, side, directions, rest)
        place[f"{side}_hip"] = place["pelvis"] + turned["pelvis"] @ rest[f"{side}_hip"]
        _leg(place, turned, side, sign, ankles[side], surface)
    rotations = np.stack([turned[segment] for segment in SEGMENTS], axis=1)  # (T, K, 3, 3)
    origins = np.stack([rest.get(_ANCHORS[segment], np.zeros(3)) for segment in SEGMENTS])  # (K, 3), pelvis at 0
    anchored = np.stack([place[_ANCHORS[segment]] for segment in SEGMENTS], axis=1)  # (T, K, 3)
    shifts = anchored - np.einsum("tkij,kj->tki", rotations, origins)
    return Posture(np.stack([place[name] for name in JOINTS], axis=1), rotations, shifts)


def _arm(place: dict, turned: dict, side: str, directions: list[np.ndarray], rest: dict[str, np.ndarray]) -> None:
    """Put elbow and wrist into ``place`` and turn the arm's segments: each swings from where its parent carries it."""
    bones = (("upper_arm", "shoulder", "elbow", "chest"), ("forearm", "elbow", "wrist", f"{side}_upper_arm"))
    for (segment, start, end, parent), direction in zip(bones, directions, strict=True):
        bone = rest[f"{side}_{end}"] - rest[f"{side}_{start}"]
        turned[f"{side}_{segment}"] = swing(turned[parent] @ bone, direction) @ turned[parent]
        place[f"{side}_{end}"] = place[f"{side}_{start}"] + np.linalg.norm(bone) * direction
    turned[f"{side}_hand"] = turned[f"{side}_forearm"]


def _pelvis_and_ankles(
    poses: np.ndarray, hips: np.ndarray, surface: Surface
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    rest, leg = surface.joints, leg_length(surface)
    sole = surface.vertices[:, 1].min()
    level = {side: rest[f"{side}_ankle"][1] - sole for side in ("left", "right")}
    stand = np.array([0.0, min(level.values()) + 0.99 * leg - rest["left_hip"][1], 0.0])
    pelvis = poses[:, PELVIS] * leg + stand
    ankles = {}
    for side, sign, _, _, foot in _SIDES:
        ankles[side] = poses[:, foot] * leg + (sign * STANCE * surface.height, level[side], 0.0)
        hip = hips @ rest[f"{side}_hip"]
        away = np.linalg.norm((ankles[side] - pelvis - hip)[:, [0, 2]], axis=1)
        reach = np.sqrt(np.maximum((_STRETCH * sum(_leg_bones(rest, side))) ** 2 - away**2, 0.0))
        pelvis[:, 1] = np.minimum(pelvis[:, 1], ankles[side][:, 1] + reach - hip[:, 1])
    return pelvis, ankles


def _leg_bones(rest: dict[str, np.ndarray], side: str) -> tuple[float, float]:
    """Lengths of thigh and shin."""
    hip, knee, ankle = (rest[f"{side}_{joint}"] for joint in ("hip", "knee", "ankle"))
    return float(np.linalg.norm(knee - hip)), float(np.linalg.norm(ankle - knee))


def _leg(place: dict, turned: dict, side: str, sign: float, wanted: np.ndarray, surface: Surface) -> None:
    rest = surface.joints
    hip = place[f"{side}_hip"]
    knee, ankle = _bent(hip, wanted, _leg_bones(rest, side), towards=np.array([0.25 * sign, 0.0, 1.0]))
    place |= {f"{side}_knee": knee, f"{side}_ankle": ankle}
    parent = "pelvis"
    for segment, start, end in (("thigh", "hip", "knee"), ("shin", "knee", "ankle")):
        bone = rest[f"{side}_{end}"] - rest[f"{side}_{start}"]
        carried = turned[parent] @ bone
        turned[f"{side}_{segment}"] = swing(carried, place[f"{side}_{end}"] - place[f"{side}_{start}"]) @ turned[parent]
        parent = f"{side}_{segment}"
    # On the floor a foot is flat and points ahead; lifted, it turns with the shin.
    lift = (ankle[:, 1] - (rest[f"{side}_ankle"][1] - surface.vertices[:, 1].min())) / _FOOT_LIFT
    shin = np.array([0.0, -1.0, 0.0]) + np.clip(lift, 0.0, 1.0)[:, None] * (
        _unit(ankle - knee) - np.array([0.0, -1.0, 0.0])
    )
    turned[f"{side}_foot"] = swing(np.broadcast_to([0.0, -1.0, 0.0], shin.shape), shin)


def _bent(
    hip: np.ndarray, ankle: np.ndarray, bones: tuple[float, float], *, towards: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Knee and ankle of a leg that reaches for ``ankle``: the law of cosines, the knee bent ``towards``."""
    thigh, shin = bones
    line = ankle - hip
    wanted = np.linalg.norm(line, axis=1, keepdims=True)
    line = line / wanted
    distance = np.minimum(wanted, _STRETCH * (thigh + shin))
    along = (thigh**2 - shin**2 + distance**2) / (2 * distance)
    across = np.sqrt(np.maximum(thigh**2 - along**2, 0.0))
    side = _unit(towards - np.sum(towards * line, axis=1, keepdims=True) * line)
    return hip + along * line + across * side, hip + distance * line


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def swing(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Smallest rotations that take the directions ``(T, 3)`` to others: ``(T, 3, 3)``, Rodrigues' formula."""
    start, end = _unit(start), _unit(end)
    axis = np.cross(start, end)
    cosine = np.sum(start * end, axis=-1)[..., None, None]
    x, y, z = np.moveaxis(axis, -1, 0)
    zero = np.zeros_like(x)
    cross = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=-1).reshape(*axis.shape, 3)
    # Opposite directions have no smallest rotation; limbs do not get there, and the guard keeps it finite.
    return np.eye(3) + cross + cross @ cross / np.maximum(1.0 + cosine, 1e-6)


def rotation_of(angles: np.ndarray) -> np.ndarray:
    """(T, 3) turn, bow, lean in radians -> (T, 3, 3): lean first, then bow, then turn."""
    turn, bow, lean = angles.T
    zero, one = np.zeros_like(turn), np.ones_like(turn)

    def matrix(*rows: tuple[np.ndarray, ...]) -> np.ndarray:
        return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)

    yaw = matrix((np.cos(turn), zero, np.sin(turn)), (zero, one, zero), (-np.sin(turn), zero, np.cos(turn)))
    pitch = matrix((one, zero, zero), (zero, np.cos(bow), -np.sin(bow)), (zero, np.sin(bow), np.cos(bow)))
    roll = matrix((np.cos(lean), np.sin(lean), zero), (-np.sin(lean), np.cos(lean), zero), (zero, zero, one))
    return yaw @ pitch @ roll
