"""What the project's own capture files hold: every field of a capture as named arrays and a few plain values.

Both kinds of file, HDF5 (:mod:`~csi2pc.csi.container_hdf5`) and NPZ (:mod:`~csi2pc.csi.container_npz`), keep the same
parts, so a capture comes back the same from either, whatever reader it came from.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote

import numpy as np

from ..errors import DataError, ShapeError
from ..types import Capture, Report, Skipped

KIND = "capture"
#: Of what the files hold; a file of another version is refused.
VERSION = 1
#: Bytes of CSI that are written and compressed at a time.
BLOCK = 1 << 20

_ARRAYS = ("csi", "valid", "timestamps", "subcarriers", "rssi", "noise_floor", "agc", "rssi_antennas")
_FIELD = "field_"


def arrays_of(capture: Capture) -> dict[str, np.ndarray]:
    """Every array of a capture by the name it has in a file; those of ``fields`` begin with ``field_``.

    Raises:
        DataError: a field holds objects, which no file of this project does.
    """
    arrays = {name: value for name in _ARRAYS if (value := getattr(capture, name)) is not None}
    for name, values in capture.fields.items():
        if values.dtype.kind not in "biufcSU":
            raise DataError(f"field {name!r} holds {values.dtype}; only numbers, bools and text can be kept in a file")
        arrays[_FIELD + quote(name, safe="")] = values
    return arrays


def values_of(capture: Capture) -> dict[str, Any]:
    """Every plain value of a capture, as JSON can hold it. None where the format did not say."""

    def number(value: float | None) -> float | None:
        return None if value is None else float(value)

    return {
        "device": capture.device,
        "source": capture.source,
        "rx": int(capture.rx),
        "tx": int(capture.tx),
        "center_frequency": number(capture.center_frequency),
        "bandwidth": number(capture.bandwidth),
        "timing": capture.timing,
        "synthetic": bool(capture.synthetic),
    }


def report_of(capture: Capture) -> dict[str, Any]:
    """The report of a capture, as JSON can hold it."""
    report = capture.report
    return {
        "read": report.read,
        "skipped": [[skipped.where, skipped.reason] for skipped in report.skipped],
        "notes": list(report.notes),
    }


def capture_from(arrays: Mapping[str, np.ndarray], values: Mapping[str, Any], report: Mapping[str, Any]) -> Capture:
    """The capture that :func:`arrays_of`, :func:`values_of` and :func:`report_of` came from.

    Raises:
        DataError: something is missing, or does not fit together.
    """
    fields = {unquote(name.removeprefix(_FIELD)): array for name, array in arrays.items() if name.startswith(_FIELD)}
    try:
        return Capture(
            **{name: arrays.get(name) for name in _ARRAYS},
            **{name: values[name] for name in ("device", "source", "rx", "tx", "timing", "synthetic")},
            **{name: values.get(name) for name in ("center_frequency", "bandwidth")},
            fields=fields,
            report=Report(
                read=report["read"], skipped=[Skipped(*row) for row in report["skipped"]], notes=list(report["notes"])
            ),
        )
    except (AttributeError, KeyError, ShapeError, TypeError) as error:
        raise DataError(f"holds no whole capture ({error}); convert the recording again") from error


def packets_in_a_block(array: np.ndarray) -> int:
    """How many rows of an array take about :data:`BLOCK` bytes, at least one."""
    return max(1, min(len(array), BLOCK // max(1, array[:1].nbytes)))
