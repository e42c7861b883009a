"""One door for every capture format: what a file is, is seen from its content, not from its suffix."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ConfigError, DataError
from ..types import Capture
from .atheros import looks_like_atheros, read_atheros
from .container_hdf5 import looks_like_capture_hdf5, read_capture_hdf5
from .container_npz import looks_like_capture_npz, read_capture_npz
from .esp32 import looks_like_esp32_csv, read_esp32_csv
from .esp32_jsonl import looks_like_esp32_jsonl, read_esp32_jsonl
from .feitcsi import looks_like_feitcsi, read_feitcsi
from .generic import looks_like_generic, read_generic
from .intel5300 import looks_like_intel5300, read_intel5300
from .mmfi import looks_like_mmfi_folder, looks_like_mmfi_frame, read_mmfi_folder, read_mmfi_frame
from .nexmon import looks_like_nexmon, read_nexmon
from .picoscenes import looks_like_picoscenes, read_picoscenes

#: Bytes from the beginning of a file by which its format is recognised.
HEAD = 65536


@dataclass(frozen=True)
class Format:
    """A capture format.

    Attributes:
        name: what users call it.
        looks_like: for a file format, a function of the first :data:`HEAD` bytes; for a folder format, of the path.
        read: the reader, ``read(path, **options)``: one capture a layout, the one with most packets first.
        expects: what ``looks_like`` looks for, for the error that says why nothing fitted.
        folder: whether it is a folder of files.
    """

    name: str
    looks_like: Callable[[Any], bool]
    read: Callable[..., list[Capture]]
    expects: str
    folder: bool = False


def _alone(read: Callable[..., Capture]) -> Callable[..., list[Capture]]:
    """A reader whose formats, or options, allow one layout only."""

    @functools.wraps(read)
    def one(path: str | Path, **options: Any) -> list[Capture]:
        return [read(path, **options)]

    return one


#: Every format, in the order they are tried. A new reader is a file beside this one and a line here.
FORMATS = (
    Format(
        "csi2pc capture (HDF5)", looks_like_capture_hdf5, read_capture_hdf5, "the first line that csi2pc convert writes"
    ),
    Format(
        "csi2pc capture (NPZ)", looks_like_capture_npz, read_capture_npz, "the first array that csi2pc convert writes"
    ),
    Format("MM-Fi frame", looks_like_mmfi_frame, _alone(read_mmfi_frame), "a MATLAB 5 file with CSIamp and CSIphase"),
    Format(
        "arrays with a schema", looks_like_generic, read_generic, "an NPZ, MATLAB or HDF5 file, read as a schema says"
    ),
    Format("ESP32 CSV", looks_like_esp32_csv, read_esp32_csv, "a line of text with CSI_DATA"),
    Format(
        "ESP32 JSON lines", looks_like_esp32_jsonl, read_esp32_jsonl, "a JSON object a line, with iq_hex and timestamp"
    ),
    Format("Nexmon capture", looks_like_nexmon, read_nexmon, "the first four bytes of a pcap or pcapng file"),
    Format("PicoScenes log", looks_like_picoscenes, read_picoscenes, "a frame that begins with 0x20150315"),
    Format("FeitCSI log", looks_like_feitcsi, read_feitcsi, "a header of 272 bytes with its sizes in agreement"),
    Format("Intel 5300 log", looks_like_intel5300, read_intel5300, "a CSI record (0xBB) of the Linux 802.11n CSI Tool"),
    Format("Atheros log", looks_like_atheros, read_atheros, "a record of the Atheros CSI Tool in either byte order"),
    Format(
        "MM-Fi sequence", looks_like_mmfi_folder, _alone(read_mmfi_folder),
        "frame001.mat, frame002.mat ... in it or in its folder wifi-csi", folder=True,
    ),
)  # fmt: skip


def read_capture(path: str | Path, *, layout: int = 0, **options: Any) -> Capture:
    """Read a capture of any known format.

    Args:
        path: a file or a folder.
        layout: which one, where a file holds packets of several antennas, bandwidths or channels: 0 is the one with
            most packets, and a note in the report lists the others. Layouts are never padded to one.
        options: passed on to the reader of the format that was recognised, for example ``mac`` and
            ``training_field`` of :func:`csi2pc.csi.esp32.read_esp32_csv`.

    Returns:
        The capture, with a report of what was read and skipped.

    Raises:
        DataError: missing, empty, of no known format (the message lists what was tried), or damaged.
        ConfigError: the reader of this format has no such option.
    """
    captures = read_layouts(path, **options)
    try:
        number = int(layout)
        if number < 0:
            raise IndexError
        return captures[number]
    except (ValueError, IndexError):
        raise ConfigError(
            f"layout must be 0..{len(captures) - 1}, the layouts that {path} holds; got {layout!r}: 0 is the commonest"
        ) from None


def read_layouts(path: str | Path, **options: Any) -> list[Capture]:
    """Read everything a file or folder holds: one capture a layout, the one with most packets first.

    Args, errors: as :func:`read_capture`.
    """
    path = Path(path)
    found = recognise(path, options)
    parameters = _options_of(found)
    accepted = list(parameters)
    unknown = sorted(set(options) - set(accepted))
    if unknown:
        raise ConfigError(
            f"the {found.name} reader has no option {', '.join(unknown)} (for {path}); "
            f"it has {', '.join(accepted) or 'none'}: leave the others out"
        )
    return found.read(path, **{name: _typed(name, value, parameters[name]) for name, value in options.items()})


def _typed(name: str, value: Any, parameter: inspect.Parameter) -> Any:
    """An option in the type that the reader takes, where a command line gave text, or YAML a number."""
    kind = {"int": int, "float": float, "str": str}.get(str(parameter.annotation).removesuffix(" | None"))
    if kind is str and isinstance(value, int):  # YAML takes some addresses and names of chips for numbers
        return str(value)
    if kind is None or not isinstance(value, str):
        return value
    try:
        return kind(value)
    except ValueError:
        raise ConfigError(f"the reader's option {name} must be of type {kind.__name__}; got {value!r}") from None


def _options_of(candidate: Format) -> dict[str, inspect.Parameter]:
    return {name: found for name, found in inspect.signature(candidate.read).parameters.items() if name != "path"}


def recognise(path: str | Path, options: Iterable[str] = ()) -> Format:
    """The format of a file or folder.

    Args:
        path: the file or folder.
        options: names of the reader's options that are wanted. A file that is of several formats (arrays called as
            MM-Fi's, and a schema that says what they are) is of the first that has them all.

    Raises:
        DataError: missing, unreadable, empty, or none of the known formats.
    """
    path = Path(path)
    if path.is_dir():
        subject: Path | bytes = path
    else:
        subject = _head(path)
        if not subject:
            raise DataError(f"{path}: empty file (zero bytes): nothing was captured, or the copy failed")
    tried = [candidate for candidate in FORMATS if candidate.folder == path.is_dir()]
    fitting = [candidate for candidate in tried if candidate.looks_like(subject)]
    if fitting:
        return next((one for one in fitting if set(options) <= set(_options_of(one))), fitting[0])
    kind = "folder" if path.is_dir() else "file"
    reasons = "; ".join(f"{candidate.name} (needs {candidate.expects})" for candidate in tried)
    raise DataError(f"{path}: a {kind} of no known capture format. Tried: {reasons}")


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(HEAD)
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file or folder; check the path") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); check the path and its permissions") from error
