"""What the arrays of an own file mean: a schema, written once for a kind of file, in YAML or as a mapping."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ConfigError, DataError
from . import layouts

#: Words for the axes of the CSI array. ``link`` is rx and tx in one, rx fastest; ``iq`` has size 2: real, imaginary.
AXES = ("packet", "rx", "tx", "link", "subcarrier", "iq")
#: Unit of the timestamps -> seconds.
TIME_UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
AMPLITUDE_UNITS = ("linear", "dB")
ROTATIONS = ("undone", "HT40", "VHT80")
#: Layouts that ``subcarriers`` may name.
LAYOUTS = {name: value for name, value in vars(layouts).items() if name.isupper() and isinstance(value, np.ndarray)}
#: A schema has well under a kilobyte; a file beyond this limit (bytes) is none.
LARGEST_SCHEMA = 1_000_000

#: The smallest schema, for messages.
EXAMPLE = "{csi: H, axes: packet rx subcarrier, timestamps: t, time_unit: s, subcarriers: HT40}"
_ARRAYS = ("csi", "real", "imag", "amplitude", "phase", "timestamps", "valid", "rssi", "noise_floor", "agc",
           "rssi_antennas")  # fmt: skip
_WAYS = "csi (complex, or with an axis iq), real and imag, or amplitude and phase"


@dataclass(frozen=True)
class CaptureSchema:
    """Which array of a file is what. Names are those of the file's arrays; in HDF5 with their groups, ``"run1/H"``.

    Attributes:
        csi: the complex array, or one with an axis ``iq``.
        real, imag: two arrays instead of ``csi``.
        amplitude, phase: two arrays instead of ``csi``; phase in radians.
        amplitude_unit: ``"linear"`` or ``"dB"`` (20 log10; -inf is then an entry that was not measured).
        axes: the array's axes in their order, words of :data:`AXES`, for example ``"packet rx tx subcarrier"``; what
            is not named has size 1. For MATLAB files, the order that MATLAB shows.
        timestamps: array of packet times, ``(T,)``.
        time_unit: of ``timestamps``: one of :data:`TIME_UNITS`.
        rate: packets a second, where no time was recorded: the capture's timing is then nominal.
        subcarriers: true indices (0 is the centre frequency) in the order of the array: a list, the name of an
            array, or a layout of :mod:`csi2pc.csi.layouts`, for example ``"HT40"``. Any order; the capture's is
            increasing.
        rotation: ``"undone"``, or ``"HT40"`` or ``"VHT80"`` where the rotation of a 40 or 80 MHz channel
            (:mod:`csi2pc.csi.rotation`) is still in the data.
        valid: bool array of the shape of ``csi``: False where not measured. NaN and infinite entries count as such
            without it.
        rssi, noise_floor, agc: arrays ``(T,)``: dBm, dBm, dB.
        rssi_antennas: array ``(T, rx)``.
        fields: names of other arrays with one row a packet, kept as they are.
        device: what recorded it.
        center_frequency, bandwidth: hertz.
        rx, tx: numbers of antennas; needed with an axis ``link`` of more than one transmit antenna, else checked.
        synthetic: true where the data was simulated.
    """

    csi: str | None = None
    real: str | None = None
    imag: str | None = None
    amplitude: str | None = None
    phase: str | None = None
    amplitude_unit: str = "linear"
    axes: str = "packet rx tx subcarrier"
    timestamps: str | None = None
    time_unit: str = "s"
    rate: float | None = None
    subcarriers: str | list[int] = ""
    rotation: str = "undone"
    valid: str | None = None
    rssi: str | None = None
    noise_floor: str | None = None
    agc: str | None = None
    rssi_antennas: str | None = None
    fields: list[str] = field(default_factory=list)
    device: str = "own"
    center_frequency: float | None = None
    bandwidth: float | None = None
    rx: int | None = None
    tx: int | None = None
    synthetic: bool = False

    def __post_init__(self) -> None:
        self._check_types()
        self._check_sources()
        words = self.words
        if not words or len(set(words)) < len(words) or set(words) - set(AXES):
            raise ConfigError(f"axes must be words of {', '.join(AXES)}, each at most once; got {self.axes!r}")
        if "link" in words and {"rx", "tx"} & set(words):
            raise ConfigError(f"axes must have link (rx and tx in one), or rx and tx, not both; got {self.axes!r}")
        if "iq" in words and self.csi is None:
            raise ConfigError("an axis iq (real, imaginary) needs one array, named by csi; real and imag have none")

    def _check_types(self) -> None:
        def refuse(name: str, rule: str) -> None:
            raise ConfigError(f"{name} must be {rule}; got {getattr(self, name)!r:.80}")

        for name in (*_ARRAYS, "device"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, str) or not value):
                refuse(name, "a name in the file" if name != "device" else "a text")
        for name in ("rate", "center_frequency", "bandwidth"):
            value = getattr(self, name)
            if value is not None and not (_is_number(value) and 0 < value < math.inf):
                refuse(name, "a number greater than 0")
        for name in ("rx", "tx"):
            value = getattr(self, name)
            if value is not None and not (isinstance(value, int) and not isinstance(value, bool) and value > 0):
                refuse(name, "a whole number greater than 0")
        for name, allowed in (
            ("amplitude_unit", AMPLITUDE_UNITS), ("time_unit", tuple(TIME_UNITS)), ("rotation", ROTATIONS)
        ):  # fmt: skip
            if getattr(self, name) not in allowed:
                refuse(name, f"one of {', '.join(allowed)}")
        if not isinstance(self.synthetic, bool):
            refuse("synthetic", "true or false")
        if not isinstance(self.axes, str):
            refuse("axes", f"a text of the words {', '.join(AXES)}")
        if not isinstance(self.fields, list) or not all(isinstance(name, str) for name in self.fields):
            refuse("fields", "a list of names in the file")

    def _check_sources(self) -> None:
        ways = [self.csi is not None, self.real is not None, self.amplitude is not None]
        pairs = ((self.real, self.imag), (self.amplitude, self.phase))
        if sum(ways) != 1 or any((one is None) != (other is None) for one, other in pairs):
            given = ", ".join(name for name in _ARRAYS[:5] if getattr(self, name) is not None) or "none of them"
            raise ConfigError(f"a schema must name the CSI in one way: {_WAYS}; got {given}. For example {EXAMPLE}")
        if (self.timestamps is None) == (self.rate is None):
            raise ConfigError(
                "a schema must have timestamps (the name of the array of packet times) or rate (packets a second, "
                "where no time was recorded), not both or none"
            )
        kept = isinstance(self.subcarriers, list) and all(
            isinstance(index, int) and not isinstance(index, bool) for index in self.subcarriers
        )
        if not self.subcarriers or not (kept or isinstance(self.subcarriers, str)):
            raise ConfigError(
                f"subcarriers must be a list of whole numbers, the name of an array, or one of {', '.join(LAYOUTS)}; "
                f"got {self.subcarriers!r:.80}: true indices, 0 is the centre frequency"
            )

    @property
    def words(self) -> list[str]:
        """The axes, one word each."""
        return self.axes.split()

    @property
    def arrays(self) -> list[str]:
        """Names of all arrays that the schema needs from the file."""
        named = [getattr(self, name) for name in _ARRAYS]
        if isinstance(self.subcarriers, str) and self.subcarriers not in LAYOUTS:
            named.append(self.subcarriers)
        return list(dict.fromkeys([name for name in named if name is not None] + self.fields))


def schema_of(given: str | Path | Mapping[str, Any] | CaptureSchema) -> CaptureSchema:
    """A schema from a YAML file, a mapping (as in a manifest), or itself. Nothing in the file is run.

    Raises:
        DataError: the file is missing or not YAML.
        ConfigError: an unknown key (the message lists the allowed ones), a wrong type, or values that cannot go
            together.
    """
    if isinstance(given, CaptureSchema):
        return given
    where, content = ("schema", given) if isinstance(given, Mapping) else (str(given), _read_yaml(given))
    allowed = [f.name for f in fields(CaptureSchema)]
    if not isinstance(content, Mapping):
        raise ConfigError(f"{where} must be a mapping with the keys {', '.join(allowed)}; for example {EXAMPLE}")
    unknown = [key for key in content if key not in allowed]
    if unknown:
        raise ConfigError(f"{where}: unknown key {unknown[0]!r}; allowed are {', '.join(allowed)}")
    try:
        return CaptureSchema(**content)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error


def _read_yaml(path: str | Path) -> Any:
    import yaml

    try:
        with Path(path).open("rb") as file:
            stored = file.read(LARGEST_SCHEMA + 1)
        if len(stored) > LARGEST_SCHEMA:
            raise DataError(f"{path}: more than {LARGEST_SCHEMA} bytes is no schema; name a YAML file")
        return yaml.safe_load(stored.decode("utf-8"))
    except OSError as error:
        raise DataError(f"{path}: the schema cannot be read ({error.strerror}); name a YAML file") from error
    except (UnicodeDecodeError, yaml.YAMLError, ValueError, RecursionError) as error:
        raise DataError(f"{path} is not a readable YAML file: {error}") from error


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
