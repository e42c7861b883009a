"""What a growing file and a UDP port hand out, and what is said when the file is cut, replaced or removed."""

import os
import socket
import time

import pytest

from csi2pc.engine import follow_sources
from csi2pc.engine.follow_sources import FileSource, UdpSource, open_source
from csi2pc.errors import ConfigError, DataError


def read_all(source, tries=3):
    return b"".join(source.read(wait=False)[0] for _ in range(tries))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "log.csv"


@pytest.fixture
def source(path):
    path.write_bytes(b"one\ntwo\n")
    source = FileSource(path, start="beginning")
    yield source
    source.close()


def append(path, text):
    with path.open("ab") as file:
        file.write(text)


def test_a_file_is_read_as_it_grows(source, path):
    assert source.behind and read_all(source) == b"one\ntwo\n" and not source.behind
    assert read_all(source) == b""
    append(path, b"thr")
    append(path, b"ee\n")
    assert read_all(source) == b"three\n" and not source.behind and not source.events


def test_a_file_that_was_cut_is_read_from_its_beginning(source, path):
    read_all(source)
    path.write_bytes(b"new\n")
    assert read_all(source) == b"\nnew\n"
    assert "was cut short" in source.events[0] and len(source.events) == 1


def test_a_file_that_was_replaced_is_read_to_its_end_first(source, path):
    append(path, b"open")
    os.replace(path, path.with_suffix(".1"))
    path.write_bytes(b"new\n")
    assert read_all(source) == b"one\ntwo\nopen\nnew\n"
    assert ["is another file now" in event for event in source.events] == [True]


def test_a_file_that_was_removed_is_waited_for(source, path):
    read_all(source)
    path.unlink()
    assert read_all(source) == b"" and "was removed" in source.events.popleft() and not source.events
    path.write_bytes(b"longer than it was before\n")
    assert read_all(source) == b"\nlonger than it was before\n" and len(source.events) == 1


def test_a_file_that_is_not_there_yet(path):
    source = FileSource(path, start="beginning")
    assert "not there yet" in source.events.popleft() and read_all(source) == b"" and not source.behind
    path.write_bytes(b"one\n")
    assert read_all(source) == b"\none\n" and "is there now" in source.events.popleft()
    source.close()


def test_from_now_on_the_header_row_is_handed_out_first(path):
    header = b"type,id,mac,rssi,local_timestamp,len,data\n"
    path.write_bytes(b"boot\n" + header + b"old row\n" * 20_000 + b"half a ro")
    source = FileSource(path, start="now")
    append(path, b"w\nnext\n")
    assert not source.behind and read_all(source) == header + b"half a row\nnext\n"
    source.close()


def test_from_now_on_without_anything_there(path):
    path.touch()
    source = FileSource(path, start="now")
    append(path, b"first\n")
    assert read_all(source) == b"first\n"
    source.close()


def send(port, *datagrams):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for datagram in datagrams:
            sender.sendto(datagram, ("127.0.0.1", port))


@pytest.fixture
def udp():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    source = UdpSource("127.0.0.1", port)
    yield source, port
    source.close()


def until(condition):
    end = time.monotonic() + 5
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    assert condition()


def test_datagrams_come_with_an_end_of_line_each(udp):
    source, port = udp
    send(port, b"one\ntwo", b"three\n", b"")
    until(lambda: len(source._waiting) == 3)
    text, arrived = source.read(wait=True)
    assert text == b"one\ntwo\nthree\n\n" and arrived <= time.monotonic()
    assert source.read(wait=True)[0] == b"" and source.lost == 0 and not source.behind and not source.events


def test_datagrams_that_nobody_fetches_are_dropped_oldest_first(udp, monkeypatch):
    source, port = udp
    monkeypatch.setattr(follow_sources, "WAITING", 10)
    send(port, *(b"%d-------" % i for i in range(5)))
    until(lambda: source.lost == 4)
    assert source.read(wait=False)[0] == b"4-------\n"


def test_a_port_in_use_and_addresses_of_others_are_refused(udp):
    _, port = udp
    with pytest.raises(DataError, match=rf"udp://127.0.0.1:{port}: the port cannot be opened"):
        UdpSource("127.0.0.1", port)
    with pytest.raises(DataError, match="the port cannot be opened"):
        UdpSource("192.0.2.1", port)


def test_a_port_that_others_reach_is_told():
    source = open_source("udp://0.0.0.0:47001", start="beginning")
    source.close()
    assert "other computers" in source.events[0]


@pytest.mark.parametrize(
    "name", ["udp://127.0.0.1", "udp://127.0.0.1:0", "udp://127.0.0.1:70000", "tcp://127.0.0.1:5500", "udp://:5500"]
)
def test_what_is_no_stream_is_refused(name):
    with pytest.raises(ConfigError, match="must be a file or udp://HOST:PORT"):
        open_source(name, start="beginning")


def test_a_folder_is_no_stream(tmp_path):
    with pytest.raises(ConfigError, match="no regular file"):
        open_source(str(tmp_path), start="beginning")
