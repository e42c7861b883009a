"""Opening MM-Fi, own recordings or a cache: which frames there are, and which part each belongs to."""

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
from .cache_checks import other_version, refuse_other_settings, refuse_stale
from .cache_file import PARTS
from .cache_frames import CacheFrames
from .frames import FrameError, FrameSource, Layout
from .memory import expected_bytes, keeps, read_lazily, sample_bytes
from .mmfi import index_mmfi
from .mmfi_frames import MMFiFrames
from .mmfi_splits import split_present
from .parallel import map_in_order
from .parts import take_validation
from .recording_frames import CaptureSamples, RecordingFrames
from .recordings import read_manifest

if TYPE_CHECKING:  # dataset.py, which describes the whole, imports this file
    from .dataset import DataConfig


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


@dataclass(frozen=True)
class Listing:
    """What is known of a data set before its frames are read.

    Attributes:
        source: what reads them.
        parts: names of the sequences of "train", "validation" and "test".
        report: what was left out so far.
    """

    source: MMFiFrames | RecordingFrames
    parts: dict[str, list[str]]
    report: Report


def list_sequences(config: DataConfig, prepare: PrepareConfig) -> Listing:
    """Find the sequences of a data set and divide them.

    Raises:
        DataError: root, manifest or captures missing, or no usable sequence.
        ConfigError: settings that cannot go together.
    """
    return _list_mmfi(config, prepare) if config.kind == "mmfi" else _list_recordings(config, prepare)


def _list_mmfi(config: DataConfig, prepare: PrepareConfig) -> Listing:
    """Index a root and split its sequences."""
    if not config.root:
        raise ConfigError("data.root must name the folder that holds E01, E02, ...; it is empty")
    target = config.target
    index = index_mmfi(config.root, sensors=target.sensors, joints=target.crop == "joints")
    present = [sequence.name for sequence in index.sequences]
    training, test = split_present(present, config.protocol, config.split, seed=config.split_seed)
    training, validation = take_validation(training, share=config.validation_share, seed=config.split_seed)
    parts = dict(zip(PARTS, (training, validation, test), strict=True))
    members = {name for names in parts.values() for name in names}
    if (index.root / SIMULATION_RECORD).exists():
        index.report.notes.append(f"synthetic data: {index.root / SIMULATION_RECORD} says how they were simulated")
    if len(members) < len(present):
        index.report.notes.append(f"{len(present) - len(members)} sequences are not of protocol {config.protocol}")
    source = MMFiFrames((s for s in index.sequences if s.name in members), target, prepare)
    return Listing(source, parts, index.report)


def _list_recordings(config: DataConfig, prepare: PrepareConfig) -> Listing:
    """Read a manifest and find its captures."""
    if not config.manifest:
        raise ConfigError("data.kind: recordings needs data.manifest, the YAML file that lists the sessions")
    manifest = read_manifest(config.manifest)
    root = Path(config.root) if config.root else Path(config.manifest).parent
    source = RecordingFrames(manifest, root, config.target, prepare)
    parts = {part: [n for n, c in source.captures.items() if c.session.split == part] for part in PARTS}
    if not parts["validation"]:
        sessions = [source.captures[name].session.id for name in parts["train"]]
        parts["train"], parts["validation"] = take_validation(
            parts["train"], share=config.validation_share, seed=config.split_seed, groups=sessions
        )
    return Listing(source, parts, Report())


def read_sequence(source: MMFiFrames | RecordingFrames, name: str) -> CaptureSamples:
    """All samples of one sequence; what cannot be read has a row in its report."""
    if isinstance(source, RecordingFrames):
        return source.read(name)
    results = [_attempt(source, True, frame) for frame in source.frames_of(name)]
    samples = [result for result in results if isinstance(result, Sample)]
    report = Report(len(samples), [result for result in results if isinstance(result, Skipped)])
    return CaptureSamples(samples, report, source.layout)


def open_mmfi(config: DataConfig, prepare: PrepareConfig) -> Opened:
    """Index a root, split its sequences and, with ``verify``, read every frame once.

    Raises:
        DataError: no usable sequence, or none to train on or to test on.
        ConfigError: no root, or a window longer than a frame.
    """
    listing = _list_mmfi(config, prepare)
    source, report = listing.source, listing.report
    part_of = {name: part for part, names in listing.parts.items() for name in names}
    frames, samples = source.frames(), {}
    size = expected_bytes(source, frames) if config.cache == "auto" else 0
    keep = keeps(config.cache, size)
    if config.cache == "auto" and not keep:
        report.notes.append(read_lazily(size))
    if config.verify:
        attempt = partial(_attempt, source, keep)
        results = list(map_in_order(attempt, frames, workers=config.workers, description="reading frames"))
        report.skipped.extend(result for result in results if isinstance(result, Skipped))
        read = [(f, result) for f, result in zip(frames, results, strict=True) if not isinstance(result, Skipped)]
        frames, samples = [f for f, _ in read], {f: sample for f, sample in read if sample is not None}
    parts = {part: [f for f in frames if part_of[f.sequence] == part] for part in PARTS}
    return Opened(source, parts, samples, keep, report, source.layout)


def open_recordings(config: DataConfig, prepare: PrepareConfig) -> Opened:
    """Read a manifest and every capture it names, since which windows there are is only known from their times.

    Raises:
        DataError: files are missing, no capture is usable, or captures differ in links or subcarriers.
        ConfigError: no manifest, a wrong one, or a crop by joints, which recordings do not have.
    """
    listing = _list_recordings(config, prepare)
    source, report = listing.source, listing.report
    order = [name for part in PARTS for name in listing.parts[part]]
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
    parts = {part: [frame for name in listing.parts[part] for frame in frames[name]] for part in PARTS}
    return Opened(source, parts, samples, keep, report, shared_layout(layouts, report))


def open_cache(config: DataConfig, prepare: PrepareConfig) -> Opened:
    """Check a cache, its settings and, with ``verify``, that the raw files, where they are at hand, are what they were.

    Raises:
        DataError: missing, damaged or stale.
        ConfigError: it was prepared with other settings.
    """
    source = CacheFrames(config.cache_file)
    about, parts = source.index.about, source.index.parts
    refuse_other_settings(config.cache_file, about, config, prepare)
    notes = [other_version(config.cache_file, about)]
    notes += [refuse_stale(config.cache_file, about, config)] if config.verify else []
    about.report.notes.extend(note for note in notes if note)
    return Opened(source, parts, {}, keeps(config.cache, source.nbytes), about.report, about.layout)


def shared_layout(layouts: dict[str, Layout], report: Report) -> Layout:
    """The layout of all captures that gave a window, by sequence; devices may differ.

    Raises:
        DataError: there is none (``report`` says why), or links or subcarriers differ.
    """
    if not layouts:
        raise DataError(f"no capture gave a usable window: {report.summary()}{examples(report)}")
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
