"""``csi2pc convert``: captures of any format into the project's own files, HDF5 or NPZ, with nothing lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..csi.container_hdf5 import write_capture_hdf5
from ..csi.container_npz import write_capture_npz
from ..csi.provenance import provenance
from ..csi.read import read_layouts, recognise
from ..data.atomic import replacing
from ..errors import ConfigError
from ..progress import track
from ..types import Report
from .naming import names_of

#: Suffix of the file -> its kind.
KINDS = {".h5": "h5", ".hdf5": "h5", ".npz": "npz"}


@dataclass(frozen=True)
class Converted:
    """What became of one capture.

    Attributes:
        capture: its path, as given.
        file: what was written.
        packets: how many, over all layouts.
        layouts: how many.
        report: packets read and things skipped, over all layouts.
    """

    capture: str
    file: Path
    packets: int
    layouts: int
    report: Report


def convert(
    captures: Sequence[str | Path],
    out: str | Path,
    *,
    kind: str | None = None,
    reader: Mapping[str, Any] | None = None,
) -> list[Converted]:
    """Write each capture, with all its layouts, fields, report and provenance, as one file.

    Args:
        captures: files or folders that :func:`csi2pc.csi.read_capture` reads.
        out: a file ending in .h5, .hdf5 or .npz for one capture; else a folder, which gets one file a capture.
        kind: ``"h5"`` or ``"npz"``, for a folder; by default h5.
        reader: options of the captures' reader.

    Raises:
        DataError: a capture cannot be read, or a file not written.
        ConfigError: ``out`` names one file for several captures, or the capture itself, or another kind than ``kind``.
    """
    out, named = Path(out), names_of(captures)
    files = _files(out, named, kind)
    results = []
    for path, file in track(list(zip(named.values(), files, strict=True)), description="convert", total=len(files)):
        if file.exists() and file.resolve() == path.resolve():
            raise ConfigError(f"--out {out} would replace the capture {path} itself: name another file or folder")
        results.append(_convert_one(path, file, reader or {}))
    return results


def _files(out: Path, named: Mapping[str, Path], kind: str | None) -> list[Path]:
    if kind not in (None, "h5", "npz"):
        raise ConfigError(f"the kind of file must be h5 or npz; got {kind!r}")
    suffix = out.suffix.lower()
    if suffix not in KINDS or out.is_dir():
        return [out / f"{name}.{kind or 'h5'}" for name in named]
    if len(named) > 1:
        raise ConfigError(f"{len(named)} captures cannot go into one file; got --out {out}: name a folder")
    if kind not in (None, KINDS[suffix]):
        raise ConfigError(f"--out {out} is a file of kind {KINDS[suffix]}; got {kind!r}: leave the kind out")
    return [out]


def _convert_one(path: Path, file: Path, reader: Mapping[str, Any]) -> Converted:
    layouts = read_layouts(path, **reader)
    origin = provenance(path, form=recognise(path, reader).name, reader=reader)
    if KINDS[file.suffix.lower()] == "h5":
        write_capture_hdf5(file, layouts, provenance=origin)
    else:
        with replacing(file) as temporary:
            write_capture_npz(temporary, layouts, provenance=origin)
    packets = sum(map(len, layouts))
    skipped = dict.fromkeys(skipped for layout in layouts for skipped in layout.report.skipped)  # each names the file's
    notes = dict.fromkeys(note for layout in layouts for note in layout.report.notes)
    return Converted(str(path), file, packets, len(layouts), Report(packets, list(skipped), list(notes)))
