"""YAML read into dataclasses: every key and type is checked, and an error says where in the file it is."""

from __future__ import annotations

import types
from collections.abc import Hashable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import yaml

from ..errors import ConfigError, DataError
from .missing import missing

T = TypeVar("T")


class _Loader(yaml.SafeLoader):
    """YAML's safe loader, which would take the last of several equal keys without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, Hashable):
                if key in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"the key {key!r} stands twice: leave one", key_node.start_mark
                    )
                seen.add(key)
        return super().construct_mapping(node, deep=deep)


def read_typed_yaml(kind: type[T], path: str | Path) -> T:
    """Read a YAML file whose top level is the dataclass ``kind``. Nothing in the file is run.

    Raises:
        DataError: as :func:`read_yaml`.
        ConfigError: an unknown key (the message lists the allowed ones), a missing key, a wrong type, or values that
            the dataclass refuses.
    """
    return _typed(kind, read_yaml(path), str(path))


def read_yaml(path: str | Path) -> Any:
    """What a YAML file holds, as mappings, lists and plain values.

    Raises:
        DataError: missing, not YAML, or with a key twice in one mapping.
    """
    try:
        return yaml.load(Path(path).read_text(encoding="utf-8"), Loader=_Loader)
    except FileNotFoundError as error:
        raise DataError(f"{missing(path)}; name a YAML file") from error
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:  # ValueError: no UTF-8, no such date
        raise DataError(f"{path} is not a readable YAML file: {error}") from error


def _typed(kind: Any, value: Any, where: str) -> Any:
    origin, choices = get_origin(kind), get_args(kind)
    if kind is Any:
        return value
    if is_dataclass(kind):
        return _dataclass(kind, value, where)
    if origin in (Union, types.UnionType):
        fitting = [choice for choice in choices if _fits(choice, value)]
        if not fitting:
            raise _wrong(" or ".join(map(_in_words, choices)), value, where)
        return _typed(fitting[0], value, where)
    if not _fits(kind, value):
        raise _wrong(_in_words(kind), value, where)
    if origin is list:
        return [_typed(choices[0], item, f"{where}[{number}]") for number, item in enumerate(value)]
    if origin is dict:
        return {_name(key, where): _typed(choices[1], item, f"{where}: {key}") for key, item in value.items()}
    return float(value) if kind is float else value


def _name(key: Any, where: str) -> str:
    if not isinstance(key, str):
        raise _wrong("a mapping whose keys are texts", key, where)
    return key


def _dataclass(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, Mapping):
        raise _wrong(_in_words(kind), value, where)
    allowed = {f.name: f for f in fields(kind)}
    unknown = [key for key in value if key not in allowed]
    if unknown:
        raise ConfigError(f"{where}: unknown key {unknown[0]!r}; allowed are {', '.join(allowed)}")
    for name, f in allowed.items():
        if name not in value and f.default is MISSING and f.default_factory is MISSING:
            raise ConfigError(f"{where}: the key {name!r} is missing; given are {', '.join(map(str, value)) or 'none'}")
    hints = get_type_hints(kind)
    values = {key: _typed(hints[key], item, f"{where}: {key}") for key, item in value.items()}
    try:
        return kind(**values)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error


def _fits(kind: Any, value: Any) -> bool:
    origin = get_origin(kind)
    if origin is Literal:
        return isinstance(value, str) and value in get_args(kind)
    if kind is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if is_dataclass(kind):
        return isinstance(value, Mapping)
    return isinstance(value, origin or kind)


def _in_words(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(get_args(kind))
    if get_origin(kind) is dict:
        return "a mapping of names"
    if is_dataclass(kind):
        return "a mapping with " + ", ".join(f.name for f in fields(kind))
    words = {float: "a number", str: "a text", int: "a whole number", types.NoneType: "nothing"}
    return words.get(kind) or f"a {(get_origin(kind) or kind).__name__}"


def _wrong(rule: str, value: Any, where: str) -> ConfigError:
    return ConfigError(f"{where} must be {rule}; got {value!r:.80}{_hint(rule, value)}")


def _hint(rule: str, value: Any) -> str:
    """What YAML made of something that looks right."""
    if "a number" in rule and isinstance(value, str):
        try:
            return f": write it as {float(value)!r}, since YAML reads {value} as text"
        except ValueError:
            return ""
    if "a text" in rule and isinstance(value, (int, float, bool, date)):
        return ": put it in quotes"
    return ""
