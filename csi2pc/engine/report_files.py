"""Reading the files of a folder that may come from anywhere: bounded, strict, and never executed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from safetensors import SafetensorError, safe_open

from ..errors import DataError

#: Largest text file that is read whole: 50,000 skipped frames in a data.json take about 5 million bytes.
LARGEST = 64 * 2**20
#: Characters of a file that are shown word for word.
SHOWN = 100_000


def read_text(path: Path) -> str:
    """The text of a file.

    Raises:
        DataError: missing, larger than :data:`LARGEST`, or not UTF-8.
    """
    try:
        size = path.stat().st_size
        if size > LARGEST:
            raise ValueError(f"it has {size:,} bytes; at most {LARGEST:,} are read")
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise DataError(f"a report needs files that can be read; {path}: {error}; restore the file") from error


def read_json(path: Path, kind: type = dict) -> Any:
    """Strict JSON whose top is a ``kind``; an empty one where there is no file.

    Raises:
        DataError: damaged, or something else.
    """
    if not path.exists():
        return kind()
    try:
        content = json.loads(read_text(path), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} must be strict JSON: {error}; restore the file, or make it again") from error
    if not isinstance(content, kind):
        raise DataError(f"{path} must hold a JSON {kind.__name__}; got {content!r:.60}; make the file again")
    return content


def read_history(path: Path) -> list[dict[str, Any]]:
    """The lines of a ``metrics.jsonl``; the last one is left out where a kill cut it off.

    Raises:
        DataError: another line is no JSON object.
    """
    lines = read_text(path).split("\n") if path.exists() else []
    rows = []
    for number, line in enumerate(lines, 1):
        try:
            if line or number < len(lines):
                rows.append(_object(line))
        except ValueError as error:
            if number < len(lines):
                raise DataError(f"{path}, line {number}, must be a JSON object: {error}; restore the file") from error
    return rows


def read_settings(path: Path) -> Mapping[str, Any]:
    """The top level of a YAML file, through YAML's safe loader.

    Raises:
        DataError: not YAML, or no mapping.
    """
    try:
        content = yaml.safe_load(read_text(path))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise DataError(f"{path} is not a readable YAML file: {error}; restore the file") from error
    if not isinstance(content, dict):
        raise DataError(f"{path} must hold settings by name; got {content!r:.60}; restore the file")
    return content


def setting(settings: Mapping[str, Any], name: str, kind: type) -> Any:
    """``settings["a"]["b"]`` for ``"a.b"``; None where it is missing or no ``kind``."""
    value: Any = settings
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value if type(value) is kind else None


def progress_of(checkpoint: Path) -> Mapping[str, Any]:
    """What a checkpoint's header says of the training; empty where there is no such file. Weights are not read.

    Raises:
        DataError: damaged, or no checkpoint of this project.
    """
    if not checkpoint.exists():
        return {}
    try:
        with safe_open(checkpoint, framework="numpy") as stored:
            progress = _object((stored.metadata() or {}).get("csi2pc", "")).get("progress")
    except (SafetensorError, OSError, ValueError) as error:
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


def _object(line: str) -> dict[str, Any]:
    content = json.loads(line)
    if not isinstance(content, dict):
        raise ValueError(f"got {line!r:.60}")
    return content


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
