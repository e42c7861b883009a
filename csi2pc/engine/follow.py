"""Point clouds while CSI is being recorded: windows are cut from a growing file or a UDP stream as they come."""

from __future__ import annotations

import json
import re
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..checkpoint import Checkpoint, load_checkpoint
from ..errors import ConfigError
from .follow_report import Tally, write_report
from .follow_sources import Source, StartChoice, open_source
from .follow_windows import Follower, Window, stream_for
from .infer import clear_clouds, write_cloud
from .interrupt import StopRequest
from .predict import checked_device, predict_clouds
from .run_folder import checkpoint_of

#: Windows that wait for the model; beyond that the oldest are dropped. 3.2 s at ten windows a second.
QUEUE = 32

#: Windows that the model computes at once when several wait.
BATCH = 8


@dataclass(frozen=True)
class Followed:
    """What came out of a stream.

    Attributes:
        source: as given.
        folder: where its clouds and ``report.json`` are.
        tally: what happened.
    """

    source: str
    folder: Path
    tally: Tally


def follow(
    checkpoint: str | Path,
    source: str,
    out: str | Path,
    *,
    rate: float | None = None,
    reader: dict[str, str] | None = None,
    device: str = "cpu",
    start: StartChoice = "beginning",
    seconds: float | None = None,
    idle_seconds: float | None = None,
    queue: int = QUEUE,
    emit: Callable[[dict[str, Any]], None] | None = None,
) -> Followed:
    """Write one cloud a window for a stream of ESP32 lines, until it is told to stop.

    Windows and clouds are those that :func:`csi2pc.engine.infer.infer` makes of the finished log, as far as one
    clock goes: where the receiver restarts, windows begin anew. ``out/<name of the source>/`` receives the same
    files.

    It stops on an interrupt or termination signal, after ``seconds``, or when nothing came for ``idle_seconds``. What
    waits is then finished and the report written.

    Args:
        checkpoint: a run folder or a checkpoint file.
        source: a file that grows (it need not be there yet), or ``udp://HOST:PORT`` to listen on that address.
        out: folder to write.
        rate: clouds a second; by default windows follow one another without overlap.
        reader: ``mac``, ``receiver`` or ``training_field``, as the ESP32 readers have them. The field is by default
            the one whose subcarriers the model was trained on.
        device: where the model computes.
        start: ``"beginning"`` also takes what the file holds already, none of which is ever dropped; ``"now"``
            takes what is appended.
        seconds: stop after so long; None does not.
        idle_seconds: stop when nothing came for so long; None does not.
        queue: windows that may wait for the model. Beyond that the oldest are dropped and counted.
        emit: gets a dictionary a cloud, once it is written; by default it is printed as a line of JSON.

    Raises:
        CheckpointError: no usable checkpoint.
        ConfigError: the source or an option is none.
        DataError: the port cannot be opened, the file cannot be read, or the stream does not fit the model.
    """
    _check_limits(seconds, idle_seconds, queue)
    trained = load_checkpoint(checkpoint_of(checkpoint))
    trained.model.to(checked_device(device))
    stream = stream_for(source, trained, reader or {})
    follower = Follower(trained, stream, 1 / trained.prepare.duration if rate is None else rate)
    folder, tally = Path(out) / _folder_name(source), follower.tally
    opened = open_source(source, start=start)
    try:
        clear_clouds(folder)
        writer = _Writer(trained, folder, device, emit or _print_line, tally)
        with StopRequest() as stop:
            _run(opened, follower, writer, stop, seconds=seconds, idle_seconds=idle_seconds, queue=queue)
    finally:
        opened.close()
        _hear(opened, tally)
        write_report(folder, source, follower.rate, tally)
    return Followed(source, folder, tally)


def _run(
    source: Source, follower: Follower, writer: _Writer, stop: StopRequest, *, seconds: float | None,
    idle_seconds: float | None, queue: int,
) -> None:  # fmt: skip
    began = last = time.monotonic()
    waiting: deque[Window] = deque()
    while not (stop.asked or writer.closed):
        behind = source.behind
        text, arrived = source.read(wait=not waiting)
        _hear(source, follower.tally)
        if text:
            waiting.extend(follower.feed(text, arrived))
        while behind and waiting and not (stop.asked or writer.closed):
            writer.write(waiting)
        if not behind:
            _drop(waiting, queue, follower.tally)
        writer.write(waiting)
        now = time.monotonic()
        last = now if text else last
        idle = not (text or waiting) and idle_seconds is not None and now - last >= idle_seconds
        if idle or (seconds is not None and now - began >= seconds):
            break
    waiting.extend(follower.finish())
    while waiting and not writer.closed:
        writer.write(waiting)


class _Writer:
    """From windows to clouds on disk and lines about them."""

    def __init__(
        self, trained: Checkpoint, folder: Path, device: str, emit: Callable[[dict[str, Any]], None], tally: Tally
    ) -> None:
        self.closed = False
        self._trained, self._folder, self._device = trained, folder, device
        self._emit, self._tally = emit, tally

    def write(self, waiting: deque[Window]) -> None:
        """Clouds of the oldest windows that wait, at most :data:`BATCH`."""
        windows = [waiting.popleft() for _ in range(min(BATCH, len(waiting)))]
        if not windows:
            return
        features, valid = (np.stack([getattr(w, name) for w in windows]) for name in ("features", "valid"))
        clouds = predict_clouds(self._trained.model, features, valid, device=self._device)  # K, N, 3
        for window, cloud in zip(windows, clouds, strict=True):
            self._one(window, cloud)

    def _one(self, window: Window, cloud: np.ndarray) -> None:
        tally = self._tally
        path = write_cloud(self._folder, len(tally.clouds) + 1, cloud, window.time)
        latency = time.monotonic() - window.arrived
        tally.clouds.append(window.time)
        tally.sessions.append(window.session)
        tally.latency.append(latency)
        if self.closed:
            return
        try:
            self._emit(
                {
                    "cloud": len(tally.clouds), "time_s": round(window.time, 6), "session": window.session,
                    "points": len(cloud), "latency_s": round(latency, 6), "file": str(path),
                }
            )  # fmt: skip
        except BrokenPipeError:
            self.closed = True
            tally.tell("nobody reads the lines any more: stopping")


def _print_line(values: dict[str, Any]) -> None:
    print(json.dumps(values), flush=True)


def _drop(waiting: deque[Window], queue: int, tally: Tally) -> None:
    while len(waiting) > queue:
        waiting.popleft()
        tally.dropped += 1


def _hear(source: Source, tally: Tally) -> None:
    tally.lost = source.lost
    while source.events:
        tally.tell(source.events.popleft())


def _check_limits(seconds: float | None, idle_seconds: float | None, queue: int) -> None:
    for name, value in (("seconds", seconds), ("idle_seconds", idle_seconds)):
        if value is not None and not value > 0:
            raise ConfigError(f"{name} must be more than 0; got {value}: leave it out to go on until interrupted")
    if queue < 1:
        raise ConfigError(f"queue must be at least 1 window; got {queue}: {QUEUE} is the default")


def _folder_name(source: str) -> str:
    name = source if "://" in source else Path(source).stem
    return re.sub(r"[^\w.-]+", "-", name).strip("-.") or "stream"
