"""Reading the files of a folder that may come from anywhere: bounded, strict, and never executed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from safetensors import SafetensorError, safe_open

from ..errors import DataError
from ..evaluation import strict_json
from ..evaluation.strict_json import LARGEST

#: Largest YAML file: its reader is slow, and a configuration has a few thousand bytes.
LARGEST_YAML = 2**20
#: Characters of a file that are shown word for word.
SHOWN = 100_000
#: How readers of files fail on content that nobody foresaw.
_DAMAGE = (OSError, ValueError, KeyError, IndexError, AttributeError, TypeError, RecursionError, yaml.YAMLError)


def inside(path: Path, folder: Path) -> Path:
    """``path``, once no link leads from it out of ``folder``: a page must not carry files from elsewhere.

    Raises:
        DataError: it leads out.
    """
    try:
        leads_out = not path.resolve().is_relative_to(folder.resolve())
    except (OSError, ValueError, RuntimeError) as error:  # a loop of links, or no name of a file
        raise DataError(f"{str(path)!r:.300} cannot be followed: {error!s:.200}; restore the file") from error
    if leads_out:
        raise DataError(f"{path} must lie in its folder, {folder}, but leads out of it: put the file itself there")
    return path


def read_text(path: Path, *, within: Path, most: int = LARGEST) -> str:
    """The text of a regular file in the folder ``within``, of at most ``most`` bytes.

    Raises:
        DataError: missing, too large, not UTF-8, or leading out of the folder.
    """
    try:
        return strict_json.read_text(inside(path, within), most=most)
    except (OSError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path} cannot be read: {error}; restore the file") from error


def read_json(path: Path, *, within: Path) -> dict[str, Any]:
    """A strict JSON object; an empty one where there is no file.

    Raises:
        DataError: damaged, something else, or leading out of the folder ``within``.
    """
    if not path.exists():
        return {}
    text = read_text(path, within=within)
    try:
        return _object(text)
    except ValueError as error:
        raise DataError(f"{path} must be a strict JSON object: {error}; restore the file, or make it again") from error


def read_history(path: Path, *, within: Path) -> list[dict[str, Any]]:
    """The lines of a ``metrics.jsonl``; the last one is left out where a kill cut it off.

    Raises:
        DataError: another line is no JSON object, or the file leads out of the folder ``within``.
    """
    lines = read_text(path, within=within).split("\n") if path.exists() else []
    rows = []
    for number, line in enumerate(lines, 1):
        try:
            if line or number < len(lines):
                rows.append(_object(line))
        except ValueError as error:
            if number < len(lines):
                raise DataError(f"{path}, line {number}, must be a JSON object: {error}; restore the file") from error
    return rows


def read_settings(path: Path, *, within: Path) -> Mapping[str, Any]:
    """The top level of a YAML file of at most :data:`LARGEST_YAML` bytes, through YAML's safe loader.

    Raises:
        DataError: not YAML, no mapping, too large, or leading out of the folder ``within``.
    """
    text = read_text(path, within=within, most=LARGEST_YAML)
    try:
        content = yaml.safe_load(text)
    except _DAMAGE as error:
        raise DataError(f"{path} is not a readable YAML file: {error!s:.500}; restore the file") from error
    if not isinstance(content, dict):
        raise DataError(f"{path} must hold settings by name; got a {type(content).__name__}; restore the file")
    return content


def setting(settings: Mapping[str, Any], name: str, kind: type) -> Any:
    """``settings["a"]["b"]`` for ``"a.b"``; None where it is missing or no ``kind``."""
    value: Any = settings
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value if type(value) is kind else None


def simulated(data: Mapping[str, Any]) -> bool:
    """Whether a ``data.json`` says that its data was simulated: opening such data notes it in these words."""
    notes = data.get("notes")
    return isinstance(notes, list) and any(str(note).startswith("synthetic data") for note in notes)


def progress_of(checkpoint: Path, *, within: Path) -> Mapping[str, Any]:
    """What a checkpoint's header says of the training; empty where there is no such file. Weights are not read.

    Raises:
        DataError: damaged, no checkpoint of this project, or leading out of the folder ``within``.
    """
    if not checkpoint.exists():
        return {}
    inside(checkpoint, within)
    try:
        if not checkpoint.is_file():
            raise ValueError("it is no regular file")
        with safe_open(checkpoint, framework="numpy") as stored:
            progress = _object((stored.metadata() or {}).get("csi2pc", "")).get("progress")
    except (SafetensorError, *_DAMAGE) as error:
        raise DataError(f"{checkpoint} is not a readable checkpoint: {error}; restore it, or train again") from error
    return progress if isinstance(progress, dict) else {}


def shown(text: str) -> str:
    """``text``, or its beginning and how much was left out."""
    if len(text) <= SHOWN:
        return text
    return f"{text[:SHOWN]}\n... and {len(text) - SHOWN:,} characters more in the file"


def plain(value: Any) -> str:
    """A value out of a JSON file in one line of at most 500 characters."""
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 500 else f"{text[:499]}…"


def _object(text: str) -> dict[str, Any]:
    content = strict_json.parsed(text)
    if not isinstance(content, dict):
        raise ValueError(f"got a {type(content).__name__}")
    return content
