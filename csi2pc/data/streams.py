"""What a manifest says of a target stream: the frames of one sensor, where they are, their times, units and place."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from ..errors import ConfigError
from ..ops.depth import Intrinsics
from .clocks import Clock
from .file_names import check_masks, find_placeholder
from .targets import Extrinsics

StreamFormat = Literal["depth", "clouds", "bin", "npz", "csv", "radar_log"]
#: Formats with one file a frame, and those with all frames in one file.
FILE_A_FRAME = ("depth", "clouds", "bin")
#: Metres in a unit.
METRES = {"metres": 1.0, "centimetres": 0.01, "millimetres": 0.001}


@dataclass(frozen=True)
class Camera(Intrinsics):
    """A depth camera of one's own: as :class:`~csi2pc.ops.depth.Intrinsics`, but nothing is taken for granted."""

    fx: float = field()
    fy: float = field()
    cx: float = field()
    cy: float = field()
    width: int = field()
    height: int = field()


@dataclass(frozen=True)
class Stream:
    """The frames of one target sensor.

    Attributes:
        format: one file a frame: "depth" (16-bit greyscale PNG), "clouds" (.ply, .npz, .npy, .pcd, .csv), "bin" (rows
            of numbers); all frames in one file: "npz" (arrays points, timestamps and lengths or offsets), "csv"
            (columns time, x, y, z), "radar_log" (the text that a TI mmWave radar's ROS driver prints).
        files: one file a frame: a pattern with one placeholder that gives each frame's time, ``{time_s}``,
            ``{time_ms}``, ``{time_us}``, ``{time_ns}`` or ``{index}``; ``*`` stands for anything else.
        times: instead of ``files``, a CSV file with the columns file and time (or time_ms, time_us, time_ns), and
            mask if there are masks; its paths are relative to its own folder.
        file: all frames in one file: that file.
        rate: with ``{index}``: frames a second.
        start: with ``{index}``: seconds at index 0, on the stream's clock.
        unit: of the coordinates (depth: of the pixels): a name in :data:`METRES`, or metres a unit as a number.
            Needed where the format does not fix it; depth images are in millimetres by default, a radar log always
            in metres.
        dtype: "bin": of the numbers, little-endian.
        columns: "bin": numbers a point, at least 3, the first three being x, y, z.
        intrinsics: "depth": the camera.
        masks: "depth": pattern of 8-bit mask images with the placeholder of ``files``; what is 128 or more is kept.
        clock: how the stream's clock meets the session's.
        extrinsics: from the sensor's frame to the project's (x right, y down, z forward). Default: the same.
    """

    format: StreamFormat
    files: str | None = None
    times: str | None = None
    file: str | None = None
    rate: float | None = None
    start: float | None = None
    unit: Literal["metres", "centimetres", "millimetres"] | float | None = None
    dtype: Literal["float32", "float64"] | None = None
    columns: int | None = None
    intrinsics: Camera | None = None
    masks: str | None = None
    clock: Clock = field(default_factory=Clock)
    extrinsics: Extrinsics = field(default_factory=Extrinsics)

    def __post_init__(self) -> None:
        self._check_places()
        self._check_unit()
        self._need("dtype and columns", "bin", (self.dtype, self.columns))
        self._need("intrinsics", "depth", (self.intrinsics,))
        if self.columns is not None and self.columns < 3:
            raise ConfigError(f"columns must be at least 3, of which the first are x, y, z; got {self.columns}")
        if self.masks is not None:
            if self.format != "depth" or self.files is None:
                raise ConfigError("masks belong to format: depth with files; a CSV of times has a column mask instead")
            check_masks(self.masks, self.files)

    def _check_places(self) -> None:
        per_frame = self.format in FILE_A_FRAME
        given = [name for name in ("files", "times", "file") if getattr(self, name) is not None]
        if (len(given) != 1) or ((given[0] != "file") != per_frame):
            wanted = "either files (a pattern) or times (a CSV file)" if per_frame else "file, which holds all frames,"
            raise ConfigError(f"format: {self.format} needs {wanted} and no other; got {', '.join(given) or 'none'}")
        counted = self.files is not None and find_placeholder(self.files) == "index"
        if counted and not (self.rate is not None and 0 < self.rate < np.inf):
            raise ConfigError(f"files with {{index}} need rate, frames a second, greater than 0; got {self.rate}")
        if not counted and (self.rate, self.start) != (None, None):
            raise ConfigError("rate and start belong to files with {index}; here times come otherwise: remove them")
        if self.start is not None and not np.isfinite(self.start):
            raise ConfigError(f"start must be a finite time in seconds; got {self.start}")

    def _check_unit(self) -> None:
        if self.format == "radar_log":
            if self.unit is not None:
                raise ConfigError("a radar_log is in metres: remove unit")
        elif self.format != "depth" and self.unit is None:
            raise ConfigError(
                f"format: {self.format} does not say in which unit it is: add unit: {', '.join(METRES)}, or metres a "
                f"unit as a number"
            )
        if isinstance(self.unit, (int, float)) and not 0 < self.unit < np.inf:
            raise ConfigError(f"unit must be more than 0 metres; got {self.unit}")

    def _need(self, names: str, format: str, values: tuple) -> None:
        given = [value is not None for value in values]
        if self.format == format and not all(given):
            raise ConfigError(f"format: {format} needs {names}, which nothing in the files tells")
        if self.format != format and any(given):
            raise ConfigError(f"{names} belong to format: {format}; got format: {self.format}: remove them")

    @property
    def metres(self) -> float:
        """Metres in a unit of the coordinates, or of the pixels of a depth image."""
        if self.unit is None:
            return METRES["millimetres" if self.format == "depth" else "metres"]
        return METRES[self.unit] if isinstance(self.unit, str) else float(self.unit)
