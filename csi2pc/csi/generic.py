"""CSI in files of one's own, NPZ, MATLAB (5 and 7.3) or HDF5, by a schema that says which array is what."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError
from ..types import Capture, Report
from .array_files import in_words, list_arrays, load_arrays, looks_like_arrays
from .packets import Packets, captures_of
from .rotation import undo_ht40_rotation, undo_vht80_rotation
from .schema import EXAMPLE, LAYOUTS, TIME_UNITS, CaptureSchema, schema_of
from .sealed import sealed_kind

_UNDO = {"HT40": undo_ht40_rotation, "VHT80": undo_vht80_rotation}


def looks_like_generic(head: bytes) -> bool:
    """Whether a file beginning with ``head`` is an NPZ, MATLAB or HDF5 file, and none that this project wrote."""
    return looks_like_arrays(head) and sealed_kind(head) is None


def read_generic(path: str | Path, *, schema: str | Mapping[str, Any] | CaptureSchema | None = None) -> list[Capture]:
    """Read a file of arrays as a schema declares them; there is no guessing.

    Entries that are NaN or infinite, or -inf dB, were not measured. Packets are taken in the order of the file;
    repeated ones and those whose time runs backwards are skipped and counted.

    Args:
        path: an NPZ, MATLAB or HDF5 file.
        schema: a YAML file, a mapping, or a :class:`~csi2pc.csi.schema.CaptureSchema`.

    Raises:
        DataError: no schema (the message says how to write one, and lists the arrays of the file), an array is
            missing or has another shape than the schema says, or the file is damaged.
        ConfigError: the schema contradicts itself.
    """
    if schema is None:
        raise DataError(
            f"{path} holds arrays: {in_words(list_arrays(path))}. Say which is what: give the reader's option schema, "
            f"a YAML file, for example with {EXAMPLE}; docs/captures.md lists the keys"
        )
    declared = schema_of(schema)
    arrays = load_arrays(path, declared.arrays)
    try:
        group = _packets(declared, arrays)
    except DataError as error:
        raise DataError(f"{path} does not fit the schema: {error}") from error
    captures = captures_of([group], path, Report(), device=declared.device)
    timing = "recorded" if declared.rate is None else "nominal"
    return [replace(capture, timing=timing, synthetic=declared.synthetic) for capture in captures]


def _packets(schema: CaptureSchema, arrays: Mapping[str, np.ndarray]) -> Packets:
    csi, measured = _complex(schema, arrays)
    csi, rx, tx = _to_packets(schema, csi)  # T, A, S
    valid, _, _ = _to_packets(schema, measured)
    indices, order = _subcarriers(schema, arrays, csi.shape[2])
    csi, valid = csi[..., order], valid[..., order]
    if schema.rotation in _UNDO:
        csi = _UNDO[schema.rotation](csi, indices)
    with np.errstate(over="ignore"):
        csi = csi.astype(np.complex64)
    valid &= np.isfinite(csi)
    packets = len(csi)
    return Packets(
        csi=np.where(valid, csi, np.complex64(0)), valid=valid, seconds=_seconds(schema, arrays, packets),
        where=np.arange(1, packets + 1), subcarriers=indices, rx=rx, tx=tx,
        center_frequency=schema.center_frequency, bandwidth=schema.bandwidth,
        rssi=_levels(schema.rssi, arrays, (packets,)), noise_floor=_levels(schema.noise_floor, arrays, (packets,)),
        agc=_levels(schema.agc, arrays, (packets,)),
        rssi_antennas=_levels(schema.rssi_antennas, arrays, (packets, rx)),
        fields={name: _row_a_packet(arrays[name], packets, name) for name in schema.fields},
    )  # fmt: skip


def _complex(schema: CaptureSchema, arrays: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The CSI in the file's order of axes (iq gone), and which of it was measured."""
    if schema.amplitude is not None:
        csi = _from_polar(schema, arrays)
    elif schema.real is not None:
        csi = _from_parts(_real(arrays, schema.real), _real(arrays, schema.imag), f"{schema.real} and {schema.imag}")
    else:
        csi = _fitted(arrays[schema.csi], len(schema.words), schema.csi)
        if "iq" in schema.words:
            both = np.moveaxis(csi, schema.words.index("iq"), 0)
            if len(both) != 2 or np.iscomplexobj(both):
                raise DataError(f"axis iq of {schema.csi!r} must be real and of size 2; its size is {len(both)}")
            csi = _from_parts(both[0], both[1], schema.csi)
        elif not np.iscomplexobj(csi):
            raise DataError(
                f"{schema.csi!r} must be complex; it is {csi.dtype}: name real and imag, or amplitude and phase, or "
                f"add an axis iq of size 2"
            )
    measured = np.isfinite(csi)
    if schema.valid is not None:
        marks = arrays[schema.valid]
        words = [word for word in schema.words if word != "iq"]
        marks = _fitted(marks, len(words), schema.valid)
        if marks.shape != _fitted(csi, len(words), "csi").shape:
            raise DataError(f"{schema.valid!r} must have the shape {csi.shape} of the CSI; it has {marks.shape}")
        measured = measured.reshape(marks.shape) & (marks != 0)
    return csi, measured


def _from_parts(real: np.ndarray, imaginary: np.ndarray, names: str) -> np.ndarray:
    if real.shape != imaginary.shape:
        raise DataError(f"{names} must have the same shape; they have {real.shape} and {imaginary.shape}")
    csi = np.empty(real.shape, dtype=np.result_type(real.dtype, imaginary.dtype, np.complex64))
    csi.real, csi.imag = real, imaginary
    return csi


