"""Text that is still coming: a file that grows, or datagrams sent to a UDP port."""

from __future__ import annotations

import ipaddress
import os
import re
import socket
import threading
import time
from collections import deque
from pathlib import Path
from typing import BinaryIO, Literal, Protocol

from ..csi.esp32_csv import header_names
from ..errors import ConfigError, DataError

StartChoice = Literal["beginning", "now"]

#: Bytes taken at a time.
PIECE = 1 << 18

#: Seconds between two looks at a file, or the longest wait for a datagram.
POLL = 0.02

#: Bytes of datagrams that wait; the oldest are dropped, and counted, beyond that.
WAITING = 1 << 25

#: Bytes from the beginning of a file in which its header row is looked for.
HEAD = 1 << 16


class Source(Protocol):
    """Where text comes from.

    Attributes:
        name: what messages call it, and what it is made a folder name of.
        events: what happened that a user should know, oldest first; whoever says it takes it out.
        lost: datagrams that were dropped since nobody fetched them.
        behind: whether what was there at the start is still being read: that is never too fast.
    """

    name: str
    events: deque[str]
    lost: int
    behind: bool

    def read(self, *, wait: bool) -> tuple[bytes, float]:
        """What came since, up to about :data:`PIECE` bytes, and when (monotonic seconds); ``wait`` for it a while."""

    def close(self) -> None:
        """Let go of it."""


def open_source(source: str, *, start: StartChoice) -> Source:
    """A file, or ``udp://HOST:PORT``.

    Raises:
        ConfigError: neither, or unknown ``start``.
        DataError: the port cannot be opened.
    """
    if start not in ("beginning", "now"):
        raise ConfigError(f"start must be beginning or now; got {start!r}: beginning leaves nothing out")
    if "://" not in source:
        return FileSource(Path(source), start=start)
    match = re.fullmatch(r"udp://(\[[^\]]+\]|[^:\[\]/]+):(\d{1,5})/?", source)
    if match is None or not 0 < int(match[2]) < 65536:
        raise ConfigError(f"a stream to follow must be a file or udp://HOST:PORT; got {source}: try udp://127.0.0.1:5500")
    return UdpSource(match[1].strip("[]"), int(match[2]))


class FileSource:
    """A file that another program appends to; it need not be there yet."""

    def __init__(self, path: Path, *, start: StartChoice) -> None:
        if path.exists() and not path.is_file():
            raise ConfigError(f"{path} is no regular file: follow a file that a program writes, or udp://HOST:PORT")
        self.name, self.path = str(path), path
        self.events: deque[str] = deque()
        self.lost = 0
        self._file: BinaryIO | None = None
        self._ready = b""  # to be handed out before anything of the file
        self._there = True
        self._open()
        self._until = 0  # what was there at the start
        if self._file is None:
            self.events.append(f"{path} is not there yet: waiting for it")
            self._there = False
        elif start == "now":
            self._to_end(self._file)
        else:
            self._until = os.fstat(self._file.fileno()).st_size

    @property
    def behind(self) -> bool:
        """Whether what was there at the start is still being read."""
        return self._file is not None and self._file.tell() < self._until

    def read(self, *, wait: bool) -> tuple[bytes, float]:
        """What the file has more than before."""
        piece = self._more()
        if not piece and wait:
            time.sleep(POLL)
            piece = self._more()
        return piece, time.monotonic()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _more(self) -> bytes:
        piece, self._ready = self._ready, b""
        try:
            if self._file is not None:
                piece += self._file.read(PIECE)
            if not piece:
                self._look()
        except OSError as error:
            raise DataError(f"{self.path}: cannot be read any more ({error.strerror}); check the disk") from error
        return piece

    def _look(self) -> None:
        """Whether the file was cut, replaced or removed, now that it has no more to give."""
        if self._file is not None and os.fstat(self._file.fileno()).st_size < self._file.tell():
            self._again(f"{self.path} was cut short: reading it from its beginning")
            return
        try:
            now = os.stat(self.path)
        except OSError:
            if self._there:
                self.events.append(f"{self.path} was removed: waiting for it to come back")
            self._there = False
            return
        if self._file is None:
            self._again(f"{self.path} is there now")
        elif not os.path.samestat(now, os.fstat(self._file.fileno())):
            self._again(f"{self.path} is another file now: reading it from its beginning")
        elif not self._there:
            self.events.append(f"{self.path} is back")
        self._there = True

    def _again(self, event: str) -> None:
        self.events.append(event)
        self.close()
        self._open()
        self._until = 0
        self._ready = b"\n"  # ends what was left of the line before

    def _open(self) -> None:
        try:
            self._file = self.path.open("rb")
        except FileNotFoundError:
            self._file = None
        except OSError as error:
            raise DataError(f"{self.path}: cannot be read ({error.strerror}); check the path") from error

    def _to_end(self, file: BinaryIO) -> None:
        """Behind the last whole line; of what is before only the header row is handed out."""
        header = next((line for line in file.read(HEAD).split(b"\n")[:-1] if header_names(line)), None)
        self._ready = b"" if header is None else header + b"\n"
        size = file.seek(0, os.SEEK_END)
        begin = file.seek(max(0, size - HEAD))
        file.seek(begin + file.read(size - begin).rfind(b"\n") + 1)


