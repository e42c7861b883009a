"""Own recordings window by window: CSI of a session's captures and the cloud that its target had at that time."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..csi.prepare_config import REFERRED, PrepareConfig
from ..csi.windows import Windows, clock
from ..errors import ConfigError, DataError
from ..types import FrameId, Report, Sample
from .clocks import Clock
from .frames import FrameError, Layout
from .missing import missing
from .receivers import Received, common_layout, joint_windows, receive
from .recordings import Manifest, Session
from .session_target import SessionTarget, open_target
from .targets import TargetConfig

#: Sequences kept ready when samples are not cached: frames are mostly asked for sequence by sequence.
RECENT = 4


@dataclass(frozen=True)
class CaptureFile:
    """One sequence: a capture, or what the receivers of a session captured together.

    Attributes:
        session: what the manifest says of it.
        files: receiver -> its file; a capture that is a sequence by itself has the name "".
    """

    session: Session
    files: dict[str, Path]

    @property
    def path(self) -> Path:
        """The file, or the first receiver's."""
        return next(iter(self.files.values()))

    @property
    def sequence(self) -> str:
        """For example ``"room3/v18/capture1"``; the session's id where it has receivers."""
        return self.session.id if self.session.receivers else f"{self.session.id}/{self.path.stem}"

    def receive(self, config: PrepareConfig) -> dict[str, Received]:
        """Read and prepare the captures, on the session's clock. Raises DataError."""
        if not self.session.receivers:
            return {"": receive(self.path, Clock(), self.session.reader, config)}
        entries = self.session.receivers.items()
        return {name: receive(self.files[name], entry.clock, entry.reader, config) for name, entry in entries}


@dataclass(frozen=True)
class CaptureSamples:
    """What one sequence gave.

    Attributes:
        samples: one a window.
        report: windows and target frames left out.
        layout: of its samples; None where a capture could not be read.
        packets: receiver -> timestamps ``(T,)``, seconds on the session's clock.
        times: ``(F,)`` seconds on the session's clock: of all target frames, or windows where the cloud stays.
    """

    samples: list[Sample]
    report: Report
    layout: Layout | None = None
    packets: dict[str, np.ndarray] = field(default_factory=dict)
    times: np.ndarray = field(default_factory=lambda: np.empty(0))


class RecordingFrames:
    """A :class:`~csi2pc.data.frames.FrameSource` over the captures of a manifest.

    A capture is read as a whole, since its windows are cut on the target's clock. A frame's index is the number of
    the target frame (or window); where receivers are not combined, ``index * receivers + receiver``.
    """

    def __init__(self, manifest: Manifest, root: Path, target: TargetConfig, config: PrepareConfig) -> None:
        """Raises DataError where captures are missing, and ConfigError where the target cannot be had from them."""
        if target.crop == "joints":
            raise ConfigError("own recordings have no ground-truth joints to crop by: set target.crop to none or box")
        if not root.is_dir():
            what = f"{root} is a file" if root.exists() else missing(root)
            raise DataError(f"the data root must be the folder that the manifest's paths are relative to; {what}")
        _check_references(manifest, config)
        self.root, self.target, self.config = root, target, config
        self.captures = _captures(manifest, root)
        self.targets = {session.id: open_target(session, root, target) for session in manifest.sessions}
        _refuse_shared_frames(manifest, self.targets)
        self._recent: OrderedDict[str, dict[FrameId, Sample]] = OrderedDict()

    def sample(self, frame: FrameId) -> Sample:
        """One window and its cloud. Raises :class:`~csi2pc.data.frames.FrameError`."""
        if frame.sequence not in self._recent:
            self._recent[frame.sequence] = {s.frame: s for s in self.read(frame.sequence).samples}
            while len(self._recent) > RECENT:
                self._recent.popitem(last=False)
        try:
            return self._recent[frame.sequence][frame]
        except KeyError:
            raise FrameError("frame gone", f"{self.captures[frame.sequence].path} no longer gives {frame}") from None

    def points(self, frame: FrameId) -> np.ndarray:
        """The frame's cloud alone, ``(N, 3)`` float32 metres. Raises :class:`~csi2pc.data.frames.FrameError`."""
        session = self.captures[frame.sequence].session
        number = frame.index if session.combine else frame.index // len(session.receivers)
        return self.targets[session.id].points(number, key=f"{frame.sequence}#{number}")

    def read(self, sequence: str) -> CaptureSamples:
        """All samples of one sequence.

        A capture that cannot be read gives none, and a row in the report.

        Raises:
            DataError: receivers whose samples would not have one layout.
        """
        file, report = self.captures[sequence], Report()
        target = self.targets[file.session.id]
        report.merge(target.report)
        try:
            received = file.receive(self.config)
        except DataError as error:
            report.skip(f"{sequence}: {error}", "unreadable capture")
            return CaptureSamples([], report, times=_all_times(target))
        for name, one in received.items():
            if one.capture.report.skipped:
                where = f"{sequence} {name}".strip()
                report.notes.append(f"{where}: packets {one.capture.report.summary()}")
        layout = common_layout(received, together=file.session.combine)
        packets = {name: one.capture.timestamps for name, one in received.items()}
        groups = [received] if file.session.combine else [{name: one} for name, one in received.items()]
        samples: list[Sample] = []
        for place, group in enumerate(groups):
            numbers, times = _windows(file, target, group, report)
            windows = joint_windows([one.capture for one in group.values()], times, self.config)
            report.skipped.extend(windows.report.skipped)
            frames = [self._frame(file, int(numbers[i]) * len(groups) + place, float(times[i])) for i in windows.kept]
            samples.extend(self._samples(windows, frames, report))
        report.read = len(samples)
        return CaptureSamples(samples, report, layout, packets, _all_times(target, received))

    def _samples(self, windows: Windows, frames: list[FrameId], report: Report) -> list[Sample]:
        samples = []
        for row, frame in enumerate(frames):
            try:
                points = self.points(frame)
            except FrameError as error:
                report.skip(f"{frame}: {error}", error.reason)
                continue
            samples.append(Sample(windows.features[row], windows.valid[row], points, frame))
        return samples

    @staticmethod
    def _frame(file: CaptureFile, index: int, time: float) -> FrameId:
        session = file.session
        return FrameId(file.sequence, index, time, session.scene, session.subject, session.action)