def _from_polar(schema: CaptureSchema, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    amplitude, phase = _real(arrays, schema.amplitude), _real(arrays, schema.phase)
    if amplitude.shape != phase.shape:
        raise DataError(f"amplitude and phase must have the same shape; got {amplitude.shape} and {phase.shape}")
    if schema.amplitude_unit == "linear" and np.any(amplitude < 0):
        raise DataError(f"{schema.amplitude!r} holds negative amplitudes: is it in dB (amplitude_unit: dB)?")
    amplitude, phase = amplitude.astype(np.float64), phase.astype(np.float64)
    measured = np.isfinite(amplitude) & np.isfinite(phase)
    with np.errstate(over="ignore", invalid="ignore"):
        level = 10 ** (amplitude / 20) if schema.amplitude_unit == "dB" else amplitude
        return np.where(measured, level * np.exp(1j * np.where(measured, phase, 0)), np.nan)


def _real(arrays: Mapping[str, np.ndarray], name: str | None) -> np.ndarray:
    array = arrays[str(name)]
    if array.dtype.kind not in "iuf":
        raise DataError(f"{name!r} must hold real numbers; it holds {array.dtype}")
    return array


def _fitted(array: np.ndarray, axes: int, name: str) -> np.ndarray:
    """Axes of size 1 at the end come and go: MATLAB drops them, and has none with less than two."""
    shape = list(array.shape)
    while len(shape) > axes and shape[-1] == 1:
        shape.pop()
    if len(shape) > axes:
        raise DataError(f"{name!r} has shape {array.shape}, {array.ndim} axes, but the schema's axes name {axes}")
    return array.reshape(*shape, *[1] * (axes - len(shape)))


def _to_packets(schema: CaptureSchema, array: np.ndarray) -> tuple[np.ndarray, int, int]:
    """``(T, A, S)`` with rx fastest, and the numbers of antennas."""
    words = [word for word in schema.words if word != "iq"]
    array = _fitted(array, len(words), "csi")
    linked = "link" in words
    wanted = ["packet", "link", "subcarrier"] if linked else ["packet", "tx", "rx", "subcarrier"]
    for word in wanted:
        if word not in words:
            array, words = array[..., None], [*words, word]
    array = np.transpose(array, [words.index(word) for word in wanted])  # T, A, S or T, tx, rx, S
    packets, tones = array.shape[0], array.shape[-1]
    rx, tx = _antennas(schema, array.shape[1]) if linked else (array.shape[2], array.shape[1])
    if (schema.rx or rx, schema.tx or tx) != (rx, tx) or 0 in array.shape:
        raise DataError(
            f"{packets} packets, {rx} rx, {tx} tx and {tones} subcarriers are in the file by axes {schema.axes!r}; the "
            f"schema has rx {schema.rx}, tx {schema.tx}: correct axes, rx or tx"
        )
    return array.reshape(packets, rx * tx, tones), rx, tx


def _antennas(schema: CaptureSchema, links: int) -> tuple[int, int]:
    tx = schema.tx or (links // schema.rx if schema.rx else 1)
    rx = schema.rx or links // tx
    if rx * tx != links:
        raise DataError(f"{links} links are not {rx} rx times {tx} tx: correct rx or tx")
    return rx, tx


def _subcarriers(
    schema: CaptureSchema, arrays: Mapping[str, np.ndarray], tones: int
) -> tuple[np.ndarray, np.ndarray]:
    """True indices in increasing order, and where each stands in the file."""
    named = schema.subcarriers
    if isinstance(named, list):
        given = np.array(named, dtype=np.int64)
    elif named in LAYOUTS:
        given = LAYOUTS[named]
    else:
        given = _real(arrays, named).reshape(-1)
        if not np.all(np.abs(given) < 1e6) or np.any(given != np.round(given)):
            raise DataError(f"{named!r} must hold true subcarrier indices, whole numbers; it holds {given[:5]} ...")
    if len(given) != tones or len(np.unique(given)) != tones:
        raise DataError(
            f"subcarriers must be {tones} different indices, one a subcarrier; got {len(given)}: {named!r:.80}"
        )
    given = given.astype(np.int64)
    order = np.argsort(given)
    return given[order], order


def _seconds(schema: CaptureSchema, arrays: Mapping[str, np.ndarray], packets: int) -> np.ndarray:
    if schema.timestamps is None:
        return np.arange(packets) / float(schema.rate or 1)
    ticks = _real(arrays, schema.timestamps)
    if ticks.size != packets:
        raise DataError(f"{schema.timestamps!r} must be {packets} times, one a packet; it has shape {ticks.shape}")
    return ticks.reshape(packets).astype(np.float64) * TIME_UNITS[schema.time_unit]


def _levels(name: str | None, arrays: Mapping[str, np.ndarray], shape: tuple[int, ...]) -> np.ndarray | None:
    if name is None:
        return None
    values = _row_a_packet(_real(arrays, name), shape[0], name)
    if values.size != math.prod(shape):
        raise DataError(f"{name!r} must have shape {shape}; it has {values.shape}")
    return values.reshape(shape).astype(np.float32)


def _row_a_packet(values: np.ndarray, packets: int, name: str) -> np.ndarray:
    """One row a packet; MATLAB's row and column vectors become plain ones."""
    if values.size == packets:
        return values.reshape(packets)
    if values.shape[:1] != (packets,):
        raise DataError(f"{name!r} must have one row for each of the {packets} packets; it has shape {values.shape}")
    return values
