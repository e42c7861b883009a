"""HDF5 files that are checked in full before the HDF5 library sees them: damaged ones can crash the interpreter.

An HDF5 file may begin with a block of the user's own, which the library skips. Ours says what the file is, how long it
is, and what everything after the block digests to::

    csi2pc <kind> <version>
    {"digest": "<64 hexadecimal digits>", "size": <bytes of the whole file>}

filled up with spaces to :data:`HEAD` bytes, so that any other HDF5 program can read the file too. The digest is BLAKE2b
of the BLAKE2b digests of the blocks of :data:`BLOCK` bytes after the head, so that blocks are digested side by side.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import DataError

if TYPE_CHECKING:  # reading other formats needs no h5py
    import h5py

#: Bytes before the HDF5 content; the smallest that HDF5 allows.
HEAD = 512
#: Bytes that are digested in one piece: large enough that starting a piece costs nothing beside it.
BLOCK = 1 << 24

_FIRST_LINE = re.compile(rb"csi2pc ([a-z]+) (\d{1,6})\n")


def sealed_kind(head: bytes) -> str | None:
    """The kind of sealed file that begins with ``head`` (:data:`HEAD` bytes or more), or None for any other."""
    line = _FIRST_LINE.match(head)
    return line[1].decode() if line else None


@contextmanager
def writing_sealed(path: str | Path, *, kind: str, version: int) -> Iterator[h5py.File]:
    """Yield an empty HDF5 file to fill; when the block ends well, it is sealed and takes the name ``path``.

    The file is built in memory and then written by one plain write: HDF5 itself may crash the interpreter on its way
    out after a write that failed. What does not fit into memory goes through :func:`sealing`.

    Args, errors: as :func:`sealing`.
    """
    import h5py

    with sealing(path, kind=kind, version=version) as temporary:
        with h5py.File(temporary, "w", driver="core", backing_store=False, userblock_size=HEAD) as file:
            yield file
            file.flush()
            image = file.id.get_file_image()  # of what follows the head
        temporary.write_bytes(bytes(HEAD) + image)


@contextmanager
def sealing(path: str | Path, *, kind: str, version: int) -> Iterator[Path]:
    """Yield a temporary name for an HDF5 file with ``userblock_size=HEAD``; when the block ends well, the file there,
    closed by then, is sealed, put on the disk and takes the name ``path``.

    When it does not, nothing is left of it, and what stood at ``path`` before still does.

    Args:
        path: its folder is made where it is missing.
        kind: lower-case letters, for example ``"capture"``.
        version: of the content's layout, from 1; a reader refuses any other than its own.

    Raises:
        DataError: it could not be written, for example because the disk is full.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temporary
            _seal(temporary, kind, version)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise DataError(
            f"could not write {path}: {error.strerror or error}. What was there before is untouched; free some space "
            f"or choose another folder"
        ) from error


def open_sealed(path: str | Path, *, kind: str, version: int) -> h5py.File:
    """Check every byte of a sealed file, then open it for reading.

    Raises:
        DataError: missing, another kind of file, of another version, damaged or truncated.
    """
    import h5py

    check_sealed(path, kind=kind, version=version)
    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise DataError(f"{path}: cannot be opened ({error}), although its digest is right: make it anew") from error


def check_sealed(path: str | Path, *, kind: str, version: int) -> None:
    """Read the whole file and compare it with its digest. Raises DataError as :func:`open_sealed`."""
    path = Path(path)
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
        line = _FIRST_LINE.match(head)
        if sealed_kind(head) != kind:
            what = f"a csi2pc {sealed_kind(head)} file" if line else "some other file"
            raise DataError(f"{path} must be a csi2pc {kind} file; it is {what}, or its beginning is damaged")
        if int(line[2]) != version:
            raise DataError(
                f"{path} has version {int(line[2])} of the csi2pc {kind} format; this program reads version {version}: "
                f"make it anew, or use the program that wrote it"
            )
        size = path.stat().st_size
        if size <= HEAD or head != _head(kind, version, _digest(path), size):
            raise DataError(
                f"{path} is damaged or truncated: its {size} bytes are not those it was sealed with. Make it anew, or "
                f"copy it again"
            )
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); check the path and its permissions") from error


def _seal(path: Path, kind: str, version: int) -> None:
    head = _head(kind, version, _digest(path), path.stat().st_size)
    with path.open("rb+") as file:
        file.write(head)
        file.flush()
        os.fsync(file.fileno())


def _head(kind: str, version: int, digest: str, size: int) -> bytes:
    text = f"csi2pc {kind} {version}\n{json.dumps({'digest': digest, 'size': size})}\n"
    if not _FIRST_LINE.match(text.encode()):
        raise ValueError(f"kind must be lower-case letters and version a number; got {kind!r} and {version!r}")
    return text.encode().ljust(HEAD)


def _digest(path: Path) -> str:
    size = path.stat().st_size

    def one(start: int) -> bytes:
        with path.open("rb") as file:
            file.seek(start)
            return hashlib.blake2b(file.read(BLOCK), digest_size=32).digest()

    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        digests = pool.map(one, range(HEAD, max(size, HEAD + 1), BLOCK))
        return hashlib.blake2b(b"".join(digests), digest_size=32).hexdigest()
