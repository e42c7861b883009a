"""``csi2pc prepare``: a whole data set, read and prepared once, becomes one file to train from.

Sequences are prepared in parallel, each into a piece of its own in the folder ``<out>.parts``, and the pieces are then
put together in the order of the data set. So the file does not depend on the number of processes, and a run that was
killed, or met a full disk, goes on where it was. Both together take twice the file's size on the disk for a while.
"""

from __future__ import annotations

import json
import platform
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch

from .. import __version__
from ..config import RunConfig
from ..csi.sealed import HEAD, sealed_kind
from ..data.atomic import leftovers
from ..data.cache_checks import deciding_settings, stored_settings
from ..data.cache_file import KIND, PARTS, CacheAbout, read_index, write_cache
from ..data.cache_parts import is_done, read_about, write_part, write_text
from ..data.dataset import check_parts
from ..data.inputs import Fingerprint, changed_inputs, find_inputs, fingerprint
from ..data.mmfi_frames import MMFiFrames
from ..data.opening import Listing, list_sequences, read_sequence, shared_layout
from ..data.parallel import map_in_order
from ..data.recording_frames import RecordingFrames
from ..errors import ConfigError, DataError, Interrupted
from ..progress import console, track
from ..types import Report
from .interrupt import StopRequest

T = TypeVar("T")

#: A configuration's ``out`` is the folder of a run, which must not be taken for the cache by mistake.
SUFFIXES = (".h5", ".hdf5")


def prepare_data(config: RunConfig, out: str | Path, *, workers: int | None = None) -> Report:
    """Write the cache of a configuration's ``data`` and ``prepare``.

    A cache that stands at ``out`` is kept where it is this one already, and replaced at the end where it is not.

    Args:
        config: as for training; only ``data`` and ``prepare`` are looked at.
        out: file to write.
        workers: processes; 0 works in this one. None is ``config.data.workers``.

    Returns:
        what is in the cache and what was left out.

    Raises:
        DataError: no usable data, an input that changed meanwhile, or a full disk: free some, and run it again.
        ConfigError: the configuration asks for a cache itself, or ``out`` is some other file or does not end in .h5.
        Interrupted: asked to stop; the same command goes on.
    """
    out = Path(out)
    if config.data.cache_file:
        raise ConfigError(f"prepare reads raw files: leave data.cache_file out; got {config.data.cache_file}")
    _refuse_other_file(out)
    workers = config.data.workers if workers is None else workers
    if workers < 0:
        raise ConfigError(f"workers must not be negative; got {workers}: 0 works in one process")
    with StopRequest() as stop:
        found = list_sequences(config.data, config.prepare)
        settings = deciding_settings(config.data, config.prepare)
        job = {"settings": settings, "versions": _versions()}
        inputs = find_inputs(config.data)
        kept = _kept(out, job, inputs)
        if kept is not None:
            console.print(f"{out} is up to date", markup=False)
            return kept
        folder = out.with_name(out.name + ".parts")
        recorded = _start(folder, job, inputs, workers, stop)
        names = [name for part in PARTS for name in found.parts[part]]
        pieces = {name: folder / f"{number:05d}" for number, name in enumerate(names)}
        _prepare_pieces(found, pieces, workers, stop)
        changed = changed_inputs(recorded, find_inputs(config.data))
        if changed:
            raise DataError(f"the data changed while it was prepared ({changed[0]}): run the same command again")
        report = _put_together(config, out, found, pieces, recorded, stop)
    shutil.rmtree(folder)
    return report


def _refuse_other_file(out: Path) -> None:
    if out.suffix not in SUFFIXES:
        raise ConfigError(f"out must be the name of an HDF5 file; got {str(out)!r}. Pass --out NAME.h5")
    if not out.exists():
        return
    if out.is_file():
        with out.open("rb") as file:
            if sealed_kind(file.read(HEAD)) == KIND:
                return
    raise ConfigError(f"out must be a new file or a cache to replace; {out} is something else: choose another name")


