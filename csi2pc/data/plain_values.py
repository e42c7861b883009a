"""Settings as plain values: what a file says is never taken for the name of code, or of another file.

jsonargparse imports what ``class_path`` names, or a text where settings are expected, before it finds that it cannot be
used; and ``config`` opens another file. A run folder from elsewhere is data, so that these never reach it.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Union, get_args, get_origin, get_type_hints

from ..errors import ConfigError

#: Keys that mean more than a setting to jsonargparse.
SPECIAL = ("class_path", "init_args", "dict_kwargs", "config", "__path__", "__default_config__")


def refuse_code(values: Any, kind: type) -> None:
    """Check that nested values hold settings and nothing that is imported or opened.

    Args:
        values: what a YAML file or a checkpoint holds.
        kind: the dataclass that is to be made of it.

    Raises:
        ConfigError: a key with a meaning of its own, or a text, a number or a list where a mapping of settings belongs.
            Unknown keys and other wrong types are left to who builds the dataclass.
    """
    _keys(values, "")
    _mappings(values, kind, "")


def _keys(values: Any, where: str) -> None:
    """Wherever it stands, also among options that are free to have any key."""
    if isinstance(values, Mapping):
        for key, value in values.items():
            if not isinstance(key, str):
                raise ConfigError(f"keys of settings must be texts; got {key!r:.80}{_in(where)}: put it in quotes")
            if set(key.split(".")) & set(SPECIAL):
                raise ConfigError(
                    f"{key!r:.80} is no setting{_in(where)}: settings are plain values (--help lists them)"
                )
            _keys(value, f"{where}{key}.")
    elif isinstance(values, list):
        for value in values:
            _keys(value, where)


def _mappings(values: Any, kind: Any, where: str) -> None:
    choices = get_args(kind)
    if is_dataclass(kind):
        if not isinstance(values, Mapping):
            allowed = ", ".join(item.name for item in fields(kind))
            raise ConfigError(f"{where.rstrip('.') or 'settings'} must be a mapping of {allowed}; got {values!r:.80}")
        for name, hint in get_type_hints(kind).items():
            if name in values:
                _mappings(values[name], hint, f"{where}{name}.")
    elif get_origin(kind) in (Union, types.UnionType):
        for choice in choices:
            if is_dataclass(choice) and values is not None:
                _mappings(values, choice, where)
    elif get_origin(kind) is list and is_dataclass(choices[0]):
        if not isinstance(values, list):
            raise ConfigError(f"{where.rstrip('.')} must be a list; got {values!r:.80}")
        for number, value in enumerate(values):
            _mappings(value, choices[0], f"{where.rstrip('.')}[{number}].")
    elif get_origin(kind) is dict and isinstance(values, Mapping):
        for key, value in values.items():
            _mappings(value, choices[1], f"{where}{key}.")


def _in(where: str) -> str:
    return f" in {where.rstrip('.')}" if where else ""
