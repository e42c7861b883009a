"""Where a converted capture came from: kept in the project's own capture files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from .. import __version__
from ..errors import DataError
from . import container_hdf5, container_npz

_BLOCK = 1 << 20


def provenance(path: str | Path, *, form: str, reader: Mapping[str, Any] | None = None) -> dict[str, str | int]:
    """What is worth knowing of a recording that was read.

    Args:
        path: the recording, as the user named it; no other path is kept.
        form: name of its format.
        reader: options that its reader was given.

    Returns:
        ``source``, ``bytes``, ``sha256`` (of a folder: of the names and contents of the files directly in it, or in
        its folder wifi-csi, in the order of their names), ``format``, ``reader`` (JSON), ``csi2pc`` (version),
        ``converted`` (UTC).

    Raises:
        DataError: it cannot be read.
    """
    path = Path(path)
    try:
        size, digest = _digest(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); check the path and its permissions") from error
    return {
        "source": str(path),
        "bytes": size,
        "sha256": digest,
        "format": form,
        "reader": json.dumps(dict(reader or {}), default=str),
        "csi2pc": __version__,
        "converted": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }


def read_provenance(path: str | Path) -> dict[str, str | int]:
    """Where the captures of one of the project's own files came from; empty for any other file or folder.

    Raises:
        DataError: it is such a file, and damaged.
    """
    path = Path(path)
    if not path.is_file():
        return {}
    with path.open("rb") as file:
        head = file.read(1024)
    for kind, looks_like in (
        (container_hdf5, container_hdf5.looks_like_capture_hdf5), (container_npz, container_npz.looks_like_capture_npz)
    ):  # fmt: skip
        if looks_like(head):
            return kind.read_provenance(path)
    return {}


def _digest(path: Path) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    folder = path / "wifi-csi" if (path / "wifi-csi").is_dir() else path
    files = sorted(file for file in folder.iterdir() if file.is_file()) if path.is_dir() else [path]
    for file in files:
        if path.is_dir():
            digest.update(file.name.encode("utf-8", "surrogateescape") + b"\0")
        with file.open("rb") as stream:
            while block := stream.read(_BLOCK):
                digest.update(block)
                size += len(block)
    return size, digest.hexdigest()
