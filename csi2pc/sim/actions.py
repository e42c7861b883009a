"""MM-Fi's 27 actions as cycles of key poses.

The names are MM-Fi's (its table of activities); how each is performed is this project's reading of the name, since
the recordings' choreography is not published. A cycle passes through its poses at equal intervals and starts over;
a pose that is named twice in a row is held.
"""

from __future__ import annotations

from dataclasses import replace

from .poses import Pose, mirrored

_EASE = Pose()

# arms
_WIDE = Pose((1, 0.05, 0.05), (1, 0.05, 0.1), (-1, 0.05, 0.05), (-1, 0.05, 0.1))
_OVERHEAD = Pose((0.25, 1, 0.05), (0.05, 1, 0.05), (-0.25, 1, 0.05), (-0.05, 1, 0.05))
_AHEAD = Pose((0.1, 0, 1), (0.02, 0.05, 1), (-0.1, 0, 1), (-0.02, 0.05, 1))
_ELBOWS_OUT = Pose((0.95, 0.1, 0.25), (-0.15, 0.15, 1), (-0.95, 0.1, 0.25), (0.15, 0.15, 1))
_CHEST_OPEN = Pose((0.9, 0.05, -0.4), (0.95, 0.05, 0.0), (-0.9, 0.05, -0.4), (-0.95, 0.05, 0.0))
_HANDS_ON_HIPS = Pose((0.75, -0.7, -0.15), (-0.6, -0.65, 0.3), (-0.75, -0.7, -0.15), (0.6, -0.65, 0.3))
_SWING = Pose((0.15, -0.8, 0.6), (0.05, 0.2, 1), (-0.15, -0.9, -0.45), (-0.1, -0.6, 0.6))

# one arm or one leg of the left side
_HAND_OUT = replace(_EASE, left_upper_arm=(1, -0.1, 0.15), left_forearm=(0.9, 0.4, 0.2))
_HAND_UP = replace(_EASE, left_upper_arm=(0.3, 1, 0.1), left_forearm=(0.05, 1, 0.05))
_WAVE_OUT = replace(_EASE, left_upper_arm=(0.9, 0.35, 0.2), left_forearm=(0.75, 0.75, 0.15))
_WAVE_IN = replace(_EASE, left_upper_arm=(0.9, 0.35, 0.2), left_forearm=(-0.5, 0.9, 0.2))
_TURNED = replace(_ELBOWS_OUT, turn=55)
_KNEE_UP = replace(_SWING, right_foot=(0, 0.42, 0.22), pelvis=(0.04, 0, 0))
_LIMBS_OUT = replace(
    _EASE, left_upper_arm=(1, 0.35, 0.05), left_forearm=(1, 0.4, 0.05), left_foot=(0.5, 0.16, 0), pelvis=(-0.07, 0, 0)
)
_LUNGE_AHEAD = replace(_HANDS_ON_HIPS, left_foot=(0.3, 0, 0.7), pelvis=(0.17, -0.16, 0.38))
_LUNGE_ASIDE = replace(_AHEAD, left_foot=(0.75, 0, 0), pelvis=(0.46, -0.22, 0), bow=12)
_READY = replace(_EASE, right_upper_arm=(-0.6, -0.6, 0.3), right_forearm=(-0.2, 0.25, 1), turn=-10)
_WIND_UP = Pose((0.3, -0.5, 0.9), (0, 0.3, 1), (-0.9, 0.3, -0.5), (-0.4, 0.9, -0.1), turn=-40, bow=-6)
_THROWN = Pose((0.5, -0.9, -0.3), (0.3, -0.8, 0.3), (-0.05, 0.1, 1), (0.5, -0.05, 0.85), turn=45, bow=14)
_KICKED = replace(
    _EASE,
    left_upper_arm=(0.9, -0.5, -0.2),
    left_forearm=(0.7, -0.6, 0.3),
    right_upper_arm=(-0.8, -0.4, 0.3),
    right_forearm=(-0.5, -0.3, 0.8),
    left_foot=(0.3, 0.46, 0.72),
    pelvis=(-0.05, 0, -0.03),
    bow=-8,
)
_STRETCHED_ASIDE = replace(
    _HANDS_ON_HIPS, right_upper_arm=(0.1, 1, 0.05), right_forearm=(0.75, 0.7, 0.05), lean=30, pelvis=(-0.06, 0, 0)
)
_ARM_OUT = replace(_HANDS_ON_HIPS, right_upper_arm=(-0.9, -0.1, 0.3), right_forearm=(-0.2, 0.1, 1))

