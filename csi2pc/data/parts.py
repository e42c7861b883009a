"""Training, validation and test parts, by sequence: frames of one sequence never stand on both sides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

import numpy as np

from ..errors import ConfigError, DataError


def take_validation(
    training: Sequence[str], *, share: float, seed: int, groups: Sequence[str] | None = None
) -> tuple[list[str], list[str]]:
    """Move a share of the training sequences into a validation part.

    Args:
        training: names of the training sequences, each once.
        share: 0 (none) up to, but not including, 1. Of n sequences ``round(share * n)`` go, but at least one, and
            at least one stays; a single sequence stays.
        seed: fixes the choice, which does not depend on the order of ``training``.
        groups: a group name for each sequence, for example its session: the share is then taken from each group, so
            that every session is validated. Where no group has two sequences, all count as one group.

    Returns:
        The remaining training sequences and the validation sequences, both in the order of ``training``.

    Raises:
        ConfigError: ``share`` out of range.
    """
    if not 0 <= share < 1:
        raise ConfigError(f"validation_share must be at least 0 and below 1; got {share}")
    labels = list(groups) if groups is not None else [""] * len(training)
    if len(set(labels)) == len(labels):
        labels = [""] * len(training)
    generator = np.random.default_rng(seed)
    taken: set[str] = set()
    for label in sorted(set(labels)):
        members = sorted(name for name, own in zip(training, labels, strict=True) if own == label)
        if share > 0 and len(members) > 1:
            count = min(max(1, round(share * len(members))), len(members) - 1)
            taken.update(members[i] for i in generator.permutation(len(members))[:count])
    return [n for n in training if n not in taken], [n for n in training if n in taken]


def refuse_overlap(parts: Mapping[str, Iterable[str]]) -> None:
    """Check that no sequence stands in two parts.

    Args:
        parts: part name -> names of its sequences (repeated as often as they have frames, if you like).

    Raises:
        DataError: naming the parts and the sequences they share.
    """
    sets = {name: set(sequences) for name, sequences in parts.items()}
    for first, second in combinations(sets, 2):
        shared = sorted(sets[first] & sets[second])
        if shared:
            raise DataError(
                f"no sequence may stand in two parts; {first} and {second} share {len(shared)}: "
                f"{', '.join(shared[:5])}{', ...' if len(shared) > 5 else ''}. Leave each in one of them"
            )
