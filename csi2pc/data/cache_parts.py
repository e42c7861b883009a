"""The pieces that a cache is put together from: two files a sequence, ``0007.npz`` and then ``0007.json``.

A sequence is done when its second file is there, so a run that was killed goes on where it was.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError
from ..types import FrameId, Report, Sample, Skipped
from .arrays import load_array
from .atomic import replacing
from .frames import Layout


@dataclass(frozen=True)
class PartAbout:
    """What a part says of itself.

    Attributes:
        frames: in order.
        sizes: points of each frame's cloud.
        shape: ``(A, S, C, T)`` of a frame's features; empty without frames.
        report: what was left out of the sequence.
        layout: of its captures; None where nothing could be read.
    """

    frames: list[FrameId]
    sizes: list[int]
    shape: tuple[int, ...]
    report: Report
    layout: Layout | None


def is_done(part: Path) -> bool:
    """Whether a part (its path without a suffix) is there."""
    return part.with_suffix(".json").exists()


def write_part(part: Path, samples: Sequence[Sample], report: Report, layout: Layout | None) -> None:
    """Write one sequence; each of its files is on the disk before it takes its name.

    Raises:
        DataError: it could not be written.
    """
    if samples:
        valid = np.stack([sample.valid for sample in samples])  # F, A, S, T
        arrays = {
            "features": np.stack([sample.features for sample in samples]),
            "valid": np.packbits(valid.reshape(len(valid), -1), axis=1),
            "points": np.concatenate([sample.points for sample in samples]),
        }
        with replacing(part.with_suffix(".npz")) as temporary, temporary.open("wb") as file:
            np.savez(file, **arrays)
            file.flush()
            os.fsync(file.fileno())
    about = {
        "frames": [astuple(sample.frame) for sample in samples],
        "sizes": [len(sample.points) for sample in samples],
        "shape": samples[0].features.shape if samples else (),
        "report": asdict(report),
        "layout": None if layout is None else asdict(layout),
    }
    write_text(part.with_suffix(".json"), json.dumps(about))


def read_about(part: Path) -> PartAbout:
    """What a part says of itself."""
    values = json.loads(part.with_suffix(".json").read_text(encoding="utf-8"))
    return PartAbout(
        frames=[FrameId(*frame) for frame in values["frames"]],
        sizes=values["sizes"],
        shape=tuple(values["shape"]),
        report=report_of(values["report"]),
        layout=None if values["layout"] is None else layout_of(values["layout"]),
    )


def part_array(part: Path, name: str) -> np.ndarray:
    """``"features"`` float32 ``(F, A, S, C, T)``, ``"valid"`` uint8 ``(F, bytes)`` of bits, or ``"points"`` float32
    ``(all points, 3)``, checked against the checksum that NPZ has of each.

    Raises:
        DataError: it is damaged. The part then counts as not done, so that it is made anew.
    """
    try:
        return load_array(part.with_suffix(".npz"), name=name)
    except DataError as error:
        part.with_suffix(".json").unlink(missing_ok=True)
        raise DataError(f"{error}. Run the same command again, which makes it anew") from error


def write_text(path: Path, text: str) -> None:
    """Write a small file that is either whole or not there, also after a power cut."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def layout_of(values: dict[str, Any]) -> Layout:
    """The layout that ``asdict`` and JSON made of one."""
    return Layout(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})


def report_of(values: dict[str, Any]) -> Report:
    """The report that ``asdict`` and JSON made of one."""
    return Report(values["read"], [Skipped(**row) for row in values["skipped"]], values["notes"])
