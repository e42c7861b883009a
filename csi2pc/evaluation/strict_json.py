"""Results as strict JSON: null for what is missing, never NaN; what is read has exactly the fields it should.

A file of results may come from anywhere. What does not fit is refused, and nothing in it is ever executed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from ..data.atomic import replacing

Kind = TypeVar("Kind")

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
    content = json.loads(Path(path).read_text(encoding="utf-8"), parse_constant=_refuse_constant)
    if not isinstance(content, dict) or content.pop("version", None) != version:
        raise ValueError(f"its version is not {version}")
    return content


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
            raise ValueError(f"{name} must be {annotation}; got {value!r:.60}")
        return tuple(value)
    if type(value) not in _HOLDS.get(annotation, (tuple, dict)):
        raise ValueError(f"{name} must be {annotation}; got {value!r:.60}")
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
