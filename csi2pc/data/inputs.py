"""Which files a data set is made of, and whether they are still what they were.

Each input is a file, or a folder with all files in it but hidden ones. Its fingerprint has two halves. ``listing`` is
taken over names, sizes and times of change: quick, but a copy of the data has other times. ``content`` is taken over
every byte, and is looked at only where the listing differs. So files that were merely copied are the same, and what was
edited is not, even where its size stayed.
"""

from __future__ import annotations

import csv
import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from ..errors import DataError
from .mmfi import ACTIONS, JOINTS_FILE, SCENES, SUBJECTS
from .mmfi_splits import PROTOCOLS

if TYPE_CHECKING:  # dataset.py, which describes the whole, imports what imports this file
    from .dataset import DataConfig

#: The input that is no path below the data root.
MANIFEST = "(manifest)"
#: Keys of a manifest whose text names no file.
_WORDS = ("name", "source", "licence", "id", "split", "scene", "subject", "action", "reader")
_PLACEHOLDER = re.compile(r"\{\w*\}")
_PATTERN = re.compile(r"[*?\[]")
_NAME = re.compile(r"[^\W\d].*\.|\..*[^\W\d]")  # a dot and a letter
_BLOCK = 1 << 22


@dataclass(frozen=True)
class Fingerprint:
    """Two digests of one input, as the module says; hexadecimal."""

    listing: str
    content: str


def find_inputs(config: DataConfig) -> dict[str, Path]:
    """Name -> path of every input that is there now; names are relative to the data root, so that it may move.

    MM-Fi: the folders of CSI and of the target's sensors, and the joints where they are cropped by, of each sequence of
    the protocol. Recordings: the manifest, every file or folder that it names, and those that tables (CSV) among them
    name.

    Raises:
        DataError: the manifest is no YAML.
    """
    if config.kind == "mmfi":
        return dict(_mmfi(config)) if config.root else {}
    if not config.manifest or not Path(config.manifest).is_file():
        return {}
    manifest = Path(config.manifest)
    root = Path(config.root) if config.root else manifest.parent
    try:
        content = yaml.safe_load(manifest.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:  # ValueError: no UTF-8, no such date
        raise DataError(f"{manifest} is not a readable YAML file: {error}") from error
    return {MANIFEST: manifest, **{os.path.relpath(path, root): path for path in sorted(set(_named(content, root)))}}


def fingerprint(path: Path) -> Fingerprint:
    """Both halves. Raises DataError where the input is gone or cannot be read."""
    return Fingerprint(listing(path), content(path))


def listing(path: Path) -> str:
    """The quick half."""
    rows = []
    for name, file in _files(path):
        try:
            status = file.stat()
        except OSError as error:
            raise _unreadable(file, error) from error
        rows.append(f"{name}\0{status.st_size}\0{status.st_mtime_ns}")
    return _digest("\n".join(rows).encode())


def content(path: Path) -> str:
    """The thorough half."""
    rows = []
    for name, file in _files(path):
        digest = hashlib.blake2b(digest_size=16)
        try:
            with file.open("rb") as stream:
                while block := stream.read(_BLOCK):
                    digest.update(block)
        except OSError as error:
            raise _unreadable(file, error) from error
        rows.append(f"{name}\0{digest.hexdigest()}")
    return _digest("\n".join(rows).encode())


def changed_inputs(recorded: Mapping[str, Fingerprint], found: Mapping[str, Path]) -> list[str]:
    """One line for each input that is gone, new or changed since it was recorded."""
    lines = [f"{name} is gone" for name in sorted(set(recorded) - set(found))]
    lines += [f"{name} is new" for name in sorted(set(found) - set(recorded))]
    for name in sorted(set(recorded) & set(found)):
        if listing(found[name]) != recorded[name].listing and content(found[name]) != recorded[name].content:
            lines.append(f"{name} has changed")
    return lines


def _mmfi(config: DataConfig) -> Iterator[tuple[str, Path]]:
    root, actions = Path(config.root), [action for action in ACTIONS if action in PROTOCOLS[config.protocol]]
    parts = ["wifi-csi", *config.target.sensors, *([JOINTS_FILE] if config.target.crop == "joints" else [])]
    for scene in SCENES:
        for subject in SUBJECTS if (root / scene).is_dir() else ():
            for action in actions if (root / scene / subject).is_dir() else ():
                for name in (f"{scene}/{subject}/{action}/{part}" for part in parts):
                    if (root / name).exists():
                        yield name, root / name


def _named(value: Any, root: Path, *, tables: bool = True) -> Iterator[Path]:
    """Files and folders that the texts in nested lists and mappings name, relative to ``root``; a placeholder such as
    ``{time_s}`` stands for anything."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key not in _WORDS:
                yield from _named(item, root, tables=key not in ("captures", "capture"))
    elif isinstance(value, list):
        for item in value:
            yield from _named(item, root, tables=tables)
    elif isinstance(value, str) and value.strip("./"):
        for path in _matches(root, value):
            yield path
            if tables and path.suffix.lower() == ".csv" and path.is_file():
                yield from (path.parent / cell for cell in _cells(path) if (path.parent / cell).exists())


def _matches(root: Path, text: str) -> list[Path]:
    try:
        if (root / text).exists():
            return [root / text]
        pattern = _PLACEHOLDER.sub("*", text)
        return sorted(root.glob(pattern)) if _PATTERN.search(pattern) else []
    except (OSError, NotImplementedError, ValueError):  # a text that is no path
        return []


def _cells(table: Path) -> set[str]:
    """The cells of a table of target frames that may be names of files."""
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            return {cell for row in csv.reader(file) for cell in row if _NAME.search(cell)}
    except (OSError, UnicodeDecodeError, csv.Error):  # a file of another kind
        return set()


def _files(path: Path) -> list[tuple[str, Path]]:
    if not path.is_dir():
        return [("", path)]
    files = (file for file in path.rglob("*") if not file.name.startswith(".") and file.is_file())
    return sorted((file.relative_to(path).as_posix(), file) for file in files)


def _unreadable(path: Path, error: OSError) -> DataError:
    return DataError(f"{path}: cannot be read ({error.strerror}); check the path and its permissions")


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()