# the whole body
_STAR = replace(_WIDE, left_foot=(0.28, 0, 0), right_foot=(-0.28, 0, 0), left_forearm=(1, 0.3, 0.1))
_STAR_UP = replace(_OVERHEAD, left_foot=(0.28, 0, 0), right_foot=(-0.28, 0, 0))
_SQUAT = replace(_AHEAD, pelvis=(0, -0.42, -0.18), bow=28)
_REACHED_DOWN = Pose(
    (0.15, -1, 0.45), (0.02, -1, 0.4), (-0.15, -1, 0.45), (-0.02, -1, 0.4), bow=68, pelvis=(0, -0.3, -0.2)
)
_CROUCH = Pose(
    (0.25, -0.9, -0.5), (0.1, -0.8, 0.2), (-0.25, -0.9, -0.5), (-0.1, -0.8, 0.2), bow=25, pelvis=(0, -0.24, -0.1)
)
_IN_THE_AIR = replace(_AHEAD, pelvis=(0, 0.2, 0), left_foot=(0, 0.2, 0), right_foot=(0, 0.2, 0))
_BOW = replace(_EASE, bow=62, pelvis=(0, 0, -0.12))

_LEFT = {
    "A04": (_ELBOWS_OUT, _TURNED, _TURNED),
    "A07": (_EASE, _LIMBS_OUT, _LIMBS_OUT),
    "A09": (_HANDS_ON_HIPS, _LUNGE_AHEAD, _LUNGE_AHEAD),
    "A13": (_EASE, _HAND_OUT, _HAND_UP, _HAND_UP, _HAND_OUT),
    "A15": (_EASE, _LUNGE_ASIDE, _LUNGE_ASIDE),
    "A17": (_WAVE_OUT, _WAVE_IN),
    "A20": (_EASE, _READY, _WIND_UP, _THROWN),
    "A22": (_EASE, _KICKED),
    "A24": (_HANDS_ON_HIPS, _ARM_OUT, _STRETCHED_ASIDE, _STRETCHED_ASIDE, _ARM_OUT),
}
#: Actions of the left side and their mirror images.
_PAIRS = {
    **{"A04": "A05", "A07": "A08", "A09": "A10", "A13": "A14", "A15": "A16"},
    **{"A17": "A18", "A20": "A21", "A22": "A23", "A24": "A25"},
}
_BOTH = {
    "A01": (_EASE, _WIDE, _OVERHEAD, _OVERHEAD, _WIDE),
    "A02": (_ELBOWS_OUT, _ELBOWS_OUT, _CHEST_OPEN, _CHEST_OPEN),
    "A03": (_AHEAD, _OVERHEAD, _OVERHEAD, _AHEAD, _EASE),
    "A06": (_KNEE_UP, _EASE, mirrored(_KNEE_UP), _EASE),
    "A11": (_EASE, _STAR, _STAR_UP, _STAR),
    "A12": (_EASE, _SQUAT, _SQUAT),
    "A19": (_EASE, _REACHED_DOWN, _REACHED_DOWN),
    "A26": (_EASE, _CROUCH, _IN_THE_AIR, _CROUCH),
    "A27": (_EASE, _BOW, _BOW),
}
_RIGHT = {right: tuple(mirrored(pose) for pose in _LEFT[left]) for left, right in _PAIRS.items()}

#: Key poses of one cycle of each action, "A01" to "A27".
ACTIONS: dict[str, tuple[Pose, ...]] = dict(sorted({**_BOTH, **_LEFT, **_RIGHT}.items()))

#: Seconds one cycle takes at ordinary tempo, where it is not the default of 3 s.
CYCLE_SECONDS: dict[str, float] = {"A06": 2.0, "A17": 1.6, "A18": 1.6, "A22": 2.2, "A23": 2.2, "A26": 2.2}
