"""The server behind ``csi2pc view``: one page and its clouds, for a browser on this machine.

It listens on 127.0.0.1, where no other machine can connect. Every user and every program of this machine can: there is
no password, and who connects sees the clouds, the folder's path and its notes. A page from elsewhere cannot read from
it: a request must name this machine as its host, which one that reached it through a foreign name that was made to
point here (DNS rebinding) does not. There is a fixed set of addresses; nothing of a request is ever used as the name of
a file.
"""

from __future__ import annotations

import base64
import json
import re
import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from types import TracebackType
from typing import Any

import numpy as np

from .. import __version__
from ..errors import ConfigError, DataError
from ..evaluation.cloud_sequence import CloudSequence, FrameMetric, pace
from .cloud_folders import CloudFolder

HOST = "127.0.0.1"
#: What a request may call this machine, before the port: behind a tunnel the port is another one.
NAMES = {HOST, "localhost"}
#: Address -> file in ``csi2pc/evaluation/assets`` and its type.
PAGES = {
    "/": ("view.html", "text/html; charset=utf-8"),
    "/view.css": ("view.css", "text/css; charset=utf-8"),
    "/view.js": ("view.js", "text/javascript; charset=utf-8"),
    "/cloud_view.js": ("cloud_view.js", "text/javascript; charset=utf-8"),
}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
#: Seconds after which a connection without a request is closed.
IDLE = 30


class ViewServer:
    """Serves a folder of clouds while it is entered as a context; requests are answered on other threads.

    Args:
        clouds: what is shown.
        port: 0 for any free one.
        sequence: which one the page opens; None for the first.

    Attributes:
        address: of the page, for example ``"http://127.0.0.1:40123/"``.

    Raises:
        ConfigError: no such sequence, or the port is none or in use.
    """

    def __init__(self, clouds: CloudFolder, *, port: int = 0, sequence: str | None = None) -> None:
        answers = Answers(clouds, first=clouds.names.index(clouds.chosen(sequence)))
        try:
            self._server = _Server((HOST, port), answers)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            raise ConfigError(
                f"port must be free to listen on at {HOST}; got {port}: {reason}. Choose another, or 0 for any free one"
            ) from error
        self.address = f"http://{HOST}:{self._server.server_address[1]}/"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True)

    def __enter__(self) -> ViewServer:
        self._thread.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Answers:
    """What is answered about clouds, as values for JSON. A sequence is opened anew whenever it is asked for, so that
    reloading the page shows what inference has written since."""

    def __init__(self, clouds: CloudFolder, *, first: int) -> None:
        self._clouds, self._first = clouds, first
        self._opened: dict[int, CloudSequence] = {}
        self._lock = threading.Lock()  # readers of data sets are not made for several threads

    def about(self) -> dict[str, Any]:
        """The names of the sequences, and which is shown first."""
        clouds = self._clouds
        return {
            "folder": str(clouds.path.absolute()), "what": clouds.what, "version": __version__, "first": self._first,
            "names": list(clouds.names), "notes": list(clouds.notes),
        }  # fmt: skip

    def sequence(self, number: int) -> dict[str, Any] | None:
        """Everything of one sequence but its clouds; None where there is none of that number."""
        if number >= len(self._clouds.names):
            return None
        try:
            with self._lock:
                opened = self._opened[number] = self._clouds.open(self._clouds.names[number])
            shown = pace(opened)
        except DataError as error:
            return {"problem": str(error)}
        return {
            "name": opened.name,
            "labels": list(opened.labels),
            "starts": shown.starts.tolist(),
            "times": None if opened.times is None else opened.times.tolist(),
            "clouds": list(opened.clouds),
            "synthetic": opened.synthetic,
            "metrics": [_metric(metric) for metric in opened.metrics],
            "notes": [*opened.notes, *shown.notes],
        }

    def frame(self, number: int, frame: int) -> dict[str, Any] | None:
        """The clouds of one frame as base64 of little-endian float32, and what cannot be read; None where there is no
        such frame."""
        if number >= len(self._clouds.names) or (number not in self._opened and self.sequence(number) is None):
            return None
        opened = self._opened.get(number)
        if opened is None or frame >= len(opened):
            return None
        clouds, problems = {}, {}
        for name, read in opened.clouds.items():
            try:
                with self._lock:
                    points = read(frame)
                clouds[name] = base64.b64encode(np.ascontiguousarray(points, dtype="<f4").tobytes()).decode()
            except DataError as error:
                problems[name] = str(error)
        return {"clouds": clouds, "problems": problems}


def _metric(metric: FrameMetric) -> dict[str, Any]:
    named = {"name": metric.name, "unit": metric.unit, "better": metric.better, "blind": metric.blind}
    return {**named, "values": _numbers(metric.values), "blind_values": _numbers(metric.blind_values)}


def _numbers(values: np.ndarray) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values]


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], answers: Answers) -> None:
        self.answers = answers
        super().__init__(address, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing of a browser that went away; anything else as usual."""
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "csi2pc", ""
    timeout = IDLE
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        if not self._from_here():
            self._refuse(HTTPStatus.FORBIDDEN, f"this page is for a browser on its own machine, at {HOST} or localhost")
            return
        path, _, query = self.path.partition("?")
        if path in PAGES:
            name, kind = PAGES[path]
            self._send(HTTPStatus.OK, files("csi2pc.evaluation").joinpath("assets", name).read_bytes(), kind)
            return
        answers = self.server.answers
        patterns = {
            "/about.json": ("", answers.about),
            "/sequence.json": (r"number=(\d{1,9})", answers.sequence),
            "/frame.json": (r"number=(\d{1,9})&frame=(\d{1,9})", answers.frame),
        }
        if path not in patterns:
            self._refuse(HTTPStatus.NOT_FOUND, "there is nothing at this address")
            return
        pattern, answer = patterns[path]
        asked = re.fullmatch(pattern, query, flags=re.ASCII)
        content = answer(*map(int, asked.groups())) if asked else None
        if content is None:
            self._refuse(HTTPStatus.NOT_FOUND, "there is no such sequence or frame")
            return
        body = json.dumps(content, allow_nan=False).encode()
        self._send(HTTPStatus.OK, body, "application/json; charset=utf-8")

    def _only_get(self) -> None:
        self.close_connection = True  # whatever it sends with it is not read
        self._refuse(HTTPStatus.METHOD_NOT_ALLOWED, "only GET is answered", Allow="GET")

    do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = _only_get

    def _from_here(self) -> bool:
        hosts = self.headers.get_all("Host", [])
        return len(hosts) == 1 and re.sub(r":\d{1,5}$", "", hosts[0]).lower() in NAMES

    def _refuse(self, status: HTTPStatus, why: str, **headers: str) -> None:
        self._send(status, f"{why}\n".encode(), "text/plain; charset=utf-8", **headers)

    def _send(self, status: HTTPStatus, body: bytes, kind: str, **headers: str) -> None:
        self.send_response(status)
        for name, value in {**HEADERS, **headers, "Content-Type": kind, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Keep the terminal quiet: requests tell a user nothing."""
