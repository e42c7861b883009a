"""MM-Fi's official protocols and splits (Yang et al., NeurIPS 2023, and the toolbox published with it).

Membership is defined over all 1,080 sequences, whatever part of them is on disk, so that results on a part of the
data set can be compared with results on the whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Literal

import numpy as np

from ..errors import ConfigError, DataError
from .mmfi import ACTIONS, SUBJECTS, scene_of

Protocol = Literal["P1", "P2", "P3"]
Split = Literal["S1", "S2", "S3"]

_DAILY = ("A02", "A03", "A04", "A05", "A13", "A14", "A17", "A18", "A19", "A20", "A21", "A22", "A23", "A27")
#: Actions of each protocol: P1 daily (14), P2 rehabilitation (13), P3 all (27).
PROTOCOLS: dict[str, tuple[str, ...]] = {
    "P1": _DAILY,
    "P2": tuple(action for action in ACTIONS if action not in _DAILY),
    "P3": ACTIONS,
}
#: What each split tests, in words.
SPLITS: dict[str, str] = {
    "S1": "random: 8 of the 40 subjects, drawn anew for each action",
    "S2": "cross-subject: S05, S10, S15, S20, S25, S30, S35, S40",
    "S3": "cross-scene: E04 (S31 to S40)",
}
#: Share of the subjects that S1 trains on.
S1_RATIO = 0.8


def membership(protocol: Protocol, split: Split, *, seed: int = 0) -> tuple[list[str], list[str]]:
    """Names of the training and test sequences among all of MM-Fi, sorted.

    Args:
        protocol: "P1", "P2" or "P3".
        split: "S1", "S2" or "S3".
        seed: S1's first seed; each further action of the protocol adds 1. The official split has 0.

    Raises:
        ConfigError: unknown protocol or split.
    """
    if protocol not in PROTOCOLS or split not in SPLITS:
        raise ConfigError(
            f"MM-Fi has the protocols {', '.join(PROTOCOLS)} and the splits {', '.join(SPLITS)}; "
            f"got {protocol!r} and {split!r}"
        )
    training, test = [], []
    for number, action in enumerate(PROTOCOLS[protocol]):
        held_out = _test_subjects(split, seed + number)
        for subject in SUBJECTS:
            name = f"{scene_of(subject)}/{subject}/{action}"
            (test if subject in held_out else training).append(name)
    return sorted(training), sorted(test)


def split_present(
    present: Sequence[str], protocol: Protocol, split: Split, *, seed: int = 0
) -> tuple[list[str], list[str]]:
    """The training and test sequences that are there.

    Args:
        present: names of the sequences on disk.
        protocol, split, seed: as for :func:`membership`.

    Raises:
        DataError: none of the training or none of the test sequences is there; the message says which protocols and
            splits would have both.
        ConfigError: unknown protocol or split.
    """
    training, test = _intersect(present, protocol, split, seed)
    if training and test:
        return training, test
    possible = [" ".join(pair) for pair in product(PROTOCOLS, SPLITS) if all(_intersect(present, *pair, seed))]
    raise DataError(
        f"protocol {protocol}, split {split} ({SPLITS[split]}) needs sequences to train on and to test on; of the "
        f"{len(present)} there, {len(training)} are for training and {len(test)} for testing ({_in_words(present)}). "
        + (f"Both parts have sequences with: {'; '.join(possible)}" if possible else "No official split fits them")
    )


def _intersect(present: Sequence[str], protocol: Protocol, split: Split, seed: int) -> tuple[list[str], list[str]]:
    there = set(present)
    training, test = membership(protocol, split, seed=seed)
    return [name for name in training if name in there], [name for name in test if name in there]


def _test_subjects(split: Split, seed: int) -> set[str]:
    if split == "S1":
        order = np.random.RandomState(seed).permutation(len(SUBJECTS))  # the generator of the official toolbox
        return {SUBJECTS[i] for i in order[int(np.floor(S1_RATIO * len(SUBJECTS))) :]}
    if split == "S2":
        return set(SUBJECTS[4::5])
    return {subject for subject in SUBJECTS if scene_of(subject) == "E04"}


def _in_words(present: Sequence[str]) -> str:
    scenes, subjects, actions = (sorted(set(column)) for column in zip(*(n.split("/") for n in present), strict=True))
    return f"scenes {', '.join(scenes)}; subjects {', '.join(subjects)}; actions {', '.join(actions)}"
