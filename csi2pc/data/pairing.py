"""How well captures and targets of a recording meet in time: what is matched, what is left out, and how far apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from ..csi.read import read_capture
from ..errors import DataError
from ..progress import track
from ..types import Report
from .clock_offset import OffsetEstimate, estimate_offset
from .clocks import Clock
from .frames import FrameError
from .motion_energy import Energy, cloud_energy, csi_energy
from .recording_frames import CaptureFile, CaptureSamples, RecordingFrames, nearest_packet
from .session_target import SessionTarget


@dataclass(frozen=True)
class Span:
    """What a clock covers, on the session's clock: how many packets or frames, from when to when (s), and their
    mean rate (1/s; None with fewer than two)."""

    count: int
    first: float | None = None
    last: float | None = None
    rate: float | None = None


@dataclass(frozen=True)
class OffsetProposal:
    """An estimated offset of one clock against the first receiver's, for a person to judge; nothing applies it.

    Attributes:
        clock: which one, as a path in the session, for example ``"target.streams.depth.clock"``.
        estimate: None where there was too little to compare.
        proposed: the clock with the estimate added; None where there is none.
        problem: why there is none.
    """

    clock: str
    estimate: OffsetEstimate | None = None
    proposed: Clock | None = None
    problem: str = ""


@dataclass(frozen=True)
class SequencePairing:
    """How one sequence was paired.

    Attributes:
        sequence, session, part: its names.
        receivers: name -> its packets' span; a single capture has the name "".
        target: span of the target's frames; of the windows where the cloud stays.
        overlap: seconds that all of them cover.
        frames: windows asked for: target frames with a usable time, for each receiver where these are not combined.
        matched: of these, samples that training would get.
        rejected: reason -> how many were left out; with ``matched`` they add up to ``frames``, unless a capture could
            not be read.
        unusable: reason -> how many files or frames of the target's streams had no usable name or time.
        difference_median, difference_max: seconds from a matched frame to the nearest packet (of the receiver that
            is farthest); None without a match.
        measured: median share of a matched window that was measured, 0 to 1.
        points: median number of points of a matched cloud.
        offsets: clock offsets, where they were asked for.
        examples: the first thing left out for each reason.
        notes: of the captures.
    """

    sequence: str
    session: str
    part: str
    receivers: dict[str, Span]
    target: Span
    overlap: float
    frames: int
    matched: int
    rejected: dict[str, int]
    unusable: dict[str, int]
    difference_median: float | None
    difference_max: float | None
    measured: float | None
    points: float | None
    offsets: list[OffsetProposal] = field(default_factory=list)
    examples: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def pair_sequence(source: RecordingFrames, sequence: str) -> SequencePairing:
    """Pair one sequence exactly as training would, and measure how well it went.

    Raises:
        DataError: receivers of the session whose samples would not have one layout.
    """
    file, read = source.captures[sequence], source.read(sequence)
    spans = {name: _span(stamps) for name, stamps in read.packets.items()}
    target = _span(read.times)
    separate = 1 if file.session.combine else len(file.session.receivers)
    away = _differences(file, read)
    examples: dict[str, str] = {}
    for skipped in read.report.skipped:
        examples.setdefault(skipped.reason, skipped.where)
    before = len(source.targets[file.session.id].report.skipped)
    unusable, rejected = (Report(skipped=part) for part in (read.report.skipped[:before], read.report.skipped[before:]))
    return SequencePairing(
        sequence=sequence,
        session=file.session.id,
        part=file.session.split,
        receivers=spans,
        target=target,
        overlap=_overlap([*spans.values(), target]) if spans else 0.0,
        frames=len(read.times) * separate,
        matched=len(read.samples),
        rejected=rejected.counts,
        unusable=unusable.counts,
        difference_median=float(np.median(away)) if len(away) else None,
        difference_max=float(away.max()) if len(away) else None,
        measured=float(np.median([sample.valid.mean() for sample in read.samples])) if read.samples else None,
        points=float(np.median([len(sample.points) for sample in read.samples])) if read.samples else None,
        examples=examples,
        notes=read.report.notes,
    )


def propose_offsets(source: RecordingFrames, sequence: str) -> list[OffsetProposal]:
    """Estimate how far the other clocks of a sequence's session are from the first receiver's, by motion.

    Compared with what the first receiver saw move are the other receivers and every target stream, each on the
    session's clock as the manifest has it.

    Returns:
        One proposal a clock; none where the target stays and there is one receiver.
    """
    file = source.captures[sequence]
    target = source.targets[file.session.id]
    try:
        reference, *others = ((name, clock, _csi(source, file, name, clock)) for name, clock in _clocks(file))
    except DataError as error:
        return [OffsetProposal("captures", problem=str(error))]
    entries = [(f"receivers.{name}.clock", clock, energy) for name, clock, energy in others]
    return [_proposal(*entry, reference[2]) for entry in [*entries, *_streams(target)]]


def _proposal(where: str, clock: Clock, energy: Energy, reference: Energy) -> OffsetProposal:
    try:
        estimate = estimate_offset(reference, energy)
    except DataError as error:
        return OffsetProposal(where, problem=str(error))
    return OffsetProposal(where, estimate, replace(clock, offset=round(clock.offset + estimate.offset, 3)))


def _clocks(file: CaptureFile) -> list[tuple[str, Clock]]:
    return [(name, receiver.clock) for name, receiver in file.session.receivers.items()] or [("", Clock())]


def _csi(source: RecordingFrames, file: CaptureFile, name: str, clock: Clock) -> Energy:
    receiver = file.session.receivers.get(name)
    capture = read_capture(file.files[name], **(receiver.reader if receiver else file.session.reader))
    energy = csi_energy(capture)
    return Energy(clock.to_session(energy.times), energy.values)


def _streams(target: SessionTarget) -> Iterator[tuple[str, Clock, Energy]]:
    for stream in target.streams:
        clouds = []
        for position in track(range(len(stream)), description=f"motion of {stream.name}"):
            try:
                clouds.append(stream.points(position))
            except FrameError:
                clouds.append(None)
        where = f"target.streams.{stream.name}.clock" if target.source.streams else "target.clock"
        yield where, stream.stream.clock, cloud_energy(clouds, stream.times)


def _span(times: np.ndarray) -> Span:
    if not len(times):
        return Span(0)
    elapsed = float(times[-1] - times[0])
    return Span(len(times), float(times[0]), float(times[-1]), (len(times) - 1) / elapsed if elapsed > 0 else None)


def _overlap(spans: list[Span]) -> float:
    if any(span.first is None for span in spans):
        return 0.0
    return max(0.0, min(span.last for span in spans) - max(span.first for span in spans))


def _differences(file: CaptureFile, read: CaptureSamples) -> np.ndarray:
    times = np.array([sample.frame.time for sample in read.samples])
    away = np.array([nearest_packet(stamps, times) for stamps in read.packets.values()])  # (receivers, K)
    if not len(times):
        return np.empty(0)
    if file.session.combine:
        return away.max(0)
    own = np.array([sample.frame.index % len(away) for sample in read.samples])
    return away[own, np.arange(len(times))]
