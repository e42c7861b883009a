"""The page is there until somebody stops it."""

import os
import re
import signal
import threading
import time
import urllib.request
import webbrowser

import pytest
from cloud_case import inference

from csi2pc.engine import view as module
from csi2pc.engine.view import has_display, view
from csi2pc.errors import ConfigError


def interrupt_once_it_answers(capsys, found):
    """Read the page at the address that is printed, then do what Ctrl-C does."""
    said = ""
    for _ in range(200):
        said += capsys.readouterr().err
        address = re.search(r"http://127.0.0.1:\d+/", said)
        if address:
            found.append((urllib.request.urlopen(address[0]).status, said))
            break
        time.sleep(0.05)
    os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("display", [False, True])
def test_it_says_where_it_is_and_stops_when_it_is_told_to(tmp_path, capsys, monkeypatch, display):
    folder = inference(tmp_path / "walk", [0.0, 0.1])
    opened, found = [], []
    monkeypatch.setattr(webbrowser, "open", lambda address: opened.append(address) or True)
    monkeypatch.setattr(module, "has_display", lambda: display)
    waiting = threading.Thread(target=interrupt_once_it_answers, args=(capsys, found))
    waiting.start()
    view(folder, open_browser=True)
    waiting.join()
    ((status, said),) = found
    assert status == 200 and "Ctrl-C stops" in said
    assert len(opened) == display
    with pytest.raises(OSError):
        urllib.request.urlopen(re.search(r"http://127.0.0.1:\d+/", said)[0], timeout=2)


def test_an_unknown_sequence_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="sequence must be one of"):
        view(inference(tmp_path / "walk", [0.0]), open_browser=False, sequence="none")


def test_a_browser_needs_a_display(monkeypatch):
    monkeypatch.setattr("sys.platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert not has_display()
    monkeypatch.setenv("DISPLAY", ":0")
    assert has_display()
