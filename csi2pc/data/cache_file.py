"""The cache's file: prepared frames and clouds of a whole data set in one sealed HDF5 file (:mod:`csi2pc.csi.sealed`).

==================  ==========================================================================================
``features``        float32 ``(F, A, S, C, T)``, frames of the training part first, then validation, then test
``valid``           uint8 ``(F, bytes)``: bits of ``(A, S, T)``, first entry in the highest bit
``points``          float32 ``(P, 3)`` metres, cloud after cloud
``offsets``         int64 ``(F + 1,)``: frame f has the points ``offsets[f]`` to ``offsets[f + 1]``
``frame/...``       ``index``, ``time``, ``part`` (0 train, 1 validation, 2 test), ``sequence`` (a row below), ``(F,)``
``sequence/...``    ``name``, ``scene``, ``subject``, ``action``: UTF-8 texts
``report, inputs``  JSON as bytes: what was left out and why; fingerprints of what it was made from
attributes          JSON: ``data`` and ``prepare`` (the configuration), ``layout``, ``versions``
==================  ==========================================================================================

Arrays are neither chunked nor compressed, so that a frame is one piece of the file, to be read without the HDF5
library; compression would save a tenth to a fifth and make reading several times slower (``benchmarks/cache.py``).
"""

from __future__ import annotations

import errno
import io
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..csi.sealed import HEAD, open_sealed, sealing
from ..errors import DataError
from ..types import FrameId, Report
from .cache_parts import PartAbout, layout_of, part_array, report_of
from .frames import Layout
from .inputs import Fingerprint

if TYPE_CHECKING:
    import h5py

KIND = "cache"
#: Raised whenever a file written by an older version could be misread.
VERSION = 1
PARTS = ("train", "validation", "test")
_LABELS = ("name", "scene", "subject", "action")
#: The arrays that are read frame by frame, with their types on the disk.
_ARRAYS = {"features": "<f4", "valid": "u1", "points": "<f4"}


@dataclass(frozen=True)
class CacheAbout:
    """What a cache says of itself, without its large arrays.

    Attributes:
        data, prepare: the configuration it was made with, as nested dictionaries.
        layout: links and subcarriers of all frames.
        report: what was left out.
        versions: of the programs that made it.
        inputs: name -> fingerprint of what it was made from.
    """

    data: dict[str, Any]
    prepare: dict[str, Any]
    layout: Layout
    report: Report
    versions: dict[str, str]
    inputs: dict[str, Fingerprint]


@dataclass(frozen=True)
class CacheIndex:
    """Where in the file each frame is.

    Attributes:
        about: what it says of itself.
        parts: frames of "train", "validation" and "test".
        shape: ``(A, S, C, T)`` of a frame's features.
        offsets: int64 ``(F + 1,)``, points before each frame, in the order of ``parts``.
        positions: name of each large array -> byte of the file at which it begins.
    """

    about: CacheAbout
    parts: dict[str, list[FrameId]]
    shape: tuple[int, ...]
    offsets: np.ndarray
    positions: dict[str, int]


def write_cache(path: Path, parts: dict[str, Sequence[tuple[Path, PartAbout]]], about: CacheAbout) -> Iterator[None]:
    """Put the pieces of each part together, in their order; yields after each piece, for progress.

    Raises:
        DataError: the disk is full, or a piece is damaged.
    """
    pieces = [(number, *piece) for number, name in enumerate(PARTS) for piece in parts[name] if piece[1].frames]
    shape = _one_shape([piece for _, _, piece in pieces])
    frames, clouds = (sum(len(a.frames) for *_, a in pieces), sum(sum(a.sizes) for *_, a in pieces))
    sizes = {"features": (frames, *shape), "valid": (frames, _bytes(shape)), "points": (clouds, 3)}
    needed = sum(int(np.prod(size)) * np.dtype(_ARRAYS[name]).itemsize for name, size in sizes.items())
    path.parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(path.parent).free
    if free < needed * 1.01 + 1e6:  # looked at beforehand, since hours may have gone into the pieces
        raise DataError(
            f"{path} needs {needed / 1e9:.3g} GB and its disk has {free / 1e9:.3g} GB free. Free some space and run "
            f"the same command again, which goes on from here"
        )
    with sealing(path, kind=KIND, version=VERSION) as temporary:
        positions = _write_small(temporary, pieces, sizes, about)
        with temporary.open("rb+") as file:
            for _, piece, _ in pieces:
                for name, kind in _ARRAYS.items():
                    content = part_array(piece, name).astype(kind, copy=False).tobytes()
                    file.seek(positions[name])
                    file.write(content)
                    positions[name] += len(content)
                yield


