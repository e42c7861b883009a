"""The project's own capture file as NPZ, for whoever wants no more than NumPy.

``numpy.load(path)`` gives ``csi``, ``valid``, ``timestamps``, ``subcarriers`` and the other arrays of the first layout
by their names; those of the next layouts begin with ``layout_1_`` and so on. The text ``csi2pc_capture`` is JSON:
plain values and reports of all layouts, and the provenance. HDF5 (:mod:`~csi2pc.csi.container_hdf5`) holds the same.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError
from ..types import Capture
from .array_files import allowed_bytes
from .container import KIND, VERSION, arrays_of, capture_from, packets_in_a_block, report_of, values_of
from .npz_arrays import load_npz, looks_like_npz

_METADATA = f"csi2pc_{KIND}"


def looks_like_capture_npz(head: bytes) -> bool:
    """Whether a file beginning with ``head`` is an NPZ file whose first array is this project's metadata."""
    return looks_like_npz(head) and head[30:].startswith(f"{_METADATA}.npy".encode())


def write_capture_npz(
    path: str | Path, captures: Sequence[Capture], *, provenance: Mapping[str, str | int] | None = None
) -> None:
    """Write the layouts of one recording, compressed, block by block of time.

    Args:
        path: written in place; a killed process leaves a file that is not readable.
        captures: as :func:`csi2pc.csi.read_layouts` returns them.
        provenance: where they came from.

    Raises:
        DataError: a capture holds objects.
    """
    arrays, layouts = {}, []
    for number, capture in enumerate(captures):
        own = arrays_of(capture)
        stored = {name: f"layout_{number}_{name}" if number else name for name in own}
        arrays.update({stored[name]: array for name, array in own.items()})
        layouts.append({"values": values_of(capture), "report": report_of(capture), "arrays": stored})
    metadata = {
        "format": f"csi2pc {KIND}", "version": VERSION, "provenance": dict(provenance or {}), "layouts": layouts
    }  # fmt: skip
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        _write_array(archive, _METADATA, np.array([json.dumps(metadata)]))
        for name, array in arrays.items():
            _write_array(archive, name, array)


def read_capture_npz(path: str | Path) -> list[Capture]:
    """Read what :func:`write_capture_npz` wrote, every field as it was, ``source`` included.

    Raises:
        DataError: damaged, of another version, or larger than its size allows
            (:func:`~csi2pc.csi.array_files.allowed_bytes`).
    """
    metadata = _metadata(path)
    try:
        names = [name for layout in metadata["layouts"] for name in layout["arrays"].values()]
        stored = load_npz(path, names, largest=allowed_bytes(path))
        captures = [
            capture_from(
                {name: stored[key] for name, key in layout["arrays"].items()}, layout["values"], layout["report"]
            )
            for layout in metadata["layouts"]
        ]
    except (AttributeError, KeyError, TypeError) as error:
        raise DataError(f"{path} holds no whole capture ({error}); convert the recording again") from error
    except DataError as error:
        raise DataError(f"{path}: {str(error).removeprefix(f'{path}: ')}") from error
    if not captures:
        raise DataError(f"{path} holds no capture; convert the recording again")
    return captures


def read_provenance(path: str | Path) -> dict[str, str | int]:
    """Where the captures of such a file came from. Raises DataError as :func:`read_capture_npz`."""
    return dict(_metadata(path).get("provenance", {}))


def _metadata(path: str | Path) -> dict[str, Any]:
    stored = load_npz(path, [_METADATA], largest=allowed_bytes(path))[_METADATA]
    try:
        metadata = json.loads(str(stored[0]))
        version = metadata["version"]
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path}: its metadata cannot be read ({error}); convert the recording again") from error
    if version != VERSION:
        raise DataError(
            f"{path} has version {version!r} of the csi2pc {KIND} format; this program reads version {VERSION}: "
            f"convert the recording again"
        )
    return metadata


def _write_array(archive: zipfile.ZipFile, name: str, array: np.ndarray) -> None:
    with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
        header = {"descr": np.lib.format.dtype_to_descr(array.dtype), "fortran_order": False, "shape": array.shape}
        np.lib.format.write_array_header_1_0(member, header)
        rows = packets_in_a_block(array)
        for start in range(0, len(array), rows):
            member.write(np.ascontiguousarray(array[start : start + rows]).tobytes())
