"""From poses to joints: the 17 joints of Human3.6M and a few more landmarks that the body's surface hangs on.

Arms and trunk follow the pose's directions; legs are solved backwards from where the feet stand (two bones, knee
to the front), and the pelvis sinks as far as both legs need to reach, so feet neither slide nor float.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

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
#: Joints first, then what only the surface needs.
LANDMARKS = (
    *JOINTS,
    *("left_heel", "left_toe", "right_heel", "right_toe", "left_hand", "right_hand"),
    *("left_chest", "right_chest", "left_loin", "right_loin"),
)

#: How far the longest leg may stretch, as a share of thigh and shin: a straight knee has no bending direction.
_STRETCH = 0.998
#: Share of the trunk's turn, bow and lean that the pelvis takes.
_PELVIS_SHARE = np.array([0.35, 0.2, 0.3])


@dataclass(frozen=True)
class Bones:
    """Lengths in metres of one subject.

    The defaults are a person of 1.73 m; they were read off the one pose that is known of MM-Fi's first subject
    (its first frame of A02).
    """

    thigh: float = 0.408
    shin: float = 0.390
    ankle_height: float = 0.08
    foot: float = 0.20
    hip: float = 0.11
    stance: float = 0.13
    spine: float = 0.291
    chest: float = 0.290
    neck: float = 0.115
    head: float = 0.085
    shoulder: float = 0.165
    shoulder_drop: float = 0.055
    upper_arm: float = 0.25
    forearm: float = 0.25
    hand: float = 0.10

    @property
    def leg(self) -> float:
        """Thigh and shin."""
        return self.thigh + self.shin

    def scaled(self, factor: float) -> Bones:
        """Every length times ``factor``."""
        return Bones(**{name: length * factor for name, length in vars(self).items()})


def landmarks(poses: np.ndarray, bones: Bones) -> np.ndarray:
    """Places of all landmarks for poses of one person.

    Args:
        poses: float ``(T, 24)``, see :mod:`csi2pc.sim.poses`.
        bones: the subject's lengths.

    Returns:
        float ``(T, 27, 3)`` metres, (left, up, front) of the spot on the floor between the feet, in the order of
        :data:`LANDMARKS`.
    """
    place: dict[str, np.ndarray] = {}
    angles = poses[:, TURN : LEAN + 1]
    hips = _rotation(angles * _PELVIS_SHARE)
    half = _rotation(angles * (1 + _PELVIS_SHARE) / 2)
    trunk = _rotation(angles)
    _legs(place, poses, hips, bones)
    place["spine"] = place["pelvis"] + half @ (0.0, bones.spine, 0.0)
    place["thorax"] = place["spine"] + trunk @ (0.0, bones.chest, 0.0)
    place["neck"] = place["thorax"] + trunk @ (0.0, 0.92 * bones.neck, 0.38 * bones.neck)
    place["head"] = place["neck"] + trunk @ (0.0, bones.head, -0.2 * bones.head)
    arms = _rotation(angles * (1.0, 0.0, 0.0))
    for side, sign, upper, fore in (
        ("left", 1.0, LEFT_UPPER_ARM, LEFT_FOREARM),
        ("right", -1.0, RIGHT_UPPER_ARM, RIGHT_FOREARM),
    ):
        forearm = np.einsum("tij,tj->ti", arms, poses[:, fore])
        shoulder = place["thorax"] + trunk @ (sign * bones.shoulder, -bones.shoulder_drop, 0.0)
        elbow = shoulder + bones.upper_arm * np.einsum("tij,tj->ti", arms, poses[:, upper])
        wrist = elbow + bones.forearm * forearm
        place |= {f"{side}_shoulder": shoulder, f"{side}_elbow": elbow, f"{side}_wrist": wrist}
        place[f"{side}_hand"] = wrist + bones.hand * forearm
        place[f"{side}_chest"] = place["thorax"] + trunk @ (sign * 0.55 * bones.shoulder, -0.45 * bones.chest, 0.0)
        place[f"{side}_loin"] = place["pelvis"] + hips @ (sign * 0.65 * bones.hip, 0.1 * bones.spine, 0.0)
    return np.stack([place[name] for name in LANDMARKS], axis=1)  # (T, 27, 3)


def _legs(place: dict[str, np.ndarray], poses: np.ndarray, hips: np.ndarray, bones: Bones) -> None:
    """Put pelvis, hips, knees, ankles and feet into ``place``."""
    sides = (("left", 1.0, LEFT_FOOT), ("right", -1.0, RIGHT_FOOT))
    pelvis = poses[:, PELVIS] * bones.leg + (0.0, bones.ankle_height + 0.99 * bones.leg, 0.0)
    ankles = {side: poses[:, foot] * bones.leg + (s * bones.stance, bones.ankle_height, 0.0) for side, s, foot in sides}
    for side, sign, _ in sides:
        hip = hips @ (sign * bones.hip, 0.0, 0.0)
        away = np.linalg.norm((ankles[side] - pelvis - hip)[:, [0, 2]], axis=1)
        reach = np.sqrt(np.maximum((_STRETCH * bones.leg) ** 2 - away**2, 0.0))
        pelvis[:, 1] = np.minimum(pelvis[:, 1], ankles[side][:, 1] + reach - hip[:, 1])
    place["pelvis"] = pelvis
    for side, sign, _ in sides:
        hip = pelvis + hips @ (sign * bones.hip, 0.0, 0.0)
        knee, ankle = _bent(hip, ankles[side], bones, towards=np.array([0.25 * sign, 0.0, 1.0]))
        place |= {f"{side}_hip": hip, f"{side}_knee": knee, f"{side}_ankle": ankle}
        place[f"{side}_heel"] = ankle + (0.0, -0.5 * bones.ankle_height, -0.15 * bones.foot)
        place[f"{side}_toe"] = ankle + (0.12 * sign * bones.foot, -0.5 * bones.ankle_height, 0.72 * bones.foot)


def _bent(hip: np.ndarray, ankle: np.ndarray, bones: Bones, *, towards: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Knee and ankle of a leg that reaches for ``ankle``: the law of cosines, the knee bent ``towards``."""
    line = ankle - hip
    wanted = np.linalg.norm(line, axis=1, keepdims=True)
    line = line / wanted
    distance = np.minimum(wanted, _STRETCH * bones.leg)
    along = (bones.thigh**2 - bones.shin**2 + distance**2) / (2 * distance)
    across = np.sqrt(np.maximum(bones.thigh**2 - along**2, 0.0))
    side = towards - np.sum(towards * line, axis=1, keepdims=True) * line
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    return hip + along * line + across * side, hip + distance * line


def _rotation(angles: np.ndarray) -> np.ndarray:
    """(T, 3) turn, bow, lean in radians -> (T, 3, 3): lean first, then bow, then turn."""
    turn, bow, lean = angles.T
    zero, one = np.zeros_like(turn), np.ones_like(turn)

    def matrix(*rows: tuple[np.ndarray, ...]) -> np.ndarray:
        return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)

    yaw = matrix((np.cos(turn), zero, np.sin(turn)), (zero, one, zero), (-np.sin(turn), zero, np.cos(turn)))
    pitch = matrix((one, zero, zero), (zero, np.cos(bow), -np.sin(bow)), (zero, np.sin(bow), np.cos(bow)))
    roll = matrix((np.cos(lean), np.sin(lean), zero), (-np.sin(lean), np.cos(lean), zero), (zero, zero, one))
    return yaw @ pitch @ roll
