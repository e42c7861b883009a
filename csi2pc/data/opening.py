"""Opening MM-Fi or own recordings: which frames there are, what can be read of them, and which part each belongs to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..csi.layouts import describe_indices
from ..csi.mmfi import SIMULATION_RECORD
from ..csi.prepare import PrepareConfig
from ..errors import ConfigError, DataError
from ..types import FrameId, Report, Sample, Skipped
from .frames import FrameError, FrameSource, Layout
from .memory import expected_bytes, keeps, read_lazily, sample_bytes
from .mmfi import index_mmfi
from .mmfi_frames import MMFiFrames
from .mmfi_splits import split_present
from .parallel import map_in_order
from .parts import take_validation
from .recording_frames import RecordingFrames
from .recordings import read_manifest

if TYPE_CHECKING:  # dataset.py, which describes the whole, imports this file
    from .dataset import DataConfig

PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Opened:
    """A data set before its parts were checked; ``samples`` holds those that were read and are kept in memory, and
    ``keep`` says whether others are to be kept once they are read."""

    source: FrameSource
    parts: dict[str, list[FrameId]]
    samples: dict[FrameId, Sample]
    keep: bool
    report: Report
    layout: Layout


def open_mmfi(config: DataConfig, prepare: PrepareConfig) -> Opened:
    """Index a root, split its sequences and, with ``verify``, read every frame once.

    Raises:
        DataError: no usable sequence, or none to train on or to test on.
        ConfigError: no root, or a window longer than a frame.
    """
    if not config.root:
        raise ConfigError("data.root must name the folder that holds E01, E02, ...; it is empty")
    target = config.target
    index = index_mmfi(config.root, sensors=target.sensors, joints=target.crop == "joints")
    present = [sequence.name for sequence in index.sequences]
    training, test = split_present(present, config.protocol, config.split, seed=config.split_seed)
    training, validation = take_validation(training, share=config.validation_share, seed=config.split_seed)
    part_of = {n: part for part, names in zip(PARTS, (training, validation, test), strict=True) for n in names}
    if (index.root / SIMULATION_RECORD).exists():
        index.report.notes.append(f"synthetic data: {index.root / SIMULATION_RECORD} says how they were simulated")
    if len(part_of) < len(present):
        index.report.notes.append(f"{len(present) - len(part_of)} sequences are not of protocol {config.protocol}")
    source = MMFiFrames((s for s in index.sequences if s.name in part_of), target, prepare)
    frames, samples = source.frames(), {}
    size = expected_bytes(source, frames) if config.cache == "auto" else 0
    keep = keeps(config.cache, size)
    if config.cache == "auto" and not keep:
        index.report.notes.append(read_lazily(size))
    if config.verify:
        attempt = partial(_attempt, source, keep)
        results = list(map_in_order(attempt, frames, workers=config.workers, description="reading frames"))
        index.report.skipped.extend(result for result in results if isinstance(result, Skipped))
        read = [(f, result) for f, result in zip(frames, results, strict=True) if not isinstance(result, Skipped)]
        frames, samples = [f for f, _ in read], {f: sample for f, sample in read if sample is not None}
    parts = {part: [f for f in frames if part_of[f.sequence] == part] for part in PARTS}
    return Opened(source, parts, samples, keep, index.report, source.layout)


def open_recordings(config: DataConfig, prepare: PrepareConfig) -> Opened:
    """Read a manifest and every capture it names, since which windows there are is only known from their times.

    Raises:
        DataError: files are missing, no capture is usable, or captures differ in links or subcarriers.
        ConfigError: no manifest, a wrong one, or a crop by joints, which recordings do not have.
    """
    if not config.manifest:
        raise ConfigError("data.kind: recordings needs data.manifest, the YAML file that lists the sessions")
    manifest = read_manifest(config.manifest)
    root = Path(config.root) if config.root else Path(config.manifest).parent
    source, report = RecordingFrames(manifest, root, config.target, prepare), Report()
    names = {part: [n for n, c in source.captures.items() if c.session.split == part] for part in PARTS}
    if not names["validation"]:
        sessions = [source.captures[name].session.id for name in names["train"]]
        names["train"], names["validation"] = take_validation(
            names["train"], share=config.validation_share, seed=config.split_seed, groups=sessions
        )
    order = [name for part in PARTS for name in names[part]]
    reads = map_in_order(source.read, order, workers=config.workers, description="reading captures")
    samples: dict[FrameId, Sample] = {}
    size = 0
    frames: dict[str, list[FrameId]] = {}
    layouts: dict[str, Layout] = {}
    for name, read in zip(order, reads, strict=True):
        report.merge(read.report)
        frames[name] = [sample.frame for sample in read.samples]
        if read.samples:
            layouts[name] = read.layout
        size += sum(map(sample_bytes, read.samples))
        if keeps(config.cache, size):
            samples.update((sample.frame, sample) for sample in read.samples)
        else:
            samples.clear()
    keep = keeps(config.cache, size)
    if config.cache == "auto" and not keep:
        report.notes.append(read_lazily(size))
    if not layouts:
        raise DataError(f"{config.manifest}: no capture gave a usable window: {report.summary()}{examples(report)}")
    parts = {part: [frame for name in names[part] for frame in frames[name]] for part in PARTS}
    return Opened(source, parts, samples, keep, report, _common_layout(layouts))


def _common_layout(layouts: dict[str, Layout]) -> Layout:
    """The layout of all captures; devices may differ. Raises DataError where links or subcarriers do."""
    first, *others = layouts
    for name in others:
        one, other = layouts[first], layouts[name]
        if (one.subcarriers, one.rx, one.tx) != (other.subcarriers, other.rx, other.tx):
            raise DataError(
                f"all captures must have the same links and subcarriers; {first} has {one.rx} x {one.tx} links and "
                f"{describe_indices(one.subcarriers)}, {name} has {other.rx} x {other.tx} links and "
                f"{describe_indices(other.subcarriers)}. Choose common ones with prepare.subcarriers, or a reader "
                f"option in the manifest, or leave one out"
            )
    devices = sorted({layout.device for layout in layouts.values()})
    alike = len({layout.captured for layout in layouts.values()}) == 1
    return replace(layouts[first], device=", ".join(devices), captured=layouts[first].captured if alike else ())


def _attempt(source: FrameSource, keep: bool, frame: FrameId) -> Sample | Skipped | None:
    """The frame's sample, None where it need not be kept, or why there is none."""
    try:
        sample = source.sample(frame)
    except FrameError as error:
        return Skipped(f"{frame}: {error}", error.reason)
    return sample if keep else None


def examples(report: Report) -> str:
    """The first few things left out, one a line, for error messages."""
    return "".join(f"\n  {skipped.where}" for skipped in report.skipped[:3])
