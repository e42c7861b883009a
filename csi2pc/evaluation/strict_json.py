"""Results as strict JSON: null for what is missing, never NaN; what is read has exactly the fields it should.

A file of results may come from anywhere. What does not fit is refused, and nothing in it is ever executed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from ..data.atomic import replacing

Kind = TypeVar("Kind")

#: Largest text file that is read whole: 50,000 skipped frames in a data.json take about 5 million bytes.
LARGEST = 64 * 2**20
#: Digits of a whole number at most: more fit into no float that can be drawn.
DIGITS = 100

#: What a field of each annotation may hold in JSON; fields of other annotations must be tuples or dictionaries by now.
_HOLDS: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "str | None": (str, type(None)),
    "bool": (bool,),
    "int": (int,),
    "float": (float, int),
    "float | None": (float, int, type(None)),
}
#: What the entries of a tuple of each annotation may be.
_ENTRIES: dict[str, tuple[type, ...]] = {
    "tuple[str, ...]": (str,),
    "tuple[int, ...]": (int,),
    "tuple[float | None, ...]": (float, int, type(None)),
}


def write_json(path: str | Path, content: Mapping[str, Any]) -> None:
    """Write atomically.

    Raises:
        ValueError: a number is not finite.
        DataError: the file cannot be written; what stood there before is untouched.
    """
    text = json.dumps(content, indent=1, allow_nan=False)
    with replacing(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def read_json(path: str | Path, *, version: int) -> dict[str, Any]:
    """Read a file of the form ``{"version": version, ...}``; the version is taken out.

    Raises:
        OSError, ValueError: not readable, not strict JSON, no object, or another version.
    """
    content = parsed(read_text(path))
    if not isinstance(content, dict) or content.pop("version", None) != version:
        raise ValueError(f"its version is not {version}")
    return content


def read_text(path: str | Path, *, most: int = LARGEST) -> str:
    """The text of a regular file of at most ``most`` bytes; of a larger one no more than that is read.

    Raises:
        OSError, ValueError: not readable, too large, not UTF-8, or no regular file: a pipe would be waited for forever.
    """
    path = Path(path)
    if path.exists() and not path.is_file():
        raise ValueError("it is no regular file")
    with open(path, "rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise ValueError(f"it has more than {most:,} bytes, and no more are read")
    return content.decode("utf-8")


def parsed(text: str) -> Any:
    """What strict JSON says: every number in it is finite.

    Raises:
        ValueError: it is none, its nesting is too deep to be read, or a whole number exceeds :data:`DIGITS` digits.
    """
    try:
        return json.loads(text, parse_constant=_refuse_constant, parse_float=_finite, parse_int=_whole)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def exactly(kind: type[Kind], content: Mapping[str, Any]) -> Kind:
    """``kind``, a dataclass, from a mapping with exactly its fields, each of its type.

    Raises:
        ValueError: a field is missing, is too much, or holds a value of another type.
    """
    expected = {item.name: str(item.type) for item in fields(kind)}  # type: ignore[arg-type]
    if not isinstance(content, Mapping) or set(content) != set(expected):
        raise ValueError(f"a {kind.__name__} must have exactly the fields {', '.join(sorted(expected))}")
    checked = {name: _checked(name, expected[name], value) for name, value in content.items()}
    return kind(**checked)


def _checked(name: str, annotation: str, value: Any) -> Any:
    if annotation in _ENTRIES:
        if type(value) not in (tuple, list) or any(type(entry) not in _ENTRIES[annotation] for entry in value):
            raise ValueError(f"{name} must be {annotation}; got a {type(value).__name__} of something else")
        return tuple(value)
    if type(value) not in _HOLDS.get(annotation, (tuple, dict)):
        raise ValueError(f"{name} must be {annotation}; got a value of type {type(value).__name__}")
    return value


def _finite(text: str) -> float:
    if not math.isfinite(value := float(text)):
        raise ValueError(f"{text:.40} is beyond every number that can be stored")
    return value


def _whole(text: str) -> int:
    if len(text) > DIGITS:
        raise ValueError(f"a whole number must have at most {DIGITS} digits; one has {len(text)}")
    return int(text)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
