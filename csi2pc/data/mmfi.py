"""What is there of MM-Fi: an index of a data root, with everything that is missing counted and listed.

The layout is ``E01/S01/A01/{wifi-csi,mmwave,lidar,depth}/frame001.{mat,bin,bin,png}`` and, beside those folders,
``ground_truth.npy``: 4 scenes of 10 subjects each (S01-S10 in E01, S11-S20 in E02, ...), 27 actions, up to 297 frames
at 10 Hz. Part of it (some scenes, subjects or actions) is a data root as well.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..errors import DataError
from ..types import Report
from .arrays import load_array
from .missing import missing

SCENES = tuple(f"E{i:02d}" for i in range(1, 5))
SUBJECTS = tuple(f"S{i:02d}" for i in range(1, 41))
ACTIONS = tuple(f"A{i:02d}" for i in range(1, 28))
#: Frames of a complete sequence.
FRAMES = 297
#: Suffix of the frames of each folder.
SUFFIXES = {"wifi-csi": ".mat", "depth": ".png", "lidar": ".bin", "mmwave": ".bin"}
JOINTS_FILE = "ground_truth.npy"
#: Folder of walking people in simulated trees.
WALK = "walk"


@dataclass(frozen=True)
class MMFiSequence:
    """One subject doing one action, and the frames of it that are there.

    Attributes:
        root: the data root.
        scene, subject, action: for example ``"E01"``, ``"S03"``, ``"A12"``.
        frames: numbers (from 1) of the frames that have a file in every folder asked for.
    """

    root: Path
    scene: str
    subject: str
    action: str
    frames: tuple[int, ...]

    @property
    def name(self) -> str:
        """For example ``"E01/S03/A12"``."""
        return f"{self.scene}/{self.subject}/{self.action}"

    def file(self, folder: str, frame: int) -> Path:
        """Path of a frame in ``folder`` (``"wifi-csi"``, ``"depth"``, ``"lidar"`` or ``"mmwave"``)."""
        return self.root / self.name / folder / f"frame{frame:03d}{SUFFIXES[folder]}"

    @property
    def joints_file(self) -> Path:
        """Path of the ground-truth joints."""
        return self.root / self.name / JOINTS_FILE


@dataclass(frozen=True)
class MMFiIndex:
    """What :func:`index_mmfi` found.

    Attributes:
        root: the data root.
        sequences: in the order of their names; each has at least one frame.
        report: frames found (``read``), and frames, files and sequences left out.
    """

    root: Path
    sequences: tuple[MMFiSequence, ...]
    report: Report = field(default_factory=Report)


def scene_of(subject: str) -> str:
    """The scene in which a subject was recorded: S01-S10 in E01, S11-S20 in E02, and so on."""
    return SCENES[SUBJECTS.index(subject) // 10]


def index_mmfi(root: str | Path, *, sensors: Sequence[str] = ("depth",), joints: bool = True) -> MMFiIndex:
    """List the sequences and frames under ``root`` by the names and sizes of their files; of contents, only
    the joints are read.

    A frame is listed when it has a CSI file, a file of every sensor and, if asked for, a row of joints. Frames that
    miss one, gaps in the numbering and zero-byte files are left out and reported; only a zero-byte mmWave file is a
    frame in its own right, one in which nothing moved. Where a sequence ends is known from its joints, so frames
    missing at its end are reported where joints are asked for; without them the last file is taken for the last frame.

    Args:
        root: folder that holds E01, E02, ...
        sensors: any of depth, lidar, mmwave.
        joints: whether ``ground_truth.npy`` is needed.

    Raises:
        DataError: ``root`` is missing, not a folder, or holds no usable sequence; or a file stands where a folder
            should.
    """
    root = Path(root)
    if not root.is_dir():
        what = f"{root} is a file, not a folder" if root.exists() else missing(root)
        raise DataError(f"the MM-Fi root must be a folder that holds E01, E02, ...; {what}")
    report, silent, found = Report(), Counter(), []
    for scene in _folders(root, SCENES):
        for subject in _folders(root / scene, SUBJECTS):
            if scene_of(subject) != scene:
                report.skip(f"{scene}/{subject}", f"subject outside its scene ({subject} is of {scene_of(subject)})")
                continue
            if (root / scene / subject / WALK).is_dir():
                report.skip(f"{scene}/{subject}/{WALK}", "simulated walking, which no protocol of MM-Fi has")
            for action in _folders(root / scene / subject, ACTIONS):
                frames = _frames(root / scene / subject / action, ("wifi-csi", *sensors), joints, report, silent)
                if frames:
                    found.append(MMFiSequence(root, scene, subject, action, frames))
    if not found:
        listed = ", ".join(sorted(os.listdir(root))[:8]) or "nothing"
        lost = f" {report.summary()}." if report.skipped else ""
        raise DataError(
            f"no usable MM-Fi sequence under {root}: expected E01/S01/A01/wifi-csi/frame001.mat and the folders "
            f"{list(sensors)}{' and ' + JOINTS_FILE if joints else ''} beside it; the root holds: {listed}.{lost}"
        )
    report.read = sum(len(sequence.frames) for sequence in found)
    if silent["mmwave"]:
        report.notes.append(
            f"{silent['mmwave']} of {report.read} mmWave files are zero-byte, that is without any point"
        )
    return MMFiIndex(root, tuple(found), report)


def read_joints(path: str | Path) -> np.ndarray:
    """Read ``ground_truth.npy``: floating point ``(frames, 17, 3)``, metres in the project's frame, Human3.6M order.

    Raises:
        DataError: missing, damaged, or of another shape.
    """
    joints = load_array(path)
    if joints.ndim != 3 or joints.shape[1:] != (17, 3) or joints.dtype.kind != "f":
        raise DataError(f"{path} must be floating point (frames, 17, 3); got {joints.dtype} {joints.shape}")
    return joints


def _folders(parent: Path, names: Sequence[str]) -> list[str]:
    """Those of ``names`` that are folders in ``parent``."""
    present = [name for name in names if (parent / name).exists()]
    for name in present:
        if not (parent / name).is_dir():
            raise DataError(f"{parent / name} must be a folder of MM-Fi; it is a file: remove or rename it")
    return present


def _frames(
    folder: Path, parts: Sequence[str], joints: bool, report: Report, silent: Counter[str]
) -> tuple[int, ...]:
    """Numbers of the usable frames of a sequence; ``silent`` counts those of zero bytes among them."""
    where = "/".join(folder.parts[-3:])
    sizes: dict[str, dict[int, int]] = {}
    for part in _folders(folder, parts):
        sizes[part] = _sizes(folder / part, SUFFIXES[part], report)
    absent = [part for part in parts if part not in sizes]
    if absent:
        report.skip(where, f"sequence without folder {absent[0]}")
        return ()
    rows = FRAMES
    if joints:
        try:
            rows = len(read_joints(folder / JOINTS_FILE))
        except DataError as error:
            report.skip(f"{where}: {error}", f"sequence without usable {JOINTS_FILE}")
            return ()
    last = max(set().union(*sizes.values()), default=0)
    if joints and last:  # a sequence without any file is one thing left out, not 297
        last = max(last, min(rows, FRAMES))
    kept = []
    for number in range(1, last + 1):
        reason = _why_not(number, sizes, rows)
        if reason:
            report.skip(f"{where}#{number}", reason)
        else:
            kept.append(number)
            silent["mmwave"] += sizes.get("mmwave", {}).get(number) == 0
    if not kept:
        report.skip(where, "sequence without usable frames")
    return tuple(kept)


def _why_not(number: int, sizes: dict[str, dict[int, int]], rows: int) -> str:
    """Why a frame cannot be used; empty if it can."""
    absent = [part for part, listed in sizes.items() if number not in listed]
    if len(absent) == len(sizes):
        return "missing frame"
    if absent:
        return f"missing {absent[0]} file"
    for part, listed in sizes.items():
        if listed[number] == 0 and part != "mmwave":
            return f"zero-byte {part} file"
    return "no row of joints" if number > rows else ""


def _sizes(folder: Path, suffix: str, report: Report) -> dict[int, int]:
    """Size in bytes of each frame file in a folder. Hidden files are nobody's frames and pass unmentioned."""
    sizes = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            name = re.fullmatch(r"frame(\d{3})" + re.escape(suffix), entry.name)
            if name and 1 <= int(name[1]) <= FRAMES and entry.is_file():
                sizes[int(name[1])] = entry.stat().st_size
            elif not entry.name.startswith("."):
                report.skip("/".join((*folder.parts[-4:], entry.name)), "not a frame file")
    return sizes
