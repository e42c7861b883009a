"""Own recordings window by window: CSI of a capture and the cloud that its session's target had at that time."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..csi.prepare import PrepareConfig, prepare
from ..csi.read import read_capture
from ..csi.windows import clock, windows_at
from ..errors import ConfigError, DataError
from ..types import Capture, FrameId, Report, Sample
from .clouds import read_cloud
from .frames import FrameError, Layout
from .missing import missing
from .recordings import Manifest, Session, TimedCloud, read_times
from .targets import TargetConfig, finish_cloud

#: Captures kept ready when samples are not cached: frames are mostly asked for capture by capture.
RECENT = 4


@dataclass(frozen=True)
class CaptureFile:
    """One capture of a session: a sequence of its own."""

    session: Session
    path: Path

    @property
    def sequence(self) -> str:
        """For example ``"room3/v18/capture1"``."""
        return f"{self.session.id}/{self.path.stem}"


@dataclass(frozen=True)
class CaptureSamples:
    """What one capture gave: its samples, a report of the windows and target frames left out, and its layout (None
    where the capture could not be read)."""

    samples: list[Sample]
    report: Report
    layout: Layout | None = None


class RecordingFrames:
    """A :class:`~csi2pc.data.frames.FrameSource` over the captures of a manifest.

    A capture is read as a whole, since its windows are cut on the target's clock.
    """

    def __init__(self, manifest: Manifest, root: Path, target: TargetConfig, config: PrepareConfig) -> None:
        """Raises DataError where captures are missing, and ConfigError where the target cannot be had from them."""
        if target.crop == "joints":
            raise ConfigError("own recordings have no ground-truth joints to crop by: set target.crop to none or box")
        if not root.is_dir():
            what = f"{root} is a file" if root.exists() else missing(root)
            raise DataError(f"the data root must be the folder that the manifest's paths are relative to; {what}")
        self.root, self.target, self.config = root, target, config
        self.captures = _captures(manifest, root)
        self._streams = {session.id: self._stream(session) for session in manifest.sessions}
        self._static = {
            session.id: self._read_cloud(session, session.target.cloud, key=session.id)
            for session in manifest.sessions
            if session.target.cloud is not None
        }
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
        if session.id in self._static:
            return self._static[session.id]
        return self._read_cloud(session, self._streams[session.id][frame.index].cloud, key=str(frame))

    def read(self, sequence: str) -> CaptureSamples:
        """All samples of one capture.

        A capture that cannot be read gives none, and a row in the report.
        """
        file, report = self.captures[sequence], Report()
        try:
            recorded = read_capture(file.path, **file.session.reader)
            capture = prepare(recorded, self.config)
        except DataError as error:
            report.skip(f"{sequence}: {error}", "unreadable capture")
            return CaptureSamples([], report)
        if capture.report.skipped:
            report.notes.append(f"{sequence}: packets {capture.report.summary()}")
        numbers, times = self._windows(file, capture, report)
        windows = windows_at(capture, times, self.config)
        report.skipped.extend(windows.report.skipped)
        samples = []
        for row, i in enumerate(windows.kept):
            frame = self._frame(file.session, sequence, int(numbers[i]), float(times[i]))
            try:
                points = self.points(frame)
            except FrameError as error:
                report.skip(f"{frame}: {error}", error.reason)
                continue
            samples.append(Sample(windows.features[row], windows.valid[row], points, frame))
        report.read = len(samples)
        tones, captured = (tuple(c.subcarriers.tolist()) for c in (capture, recorded))
        return CaptureSamples(samples, report, Layout(tones, captured, capture.rx, capture.tx, capture.device))

    def _windows(self, file: CaptureFile, capture: Capture, report: Report) -> tuple[np.ndarray, np.ndarray]:
        """Numbers and times (seconds on the capture's clock) of the windows to cut."""
        target = file.session.target
        if target.cloud is not None:
            times = clock(capture, rate=target.rate)
            return np.arange(len(times)), times
        times = target.clock.to_capture([entry.time for entry in self._streams[file.session.id]])
        first, last = capture.timestamps[[0, -1]] if len(capture) else (np.inf, -np.inf)
        inside = (first <= times) & (times <= last)
        for number in np.flatnonzero(~inside):
            where = f"{file.sequence}#{number} at {times[number]:.3f} s"
            report.skip(where, "target frame outside the capture's time")
        numbers = np.flatnonzero(inside)
        return numbers, times[numbers]

    def _stream(self, session: Session) -> list[TimedCloud]:
        frames = session.target.frames
        return read_times(frames, self.root) if isinstance(frames, str) else list(frames or ())

    def _read_cloud(self, session: Session, name: str, *, key: str) -> np.ndarray:
        target = session.target
        try:
            points = read_cloud(self.root / name, voxel_size=target.voxel_size)
        except DataError as error:
            raise FrameError("unreadable cloud", str(error)) from error
        return finish_cloud(target.extrinsics.apply(points), self.target, key=key)

    @staticmethod
    def _frame(session: Session, sequence: str, number: int, time: float) -> FrameId:
        labels = {"scene": session.scene, "subject": session.subject, "action": session.action}
        return FrameId(sequence, number, time, **labels)


def _captures(manifest: Manifest, root: Path) -> dict[str, CaptureFile]:
    """Sequence name -> capture. Raises DataError where sessions share a file or a name."""
    captures: dict[str, CaptureFile] = {}
    owners: dict[Path, str] = {}
    for session in manifest.sessions:
        for path in session.files(root):
            file = CaptureFile(session, path)
            owner = owners.setdefault(path.resolve(), session.id)
            if owner != session.id or file.sequence in captures:
                raise DataError(
                    f"a capture belongs to one session, so that no part sees another's packets; sessions {owner} and "
                    f"{session.id} both have {path} or the name {file.sequence}: leave it in one of them"
                )
            captures[file.sequence] = file
    return captures
