"""One name for each of several captures, for the files and folders that come out of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..errors import DataError


def names_of(captures: Sequence[str | Path]) -> dict[str, Path]:
    """A name for each capture: its own without suffix; with suffix and parents where others are called the same.

    Raises:
        DataError: none is given, or one is given twice.
    """
    paths = [Path(capture) for capture in captures]
    if not paths:
        raise DataError("at least one capture is needed; got none. Name capture files or MM-Fi folders")
    whole = [path.resolve() for path in paths]
    short = [path.with_suffix("") if path.is_file() else path for path in whole]
    for depth in range(1, max(len(path.parts) for path in whole) + 1):
        for candidates in (short, whole):
            names = ["-".join(path.parts[-depth:]).strip(path.anchor) for path in candidates]
            if len(set(names)) == len(names):
                return dict(zip(names, paths, strict=True))
    raise DataError(f"every capture must be named once; got {', '.join(map(str, paths))}")
