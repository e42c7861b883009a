"""How fast live inference could go, and how late a cloud is at 100 packets a second. One core, the demo's model.

    python benchmarks/follow.py
    python benchmarks/follow.py --quick

First a log that is there already is followed from its beginning: nothing waits, so packets over seconds is what the
whole chain (parsing, preparing, windows, model, files) sustains; the same for the parts alone. Then its packets are
sent as datagrams, 100 a second, by a thread of the same process: latency is from the last packet of a window to its
cloud on disk, and load is processor time over time, sender included. A window is only known to be complete once the
packets after it are there, 10 to 20 ms later at this rate; that is part of the latency.
"""

from __future__ import annotations

import argparse
import socket
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import torch

from csi2pc.checkpoint import Checkpoint, save_checkpoint
from csi2pc.csi.esp32_fields import LLTF
from csi2pc.csi.esp32_stream import Esp32Stream
from csi2pc.csi.layouts import LEGACY20
from csi2pc.csi.prepare_config import PrepareConfig
from csi2pc.csi.window_stream import WindowStream
from csi2pc.engine.follow import Followed, follow
from csi2pc.engine.predict import predict_clouds
from csi2pc.models.csi2pc import CSI2PC, CSI2PCConfig
from csi2pc.types import Report

RATE = 100.0
#: The demo's network, for the 52 subcarriers of an ESP32's legacy field.
MODEL = CSI2PCConfig(links=1, subcarriers=52, points=192, width=64, encoder_layers=2, decoder_layers=2, feedforward=128)


def lines_of_log(packets: int) -> list[bytes]:
    """Lines as ESP32-CSI-Tool writes them, 100 packets a second with 2 ms of jitter."""
    rng = np.random.default_rng(0)
    ticks = (np.arange(packets) / RATE + rng.uniform(0, 2e-3, packets)) * 1e6
    values = np.zeros((packets, 64, 2), dtype=int)
    values[:, LEGACY20 % 64] = rng.integers(-90, 90, (packets, 52, 2)) | 1
    head = "CSI_DATA,STA,AA:BB:CC:DD:EE:FF,-50,11,0,0,0,0,0,0,0,0,0,-96,0,6,0,{},0,131,0,0,0.5,128,[{} ]\n"
    return [
        head.format(int(tick), " ".join(map(str, row.reshape(-1).tolist()))).encode()
        for tick, row in zip(ticks, values, strict=True)
    ]


def model_file(folder: Path) -> tuple[Path, Checkpoint]:
    """A network with weights as they are initialised: they cost as much as trained ones."""
    torch.manual_seed(0)
    tones = LEGACY20.tolist()
    layout = {"rx": 1, "tx": 1, "device": "esp32", "subcarriers": tones, "captured": tones}
    checkpoint = Checkpoint(CSI2PC(MODEL).eval(), PrepareConfig(subcarriers=tones), layout)
    save_checkpoint(folder / "model.safetensors", checkpoint)
    return folder / "model.safetensors", checkpoint


def parts(lines: list[bytes], trained: Checkpoint) -> dict[str, float]:
    """Packets a second of each step alone, in the pieces in which a live stream comes: ten packets at a time."""
    stream, windows = Esp32Stream("log", LLTF), WindowStream(trained.prepare, rate=10.0)
    pieces = [b"".join(lines[i : i + 10]) for i in range(0, len(lines), 10)]
    captures, cut, seconds = [], [], {}
    began = time.perf_counter()
    for piece in pieces:
        captures += stream.feed(piece, Report())
    seconds["parsing"] = time.perf_counter() - began
    began = time.perf_counter()
    for piece in captures:
        cut += windows.push(piece.capture)
    seconds["preparing and windows"] = time.perf_counter() - began
    began = time.perf_counter()
    for window in cut:
        predict_clouds(trained.model, window.features, window.valid)
    seconds["model"] = time.perf_counter() - began
    return {name: len(lines) / spent for name, spent in seconds.items()}


def catch_up(model: Path, log: Path, out: Path) -> Followed:
    """Follow a log that is there already, to its end."""
    return follow(model, str(log), out, idle_seconds=0.01, emit=lambda line: None)


def live(model: Path, lines: list[bytes], out: Path, *, pause: float) -> tuple[Followed, float]:
    """Follow datagrams at 100 a second, with a pause before and after; also processor time over time."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def send() -> None:
        time.sleep(pause)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            began = time.monotonic()
            for i, line in enumerate(lines):
                time.sleep(max(0.0, began + i / RATE - time.monotonic()))
                sender.sendto(line, ("127.0.0.1", port))

    threading.Thread(target=send, daemon=True).start()
    before, began = time.process_time(), time.monotonic()
    done = follow(model, f"udp://127.0.0.1:{port}", out, idle_seconds=2 * pause, emit=lambda line: None)
    return done, (time.process_time() - before) / (time.monotonic() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a few seconds in all")
    quick = parser.parse_args().quick
    torch.set_num_threads(1)
    lines = lines_of_log(500 if quick else 6000)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model, trained = model_file(folder)
        (folder / "log.csv").write_bytes(b"".join(lines))
        began = time.perf_counter()
        done = catch_up(model, folder / "log.csv", folder / "clouds")
        whole = len(lines) / (time.perf_counter() - began)
        print(f"{'step':24s}{'packets/s':>12s}{'times 100/s':>14s}")
        for step, speed in {**parts(lines, trained), "everything, with files": whole}.items():
            print(f"{step:24s}{speed:12.0f}{speed / RATE:14.1f}")
        print(f"caught up: {done.tally.summary()}")
        done, load = live(model, lines[: 150 if quick else 2000], folder / "live", pause=0.3 if quick else 1.0)
        print(f"live at {RATE:.0f} packets/s: {done.tally.summary()}; load {load:.0%} of a core")
        median, late, latest = 1e3 * np.quantile(done.tally.latency, [0.5, 0.95, 1.0])
        print(f"latency: median {median:.0f} ms, 95 % {late:.0f} ms, longest {latest:.0f} ms")


if __name__ == "__main__":
    main()
