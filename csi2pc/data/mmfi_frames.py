"""MM-Fi frame by frame: 10 packets of CSI and the cloud measured in the same tenth of a second."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from math import ceil
from pathlib import Path

import numpy as np

from ..csi.layouts import HT40, positions
from ..csi.mmfi import FRAME_PERIOD, FRAME_SHAPE, read_mmfi_frame
from ..csi.prepare import PrepareConfig, prepare
from ..csi.stream import concatenate
from ..csi.windows import windows_at
from ..errors import ConfigError, DataError
from ..types import Capture, FrameId, Sample
from .frames import FrameError, Layout
from .mmfi import MMFiSequence, read_joints
from .targets import TargetConfig, frame_cloud

#: Metres. A box of joints with a longer side is damaged, and would let the room pass for the person.
LARGEST_PERSON = 3.0


class MMFiFrames:
    """A :class:`~csi2pc.data.frames.FrameSource` over MM-Fi sequences.

    A frame's features come from that frame's file alone, so they are the same whichever other frames are missing;
    unless its packets are filtered in time: then they also depend on the frames beside it, as far as the filters reach
    (a frame that cannot be read leaves a hole), and are those of the whole sequence.
    """

    def __init__(self, sequences: Iterable[MMFiSequence], target: TargetConfig, config: PrepareConfig) -> None:
        """Raises ConfigError when a window would not fit into a frame, DataError for subcarriers MM-Fi lacks."""
        if config.duration > FRAME_PERIOD + 1e-9:
            raise ConfigError(
                f"prepare.duration must be at most {FRAME_PERIOD} s for MM-Fi, whose frames are files of 10 packets "
                f"in {FRAME_PERIOD} s; got {config.duration}"
            )
        self.sequences = {sequence.name: sequence for sequence in sequences}
        self.target = target
        self.config = config
        kept = HT40 if config.subcarriers is None else np.asarray(config.subcarriers, dtype=np.int64)
        if not config.interpolate:
            positions(kept, HT40, source="MM-Fi")
        self.layout = Layout(tuple(kept.tolist()), tuple(HT40.tolist()), rx=FRAME_SHAPE[0], tx=1, device="mmfi")

    def frames(self) -> list[FrameId]:
        """All frames, by sequence and number."""
        return [frame for name in self.sequences for frame in self.frames_of(name)]

    def frames_of(self, sequence: str) -> list[FrameId]:
        """The frames of one sequence; frame k (from 1) stands at (k - 0.5) / 10 s."""
        s = self.sequences[sequence]
        labels = {"scene": s.scene, "subject": s.subject, "action": s.action}
        return [FrameId(s.name, k, (k - 0.5) * FRAME_PERIOD, **labels) for k in s.frames]

    def sample(self, frame: FrameId) -> Sample:
        """Read and prepare one frame. Raises :class:`~csi2pc.data.frames.FrameError`."""
        try:
            capture = prepare(self._packets(frame), self.config)
        except DataError as error:
            raise FrameError("unreadable wifi-csi file", str(error)) from error
        windows = windows_at(capture, np.array([frame.time]), self.config)
        if not len(windows):
            rejected = windows.report.skipped[0]
            raise FrameError(rejected.reason, f"{rejected.where}: {rejected.reason}")
        return Sample(windows.features[0], windows.valid[0], self.points(frame), frame)

    def _packets(self, frame: FrameId) -> Capture:
        """The frame's packets on the sequence's clock, with those before and after that filters in time look at."""
        around = ceil(self.config.reach(FRAME_PERIOD / FRAME_SHAPE[-1]) / FRAME_PERIOD - 1e-9)
        captures = []
        for number in range(max(1, frame.index - around), frame.index + around + 1):
            try:
                capture = read_mmfi_frame(self.sequences[frame.sequence].file("wifi-csi", number))
            except DataError:
                if number == frame.index:
                    raise
                continue
            captures.append(replace(capture, timestamps=capture.timestamps + (number - 1) * FRAME_PERIOD))
        return concatenate(captures)

    def points(self, frame: FrameId) -> np.ndarray:
        """The frame's cloud alone, ``(N, 3)`` float32 metres. Raises :class:`~csi2pc.data.frames.FrameError`."""
        sequence = self.sequences[frame.sequence]
        files = {sensor: sequence.file(sensor, frame.index) for sensor in self.target.sensors}
        joints = self._joints(sequence.joints_file, frame) if self.target.crop == "joints" else None
        return frame_cloud(files, self.target, key=str(frame), joints=joints)

    def _joints(self, path: Path, frame: FrameId) -> np.ndarray:
        try:
            joints = np.asarray(read_joints(path)[frame.index - 1], dtype=np.float64)  # (17, 3)
        except (DataError, IndexError) as error:
            raise FrameError("unreadable joints", f"{path}, row {frame.index - 1}: {error}") from error
        if not np.isfinite(joints).all() or np.ptp(joints, axis=0).max() > LARGEST_PERSON:
            raise FrameError(
                "joints not possible",
                f"{path}, row {frame.index - 1}: the joints must be finite metres within a box of {LARGEST_PERSON} m",
            )
        return joints
