"""MM-Fi's WiFi frames: one ``.mat`` a frame with ``CSIamp`` (dB) and ``CSIphase``, 3 antennas x 114 tones x 10 packets.

MM-Fi (Yang et al., NeurIPS 2023) publishes no clock for the packets and no centre frequency. Its frames come at
10 Hz, so packet j (from 0) of frame k (from 1) is given the nominal time ``(k - 1) * 0.1 + (j + 0.5) * 0.01`` s.
"""

from __future__ import annotations

import re
import zlib
from pathlib import Path

import numpy as np

from ..errors import DataError, ShapeError
from ..types import Capture, Report
from .layouts import HT40
from .mat5 import read_mat5
from .rotation import undo_ht40_rotation

#: Shape of ``CSIamp`` and ``CSIphase``: receive antennas, subcarriers, packets.
FRAME_SHAPE = (3, 114, 10)
#: Seconds from frame to frame.
FRAME_PERIOD = 0.1
#: Beyond this level (dB, either sign) an entry is damaged: a 16-bit I/Q count cannot exceed 94 dB, nor fall below 0.
LARGEST_LEVEL = 200.0
#: A genuine frame has 55 kB; a file beyond this limit (bytes) is none, and is not read into memory.
LARGEST_FILE = 4_000_000

#: Stands in the root of every simulated data set in MM-Fi's layout, four folders above a frame. It is in a hidden
#: folder because the official MM-Fi toolbox takes every other entry of the root for a scene.
SIMULATION_RECORD = ".csi2pc/simulation.json"

_VARIABLES = ("CSIamp", "CSIphase")
_FRAME_NAME = re.compile(r"frame(\d{1,6})\.mat", re.IGNORECASE)


