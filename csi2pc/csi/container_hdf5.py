"""The project's own capture file in HDF5: chunked by time, compressed, sealed with a digest.

::

    /                    attributes: format, version, layouts, and provenance/... as one attribute each
    /layout_0            attributes: device, source, rx, tx, center_frequency, bandwidth (hertz), timing, synthetic
    /layout_0/csi        complex64 (packets, links, subcarriers), and every other array of csi2pc.types.Capture
    /layout_0/field_...  what else was recorded packet by packet
    /layout_0/report     JSON in UTF-8, as bytes: packets read, what was skipped and why, notes

Any HDF5 program can read it. This project checks the digest (:mod:`~csi2pc.csi.sealed`) before the HDF5 library sees
the file, so a damaged file is an error and no crash.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DataError
from ..types import Capture
from .array_files import allowed_bytes
from .container import KIND, VERSION, arrays_of, capture_from, packets_in_a_block, report_of, values_of
from .hdf5_arrays import fully_written
from .sealed import open_sealed, sealed_kind, writing_sealed

if TYPE_CHECKING:
    import h5py

#: gzip's fastest level after byte shuffle: on recorded I/Q the higher ones win little and take several times as long
#: (``python benchmarks/containers.py``).
COMPRESSION = {"compression": "gzip", "compression_opts": 1, "shuffle": True}
#: NumPy text is kept as UTF-8 bytes; this attribute holds its dtype.
_TEXT = "text"


def looks_like_capture_hdf5(head: bytes) -> bool:
    """Whether a file beginning with ``head`` is sealed and holds captures of this project."""
    return sealed_kind(head) == KIND


def write_capture_hdf5(
    path: str | Path, captures: Sequence[Capture], *, provenance: Mapping[str, str | int] | None = None
) -> None:
    """Write the layouts of one recording, block by block of time.

    Args:
        path: replaced when all is written.
        captures: as :func:`csi2pc.csi.read_layouts` returns them.
        provenance: where they came from, kept as attributes.

    Raises:
        DataError: it could not be written, or a capture holds objects.
    """
    contents = [(arrays_of(capture), values_of(capture), report_of(capture)) for capture in captures]
    with writing_sealed(path, kind=KIND, version=VERSION) as file:
        file.attrs.update({"format": f"csi2pc {KIND}", "version": VERSION, "layouts": len(captures)})
        file.create_group("provenance").attrs.update(provenance or {})
        for number, (arrays, values, report) in enumerate(contents):
            group = file.create_group(f"layout_{number}")
            group.attrs.update({name: value for name, value in values.items() if value is not None})
            for name, array in arrays.items():
                _write_array(group, name, array)
            _write_array(group, "report", np.frombuffer(json.dumps(report).encode(), dtype=np.uint8))


def read_capture_hdf5(path: str | Path) -> list[Capture]:
    """Read what :func:`write_capture_hdf5` wrote, every field as it was, ``source`` included.

    Raises:
        DataError: damaged in any byte, of another version, or larger than its size allows
            (:func:`~csi2pc.csi.array_files.allowed_bytes`).
    """
    with open_sealed(path, kind=KIND, version=VERSION) as file:
        try:
            groups = [file[f"layout_{number}"] for number in range(int(file.attrs["layouts"]))]
            stored = [array for group in groups for array in group.values()]
            declared, allowed = sum(math.prod(one.shape) * one.dtype.itemsize for one in stored), allowed_bytes(path)
            if declared > allowed:
                raise DataError(f"its arrays would take {declared} bytes, {allowed} are allowed for a file of its size")
            captures = [_read_group(group) for group in groups]
        except DataError as error:
            raise DataError(f"{path}: {error}") from error
        except (AttributeError, KeyError, OSError, TypeError, ValueError) as error:
            raise DataError(f"{path} holds no whole capture ({error}); convert the recording again") from error
    if not captures:
        raise DataError(f"{path} holds no capture; convert the recording again")
    return captures


def read_provenance(path: str | Path) -> dict[str, str | int]:
    """Where the captures of such a file came from: the recording's name, digest and size, and what converted it.

    Raises:
        DataError: damaged, or another kind of file.
    """
    with open_sealed(path, kind=KIND, version=VERSION) as file:
        return {name: _plain(value) for name, value in file["provenance"].attrs.items()}


def _write_array(group: h5py.Group, name: str, array: np.ndarray) -> None:
    stored = np.char.encode(array, "utf-8") if array.dtype.kind == "U" else array
    if not stored.size or not stored.dtype.itemsize:
        dataset = group.create_dataset(name, data=stored)
    else:
        rows = packets_in_a_block(stored)
        dataset = group.create_dataset(
            name, shape=stored.shape, dtype=stored.dtype, chunks=(rows, *stored.shape[1:]), **COMPRESSION
        )
        for start in range(0, len(stored), rows):
            dataset[start : start + rows] = stored[start : start + rows]
    if array.dtype.kind == "U":
        dataset.attrs[_TEXT] = array.dtype.str


def _read_group(group: h5py.Group) -> Capture:
    arrays = {}
    for name, dataset in group.items():
        if not fully_written(dataset):
            raise DataError(f"array {name!r} was never written in full; convert the recording again")
        array = np.asarray(dataset[()])
        text = dataset.attrs.get(_TEXT)
        arrays[name] = array if text is None else np.char.decode(array, "utf-8").astype(text)
    report = json.loads(arrays.pop("report").tobytes())
    return capture_from(arrays, {name: _plain(value) for name, value in group.attrs.items()}, report)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