def _windows(
    file: CaptureFile, target: SessionTarget, received: Mapping[str, Received], report: Report
) -> tuple[np.ndarray, np.ndarray]:
    """Numbers and times (seconds on the session's clock) of the windows to cut."""
    source = file.session.target
    captures = [one.capture for one in received.values()]
    times = _all_times(target, received)
    numbers = target.streams[0].numbers if target.streams else np.arange(len(times))
    stamps = np.sort(np.concatenate([capture.timestamps for capture in captures]))
    first, last = stamps[[0, -1]] if len(stamps) else (np.inf, -np.inf)
    keep = np.ones(len(times), dtype=bool)
    if source.timed:
        keep = (first <= times) & (times <= last)
        for place in np.flatnonzero(~keep):
            where = f"{file.sequence}#{numbers[place]} at {times[place]:.3f} s"
            report.skip(where, "target frame outside the capture's time")
    if source.tolerance is not None:
        far = keep & (nearest_packet(stamps, times) > source.tolerance)
        for place in np.flatnonzero(far):
            where = f"{file.sequence}#{numbers[place]} at {times[place]:.3f} s"
            report.skip(where, f"no packet within {source.tolerance:g} s of the target frame")
        keep &= ~far
    return numbers[keep], times[keep]


def nearest_packet(stamps: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Seconds ``(F,)`` from each time to the nearest of the sorted ``stamps`` ``(T,)``; infinite without any."""
    if not len(stamps):
        return np.full(len(times), np.inf)
    after = np.searchsorted(stamps, times).clip(0, len(stamps) - 1)
    return np.minimum(np.abs(stamps[after] - times), np.abs(stamps[(after - 1).clip(0)] - times))


def _all_times(target: SessionTarget, received: Mapping[str, Received] | None = None) -> np.ndarray:
    """Of all target frames; where the cloud stays, of windows that follow one another over the first capture."""
    if target.streams:
        return target.streams[0].times
    if not received:
        return np.empty(0)
    return clock(next(iter(received.values())).capture, rate=target.source.rate)


def _captures(manifest: Manifest, root: Path) -> dict[str, CaptureFile]:
    """Sequence name -> capture. Raises DataError where sessions share a file or a name."""
    captures: dict[str, CaptureFile] = {}
    owners: dict[Path, str] = {}
    for session in manifest.sessions:
        if session.receivers:
            sequences = [CaptureFile(session, session.receiver_files(root))]
        else:
            sequences = [CaptureFile(session, {"": path}) for path in session.files(root)]
        for file in sequences:
            for path in file.files.values():
                owner = owners.setdefault(path.resolve(), session.id)
                if owner != session.id or file.sequence in captures:
                    raise DataError(
                        f"a capture belongs to one session, so that no part sees another's packets; sessions {owner} "
                        f"and {session.id} both have {path} or the name {file.sequence}: leave it in one of them"
                    )
            captures[file.sequence] = file
    return captures


def _check_references(manifest: Manifest, config: PrepareConfig) -> None:
    """Raises ConfigError where each of several receivers would lose an antenna, which layouts do not tell apart."""
    several = [session.id for session in manifest.sessions if session.combine and len(session.receivers) > 1]
    if several and config.phase in REFERRED:
        raise ConfigError(
            f"prepare.phase: {config.phase} relates antennas of one receiver to each other and cannot be had with "
            f"combined receivers (session {several[0]}): choose another phase, or combine: false"
        )


def _refuse_shared_frames(manifest: Manifest, targets: Mapping[str, SessionTarget]) -> None:
    """Raises DataError where two sessions have a timed frame in common and may come to stand in different parts."""
    validated = any(session.split == "validation" for session in manifest.sessions)
    owners: dict[str, Session] = {}
    for session in manifest.sessions:
        names = {name for stream in targets[session.id].streams for name in stream.names}
        for name in sorted(names):
            owner = owners.setdefault(str(Path(name).resolve()), session)
            drawn = owner.split == session.split == "train" and not validated
            if owner is not session and (owner.split != session.split or drawn):
                raise DataError(
                    f"a target frame belongs to one part, so that none sees another's targets; sessions {owner.id} and "
                    f"{session.id} both have {name}: put captures of the same time into one session as receivers, or "
                    f"{'name a validation session' if drawn else 'give both sessions the same split'}"
                )
