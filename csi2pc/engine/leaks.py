"""Test frames that the model has seen: refused, whether they come by the same name or as a copy under another."""

from __future__ import annotations

import hashlib
from collections.abc import Collection

from ..data.dataset import DataSplits, FrameDataset
from ..errors import DataError
from ..types import Sample

#: How many sequences or frames a message names at the most.
NAMED = 5


def refuse_leaks(splits: DataSplits, trained: Collection[str]) -> None:
    """Check that no test frame was trained or validated on.

    Parts that are opened together share no sequence. Two things can still go wrong: the data was divided otherwise when
    the model was trained, and a recording may lie there twice, under two names. Two recordings never agree to the last
    bit, so a test frame with the CSI of a training or validation frame is a copy. To spare reading all CSI, that of the
    first frame of every sequence is looked at, and that of frames with equal targets.

    Args:
        splits: the data as it is now.
        trained: names of the sequences that the model was trained and validated on, as its checkpoint has them; a
            checkpoint of an earlier version has none, and only copies are looked for.

    Raises:
        DataError: naming the sequences, or the frames.
    """
    seen = [name for name in splits.test.sequences if name in set(trained)]
    if seen:
        raise DataError(
            f"no test sequence may have been trained on; {len(seen)} of {len(splits.test.sequences)} were: "
            f"{_some(seen)}. Evaluate with the split that the model was trained with, or train again"
        )
    copies = [pair for part in (splits.train, splits.validation) for pair in _copies(part, splits.test)]
    if copies:
        raise DataError(
            f"no test frame may be a copy of one that was trained on; {len(copies)} of {len(splits.test)} are, to the "
            f"last bit: {_some(copies)}. Remove the copies, or put both into one part"
        )


def _copies(seen: FrameDataset, test: FrameDataset) -> list[str]:
    by_target: dict[bytes, list[int]] = {}
    for i in range(len(seen)):
        by_target.setdefault(_digest(seen.points(i).tobytes()), []).append(i)
    firsts = list(_first_frames(seen))
    own_firsts = _first_frames(test)
    of_seen: dict[int, bytes] = {}
    found = []
    for i in range(len(test)):
        candidates = by_target.get(_digest(test.points(i).tobytes()), [])
        candidates = [*candidates, *firsts] if i in own_firsts else candidates
        own = _csi(test[i]) if candidates else b""
        for k in candidates:
            if k not in of_seen:
                of_seen[k] = _csi(seen[k])
            if of_seen[k] == own:
                found.append(f"{test.frames[i]} of {seen.frames[k]}")
                break
    return found


def _first_frames(part: FrameDataset) -> set[int]:
    """Positions of the first frame of every sequence."""
    first: dict[str, int] = {}
    for position, frame in enumerate(part.frames):
        first.setdefault(frame.sequence, position)
    return set(first.values())


def _csi(sample: Sample) -> bytes:
    return _digest(sample.features.tobytes() + sample.valid.tobytes())


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=16).digest()


def _some(names: list[str]) -> str:
    return ", ".join(names[:NAMED]) + (", ..." if len(names) > NAMED else "")
