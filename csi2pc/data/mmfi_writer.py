"""Write the files of MM-Fi's layout, one frame or sequence at a time.

Every file is written under a temporary name beside it and renamed, so that a reader never meets half a file and a
disk that fills up leaves everything that was finished. The same arrays always give the same bytes.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.io import savemat

from ..errors import ShapeError
from .atomic import replacing

#: A MAT-file starts with 116 bytes of free text, in which scipy puts the time of writing.
_MAT_TEXT = b"MATLAB 5.0 MAT-file, written by csi2pc".ljust(116)


def write_wifi(path: str | Path, csi: np.ndarray) -> None:
    """Write one frame of CSI as MM-Fi does: ``CSIamp`` in dB and ``CSIphase`` in radians, float64 ``(A, S, T)``.

    Args:
        path: of the ``.mat`` file.
        csi: complex ``(T, A, S)`` as the hardware gives it: integer I and Q, the 40 MHz rotation left in. An entry
            with I = Q = 0 becomes -inf dB, as in the recordings.

    Raises:
        ShapeError: ``csi`` is not a finite complex array with three axes.
        DataError: the file cannot be written.
    """
    if csi.ndim != 3 or not np.iscomplexobj(csi) or not np.all(np.isfinite(csi)):
        raise ShapeError(f"csi must be finite and complex (packets, links, subcarriers); got {csi.dtype} {csi.shape}")
    ordered = np.ascontiguousarray(csi.transpose(1, 2, 0), dtype=np.complex128)  # (A, S, T)
    with np.errstate(divide="ignore"):
        amplitude = 20 * np.log10(np.abs(ordered))
    buffer = BytesIO()
    savemat(buffer, {"CSIamp": amplitude, "CSIphase": np.angle(ordered)})
    _write(path, _MAT_TEXT + buffer.getbuffer()[len(_MAT_TEXT) :])


def write_depth(path: str | Path, depth: np.ndarray) -> None:
    """Write a depth image as a 16-bit grey PNG.

    Args:
        path: of the ``.png`` file.
        depth: uint16 ``(H, W)`` millimetres, 0 where there is no measurement.

    Raises:
        ShapeError: another shape or dtype.
        DataError: the file cannot be written.
    """
    if depth.ndim != 2 or depth.dtype != np.uint16:
        raise ShapeError(f"depth must be uint16 (rows, columns); got {depth.dtype} {depth.shape}")
    buffer = BytesIO()
    Image.fromarray(depth).save(buffer, format="PNG", compress_level=1)
    _write(path, buffer.getbuffer())


def write_lidar(path: str | Path, points: np.ndarray) -> None:
    """Write a LiDAR scan: float64 ``(N, 3)`` metres, x forward, y left, z up, row after row without a header.

    Raises:
        ShapeError: another shape.
        DataError: the file cannot be written.
    """
    _write_rows(path, points, columns=3)


def write_mmwave(path: str | Path, points: np.ndarray) -> None:
    """Write a radar frame: float64 ``(N, 5)``, x right, y forward, z up in metres, intensity, Doppler.

    A frame without detections (N = 0) becomes a file of zero bytes, as in the recordings.

    Raises:
        ShapeError: another shape.
        DataError: the file cannot be written.
    """
    _write_rows(path, points, columns=5)


def write_ground_truth(path: str | Path, joints: np.ndarray) -> None:
    """Write a sequence's joints: float32 ``(frames, 17, 3)`` metres, Human3.6M's order, project's frame.

    Raises:
        ShapeError: another shape.
        DataError: the file cannot be written.
    """
    if joints.ndim != 3 or joints.shape[1:] != (17, 3):
        raise ShapeError(f"joints must be (frames, 17, 3); got {joints.shape}")
    _write_array(path, joints.astype(np.float32))


def write_companions(path: str | Path, joints: np.ndarray) -> None:
    """Write the joints of other people, which MM-Fi does not have: float32 ``(frames, people, 17, 3)``, as
    :func:`write_ground_truth`.

    Raises:
        ShapeError: another shape.
        DataError: the file cannot be written.
    """
    if joints.ndim != 4 or joints.shape[2:] != (17, 3):
        raise ShapeError(f"companions' joints must be (frames, people, 17, 3); got {joints.shape}")
    _write_array(path, joints.astype(np.float32))


def write_keypoints(path: str | Path, pixels: np.ndarray) -> None:
    """Write one image's keypoints: float64 ``(17, 2)`` pixels, x to the right, y down, COCO's order.

    Raises:
        ShapeError: another shape.
        DataError: the file cannot be written.
    """
    if pixels.shape != (17, 2):
        raise ShapeError(f"keypoints must be (17, 2); got {pixels.shape}")
    _write_array(path, pixels.astype(np.float64))


def _write_rows(path: str | Path, points: np.ndarray, *, columns: int) -> None:
    if points.ndim != 2 or points.shape[1] != columns:
        raise ShapeError(f"points must be (N, {columns}); got {points.shape}")
    _write(path, np.ascontiguousarray(points, dtype="<f8").tobytes())


def _write_array(path: str | Path, array: np.ndarray) -> None:
    buffer = BytesIO()
    np.save(buffer, array, allow_pickle=False)
    _write(path, buffer.getbuffer())


def _write(path: str | Path, content: bytes | memoryview) -> None:
    with replacing(path) as temporary:
        temporary.write_bytes(content)
