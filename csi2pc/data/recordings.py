"""Own recordings: a YAML manifest that lists sessions, receivers, targets, and how their clocks meet.

``datasets/recordings/README.md`` documents the format; ``datasets/rooms/manifest.yaml`` is an example.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ..errors import ConfigError, DataError
from .clocks import Clock
from .receivers import Receiver
from .streams import Stream
from .targets import Extrinsics
from .typed_yaml import read_typed_yaml

Part = Literal["train", "validation", "test"]


@dataclass(frozen=True)
class TimedCloud:
    """One cloud of a target stream: ``cloud`` is its file, ``time`` seconds on the stream's own clock."""

    cloud: str
    time: float


@dataclass(frozen=True)
class TargetSource:
    """The target of a session: one ``cloud`` that does not change, ``frames``, a timed list of clouds, or ``streams``.

    Attributes:
        cloud: file of the static cloud.
        rate: with ``cloud``: windows a second cut from each capture.
        frames: a list of (cloud, time), or a CSV file with the header ``cloud,time`` whose cloud paths are relative
            to that file; clouds in metres.
        streams: name -> what one sensor recorded. The first gives the frames; the others are fused into them.
        tolerance: seconds, more than 0: a target frame whose nearest packet is farther away is left out, and so is one
            to which another stream has no frame as near. None asks nothing of packets beyond
            ``prepare.max_unmeasured``, and :data:`~csi2pc.data.session_target.FUSED` of streams.
        clock: with ``frames``: how their clock meets the session's. A stream has a clock of its own.
        voxel_size: with ``cloud`` or ``frames``: metres a voxel of .vox models.
        extrinsics: with ``cloud`` or ``frames``: ``rotation`` and ``translation`` from the clouds' frame to the
            project's; default: the same frame. A stream has its own.
    """

    cloud: str | None = None
    rate: float | None = None
    frames: list[TimedCloud] | str | None = None
    clock: Clock = field(default_factory=Clock)
    voxel_size: float | None = None
    extrinsics: Extrinsics = field(default_factory=Extrinsics)
    streams: dict[str, Stream] | None = None
    tolerance: float | None = None

    def __post_init__(self) -> None:
        if sum(value is not None for value in (self.cloud, self.frames, self.streams)) != 1:
            raise ConfigError(
                "a target must have either cloud (static) or frames or streams (timed), one of the three and no other"
            )
        if self.cloud is not None and (self.clock != Clock() or self.rate is None or not 0 < self.rate < np.inf):
            raise ConfigError(
                f"a static cloud needs a rate greater than 0 windows a second and no clock; "
                f"got rate {self.rate}, {self.clock}"
            )
        if self.cloud is None and self.rate is not None:
            raise ConfigError("rate belongs to a static cloud; timed frames have times of their own: remove rate")
        if self.frames == [] or self.streams == {}:
            raise ConfigError("frames or streams must have at least one entry")
        if self.tolerance is not None and not 0 < self.tolerance < np.inf:
            raise ConfigError(f"tolerance must be more than 0 seconds; got {self.tolerance}")
        if self.streams and (self.clock != Clock() or self.voxel_size is not None or self.extrinsics != Extrinsics()):
            raise ConfigError("each stream has a clock and extrinsics of its own: move clock and extrinsics into it")

    @property
    def timed(self) -> bool:
        """Whether the target has times of its own."""
        return self.cloud is None


