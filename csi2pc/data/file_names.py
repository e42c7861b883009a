"""Frames whose times stand in their file names: ``depth/{time_us}.png``, ``scan_{index}.pcd``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from ..errors import ConfigError
from .point_text import SECONDS

#: Placeholder -> what it stands for in a file name.
_TEXTS = {f"time{suffix}": r"\d+" for suffix in SECONDS if suffix} | {"time_s": r"\d+(?:\.\d+)?", "index": r"\d+"}
_BRACES = re.compile(r"\{([^{}]*)\}")


def find_placeholder(pattern: str) -> str:
    """The name of a pattern's placeholder.

    Raises:
        ConfigError: none, several, an unknown one, or one in the name of a folder.
    """
    found = _BRACES.findall(pattern)
    if len(found) != 1 or found[0] not in _TEXTS or "{" not in Path(pattern).name:
        allowed = ", ".join(f"{{{name}}}" for name in _TEXTS)
        raise ConfigError(
            f"a pattern of files needs one of {allowed} in the files' name, since each frame has a time; got "
            f"{pattern!r}. Where the names do not tell the time, list files and times in a CSV file (times)"
        )
    if set("?[") & set(pattern):
        raise ConfigError(f"a pattern may have one placeholder and * for anything else; got {pattern!r}")
    return found[0]


def check_masks(masks: str, files: str) -> None:
    """Raises ConfigError unless ``masks`` has the placeholder of ``files`` and no ``*``."""
    if _BRACES.findall(masks) != _BRACES.findall(files) or set("*?[") & set(masks):
        raise ConfigError(
            f"masks must name one image for each of files, with the same placeholder and no *; got {masks!r} for "
            f"{files!r}"
        )


def filled(pattern: str, text: str) -> str:
    """A pattern with its placeholder filled in."""
    return _BRACES.sub(lambda _: text, pattern)


def matching(root: Path, pattern: str) -> Iterator[tuple[Path, str | None]]:
    """The files that fit a pattern, in the order of their names, with the placeholder's text, None where that is no
    such number.

    Raises:
        ConfigError: the pattern is absolute or malformed.
    """
    text = _TEXTS[find_placeholder(pattern)]
    before, _, after = _BRACES.sub("\0", Path(pattern).name).partition("\0")
    name = re.compile(f"{_anything(before)}({text}){_anything(after)}")
    try:
        paths = sorted(root.glob(re.sub(r"\*+", "*", _BRACES.sub("*", pattern))))
    except (NotImplementedError, ValueError) as error:
        raise ConfigError(
            f"files must be a pattern relative to the data root {root}; got {pattern!r} ({error})"
        ) from error
    for path in paths:
        match = name.fullmatch(path.name)
        yield path, match[1] if match else None


def seconds_of(placeholder: str, text: str) -> float:
    """The time that a ``{time_...}`` placeholder's text says."""
    unit = SECONDS[placeholder.removeprefix("time")]
    return float(text) if unit == 1 else int(text) / round(1 / unit)


def _anything(text: str) -> str:
    return ".*?".join(map(re.escape, text.split("*")))
