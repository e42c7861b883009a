"""Write a whole synthetic data set: sequences in parallel processes, resumable, the same bytes for the same seed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path

from .. import __version__
from ..csi.mmfi import SIMULATION_RECORD
from ..data.atomic import leftovers, replacing
from ..errors import ConfigError, DataError
from ..progress import track
from ..types import Report
from .captures import MANIFEST, SENSORS, write_manifest
from .checksums import CHECKSUMS, digest
from .config import SimConfig
from .sequence import FRAME_RATE, Sequence, sequence_files, sequence_of, write_sequence


def simulate(config: SimConfig, out: str | Path, *, workers: int = 1) -> Report:
    """Simulate a data set in MM-Fi's layout.

    Writes ``E0x/Sxx/Axx/{wifi-csi,mmwave,lidar,depth}/frameNNN.*``, ``ground_truth.npy`` for every sequence, and
    ``.csi2pc/simulation.json``, which says that all of it is synthetic, and how it was made; once all sequences are
    there, it holds a digest of each (:func:`~csi2pc.sim.checksums.verify`). Under another ``radio.layout`` than
    MM-Fi's, CSI is in ``wifi-csi/<receiver>.h5``, and ``manifest.yaml`` makes own recordings of it all. A run that was
    interrupted goes on where it stopped and ends with the same files; sequences that are complete are not made again.

    Args:
        config: what to simulate.
        out: folder, new, empty, or holding the same simulation.
        workers: processes. The files do not depend on it.

    Returns:
        Report with the sequences written or found complete, and a note on each kind.

    Raises:
        ConfigError: ``workers`` is below 1, or ``out`` holds something else.
        DataError: a file cannot be written, for example because the disk is full, or a process was killed. What is
            complete stays.
    """
    if workers < 1:
        raise ConfigError(f"workers must be at least 1; got {workers}")
    root = Path(out)
    record = _record(config)
    _open_folder(root, record)
    sequences = [sequence_of(subject, action) for subject in config.subjects for action in config.actions]
    missing = [sequence for sequence in sequences if not _complete(config, root, sequence)]
    for sequence in missing:
        _prepare(config, root, sequence)
    done = _run(config, root, missing, workers=min(workers, max(len(missing), 1)))
    for _ in track(done, description="simulate", total=len(missing)):
        pass
    _finish(config, root, sequences)
    report = Report(read=len(sequences))
    found = len(sequences) - len(missing)
    report.notes.append(f"synthetic: {len(missing)} sequences simulated, {found} found complete")
    if config.captures and not _has_manifest(config):
        report.notes.append(f"no {MANIFEST}: modalities must have wifi-csi and one of {', '.join(SENSORS)} to train on")
    return report


def _run(config: SimConfig, root: Path, sequences: list[Sequence], *, workers: int) -> Iterator[str]:
    """Names of the sequences as they get done."""
    if workers == 1:
        for sequence in sequences:
            yield write_sequence(config, root, sequence)
        return
    with _one_thread_each(), ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        waiting = [pool.submit(write_sequence, config, root, sequence) for sequence in sequences]
        try:
            for future in as_completed(waiting):
                yield future.result()
        except BrokenProcessPool as error:
            raise DataError(
                f"a process that simulated a sequence in {root} was killed, perhaps for want of memory; run the same "
                "again with fewer workers, it goes on where it stopped"
            ) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _has_manifest(config: SimConfig) -> bool:
    return config.captures and "wifi-csi" in config.modalities and not set(SENSORS).isdisjoint(config.modalities)


def _finish(config: SimConfig, root: Path, sequences: list[Sequence]) -> None:
    """Write the manifest, and the digests into the record; digests that are there stay, and tell what has changed."""
    names = [str(sequence) for sequence in sequences]
    if _has_manifest(config) and not (root / MANIFEST).is_file():
        write_manifest(config, root, names, rate=FRAME_RATE)
    record = json.loads((root / SIMULATION_RECORD).read_text(encoding="utf-8"))
    if CHECKSUMS in record:
        return
    digested = [*names, MANIFEST] if _has_manifest(config) else names
    progress = track(digested, description="checksums", total=len(digested))
    _write_record(root, {**record, CHECKSUMS: {name: digest(root / name) for name in progress}})


def _write_record(root: Path, record: dict[str, object]) -> None:
    with replacing(root / SIMULATION_RECORD) as temporary:
        temporary.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def _record(config: SimConfig) -> dict[str, object]:
    return {
        "synthetic": True,
        "made_by": "csi2pc simulate",
        "version": __version__,
        "seed": config.seed,
        "sequence_seeds": "SeedSequence([seed, scene, subject, action])",
        "config": asdict(config),
    }


def _open_folder(root: Path, record: dict[str, object]) -> None:
    """Make sure that the folder is ours: write the record into a new one, compare it with what another says."""
    path = root / SIMULATION_RECORD
    if path.is_file():
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ConfigError(f"{path} cannot be read ({error}); choose another folder") from error
        if isinstance(found, dict):
            found = {key: value for key, value in found.items() if key != CHECKSUMS}
        if found != json.loads(json.dumps(record)):
            raise ConfigError(
                f"{root} holds another simulation ({_difference(found, record)}); choose another folder, or delete it"
            )
        return
    halves = leftovers(path.parent)  # of a run that was killed while it wrote the record
    others = [entry for entry in root.iterdir() if entry != path.parent] if root.is_dir() else []
    strange = path.parent.is_dir() and set(path.parent.iterdir()) - set(halves)
    if others or strange or (root.exists() and not root.is_dir()):
        raise ConfigError(f"{root} must be new, empty, or hold the same simulation; it holds something else")
    for half in halves:
        half.unlink()
    _write_record(root, record)


def _difference(found: object, wanted: object, where: str = "") -> str:
    """The first place in which two records differ, for the error."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        for key in sorted({*found, *wanted}):
            if found.get(key) != wanted.get(key):
                return _difference(found.get(key), wanted.get(key), f"{where}.{key}" if where else key)
    return f"its {where or 'record'} is {found!r}, asked for {wanted!r}"


def _complete(config: SimConfig, root: Path, sequence: Sequence) -> bool:
    """The joints are written last; the other files are looked for in case someone deleted some."""
    return all(path.is_file() for path in reversed(sequence_files(config, root, sequence)))


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Processes that start meanwhile compute with one thread: together they fill the machine already."""
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before


def _prepare(config: SimConfig, root: Path, sequence: Sequence) -> None:
    """Make the folders, and clear away what a killed run left half written."""
    for folder in {path.parent for path in sequence_files(config, root, sequence)}:
        folder.mkdir(parents=True, exist_ok=True)
        for half in leftovers(folder):
            half.unlink()
