"""One way to open any data set: checked parts that share no sequence, and the frames in each."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from torch.utils.data import Dataset

from ..csi.prepare import PrepareConfig
from ..errors import ConfigError, DataError
from ..types import Batch, FrameId, Report, Sample
from .frames import FrameError, FrameSource, Layout
from .memory import Cache
from .mmfi_splits import Protocol, Split
from .opening import examples, open_cache, open_mmfi, open_recordings
from .parts import refuse_overlap
from .targets import TargetConfig


@dataclass(frozen=True)
class DataConfig:
    """Which data set, and how it is divided and read.

    Whole MM-Fi takes more memory than ``cache: auto`` keeps, and to read each of its frames once at every opening takes
    long. Share that out over several ``workers``, or, where an earlier opening left out no unreadable frame, spare it
    with ``verify: false``.

    Attributes:
        kind: "mmfi" for a folder in MM-Fi's layout, "recordings" for a manifest of own recordings.
        root: folder of the data. For recordings, what the manifest's paths are relative to; empty: its own folder.
        manifest: recordings: the YAML manifest.
        protocol: MM-Fi: P1 daily, P2 rehabilitation, P3 all actions.
        split: MM-Fi: S1 random, S2 cross-subject, S3 cross-scene, with the official membership. Recordings name
            their parts in the manifest.
        validation_share: share of the training sequences, taken out by whole sequences, 0 up to but not including 1.
            MM-Fi has no official validation part, and nothing is ever selected on test. At least one sequence goes
            unless the share is 0; recordings whose manifest has a validation session take none.
        split_seed: seed of the validation draw and of S1, whose official membership has 0.
        target: what the target clouds are made of.
        verify: read every frame once at opening, so that damaged ones are left out, counted and listed. False trusts
            names and sizes, and a damaged MM-Fi frame then stops the run that meets it.
        cache_file: an HDF5 file that ``csi2pc prepare`` wrote with these settings: frames come from it, the same as
            from raw files and many times as fast. Raw files need not be at hand; those that are must be what it was
            made from, which ``verify: false`` does not look at. None reads raw files.
        cache: "memory" keeps prepared frames, which then cost no reading after the first time; "none" reads them
            whenever they are asked for. "auto" keeps them where all of them take no more than
            :data:`~csi2pc.data.memory.MEMORY_LIMIT` in a process; where they do not, a note in the report says so.
        workers: processes that read at opening; 0 reads in this one.
    """

    kind: Literal["mmfi", "recordings"] = "mmfi"
    root: str = ""
    manifest: str | None = None
    protocol: Protocol = "P3"
    split: Split = "S1"
    validation_share: float = 0.1
    split_seed: int = 0
    target: TargetConfig = field(default_factory=TargetConfig)
    verify: bool = True
    cache_file: str | None = None
    cache: Cache = "auto"
    workers: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.validation_share < 1:
            raise ConfigError(f"data.validation_share must be at least 0 and below 1; got {self.validation_share}")
        if self.split_seed < 0 or self.workers < 0:
            raise ConfigError(
                f"data.split_seed and data.workers must not be negative; got {self.split_seed} and {self.workers}"
            )
        if self.kind == "mmfi" and self.manifest is not None:
            raise ConfigError(f"a manifest belongs to data.kind: recordings; got {self.manifest!r} with kind mmfi")


class FrameDataset(Dataset):
    """The frames of one part.

    Attributes:
        name: "train", "validation" or "test".
        frames: one :class:`~csi2pc.types.FrameId` a sample, in the order of sequences and frames.
    """

    def __init__(
        self, name: str, frames: Sequence[FrameId], source: FrameSource, *, samples: Sequence[Sample | None], keep: bool
    ) -> None:
        """``samples`` are those read already (None where not); ``keep`` holds on to what is read later."""
        self.name, self.frames = name, list(frames)
        self._source, self._samples, self._keep = source, list(samples), keep

    def __len__(self) -> int:
        return len(self.frames)

    def __repr__(self) -> str:
        return f"FrameDataset({self.name}: {len(self)} frames of {len(self.sequences)} sequences)"

    @property
    def sequences(self) -> list[str]:
        """Names of the sequences, in order, each once."""
        return list(dict.fromkeys(frame.sequence for frame in self.frames))

    def __getitem__(self, index: int) -> Sample:
        sample = self._samples[index]
        if sample is None:
            sample = self._read(self._source.sample, index)
            if self._keep:
                self._samples[index] = sample
        return sample

    def points(self, index: int) -> np.ndarray:
        """The cloud of a frame alone, ``(N, 3)`` float32 metres, without reading CSI."""
        sample = self._samples[index]
        return sample.points if sample is not None else self._read(self._source.points, index)

    def _read(self, read: Callable[[FrameId], Any], index: int) -> Any:
        frame = self.frames[index]
        try:
            return read(frame)
        except FrameError as error:
            raise DataError(
                f"frame {frame} cannot be read: {error}. With data.verify: true it would be left out and counted"
            ) from error


@dataclass(frozen=True)
class DataSplits:
    """What :func:`open_data` gives.

    Attributes:
        train, validation, test: their sequences differ; validation may be empty.
        report: frames read, and everything that was left out.
        layout: links and subcarriers that all its CSI has.
    """

    train: FrameDataset
    validation: FrameDataset
    test: FrameDataset
    report: Report
    layout: Layout

    def digest(self) -> str:
        """16 hexadecimal digits: two data sets with the same digest give the same frames in the same order.

        Taken over the layout and, of the training and validation parts, the sequence and index of each frame.
        What the files hold is not looked at, nor where they lie.
        """
        parts = {"train": self.train, "validation": self.validation}
        frames = {name: [(frame.sequence, frame.index) for frame in part.frames] for name, part in parts.items()}
        text = json.dumps({"layout": asdict(self.layout), **frames})
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

    def describe(self) -> str:
        """A few lines for the log: sequences and frames of each part, and how often what was left out."""
        lines = [
            f"{part.name}: {len(part.sequences)} sequences, {len(part)} frames"
            for part in (self.train, self.validation, self.test)
        ]
        lines += [f"left out: {reason}: {count}" for reason, count in self.report.counts.items()]
        return "\n".join(lines + [f"note: {note}" for note in self.report.notes])


def open_data(config: DataConfig, prepare: PrepareConfig) -> DataSplits:
    """Open a data set.

    Args:
        config: which, and how.
        prepare: how its CSI is prepared.

    Raises:
        DataError: root or manifest missing, nothing usable, an empty training or test part, one sequence in two
            parts, CSI of several shapes, or a cache that is damaged or stale.
        ConfigError: settings that cannot go together.
    """
    open_kind = open_cache if config.cache_file else open_mmfi if config.kind == "mmfi" else open_recordings
    opened = open_kind(config, prepare)
    parts, report = opened.parts, opened.report
    check_parts(parts, report)
    datasets = {
        name: FrameDataset(
            name, frames, opened.source, samples=[opened.samples.get(f) for f in frames], keep=opened.keep
        )
        for name, frames in parts.items()
    }
    return DataSplits(**datasets, report=report, layout=opened.layout)


def check_parts(parts: dict[str, list[FrameId]], report: Report) -> None:
    """Refuse an empty training or test part, and a sequence in two parts; count the frames in ``report.read``."""
    refuse_overlap({name: (frame.sequence for frame in frames) for name, frames in parts.items()})
    for name in ("train", "test"):
        if not parts[name]:
            raise DataError(f"no usable frame in the {name} part: {report.summary()}{examples(report)}")
    report.read = sum(map(len, parts.values()))


def collate(samples: Sequence[Sample]) -> Batch:
    """Stack samples; clouds are padded with zeros to the longest and masked.

    Raises:
        DataError: no sample, or CSI of several shapes.
    """
    if not samples:
        raise DataError("a batch needs at least one sample; got none")
    _check_shapes(samples)
    sizes = [len(sample.points) for sample in samples]
    points = torch.zeros(len(samples), max(sizes), 3)
    for row, sample in enumerate(samples):
        points[row, : sizes[row]] = torch.from_numpy(sample.points)
    return Batch(
        features=torch.from_numpy(np.stack([sample.features for sample in samples])),
        valid=torch.from_numpy(np.stack([sample.valid for sample in samples])),
        points=points,
        mask=torch.arange(max(sizes)) < torch.tensor(sizes)[:, None],  # (B, N)
        frames=[sample.frame for sample in samples],
    )


def _check_shapes(samples: Iterable[Sample]) -> None:
    first = None
    for sample in samples:
        first = first or sample
        if sample.features.shape != first.features.shape:
            raise DataError(
                f"all CSI must have one shape (links, subcarriers, channels, packets); {first.frame} has "
                f"{first.features.shape}, {sample.frame} has {sample.features.shape}: choose common subcarriers with "
                f"prepare.subcarriers, or leave one out"
            )
