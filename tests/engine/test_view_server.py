"""Who may ask, for what, and what is answered; and the page itself in a real browser."""

import base64
import http.client
import json
import socket
import threading
import time

import numpy as np
import pytest
from browser import console_errors, ink
from cloud_case import evaluation, inference, person

from csi2pc.engine.cloud_folders import open_clouds
from csi2pc.engine.view_server import ViewServer
from csi2pc.errors import ConfigError

HOSTILE = "</script><img src=x onerror=document.title='hit'>"


@pytest.fixture
def server(tmp_path):
    inference(tmp_path / "out" / "a", [0.0, 0.1, 0.2])
    inference(tmp_path / "out" / HOSTILE.replace("/", "_"), [0.0])
    with ViewServer(open_clouds(tmp_path / "out")) as started:
        yield started


def ask(server, target, *, method="GET", **headers):
    """(status, headers, body) for a request target that is sent as it is."""
    port = int(server.address.rsplit(":", 1)[1].strip("/"))
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.putrequest(method, target, skip_host=True)
    for name, value in {"Host": f"127.0.0.1:{port}", **headers}.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, dict(answer.getheaders()), body


def test_clouds_arrive_as_they_are(server):
    about = json.loads(ask(server, "/about.json")[2])
    number = about["names"].index("a")
    sequence = json.loads(ask(server, f"/sequence.json?number={number}")[2])
    assert sequence["clouds"] == ["prediction"] and len(sequence["labels"]) == 3
    np.testing.assert_allclose(sequence["starts"], [0, 0.1, 0.2, 0.3])
    frame = json.loads(ask(server, f"/frame.json?number={number}&frame=2")[2])
    points = np.frombuffer(base64.b64decode(frame["clouds"]["prediction"]), "<f4").reshape(-1, 3)
    np.testing.assert_array_equal(points, person(2))
    assert frame["problems"] == {}


def test_a_cloud_that_cannot_be_read_is_told_and_stops_nothing(tmp_path):
    folder = inference(tmp_path / "walk", [0.0, 0.1])
    with ViewServer(open_clouds(folder)) as server:
        (folder / "cloud_00002.npz").write_bytes(b"damaged")
        frame = json.loads(ask(server, "/frame.json?number=0&frame=1")[2])
        assert frame["clouds"] == {} and "cloud_00002.npz" in frame["problems"]["prediction"]
        (folder / "report.json").write_text("{")
        assert "report.json must be" in json.loads(ask(server, "/sequence.json?number=0")[2])["problem"]


def test_the_page_and_nothing_else_is_served(server):
    status, headers, body = ask(server, "/")
    assert status == 200 and body.startswith(b"<!doctype html>")
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff" and "Access-Control-Allow-Origin" not in headers
    for target in (
        "/../../etc/passwd", "/%2e%2e/view.html", "//view.html", "/view.html", "/assets/view.js", "http://other/",
        "/sequence.json", "/sequence.json?number=-1", "/sequence.json?number=2", "/sequence.json?number=..%2f",
        "/frame.json?number=0&frame=99", "/frame.json?number=99&frame=0", "/frame.json?frame=0&number=0",
        "/frame.json?number=0&frame=%D9%A3", "/frame.json?number=0&frame=0&frame=0",
    ):  # fmt: skip
        assert ask(server, target)[0] == 404, target


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_only_get_is_answered(server, method):
    status, headers, _ = ask(server, "/about.json", method=method)
    assert status == 405 and headers["Allow"] == "GET"


def test_other_hosts_are_refused(server):
    for host in ("evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "127.0.0.2"):
        status, _, body = ask(server, "/about.json", Host=host)
        assert status == 403 and b"names" not in body, host
    for host in ("localhost", "LOCALHOST:9000", "127.0.0.1"):
        assert ask(server, "/about.json", Host=host)[0] == 200, host


def test_nobody_else_can_connect(server):
    own = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)} - {"127.0.0.1"}
    port = int(server.address.rsplit(":", 1)[1].strip("/"))
    for address in own:
        with pytest.raises(OSError):
            socket.create_connection((address, port), timeout=1).close()


