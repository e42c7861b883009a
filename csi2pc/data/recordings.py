"""Own recordings: a YAML manifest that lists sessions, capture files, targets, and how their clocks meet.

``datasets/recordings/README.md`` documents the format; ``datasets/rooms/manifest.yaml`` is an example.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ..errors import ConfigError, DataError
from .targets import Extrinsics
from .typed_yaml import read_typed_yaml

Part = Literal["train", "validation", "test"]


@dataclass(frozen=True)
class Clock:
    """How a target's clock meets the capture's: ``t_capture = t_target * (1 + drift / 1e6) + offset``.

    Attributes:
        offset: seconds; what the capture's clock shows when the target's shows 0.
        drift: parts per million by which the capture's clock runs fast against the target's.
    """

    offset: float = 0.0
    drift: float = 0.0

    def to_capture(self, times: np.ndarray) -> np.ndarray:
        """Target times (seconds) on the capture's clock."""
        return np.asarray(times, dtype=np.float64) * (1 + self.drift * 1e-6) + self.offset


@dataclass(frozen=True)
class TimedCloud:
    """One cloud of a target stream: ``cloud`` is its file, ``time`` seconds on the stream's own clock."""

    cloud: str
    time: float


@dataclass(frozen=True)
class TargetSource:
    """The target of a session: either one ``cloud`` that does not change, or ``frames``, a timed stream of clouds.

    Attributes:
        cloud: file of the static cloud.
        rate: with ``cloud``: windows a second cut from each capture.
        frames: a list of (cloud, time), or a CSV file with the header ``cloud,time`` whose cloud paths are relative
            to that file.
        clock: with ``frames``: how their clock meets the capture's.
        voxel_size: for .vox models: metres a voxel.
        extrinsics: ``rotation`` and ``translation`` from the clouds' frame to the project's; default: the same frame.
    """

    cloud: str | None = None
    rate: float | None = None
    frames: list[TimedCloud] | str | None = None
    clock: Clock = field(default_factory=Clock)
    voxel_size: float | None = None
    extrinsics: Extrinsics = field(default_factory=Extrinsics)

    def __post_init__(self) -> None:
        if (self.cloud is None) == (self.frames is None):
            raise ConfigError("a target must have either cloud (static) or frames (a timed stream), not both or none")
        if self.cloud is not None and (self.clock != Clock() or self.rate is None or not self.rate > 0):
            raise ConfigError(
                f"a static cloud needs a rate greater than 0 windows a second and no clock; "
                f"got rate {self.rate}, {self.clock}"
            )
        if self.frames is not None and self.rate is not None:
            raise ConfigError("rate belongs to a static cloud; a stream's frames have times of their own: remove rate")


@dataclass(frozen=True)
class Session:
    """Captures that share a part, labels and a target.

    Attributes:
        id: unique name, the first half of its sequences' names, for example ``"room3/v18"``.
        split: part it belongs to; ``validation_share`` takes whole captures out of training sessions.
        captures: files or glob patterns, relative to the data root. Each capture is one sequence.
        target: where the clouds come from. A timed stream belongs to exactly one capture.
        scene, subject, action: labels; empty where not known.
        reader: options for the capture format's reader.
    """

    id: str
    split: Part
    captures: list[str]
    target: TargetSource
    scene: str = ""
    subject: str = ""
    action: str = ""
    reader: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.captures:
            raise ConfigError("captures must name at least one file or pattern; got an empty list")

    def files(self, root: Path) -> list[Path]:
        """The capture files, sorted, each once.

        Raises:
            DataError: a pattern fits no file, or two files would get the same sequence name, or a timed stream
                meets several captures.
            ConfigError: a pattern is absolute or malformed.
        """
        found: set[Path] = set()
        for pattern in self.captures:
            matches = self._matches(root, pattern)
            if not matches:
                raise DataError(f"session {self.id}: no capture fits {pattern!r} under {root}: check the data root")
            found.update(matches)
        stems = [path.stem for path in found]
        twice = sorted({stem for stem in stems if stems.count(stem) > 1})
        if twice:
            raise DataError(f"session {self.id}: capture names must differ; several files are called {twice[0]}")
        if self.target.frames is not None and len(found) > 1:
            raise DataError(
                f"session {self.id}: a timed target belongs to one capture, whose clock it names; {len(found)} "
                f"captures fit: make a session of each"
            )
        return sorted(found)

    def _matches(self, root: Path, pattern: str) -> list[Path]:
        try:
            return [root / pattern] if (root / pattern).exists() else sorted(root.glob(pattern))
        except (NotImplementedError, ValueError) as error:
            raise ConfigError(
                f"session {self.id}: captures must be files or glob patterns relative to the data root {root}; got "
                f"{pattern!r} ({error}). Write it as seen from there, for example csi/*.csv, or change data.root"
            ) from error


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


def read_times(name: str, root: Path) -> list[TimedCloud]:
    """Read a stream's CSV, ``root / name``, header ``cloud,time``; the clouds' paths become relative to ``root``.

    Raises:
        DataError: missing, another header, or a time that is no finite number.
    """
    path = root / name
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
        clouds = [TimedCloud(str(Path(name).parent / row["cloud"]), float(row["time"])) for row in rows]
    except (OSError, KeyError, ValueError, TypeError, csv.Error) as error:
        raise DataError(f"{path} must be a CSV file with the header cloud,time, times in seconds: {error!r}") from error
    if not clouds or not np.isfinite([cloud.time for cloud in clouds]).all():
        raise DataError(f"{path} must list at least one cloud, each at a finite time in seconds")
    return clouds
