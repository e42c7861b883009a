"""The blind baselines of a part, scored once: the runs of a comparison share them and find them again in a folder.

What they are depends on the targets of the training part and of the frames scored, on how many points the model emits,
and on the evaluation's settings. A digest over all of these names the folder, so that nothing is ever found that was
made from something else.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from .. import __version__
from ..data.dataset import FrameDataset
from ..evaluation.baselines import Clouds, blind_clouds
from ..evaluation.cloud_lists import read_clouds, write_clouds
from ..evaluation.rows import FrameRows, read_rows, write_rows
from ..evaluation.settings import EvaluationConfig
from ..progress import track
from ..types import FrameId
from .scoring import score_clouds

#: Settings of an evaluation that change neither the baselines nor their scores.
FREE = ("by", "resamples", "confidence", "workers")


@dataclass(frozen=True, eq=False)
class Blind:
    """Blind baselines: their clouds, one a frame, and their scores.

    Attributes:
        clouds: method to clouds.
        rows: scores of these methods.
    """

    clouds: Clouds
    rows: FrameRows


def blind_baselines(
    train: FrameDataset,
    frames: Sequence[FrameId],
    targets: Sequence[np.ndarray],
    *,
    count: int,
    config: EvaluationConfig,
    folder: str | Path | None = None,
) -> Blind:
    """Make and score the blind baselines, or find them.

    Args:
        train: the training part.
        frames, targets: the frames to answer and their target clouds, each float ``(N, 3)`` metres.
        count: points of the constant clouds, as many as the model emits.
        config: metrics and how the constant clouds are made.
        folder: where they are kept for the next time; None keeps nothing.

    Raises:
        DataError: no training cloud has a point, or what is in the folder is damaged.
    """
    trained = [train.points(i) for i in track(range(len(train)), description="reading training targets")]
    if folder is None:
        return _made(train.frames, trained, frames, targets, count, config)
    settings = {name: value for name, value in asdict(config).items() if name not in FREE}
    digests = [targets_digest(train.frames, trained), targets_digest(frames, targets)]
    what = json.dumps([__version__, count, settings, digests])
    place = Path(folder) / hashlib.blake2b(what.encode(), digest_size=8).hexdigest()
    if (place / "frames.csv").exists():  # written last
        return Blind(read_clouds(place / "clouds.npz"), read_rows(place / "frames.csv"))
    made = _made(train.frames, trained, frames, targets, count, config)
    write_clouds(place / "clouds.npz", made.clouds)
    write_rows(place / "frames.csv", made.rows)
    return made


def targets_digest(frames: Sequence[FrameId], targets: Sequence[np.ndarray]) -> str:
    """16 hexadecimal digits over names, labels, times and target clouds: equal for the same frames and targets."""
    found = hashlib.blake2b(digest_size=8)
    for frame, target in zip(frames, targets, strict=True):
        found.update(f"{frame!r}\n{target.shape}\n".encode())
        found.update(np.ascontiguousarray(target, dtype="<f4").tobytes())
    return found.hexdigest()


def _made(
    train_frames: Sequence[FrameId],
    trained: Sequence[np.ndarray],
    frames: Sequence[FrameId],
    targets: Sequence[np.ndarray],
    count: int,
    config: EvaluationConfig,
) -> Blind:
    clouds = blind_clouds(train_frames, trained, frames, count=count, config=config)
    return Blind(clouds, score_clouds(frames, targets, clouds, config))
