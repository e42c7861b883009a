"""Whether a cache is what a run asks for: prepared with its settings, from the files that are there now."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..csi.prepare import PrepareConfig
from ..errors import ConfigError, DataError
from .cache_file import CacheAbout
from .inputs import MANIFEST, changed_inputs, find_inputs

if TYPE_CHECKING:  # dataset.py, which describes the whole, imports what imports this file
    from .dataset import DataConfig

#: Settings of ``data`` that say where and how files are read, not what comes out.
FREE = ("root", "manifest", "cache_file", "verify", "cache", "workers")
#: How many changed inputs a message names at the most.
NAMED = 5


def deciding_settings(data: DataConfig, prepare: PrepareConfig) -> dict[str, Any]:
    """The settings that decide what a data set gives, by dotted name, as JSON would give them back."""
    kept = {name: value for name, value in asdict(data).items() if name not in FREE}
    return _flat({"data": json.loads(json.dumps(kept)), "prepare": json.loads(json.dumps(asdict(prepare)))})


def stored_settings(about: CacheAbout) -> dict[str, Any]:
    """The same of what a cache was prepared with."""
    return _flat({"data": {k: v for k, v in about.data.items() if k not in FREE}, "prepare": about.prepare})


def refuse_other_settings(path: str | Path, about: CacheAbout, data: DataConfig, prepare: PrepareConfig) -> None:
    """Raises ConfigError naming each setting in which a cache and a run differ, with both values."""
    stored, asked = stored_settings(about), deciding_settings(data, prepare)
    for settings in (stored, asked):  # no choice among subcarriers is the same as choosing all there are
        if settings.get("prepare.subcarriers") is None:
            settings["prepare.subcarriers"] = list(about.layout.subcarriers)
    nothing = object()
    lines = [
        f"{name}: {_shown(stored, name)} in the cache, {_shown(asked, name)} in this run"
        for name in sorted({*stored, *asked})
        if stored.get(name, nothing) != asked.get(name, nothing)
    ]
    if lines:
        raise ConfigError(
            f"a run uses a cache with the settings that it was prepared with; {path} differs in {'; '.join(lines)}. "
            f"Prepare one for this run (csi2pc prepare), or change these settings"
        )


def refuse_stale(path: str | Path, about: CacheAbout, data: DataConfig) -> str:
    """Compare a cache's inputs with the raw files, where they are at hand.

    Returns:
        a note where they are not, else an empty text.

    Raises:
        DataError: some of them are gone, new or changed.
    """
    found = find_inputs(data)
    recorded = about.inputs
    at_hand = not set(found).isdisjoint(set(recorded) - {MANIFEST})
    if not at_hand:  # the manifest may well be here without the files it names
        recorded, found = ({k: v for k, v in of.items() if k == MANIFEST and k in found} for of in (recorded, found))
    changed = changed_inputs(recorded, found)
    if changed:
        more = f" and {len(changed) - NAMED} more" if len(changed) > NAMED else ""
        raise DataError(
            f"{path} is stale, its inputs are not what they were: {', '.join(changed[:NAMED])}{more}. Prepare it again "
            f"with the same csi2pc prepare command; data.verify: false uses it as it is"
        )
    return "" if at_hand else f"the raw files of {path} are not at hand, so it was not compared with them"


def other_version(path: str | Path, about: CacheAbout) -> str:
    """A note where another version of this project made the cache, else an empty text."""
    made = about.versions.get("csi2pc")
    if made == __version__:
        return ""
    return f"{path} was prepared by csi2pc {made}; what {__version__} would make of the raw files may differ"


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat.update(_flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {prefix + name: value})
    return flat


def _shown(settings: Mapping[str, Any], name: str) -> str:
    return repr(settings[name]) if name in settings else "(unknown)"
