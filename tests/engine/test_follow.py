"""Live inference equals inference on the finished log; overload, garbage, restarts and stops are survived and told."""

import json
import os
import runpy
import signal
import socket
import threading
import time

import numpy as np
import pytest
import torch
from esp32_log import write_log

from csi2pc.checkpoint import Checkpoint, save_checkpoint
from csi2pc.csi.layouts import LEGACY20
from csi2pc.csi.prepare_config import PrepareConfig
from csi2pc.data.clouds import read_npz
from csi2pc.engine import follow as follow_module
from csi2pc.engine.follow import follow
from csi2pc.engine.infer import infer
from csi2pc.errors import ConfigError, DataError
from csi2pc.models.csi2pc import CSI2PC, CSI2PCConfig

TONES = LEGACY20.tolist()


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A tiny model, not trained, for legacy packets of one ESP32."""
    torch.manual_seed(1)
    model = CSI2PC(CSI2PCConfig(links=1, subcarriers=52, points=16, width=16, heads=2, encoder_layers=1,
                                decoder_layers=1, feedforward=32)).eval()  # fmt: skip
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    layout = {"rx": 1, "tx": 1, "device": "esp32", "subcarriers": TONES, "captured": TONES}
    save_checkpoint(path, Checkpoint(model, PrepareConfig(subcarriers=TONES), layout))
    return path


def log(tmp_path, rng, seconds, *, start=1.0, name="whole.csv"):
    """A log at about 100 packets a second."""
    count = int(100 * seconds)
    times = start + np.arange(count) * 0.01 + rng.uniform(0, 0.006, count)
    return write_log(tmp_path / name, times, rng).read_bytes()


def clouds_in(folder):
    return [read_npz(path) for path in sorted(folder.glob("*.npz"))]


class Writer(threading.Thread):
    """Does one thing after another, a moment apart, beside the test."""

    def __init__(self, *steps, pause=0.03):
        super().__init__(daemon=True)
        self.steps, self.pause = steps, pause
        self.start()

    def run(self):
        for step in self.steps:
            time.sleep(self.pause)
            step()


def appending(path, piece):
    def step():
        with path.open("ab") as file:
            file.write(piece)

    return step


def pieces_of(content, rng, count):
    edges = [0, *sorted(rng.integers(0, len(content), count - 1).tolist()), len(content)]
    return [content[a:b] for a, b in zip(edges[:-1], edges[1:], strict=True)]


def assert_equals_offline(done, checkpoint, finished, out, **options):
    [expected] = infer(checkpoint, [finished], out, **options)
    np.testing.assert_allclose(clouds_in(done.folder), clouds_in(expected.folder), atol=1e-5)
    reports = [json.loads((folder / "report.json").read_text()) for folder in (done.folder, expected.folder)]
    assert reports[0]["timestamps_s"] == reports[1]["timestamps_s"] and reports[0]["rate_hz"] == reports[1]["rate_hz"]
    return reports[0]


@pytest.mark.parametrize("there", [True, False])
def test_a_growing_file_equals_inference_on_the_finished_one(checkpoint, tmp_path, rng, capsys, there):
    content, path = log(tmp_path, rng, 3.0), tmp_path / "live" / "growing.csv"
    path.parent.mkdir()
    if there:
        path.write_bytes(content[:30_000])
    Writer(*(appending(path, piece) for piece in pieces_of(content[30_000 * there :], rng, 12)))
    done = follow(checkpoint, str(path), tmp_path / "out", idle_seconds=0.4)
    report = assert_equals_offline(done, checkpoint, path, tmp_path / "offline")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["cloud"] for line in lines] == list(range(1, len(lines) + 1)) and len(lines) >= 28
    assert [line["time_s"] for line in lines] == pytest.approx(report["timestamps_s"], abs=1e-6)
    assert all(line["points"] == 16 and line["latency_s"] >= 0 and line["session"] == 0 for line in lines)
    assert report["packets"] == 300 and report["windows_dropped"] == 0 and report["latency_s"]["median"] < 1


def test_another_rate(checkpoint, tmp_path, rng):
    log(tmp_path, rng, 1.5)
    done = follow(checkpoint, str(tmp_path / "whole.csv"), tmp_path / "out", rate=20.0, idle_seconds=0.1, emit=print)
    report = assert_equals_offline(done, checkpoint, tmp_path / "whole.csv", tmp_path / "offline", rate=20.0)
    assert report["sessions"] == [0] * len(done.tally.clouds) and report["rate_hz"] == 20.0


@pytest.fixture
def port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def sending(port, *datagrams):
    def step():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for datagram in datagrams:
                sender.sendto(datagram, ("127.0.0.1", port))

    return step


def test_a_udp_stream_equals_inference_on_its_log(checkpoint, tmp_path, rng, port):
    lines = log(tmp_path, rng, 3.0).splitlines(keepends=True)
    datagrams = [b"".join(lines[i : i + 3]).rstrip(b"\n") for i in range(0, len(lines), 3)]
    steps = [sending(port, *datagrams[i : i + 10]) for i in range(0, len(datagrams), 10)]
    Writer(lambda: time.sleep(0.3), *steps, pause=0.05)
    done = follow(checkpoint, f"udp://127.0.0.1:{port}", tmp_path / "out", idle_seconds=0.6, emit=print)
    assert done.folder.name == f"udp-127.0.0.1-{port}"
    assert_equals_offline(done, checkpoint, tmp_path / "whole.csv", tmp_path / "offline")


def test_what_the_model_has_no_time_for_is_dropped_oldest_first(checkpoint, tmp_path, rng, port, monkeypatch):
    def slow(*args, **options):
        time.sleep(0.2)
        return predict(*args, **options)

    predict = follow_module.predict_clouds
    monkeypatch.setattr(follow_module, "predict_clouds", slow)
    lines = log(tmp_path, rng, 12.0).splitlines(keepends=True)
    Writer(*(sending(port, *lines[i : i + 60]) for i in range(0, len(lines), 60)), pause=0.04)
    done = follow(checkpoint, f"udp://127.0.0.1:{port}", tmp_path / "out", idle_seconds=0.6, queue=3, emit=print)
    [expected] = infer(checkpoint, [tmp_path / "whole.csv"], tmp_path / "offline")
    tally = done.tally
    assert tally.dropped > 20 and f"{tally.dropped} windows dropped" in tally.summary()
    assert len(tally.clouds) + tally.dropped == expected.clouds and tally.packets == len(lines)
    whole = json.loads((expected.folder / "report.json").read_text())["timestamps_s"]
    assert set(tally.clouds) < set(whole) and tally.clouds[-3:] == whole[-3:] and tally.clouds == sorted(tally.clouds)
    assert json.loads((done.folder / "report.json").read_text())["windows_dropped"] == tally.dropped


def test_nothing_that_was_there_at_the_start_is_dropped(checkpoint, tmp_path, rng):
    log(tmp_path, rng, 12.0)
    done = follow(checkpoint, str(tmp_path / "whole.csv"), tmp_path / "out", idle_seconds=1e-3, queue=1, emit=print)
    assert done.tally.dropped == 0
    assert_equals_offline(done, checkpoint, tmp_path / "whole.csv", tmp_path / "offline")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_with_a_complete_report(checkpoint, tmp_path, rng, number):
    log(tmp_path, rng, 2.0)
    before = signal.getsignal(number)

    def emit(line):
        if line["cloud"] == 5:
            os.kill(os.getpid(), number)

    done = follow(checkpoint, str(tmp_path / "whole.csv"), tmp_path / "out", emit=emit)
    report = json.loads((done.folder / "report.json").read_text())
    assert len(report["timestamps_s"]) == len(done.tally.clouds) == len(clouds_in(done.folder)) >= 5
    assert signal.getsignal(number) is before


def test_it_stops_after_the_given_time_though_more_comes(checkpoint, tmp_path, rng):
    content, path = log(tmp_path, rng, 1.0), tmp_path / "growing.csv"
    Writer(*(appending(path, content) for _ in range(100)))
    began = time.monotonic()
    follow(checkpoint, str(path), tmp_path / "out", seconds=0.4, emit=print)
    assert 0.4 <= time.monotonic() - began < 3


def test_garbage_in_the_stream_is_counted(checkpoint, tmp_path, rng, port):
    lines = log(tmp_path, rng, 2.0).splitlines(keepends=True)
    garbage = [rng.integers(0, 256, size, dtype=np.uint8).tobytes().replace(b"\n", b"") for size in (1, 100, 60_000)]
    steps = [sending(port, *lines[i : i + 40], garbage[k % 3], b"") for k, i in enumerate(range(0, len(lines), 40))]
    Writer(lambda: time.sleep(0.3), *steps, pause=0.05)
    done = follow(checkpoint, f"udp://127.0.0.1:{port}", tmp_path / "out", idle_seconds=0.6, emit=print)
    report = assert_equals_offline(done, checkpoint, tmp_path / "whole.csv", tmp_path / "offline")
    assert report["counts"]["no CSI_DATA line"] == 5 and len(report["skipped"]) == 5


def test_a_restart_of_the_receiver_is_told_and_windows_begin_anew(checkpoint, tmp_path, rng):
    first, second = log(tmp_path, rng, 2.0, start=100.0, name="a.csv"), log(tmp_path, rng, 2.0, start=1.0, name="b.csv")
    (tmp_path / "both.csv").write_bytes(first + second)
    done = follow(checkpoint, str(tmp_path / "both.csv"), tmp_path / "out", idle_seconds=0.1, emit=print)
    apart = infer(checkpoint, [tmp_path / "a.csv", tmp_path / "b.csv"], tmp_path / "offline")
    assert len(done.tally.clouds) == sum(part.clouds for part in apart) and done.tally.restarts == 1
    assert done.tally.sessions == [0] * apart[0].clouds + [1] * apart[1].clouds
    np.testing.assert_allclose(
        clouds_in(done.folder), clouds_in(apart[0].folder) + clouds_in(apart[1].folder), atol=1e-5
    )
    assert "began anew after 200 packets" in done.tally.events[0]


def test_a_reader_of_the_lines_that_goes_away_ends_it(checkpoint, tmp_path, rng):
    def emit(line):
        raise BrokenPipeError

    log(tmp_path, rng, 2.0)
    done = follow(checkpoint, str(tmp_path / "whole.csv"), tmp_path / "out", emit=emit)
    assert done.tally.clouds and "nobody reads the lines" in done.tally.events[-1]
    assert (done.folder / "report.json").is_file()


def test_a_stream_that_gives_nothing_says_why(checkpoint, tmp_path):
    (tmp_path / "notes.txt").write_text("nothing here\n")
    done = follow(checkpoint, str(tmp_path / "notes.txt"), tmp_path / "out", idle_seconds=0.1)
    assert done.tally.summary() == "0 packets, 0 clouds, 1 lines skipped (no CSI_DATA line: 1)"
    report = json.loads((done.folder / "report.json").read_text())
    assert report["latency_s"] == {} and report["counts"] == {"no CSI_DATA line": 1}


def test_what_does_not_fit_is_refused_at_once(checkpoint, finished, tmp_path):
    with pytest.raises(DataError, match="model, which needs 3 x 1 antennas.*ESP32 packets have 1 x 1"):
        follow(finished.path, "log.csv", tmp_path)
    with pytest.raises(DataError, match="packets in the training field heltf does not fit"):
        follow(checkpoint, "log.csv", tmp_path, reader={"training_field": "heltf"})
    for reader, message in (({"colour": "red"}, "no option colour"), ({"training_field": "x"}, "must be one of auto")):
        with pytest.raises(ConfigError, match=message):
            follow(checkpoint, "log.csv", tmp_path, reader=reader)
    for options, message in (
        ({"seconds": 0}, "seconds must be more than 0"), ({"idle_seconds": -1}, "idle_seconds must be"),
        ({"queue": 0}, "queue must be at least 1"), ({"rate": 0}, "rate must be more than 0"),
        ({"start": "later"}, "start must be beginning or now"),
    ):  # fmt: skip
        with pytest.raises(ConfigError, match=message):
            follow(checkpoint, "log.csv", tmp_path, **options)


def test_the_benchmark_runs(project_root, monkeypatch, capsys):
    threads = torch.get_num_threads()
    monkeypatch.setattr("sys.argv", ["follow.py", "--quick"])
    try:
        runpy.run_path(str(project_root / "benchmarks" / "follow.py"), run_name="__main__")
    finally:
        torch.set_num_threads(threads)
    printed = capsys.readouterr().out
    assert "caught up: 500 packets, 50 clouds" in printed and "latency: median" in printed
