"""Digests of a simulated data set, sequence by sequence, and their verification."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from ..csi.mmfi import SIMULATION_RECORD
from ..errors import DataError
from ..progress import track
from ..types import Report

#: Key of the digests in a simulation's record.
CHECKSUMS = "checksums"
#: Bytes read at a time.
_BLOCK = 1 << 20


def digest(path: Path) -> str:
    """SHA-256 of a file, or of all files of a folder: their names and bytes, in the order of their names.

    Hidden files are nobody's and do not count.

    Raises:
        DataError: something is missing or cannot be read.
    """
    total = hashlib.sha256()
    try:
        if not path.is_dir():
            return _file_digest(path)
        files = {
            file.relative_to(path).as_posix(): file
            for file in path.rglob("*")
            if file.is_file() and not file.name.startswith(".")
        }
        for name, file in sorted(files.items()):
            total.update(f"{name}\0{_file_digest(file)}\n".encode())
    except OSError as error:
        raise DataError(f"cannot read {error.filename or path}: {error.strerror}") from error
    return total.hexdigest()


def verify(root: str | Path) -> Report:
    """Compare a simulated data set with the digests in its ``.csi2pc/simulation.json``.

    Args:
        root: the folder that ``csi2pc simulate`` wrote.

    Returns:
        Report: ``read`` counts the sequences (and the manifest, if there is one) that are as they were written; those
        that are missing or differ are listed.

    Raises:
        DataError: there is no such record, it cannot be read, or the simulation was not finished.
    """
    root = Path(root)
    path = root / SIMULATION_RECORD
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read ({error}); name a folder that csi2pc simulate wrote") from error
    expected = record.get(CHECKSUMS) if isinstance(record, dict) else None
    if not isinstance(expected, dict) or not expected:
        raise DataError(f"{path} holds no {CHECKSUMS}, so the simulation is not finished: run it again, it goes on")
    report = Report()
    for name, wanted in track(expected.items(), description="verify", total=len(expected)):
        if not (root / name).exists():
            report.skip(name, "missing")
        elif digest(root / name) != wanted:
            report.skip(name, "differs from what was written")
        else:
            report.read += 1
    return report


def _file_digest(path: Path) -> str:
    total = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            total.update(block)
    return total.hexdigest()