def read_index(path: str | Path) -> CacheIndex:
    """Check every byte of a cache, then read all but its large arrays.

    Raises:
        DataError: missing, damaged, or no cache of this version.
    """
    with open_sealed(path, kind=KIND, version=VERSION) as file:
        texts = ([text.decode() for text in file[f"sequence/{name}"][:].tolist()] for name in _LABELS)
        sequences = list(zip(*texts, strict=True))
        columns = [file[f"frame/{name}"][:].tolist() for name in ("sequence", "index", "time", "part")]
        frames: dict[str, list[FrameId]] = {name: [] for name in PARTS}
        for sequence, index, time, part in zip(*columns, strict=True):
            name, *labels = sequences[sequence]
            frames[PARTS[part]].append(FrameId(name, index, time, *labels))
        return CacheIndex(
            about=_about(file),
            parts=frames,
            shape=file["features"].shape[1:],
            offsets=file["offsets"][:],
            positions={name: file[name].id.get_offset() for name in _ARRAYS},
        )


def _write_small(path: Path, pieces: list, sizes: dict[str, tuple[int, ...]], about: CacheAbout) -> dict[str, int]:
    """Write everything but the large arrays, for which room is left. Returns where in the file each of them begins."""
    import h5py

    frames = [(number, frame) for number, _, piece in pieces for frame in piece.frames]
    keys = [(frame.sequence, frame.scene, frame.subject, frame.action) for _, frame in frames]
    row_of = {key: row for row, key in enumerate(dict.fromkeys(keys))}
    with _Writer(path) as writer, h5py.File(writer, "w", userblock_size=HEAD) as file:
        for name, values in (("data", about.data), ("prepare", about.prepare), ("versions", about.versions)):
            file.attrs[name] = json.dumps(values)
        file.attrs["layout"] = json.dumps(asdict(about.layout))
        inputs = {name: asdict(of) for name, of in about.inputs.items()}
        for name, values in (("report", asdict(about.report)), ("inputs", inputs)):
            file[name] = np.frombuffer(json.dumps(values).encode(), dtype=np.uint8)
        file["offsets"] = np.cumsum([0, *(size for *_, piece in pieces for size in piece.sizes)], dtype=np.int64)
        file["frame/index"] = np.array([frame.index for _, frame in frames], dtype=np.int64)
        file["frame/time"] = np.array([frame.time for _, frame in frames], dtype=np.float64)
        file["frame/part"] = np.array([number for number, _ in frames], dtype=np.uint8)
        file["frame/sequence"] = np.array([row_of[key] for key in keys], dtype=np.int64)
        for name, column in zip(_LABELS, zip(*row_of, strict=True), strict=True):
            file[f"sequence/{name}"] = np.array([text.encode() for text in column])
        positions = {name: _reserve(file, name, size) for name, size in sizes.items()}
    writer.check()
    return positions


class _Writer(io.FileIO):
    """A file of which HDF5 never learns that writing to it failed, since it may crash the interpreter when it does: the
    error is kept for later."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "w+")
        self._error: OSError | None = None

    def write(self, content: Any) -> int:
        try:
            if super().write(content) < len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            self._error = self._error or error
        return len(content)

    def truncate(self, size: int | None = None) -> int:
        try:
            return super().truncate(size)
        except OSError as error:
            self._error = self._error or error
            return size or 0

    def check(self) -> None:
        """Raise the first error there was."""
        if self._error is not None:
            raise self._error


def _reserve(file: h5py.File, name: str, shape: tuple[int, ...]) -> int:
    """A dataset with its place in the file and nothing written to it. Returns that place."""
    from h5py import h5d, h5p, h5s, h5t

    how = h5p.create(h5p.DATASET_CREATE)
    how.set_layout(h5d.CONTIGUOUS)
    how.set_alloc_time(h5d.ALLOC_TIME_EARLY)
    how.set_fill_time(h5d.FILL_TIME_NEVER)
    how.set_obj_track_times(False)  # so that the same data gives the same bytes
    kind = h5t.py_create(np.dtype(_ARRAYS[name]))
    return h5d.create(file.id, name.encode(), kind, h5s.create_simple(shape), how).get_offset()


def _about(file: h5py.File) -> CacheAbout:
    data, prepare, layout, versions = (json.loads(file.attrs[n]) for n in ("data", "prepare", "layout", "versions"))
    report, inputs = (json.loads(file[name][:].tobytes()) for name in ("report", "inputs"))
    fingerprints = {name: Fingerprint(**values) for name, values in inputs.items()}
    return CacheAbout(data, prepare, layout_of(layout), report_of(report), versions, fingerprints)


def _one_shape(pieces: Sequence[PartAbout]) -> tuple[int, ...]:
    for piece in pieces:
        if piece.shape != pieces[0].shape:
            raise DataError(
                f"all CSI must have one shape (links, subcarriers, channels, packets); {pieces[0].frames[0].sequence} "
                f"has {pieces[0].shape}, {piece.frames[0].sequence} has {piece.shape}: choose common subcarriers with "
                f"prepare.subcarriers, or leave one out"
            )
    return pieces[0].shape


def _bytes(shape: tuple[int, ...]) -> int:
    """Bytes that hold one bit for each entry of ``(A, S, T)``."""
    links, tones, _, packets = shape
    return -(-links * tones * packets // 8)