def recover_complex(amp_db: np.ndarray, phase: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """``10 ** (amp_db / 20) * exp(j phase)`` in double precision.

    Args:
        amp_db: ``20 log10 |H|``; -inf means I = Q = 0, that is, not measured; so does anything not finite, and
            anything beyond :data:`LARGEST_LEVEL`.
        phase: radians, same shape.

    Returns:
        complex128 of the same shape, 0 where not measured, and the bool mask of what was measured. On genuine
        frames real and imaginary parts are integers: the I/Q counts of the chip.
    """
    amp_db, phase = np.asarray(amp_db, dtype=np.float64), np.asarray(phase, dtype=np.float64)
    valid = np.isfinite(amp_db) & np.isfinite(phase) & (np.abs(amp_db) < LARGEST_LEVEL)
    amplitude = 10 ** (np.where(valid, amp_db, 0) / 20)
    return np.where(valid, amplitude * np.exp(1j * np.where(valid, phase, 0)), 0), valid


def decode_mmfi(amp_db: np.ndarray, phase: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One frame's arrays as CSI, with the 40 MHz rotation undone.

    That MM-Fi leaves the rotation in was found on a genuine frame: on every antenna and packet the phase jumps by
    about pi/2 from below the centre to above it.

    Args:
        amp_db: ``CSIamp``, dB, ``(A, S, T)`` = (3, 114, 10).
        phase: ``CSIphase``, radians, same shape.

    Returns:
        csi complex64 and valid bool, both ``(T, A, S)``.

    Raises:
        ShapeError: another shape.
    """
    if np.shape(amp_db) != FRAME_SHAPE or np.shape(phase) != FRAME_SHAPE:
        raise ShapeError(
            f"CSIamp and CSIphase must be {FRAME_SHAPE} (antennas, subcarriers, packets); "
            f"got {np.shape(amp_db)} and {np.shape(phase)}: is this a frame of MM-Fi's wifi-csi folder?"
        )
    csi, valid = recover_complex(amp_db, phase)
    csi, valid = np.moveaxis(csi, -1, 0), np.moveaxis(valid, -1, 0)  # (A, S, T) -> (T, A, S)
    return undo_ht40_rotation(csi, HT40).astype(np.complex64), np.ascontiguousarray(valid)


def looks_like_mmfi_frame(head: bytes) -> bool:
    """Whether a file beginning with ``head`` is a MATLAB 5 file that names one of MM-Fi's two arrays."""
    if not head.startswith(b"MATLAB 5.0 MAT-file"):
        return False
    start = head[128:]
    if start[:4] in (b"\x0f\0\0\0", b"\0\0\0\x0f"):  # miCOMPRESSED
        try:
            start = zlib.decompressobj().decompress(start[8:], 256)
        except zlib.error:
            return False
    return any(name.encode() in start for name in _VARIABLES)


def looks_like_mmfi_folder(path: Path) -> bool:
    """Whether ``path`` is a ``wifi-csi`` folder with frames in it, or a sequence folder that holds one."""
    return bool(_frames(_wifi_folder(path)))


def read_mmfi_frame(path: str | Path) -> Capture:
    """One frame as a capture of 10 packets, times from 0.005 to 0.095 s.

    Raises:
        DataError: the file is missing, damaged, of another shape, or has nothing measured in it.
    """
    path = Path(path)
    csi, valid = _load(path)
    return _capture(csi, valid, _packet_times(1), source=str(path), report=Report(read=len(csi)))


def read_mmfi_folder(path: str | Path) -> Capture:
    """All frames of a sequence as one capture, in the order of their numbers.

    A frame that is missing, empty (zero bytes occur in MM-Fi) or damaged is absent from the capture, listed in the
    report (which counts packets read and frames skipped), and leaves its hole in the nominal times.

    Args:
        path: a ``wifi-csi`` folder, or the sequence folder that holds it.

    Raises:
        DataError: no such folder, or no usable frame in it.
    """
    folder = _wifi_folder(Path(path))
    frames = _frames(folder)
    if not frames:
        raise DataError(f"{path} has no frame001.mat, frame002.mat ...: name a wifi-csi folder or the one above it")
    report = Report()
    decoded: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    for number in range(1, max(frames) + 1):
        if number not in frames:
            report.skip(str(folder / f"frame{number:03d}.mat"), "missing")
            continue
        try:
            decoded[number] = _load(frames[number])
        except DataError as error:
            report.skip(str(frames[number]), str(error).removeprefix(f"{frames[number]}: "))
    if not decoded:
        raise DataError(f"{folder}: none of the {len(frames)} frames can be read: {report.summary()}")
    csi, valid = (np.concatenate(parts) for parts in zip(*decoded.values(), strict=True))
    report.read = len(csi)
    times = np.concatenate([_packet_times(number) for number in decoded])
    return _capture(csi, valid, times, source=str(path), report=report)


def _capture(csi: np.ndarray, valid: np.ndarray, times: np.ndarray, *, source: str, report: Report) -> Capture:
    return Capture(
        csi=csi, valid=valid, timestamps=times, subcarriers=HT40.copy(), rx=FRAME_SHAPE[0], tx=1, device="mmfi",
        source=source, bandwidth=40e6, timing="nominal", synthetic=_simulated(Path(source)), report=report,
    )  # fmt: skip


def _simulated(path: Path) -> bool:
    return any((folder / SIMULATION_RECORD).is_file() for folder in path.resolve().parents[:5])


def _packet_times(number: int) -> np.ndarray:
    packets = FRAME_SHAPE[-1]
    return (number - 1) * FRAME_PERIOD + (np.arange(packets) + 0.5) * (FRAME_PERIOD / packets)


def _wifi_folder(path: Path) -> Path:
    return path / "wifi-csi" if (path / "wifi-csi").is_dir() else path


def _frames(folder: Path) -> dict[int, Path]:
    """Frame number -> file, in increasing order."""
    if not folder.is_dir():
        return {}
    try:
        found = {int(m[1]): file for file in folder.iterdir() if (m := _FRAME_NAME.fullmatch(file.name))}
    except OSError as error:
        raise DataError(f"{folder}: cannot be listed ({error.strerror}); check its permissions") from error
    return {number: found[number] for number in sorted(found) if number > 0}


def _load(path: Path) -> tuple[np.ndarray, np.ndarray]:
    arrays = _read_arrays(path)
    try:
        csi, valid = decode_mmfi(*arrays)
    except ShapeError as error:
        raise DataError(f"{path}: {error}") from error
    if not valid.any():
        raise DataError(f"{path}: nothing was measured in this frame (every entry is -inf or NaN); leave it out")
    return csi, valid


def _read_arrays(path: Path) -> list[np.ndarray]:
    """``CSIamp`` and ``CSIphase`` as they stand in the file."""
    try:
        size = path.stat().st_size
        if size == 0:
            raise DataError(f"{path}: empty file (zero bytes); leave it out or fetch it again")
        if size > LARGEST_FILE:
            raise DataError(f"{path}: {size} bytes, a frame has about 55,000: this is no MM-Fi frame")
        stored = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    try:
        arrays = read_mat5(stored, largest=LARGEST_FILE)
    except DataError as error:
        raise DataError(f"{path}: {error}; leave it out or fetch it again") from error
    found = {name: array for name, array in arrays.items() if not np.iscomplexobj(array)}
    missing = [name for name in _VARIABLES if name not in found]
    if missing:
        names = ", ".join(sorted(found)) or "no numeric arrays"
        raise DataError(f"{path}: an MM-Fi frame has CSIamp and CSIphase; this file has {names}")
    return [found[name] for name in _VARIABLES]
