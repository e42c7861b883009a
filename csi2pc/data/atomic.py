"""Writing files so that a reader, or a run that was killed, never meets half of one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import DataError


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary name beside ``path`` to write to; it takes the name ``path`` when the block ends well.

    When it does not, the temporary file is removed and whatever stood at ``path`` before is still there.

    Raises:
        DataError: the file could not be written, for example because the disk is full.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        raise DataError(
            f"could not write {path}: {error.strerror or error}. What was there before is untouched; "
            f"free some space or choose another folder"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