@dataclass(frozen=True)
class Session:
    """What was recorded at one time: captures, labels and a target.

    Attributes:
        id: unique name, the first half of its sequences' names, for example ``"room3/v18"``.
        split: part it belongs to; ``validation_share`` takes whole captures out of training sessions.
        captures: files or glob patterns, relative to the data root. Each capture is one sequence. A timed target
            belongs to exactly one.
        target: where the clouds come from.
        scene, subject, action: labels; empty where not known.
        reader: with ``captures``: options for the capture format's reader.
        receivers: instead of ``captures``: name -> receiver, which recorded at the same time. The session is then one
            sequence, so that no two parts see the same moment.
        combine: with ``receivers``: True makes one sample of all, each receiver's antennas being links of it, in the
            order of the manifest; False makes a sample of each.
    """

    id: str
    split: Part
    captures: list[str] = field(default_factory=list)
    target: TargetSource = field(default_factory=TargetSource)
    scene: str = ""
    subject: str = ""
    action: str = ""
    reader: dict[str, Any] = field(default_factory=dict)
    receivers: dict[str, Receiver] = field(default_factory=dict)
    combine: bool = True

    def __post_init__(self) -> None:
        if not self.id:
            raise ConfigError("id must be a name; got an empty text")
        if self.receivers and (self.captures or self.reader):
            raise ConfigError("receivers take the place of captures and reader: name each file in one receiver")
        if not self.receivers and not self.captures:
            raise ConfigError("captures must name at least one file or pattern, or receivers at least one receiver")
        if not self.combine and not self.receivers:
            raise ConfigError("combine belongs to receivers; captures are sequences of their own: remove combine")

    def files(self, root: Path) -> list[Path]:
        """The capture files, sorted, each once.

        Raises:
            DataError: a pattern fits no file, or two files would get the same sequence name, or a timed stream
                meets several captures.
            ConfigError: a pattern is absolute or malformed.
        """
        found: set[Path] = set()
        for pattern in self.captures:
            found.update(self._matches(root, pattern))
        stems = [path.stem for path in found]
        twice = sorted({stem for stem in stems if stems.count(stem) > 1})
        if twice:
            raise DataError(f"session {self.id}: capture names must differ; several files are called {twice[0]}")
        if self.target.timed and len(found) > 1:
            raise DataError(
                f"session {self.id}: a timed target belongs to one capture, whose clock it names; {len(found)} "
                f"captures fit: make a session of each, or, if they were recorded at the same time, receivers"
            )
        return sorted(found)

    def receiver_files(self, root: Path) -> dict[str, Path]:
        """Receiver -> its file.

        Raises:
            DataError: a receiver's capture is not one file, or two receivers read the same file in the same way.
            ConfigError: a pattern is absolute or malformed.
        """
        files, ways = {}, {}
        for name, receiver in self.receivers.items():
            found = self._matches(root, receiver.capture)
            if len(found) != 1:
                raise DataError(
                    f"session {self.id}: receiver {name} must have one capture; {len(found)} fit {receiver.capture!r}"
                )
            files[name] = found[0]
            owner = ways.setdefault((found[0].resolve(), repr(sorted(receiver.reader.items()))), name)
            if owner != name:
                raise DataError(
                    f"session {self.id}: receivers {owner} and {name} both read {found[0]}: where one file holds "
                    f"several receivers, an option of its reader tells them apart"
                )
        return files

    def _matches(self, root: Path, pattern: str) -> list[Path]:
        try:
            found = [root / pattern] if (root / pattern).exists() else sorted(root.glob(pattern))
        except (NotImplementedError, ValueError, OSError) as error:
            raise ConfigError(
                f"session {self.id}: captures must be files or glob patterns relative to the data root {root}; got "
                f"{pattern!r} ({error}). Write it as seen from there, for example csi/*.csv, or change data.root"
            ) from error
        if not found:
            raise DataError(f"session {self.id}: no capture fits {pattern!r} under {root}: check the data root")
        return found


@dataclass(frozen=True)
class Manifest:
    """A recorded data set.

    Attributes:
        name: a short name.
        sessions: at least one; ids differ.
        source: where the data comes from.
        licence: its licence, or that none is stated.
    """

    name: str
    sessions: list[Session]
    source: str = ""
    licence: str = ""

    def __post_init__(self) -> None:
        ids = [session.id for session in self.sessions]
        if not ids or len(set(ids)) < len(ids):
            raise ConfigError(f"sessions must have at least one entry and ids that differ; got {ids}")


def read_manifest(path: str | Path) -> Manifest:
    """Read a manifest; nothing in it is run, and nothing it names is opened yet.

    Raises:
        DataError: missing or not YAML.
        ConfigError: an unknown key (the message lists the allowed ones), a missing key, a wrong type, or values that
            cannot go together; the message says where in the file.
    """
    return read_typed_yaml(Manifest, path)