def _versions() -> dict[str, str]:
    return {
        "csi2pc": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "torch": torch.__version__,
    }


def _kept(out: Path, job: dict, inputs: dict[str, Path]) -> Report | None:
    """The report of the cache at ``out`` if it is what the job would make; None otherwise."""
    if not out.exists():
        return None
    try:
        about = read_index(out).about
    except DataError as error:
        console.print(f"making it anew: {error}", markup=False)
        return None
    same = {"settings": stored_settings(about), "versions": about.versions} == job
    return about.report if same and not changed_inputs(about.inputs, inputs) else None


def _start(
    folder: Path, job: dict, inputs: dict[str, Path], workers: int, stop: StopRequest
) -> dict[str, Fingerprint]:
    """Make the folder of pieces, or take up the one that a run of the same job left; fingerprints of the inputs."""
    record = folder / "job.json"
    for half_written in leftovers(folder):
        half_written.unlink(missing_ok=True)
    if record.exists():
        before = json.loads(record.read_text(encoding="utf-8"))
        recorded = {name: Fingerprint(**values) for name, values in before.pop("inputs").items()}
        if before == job and not changed_inputs(recorded, inputs):
            return recorded
        console.print(f"settings, versions or inputs differ from those of {folder}: starting over", markup=False)
    if folder.exists():
        shutil.rmtree(folder)
    taken = map_in_order(fingerprint, list(inputs.values()), workers=workers, description="fingerprinting inputs")
    recorded = dict(zip(inputs, _until(stop, taken, "nothing is written yet"), strict=True))
    job = {**job, "inputs": {name: asdict(of) for name, of in recorded.items()}}
    write_text(record, json.dumps(job))
    return recorded


def _prepare_pieces(found: Listing, pieces: dict[str, Path], workers: int, stop: StopRequest) -> None:
    left = [(name, piece) for name, piece in pieces.items() if not is_done(piece)]
    if len(left) < len(pieces):
        console.print(f"going on: {len(pieces) - len(left)} of {len(pieces)} sequences are prepared already")
    work = map_in_order(partial(_prepare_one, found.source), left, workers=workers, description="preparing sequences")
    done = _until(stop, work, "the sequences prepared so far are kept, and the same command goes on")
    try:
        for _ in done:
            pass
    except DataError as error:
        raise DataError(f"{error}. The sequences prepared so far are kept, and the same command goes on") from error


def _prepare_one(source: MMFiFrames | RecordingFrames, item: tuple[str, Path]) -> None:
    name, piece = item
    read = read_sequence(source, name)
    write_part(piece, read.samples, read.report, read.layout)


def _put_together(
    config: RunConfig,
    out: Path,
    found: Listing,
    pieces: dict[str, Path],
    inputs: dict[str, Fingerprint],
    stop: StopRequest,
) -> Report:
    """Write the cache from its pieces; what is in it and what was left out."""
    abouts = {name: read_about(piece) for name, piece in pieces.items()}
    parts = {part: [(pieces[name], abouts[name]) for name in names] for part, names in found.parts.items()}
    report = found.report
    for piece in abouts.values():
        report.merge(piece.report)
    layout = shared_layout({name: piece.layout for name, piece in abouts.items() if piece.frames}, report)
    check_parts({part: [frame for _, piece in of for frame in piece.frames] for part, of in parts.items()}, report)
    about = CacheAbout(asdict(config.data), asdict(config.prepare), layout, report, _versions(), inputs)
    steps = track(write_cache(out, parts, about), description=f"writing {out.name}", total=len(pieces))
    for _ in _until(stop, steps, "the prepared sequences are kept, and the same command goes on"):
        pass
    return report


def _until(stop: StopRequest, items: Iterator[T], what: str) -> Iterator[T]:
    """Yield ``items`` until somebody asks to stop. Raises Interrupted, saying ``what`` becomes of the work."""
    for item in items:
        yield item
        if stop.asked:
            items.close()
            raise Interrupted(f"interrupted; {what}")
