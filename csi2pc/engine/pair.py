"""Pairing of a manifest's captures and targets by time, as a report: nothing is written, and no clock is changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from ..csi.prepare_config import PrepareConfig
from ..data.clocks import Clock
from ..data.pairing import OffsetProposal, SequencePairing, Span, pair_sequence, propose_offsets
from ..data.parallel import map_in_order
from ..data.recording_frames import RecordingFrames
from ..data.recordings import Manifest, read_manifest
from ..data.targets import TargetConfig

#: Columns of the table; dt is the time from a matched frame to the nearest packet, in milliseconds.
HEAD = ("sequence", "part", "frames", "matched", "overlap s", "frames/s", "packets/s", "dt, ms", "dt max", "measured")


@dataclass(frozen=True)
class Paired:
    """How a whole manifest was paired: one entry a sequence, in the manifest's order."""

    manifest: str
    root: str
    sequences: list[SequencePairing]

    @property
    def matched(self) -> int:
        """Samples of all sequences."""
        return sum(sequence.matched for sequence in self.sequences)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON, with whether each estimated offset can be trusted."""
        content = asdict(self)
        for row, sequence in zip(content["sequences"], self.sequences, strict=True):
            for proposal, given in zip(row["offsets"], sequence.offsets, strict=True):
                proposal["confident"] = given.estimate is not None and given.estimate.confident
        return content


def pair(
    manifest: str | Path,
    root: str | Path | None = None,
    *,
    tolerance: float | None = None,
    estimate_offset: bool = False,
    prepare: PrepareConfig | None = None,
    target: TargetConfig | None = None,
    workers: int = 0,
) -> Paired:
    """Pair every sequence of a manifest and say what was matched, what was left out and why.

    Args:
        manifest: the YAML file; see ``datasets/recordings/README.md``.
        root: what its paths are relative to; by default its own folder.
        tolerance: seconds: takes the place of ``tolerance`` in every session's target.
        estimate_offset: also compare motion in CSI and in the clouds, to estimate a constant offset of their clocks.
            It is reported and never applied.
        prepare: windows as training has them; its defaults otherwise.
        target: crop and number of points as training has them; by default the whole cloud.
        workers: processes that read; 0 reads in this one.

    Raises:
        DataError: the manifest or files are missing, or sessions share what they must not.
        ConfigError: a mistake in the manifest.
    """
    content = read_manifest(manifest)
    if tolerance is not None:
        content = _with_tolerance(content, tolerance)
    folder = Path(manifest).parent if root is None else Path(root)
    source = RecordingFrames(content, folder, target or TargetConfig(crop="none"), prepare or PrepareConfig())
    work = partial(_pair_one, source, estimate_offset)
    sequences = list(map_in_order(work, list(source.captures), workers=workers, description="pairing"))
    return Paired(str(manifest), str(folder), sequences)


def _with_tolerance(manifest: Manifest, tolerance: float) -> Manifest:
    sessions = [replace(s, target=replace(s.target, tolerance=tolerance)) for s in manifest.sessions]
    return replace(manifest, sessions=sessions)


def _pair_one(source: RecordingFrames, estimate_offset: bool, sequence: str) -> SequencePairing:
    pairing = pair_sequence(source, sequence)
    return replace(pairing, offsets=propose_offsets(source, sequence)) if estimate_offset else pairing


def table(paired: Paired) -> str:
    """The report as text: a table with one row a sequence, then what was left out, clocks and offsets."""
    rows = [HEAD, *map(_row, paired.sequences)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    for sequence in paired.sequences:
        details = list(_details(sequence))
        if details:
            lines += ["", f"{sequence.sequence}:", *(f"  {line}" for line in details)]
    frames = sum(sequence.frames for sequence in paired.sequences)
    return "\n".join([*lines, "", f"{paired.matched} of {frames} frames matched in {len(paired.sequences)} sequences"])


def _row(sequence: SequencePairing) -> tuple[str, ...]:
    rates = "/".join(_number(span.rate, 1) for span in sequence.receivers.values()) or "-"
    return (
        sequence.sequence, sequence.part, str(sequence.frames), str(sequence.matched), f"{sequence.overlap:.1f}",
        _number(sequence.target.rate, 1), rates, _number(sequence.difference_median, 1, 1e3),
        _number(sequence.difference_max, 1, 1e3), _number(sequence.measured, 2),
    )  # fmt: skip


def _details(sequence: SequencePairing) -> Iterator[str]:
    for reason, count in sequence.rejected.items():
        yield f"left out: {reason}: {count}, for example {sequence.examples[reason]}"
    for reason, count in sequence.unusable.items():
        yield f"of the target's files: {reason}: {count}, for example {sequence.examples[reason]}"
    if not sequence.overlap:
        spans = [(f"receiver {name}".strip(), span) for name, span in sequence.receivers.items()]
        covered = "; ".join(f"{name} {_range(span)}" for name, span in [*spans, ("target", sequence.target)])
        yield f"the clocks do not overlap: {covered}. Check offset and unit of the times"
    for proposal in sequence.offsets:
        yield from _offset(proposal)
    for note in sequence.notes:
        yield f"note: {note}"


def _offset(proposal: OffsetProposal) -> Iterator[str]:
    estimate = proposal.estimate
    if estimate is None:
        yield f"{proposal.clock}: no offset estimated: {proposal.problem}"
        return
    yield (
        f"{proposal.clock}: motion agrees best after {estimate.offset:+.2f} s: correlation {estimate.peak:.2f} there, "
        f"{estimate.second:.2f} at the next best, {estimate.sigma:.1f} deviations above other offsets, over "
        f"{estimate.overlap:.0f} s"
    )
    line = f"{proposal.clock.rpartition('.')[2]}: {_flow(proposal.proposed)}"
    if estimate.confident:
        yield f"  not applied. To apply it, write in this session at {proposal.clock}:  {line}"
    else:
        yield f"  LOW CONFIDENCE: do not use it unless you know better ({line})"


def _flow(clock: Clock) -> str:
    given = {name: value for name, value in asdict(clock).items() if value or name == "offset"}
    return yaml.safe_dump(given, default_flow_style=True, sort_keys=False).strip()


def _range(span: Span) -> str:
    return "has nothing" if span.first is None else f"from {span.first:.3f} to {span.last:.3f} s"


def _number(value: float | None, digits: int, scale: float = 1.0) -> str:
    return "-" if value is None else f"{value * scale:.{digits}f}"
