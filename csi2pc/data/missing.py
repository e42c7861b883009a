"""What to say of a path that is not there: also where it was looked for, since relative paths start anywhere."""

from __future__ import annotations

from pathlib import Path


def missing(path: str | Path) -> str:
    """Part of an error message: ``"nowhere does not exist (looked in /home/me)"``, or without the bracket where
    ``path`` is absolute."""
    path = Path(path)
    return f"{path} does not exist" + ("" if path.is_absolute() else f" (looked in {path.absolute().parent})")
