"""MM-Fi frame by frame: 10 packets of CSI and the cloud measured in the same tenth of a second."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ..csi.layouts import HT40, positions
from ..csi.mmfi import FRAME_PERIOD, FRAME_SHAPE, read_mmfi_frame
from ..csi.prepare import PrepareConfig, prepare
from ..csi.windows import windows_at
from ..errors import ConfigError, DataError
from ..types import FrameId, Sample
from .frames import FrameError, Layout
from .mmfi import MMFiSequence, read_joints
from .targets import TargetConfig, frame_cloud

#: Metres. A box of joints with a longer side is damaged, and would let the room pass for the person.
LARGEST_PERSON = 3.0


class MMFiFrames:
    """A :class:`~csi2pc.data.frames.FrameSource` over MM-Fi sequences.

    A frame's features come from that frame's file alone, so they are the same whichever other frames are missing.
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
        kept = HT40 if config.subcarriers is None else HT40[positions(config.subcarriers, HT40, source="MM-Fi")]
        self.layout = Layout(tuple(kept.tolist()), tuple(HT40.tolist()), rx=FRAME_SHAPE[0], tx=1, device="mmfi")

    def frames(self) -> list[FrameId]:
        """All frames, by sequence and number; frame k (from 1) stands at (k - 0.5) / 10 s."""
        return [
            FrameId(s.name, k, (k - 0.5) * FRAME_PERIOD, scene=s.scene, subject=s.subject, action=s.action)
            for s in self.sequences.values()
            for k in s.frames
        ]

    def sample(self, frame: FrameId) -> Sample:
        """Read and prepare one frame. Raises :class:`~csi2pc.data.frames.FrameError`."""
        path = self.sequences[frame.sequence].file("wifi-csi", frame.index)
        try:
            capture = prepare(read_mmfi_frame(path), self.config)
        except DataError as error:
            raise FrameError("unreadable wifi-csi file", str(error)) from error
        windows = windows_at(capture, np.array([FRAME_PERIOD / 2]), self.config)
        if not len(windows):
            rejected = windows.report.skipped[0]
            raise FrameError(rejected.reason, f"{rejected.where}: {rejected.reason}")
        return Sample(windows.features[0], windows.valid[0], self.points(frame), frame)

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
