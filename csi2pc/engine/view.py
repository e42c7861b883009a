"""Clouds over time in a browser on this machine."""

from __future__ import annotations

import os
import sys
import time
import webbrowser
from pathlib import Path

from ..progress import console
from .cloud_folders import open_clouds
from .interrupt import StopRequest
from .view_server import ViewServer


def view(
    folder: str | Path,
    *,
    port: int = 0,
    open_browser: bool = True,
    sequence: str | None = None,
    root: str | None = None,
) -> None:
    """Show clouds over time, predictions beside their targets, until interrupted or terminated.

    Args:
        folder: what :func:`csi2pc.engine.cloud_folders.open_clouds` opens: an inference, an evaluated run, a data set.
        port: on 127.0.0.1; 0 takes any free one.
        open_browser: also open the page, where this machine has a display.
        sequence: which one is shown first; by default the first. The page can choose any.
        root: where the run's data is now, if it moved since training.

    Raises:
        DataError: there are no clouds, or they are damaged.
        ConfigError: no such sequence, or the port is in use.
    """
    clouds = open_clouds(folder, root=root)
    with StopRequest() as stop, ViewServer(clouds, port=port, sequence=sequence) as server:
        for note in clouds.notes:
            console.print(f"note: {note}", markup=False)
        console.print(f"showing {clouds.what} {clouds.path} at {server.address} (Ctrl-C stops)", markup=False)
        if open_browser and not (has_display() and webbrowser.open(server.address)):
            console.print("no browser could be opened here: open that address yourself")
        while not stop.asked:
            time.sleep(0.1)


def has_display() -> bool:
    """Whether a browser has a screen: without one a text browser would take over the terminal."""
    return not sys.platform.startswith("linux") or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
