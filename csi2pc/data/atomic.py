"""Writing files so that a reader, or a run that was killed, never meets half of one."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import DataError

#: Name of the temporary file of ``a.txt`` while process 17 writes it: ``.a.txt.17.part``.
_TEMPORARY = re.compile(r"\..+\.\d+\.part")


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
        with suppress(OSError):  # of a folder that could not be made, for one: the error above is the one to tell
            temporary.unlink(missing_ok=True)


def leftovers(folder: str | Path) -> list[Path]:
    """The temporary files that :func:`replacing` made in ``folder`` itself, sorted; none where there is no folder.

    A process that was killed leaves one for each file it was writing. Nobody reads them, so they may be removed, and
    a folder that holds nothing else counts as empty. A process that is still writing has them too, so ask only where
    no other process writes.
    """
    folder = Path(folder)
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if _TEMPORARY.fullmatch(path.name) and path.is_file())
