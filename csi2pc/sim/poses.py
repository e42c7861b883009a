"""Key poses: how a person holds arms, trunk and feet, written as one would say it to the person.

Directions and places are (left, up, front) as the person means them, so a pose reads the same wherever the person
stands and faces. The three are a right-handed frame.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np

Triple = tuple[float, float, float]

#: Slices of a pose's vector: four directions, three angles of the trunk, three places.
LEFT_UPPER_ARM, LEFT_FOREARM = slice(0, 3), slice(3, 6)
RIGHT_UPPER_ARM, RIGHT_FOREARM = slice(6, 9), slice(9, 12)
TURN, BOW, LEAN = 12, 13, 14
PELVIS, LEFT_FOOT, RIGHT_FOOT = slice(15, 18), slice(18, 21), slice(21, 24)
DIRECTIONS = (LEFT_UPPER_ARM, LEFT_FOREARM, RIGHT_UPPER_ARM, RIGHT_FOREARM)


@dataclass(frozen=True)
class Pose:
    """One key pose; the defaults are a person standing at ease.

    Attributes:
        left_upper_arm, left_forearm, right_upper_arm, right_forearm: directions (left, up, front) of the limb
            segments, of any length above 0; they turn with the trunk's ``turn``, not with its bow and lean.
        turn, bow, lean: degrees by which the trunk turns to the own left, bends forward, and leans to the own left.
        pelvis: place of the pelvis relative to standing, in leg lengths.
        left_foot, right_foot: places of the feet relative to standing, in leg lengths.
    """

    left_upper_arm: Triple = (0.16, -1.0, 0.02)
    left_forearm: Triple = (0.08, -1.0, 0.18)
    right_upper_arm: Triple = (-0.16, -1.0, 0.02)
    right_forearm: Triple = (-0.08, -1.0, 0.18)
    turn: float = 0.0
    bow: float = 0.0
    lean: float = 0.0
    pelvis: Triple = (0.0, 0.0, 0.0)
    left_foot: Triple = (0.0, 0.0, 0.0)
    right_foot: Triple = (0.0, 0.0, 0.0)

    def vector(self) -> np.ndarray:
        """float64 ``(24,)``: unit directions, angles in radians, places; the slices of this module name its parts."""
        vector = np.concatenate([np.atleast_1d(value) for value in astuple(self)])
        for part in DIRECTIONS:
            vector[part] /= np.linalg.norm(vector[part])
        vector[TURN : LEAN + 1] = np.radians(vector[TURN : LEAN + 1])
        return vector


def mirrored(pose: Pose) -> Pose:
    """The same pose with left and right exchanged."""
    return Pose(
        left_upper_arm=_flip(pose.right_upper_arm),
        left_forearm=_flip(pose.right_forearm),
        right_upper_arm=_flip(pose.left_upper_arm),
        right_forearm=_flip(pose.left_forearm),
        turn=-pose.turn,
        bow=pose.bow,
        lean=-pose.lean,
        pelvis=_flip(pose.pelvis),
        left_foot=_flip(pose.right_foot),
        right_foot=_flip(pose.left_foot),
    )


def _flip(triple: Triple) -> Triple:
    return (-triple[0], triple[1], triple[2])
