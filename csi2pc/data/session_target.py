"""The target of a session: one cloud that stays, or the frames of one or several streams, fused by their times."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import DataError
from ..types import Report
from .clouds import read_cloud
from .frames import FrameError
from .recordings import Session, TargetSource
from .stream_clouds import FrameFile
from .stream_frames import StreamFrames, from_files, open_stream, read_times
from .streams import Stream
from .targets import TargetConfig, finish_cloud

#: Seconds between frames of streams that are fused, at most, unless the manifest says otherwise: at walking pace
#: (1.4 m/s) a person moves 7 cm meanwhile.
FUSED = 0.05


@dataclass(frozen=True, eq=False)
class SessionTarget:
    """Where the clouds of a session come from.

    Attributes:
        source: what the manifest says.
        config: what a target is made of.
        streams: the timed streams, the first of which gives the frames; none where the cloud stays.
        cloud: the cloud that stays, ``(N, 3)`` float32, or None.
    """

    source: TargetSource
    config: TargetConfig
    streams: list[StreamFrames]
    cloud: np.ndarray | None = None

    @property
    def report(self) -> Report:
        """Frames of all streams that were left out on account of their names or times."""
        report = Report()
        for stream in self.streams:
            report.merge(stream.report)
        return report

    def points(self, number: int, *, key: str) -> np.ndarray:
        """The cloud of the first stream's frame ``number``, fused, cropped and thinned: ``(N, 3)`` float32 metres.

        Raises:
            FrameError: it is gone or damaged, another stream has no frame near it, or too few points are left.
        """
        if self.cloud is not None:
            return self.cloud
        first, *others = self.streams
        position = int(np.searchsorted(first.numbers, number))
        if position == len(first) or first.numbers[position] != number:
            raise FrameError("frame gone", f"stream {first.name} has no frame {number} any more")
        clouds = [first.points(position)]
        clouds += [other.points(self._nearest(other, first.times[position])) for other in others]
        return finish_cloud(np.concatenate(clouds), self.config, key=key)

    def _nearest(self, stream: StreamFrames, time: float) -> int:
        tolerance = FUSED if self.source.tolerance is None else self.source.tolerance
        distance = np.abs(stream.times - time)
        if not len(stream) or distance.min() > tolerance:
            nearest = f"the nearest is {distance.min():.3f} s away" if len(stream) else "it has none"
            raise FrameError(
                f"no frame of stream {stream.name} within {tolerance:g} s",
                f"at {time:.3f} s on the session's clock: {nearest}",
            )
        return int(distance.argmin())


def open_target(session: Session, root: Path, config: TargetConfig) -> SessionTarget:
    """Find a session's target. A cloud that stays is read; of streams, only what tells the times.

    Raises:
        DataError: something is missing, or the cloud that stays cannot be read.
        ConfigError: a pattern is absolute or malformed.
    """
    source = session.target
    try:
        if source.cloud is not None:
            return SessionTarget(source, config, [], _static(session, root, config))
        if source.streams:
            streams = [open_stream(name, stream, root) for name, stream in source.streams.items()]
        else:
            streams = [_listed(source, root)]
    except FrameError:
        raise
    except DataError as error:
        raise DataError(f"session {session.id}: target: {error}") from error
    return SessionTarget(source, config, streams)


def _static(session: Session, root: Path, config: TargetConfig) -> np.ndarray:
    target = session.target
    try:
        points = read_cloud(root / target.cloud, voxel_size=target.voxel_size)
    except DataError as error:
        raise FrameError("unreadable cloud", str(error)) from error
    return finish_cloud(target.extrinsics.apply(points), config, key=session.id)


def _listed(source: TargetSource, root: Path) -> StreamFrames:
    """The stream that ``frames`` lists, in the manifest or in a CSV file: clouds in metres."""
    if isinstance(source.frames, str):
        files = read_times(root, source.frames)
    else:
        files = [FrameFile(root / entry.cloud, entry.time, n) for n, entry in enumerate(source.frames)]
    stream = Stream(
        format="clouds", times="listed", unit="metres", clock=source.clock, extrinsics=source.extrinsics
    )
    return from_files("frames", stream, files, voxel_size=source.voxel_size)