class UdpSource:
    """Datagrams of one or several lines each, taken from the socket by a thread so that the kernel drops none."""

    behind = False

    def __init__(self, host: str, port: int) -> None:
        self.name = f"udp://{f'[{host}]' if ':' in host else host}:{port}"
        self.events: deque[str] = deque()
        self.lost = 0
        self._waiting: deque[tuple[bytes, float]] = deque()
        self._size, self._closed = 0, False
        self._some = threading.Condition()
        self._socket = _bound(host, port, self.name)
        if not _loopback(self._socket):
            self.events.append(f"{self.name} takes datagrams from other computers, whoever sends them")
        self._thread = threading.Thread(target=self._receive, name="csi2pc-udp", daemon=True)
        self._thread.start()

    def read(self, *, wait: bool) -> tuple[bytes, float]:
        """The datagrams that came, each with an end of line, and when the last of them did."""
        pieces, size, arrived = [], 0, time.monotonic()
        with self._some:
            if wait and not self._waiting:
                self._some.wait(POLL)
            while self._waiting and size < PIECE:
                piece, arrived = self._waiting.popleft()
                size += len(piece)
                pieces.append(piece if piece.endswith(b"\n") else piece + b"\n")
            self._size -= size
        return b"".join(pieces), arrived

    def close(self) -> None:
        """Close the socket and end the thread."""
        self._closed = True
        self._thread.join()
        self._socket.close()

    def _receive(self) -> None:
        while not self._closed:
            try:
                piece = self._socket.recv(1 << 16)
            except TimeoutError:
                continue
            except OSError:  # for example what a sender's host answered to us
                time.sleep(POLL)
                continue
            with self._some:
                self._waiting.append((piece, time.monotonic()))
                self._size += len(piece)
                while self._size > WAITING:
                    self._size -= len(self._waiting.popleft()[0])
                    self.lost += 1
                self._some.notify()


def _bound(host: str, port: int, name: str) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        udp = socket.socket(family, kind, protocol)
    except OSError as error:
        raise DataError(f"{name}: no such address ({error.strerror or error}); use one of this computer") from error
    try:
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        udp.settimeout(0.1)
        udp.bind(address)
    except OSError as error:
        udp.close()
        raise DataError(
            f"{name}: the port cannot be opened ({error.strerror or error}); use a free one, on an address of this "
            "computer"
        ) from error
    return udp


def _loopback(udp: socket.socket) -> bool:
    return ipaddress.ip_address(udp.getsockname()[0].split("%")[0]).is_loopback