def test_a_port_in_use_is_told(server, tmp_path):
    port = int(server.address.rsplit(":", 1)[1].strip("/"))
    clouds = open_clouds(tmp_path / "out")
    with pytest.raises(ConfigError, match=f"got {port}: .*in use. Choose another, or 0"):
        ViewServer(clouds, port=port)
    for port in (-1, 70000):
        with pytest.raises(ConfigError, match="port must be free"):
            ViewServer(clouds, port=port)


def test_it_is_gone_when_it_was_left(tmp_path):
    before = threading.active_count()
    with ViewServer(open_clouds(inference(tmp_path / "walk", [0.0]))) as server:
        assert ask(server, "/")[0] == 200
    assert threading.active_count() <= before
    with pytest.raises(OSError):
        ask(server, "/")


def text(browser, name):
    return browser.find_element("id", name).text


def until(what, seconds=20):
    """Wait for something to hold; pages have no fixed speed."""
    for _ in range(int(seconds / 0.05)):
        if what():
            return
        time.sleep(0.05)
    raise AssertionError("it never happened")


def test_the_page_plays_and_steps_targets_beside_predictions(browser, tmp_path, settings):
    evaluation(tmp_path / "run", settings, notes=["synthetic data: so it says"])
    clouds = open_clouds(tmp_path / "run")
    console_errors(browser)
    with ViewServer(clouds, sequence=clouds.names[1]) as server:
        browser.get(server.address)
        until(lambda: text(browser, "position").startswith("frame 1 of 4"))
        assert browser.find_element("id", "sequence").get_attribute("value") == "1"
        assert [caption.text.split()[0] for caption in browser.find_elements("tag name", "figcaption")] == [
            "target", "prediction",
        ]  # fmt: skip
        assert text(browser, "synthetic") == "simulated data"
        assert "chamfer_l1 (m)" in text(browser, "metrics") and "mean_cloud" in text(browser, "metrics")
        canvases = browser.find_elements("tag name", "canvas")
        until(lambda: len({ink(browser, canvas) for canvas in canvases}) == 2)

        body = browser.find_element("tag name", "body")
        before = [ink(browser, canvas) for canvas in canvases]
        browser.find_element("id", "forward").click()
        until(lambda: text(browser, "position").startswith("frame 2 of 4, 0.10 s"))
        until(lambda: all(ink(browser, c) != old for c, old in zip(canvases, before, strict=True)))
        body.send_keys("\ue012")  # the left arrow
        until(lambda: text(browser, "position").startswith("frame 1 of 4"))
        body.send_keys(" ")  # also though a button was clicked last
        until(lambda: text(browser, "position").startswith("frame 4 of 4") and text(browser, "play") == "Play")

        before = [ink(browser, canvas) for canvas in canvases]
        canvases[0].send_keys("\ue012")  # in a view that has the focus, the arrow turns both
        until(lambda: all(ink(browser, c) != old for c, old in zip(canvases, before, strict=True)))
        assert text(browser, "position").startswith("frame 4 of 4")
        browser.find_element("id", "overlay").click()
        assert len(browser.find_elements("tag name", "canvas")) == 1
        browser.find_element("id", "sequence").send_keys("\ue013")  # in a chooser the arrow chooses
        until(lambda: text(browser, "position").startswith("frame 1 of 4"))
        assert len(browser.find_elements("tag name", "canvas")) == 1
    assert console_errors(browser) == []


def test_text_from_folders_stays_text(browser, server):
    console_errors(browser)
    browser.get(server.address)
    until(lambda: text(browser, "position").startswith("frame 1 of"))
    names = [option.text for option in browser.find_elements("css selector", "#sequence option")]
    assert HOSTILE.replace("/", "_") in names
    assert browser.find_elements("tag name", "img") == [] and "hit" not in browser.title
    assert console_errors(browser) == []
