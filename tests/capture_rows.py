"""What the shared tests of readers know of each format: sample recordings, a writer of synthetic ones, an oracle.

One row a reader, by the name of its function. A new reader gets its row here; the tests ask for it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import esp32_text
import feitcsi_log
import mmfi_tree
import numpy as np
import picoscenes_log
from csi import test_atheros, test_intel5300, test_nexmon
from made_captures import made

from csi2pc.csi.layouts import LEGACY20
from csi2pc.types import Report

#: Packets of a synthetic log.
PACKETS = 12


@dataclass(frozen=True)
class Row:
    """A format.

    Attributes:
        samples: recordings, relative to the folder of real data.
        chain: writes a log that is a chain of packets: what stands before the first one, then one piece a packet,
            10 ms apart.
        write: writes a file that is no chain (or, for a folder format, a folder).
        options: what the reader has to be told.
        zeros: whether I = Q = 0 may be a measured value.
        oracle: lines of Python that read ``path`` with csiread and leave the arrays to compare in ``found``; they may
            write a file at ``target + ".part"``.
        compared: options with which our reader gives what the oracle gives.
    """

    samples: tuple[str, ...] = ()
    chain: Callable[[np.random.Generator], list[bytes]] | None = None
    write: Callable[[Path, np.random.Generator], None] | None = None
    options: dict = field(default_factory=dict)
    zeros: bool = False
    oracle: str = ""
    compared: dict = field(default_factory=dict)


def _intel5300(rng):
    values = [test_intel5300.random_values(rng, 3, 2) for _ in range(PACKETS)]
    return [b"", *(test_intel5300.record(v, ticks=10_000 * i + 1, count=i) for i, v in enumerate(values))]


def _atheros(rng):
    values = [test_atheros.random_values(rng) for _ in range(PACKETS)]
    return [b"", *(test_atheros.record(v, ticks=10_000 * i + 1) for i, v in enumerate(values))]


def _nexmon(rng):
    packets = [test_nexmon.datagram(test_nexmon.integers(rng), sequence=16 * i) for i in range(PACKETS)]
    whole = test_nexmon.pcap(packets)
    length = (len(whole) - 24) // PACKETS
    return [whole[:24], *(whole[24 + i * length : 24 + (i + 1) * length] for i in range(PACKETS))]


def _feitcsi(rng):
    return [b"", *feitcsi_log.log(rng, packets=PACKETS)[0]]


def _picoscenes(rng):
    return [b"", *picoscenes_log.log(rng, packets=PACKETS)[0]]


def _esp32_values(rng):
    return esp32_text.bins_of(rng, LEGACY20, lambda k: k % 64, 64)[0]


def _esp32_csv(rng):
    lines = [esp32_text.row(_esp32_values(rng), local_timestamp=10_000 * i + 1) for i in range(PACKETS)]
    return [f"{esp32_text.header(25)}\n".encode(), *(f"{line}\n".encode() for line in lines)]


def _esp32_jsonl(rng):
    lines = []
    for i in range(PACKETS):
        stored = np.array(_esp32_values(rng), dtype=np.int8).tobytes().hex()
        lines.append({"timestamp": 1000 + i / 100, "node_id": 1, "rssi": -50, "type": "raw_csi", "iq_hex": stored})
    return [b"", *(json.dumps(line).encode() + b"\n" for line in lines)]


def _mmfi_folder(path, rng):
    path.mkdir()
    for k in (1, 2):
        mmfi_tree.write_csi(path / f"frame{k:03d}.mat", rng)


def _made(path, rng):
    capture = made(packets=PACKETS, seed=int(rng.integers(1000)), report=Report(read=PACKETS))
    return replace(capture, source=str(path))


def _capture_hdf5(path, rng):
    from csi2pc.csi.container_hdf5 import write_capture_hdf5

    write_capture_hdf5(path, [_made(path, rng)])


def _capture_npz(path, rng):
    from csi2pc.csi.container_npz import write_capture_npz

    with path.open("wb") as file:
        write_capture_npz(file, [_made(path, rng)])


def _arrays(path, rng):
    capture = _made(path, rng)
    with path.open("wb") as file:
        np.savez(file, H=capture.csi, t=capture.timestamps)


_SCHEMA = {"csi": "H", "axes": "packet link subcarrier", "timestamps": "t", "subcarriers": "HT40", "rx": 3, "tx": 1}

ROWS = {
    "read_intel5300": Row(
        samples=("captures/intel5300/log.all_csi.6.7.6.dat", "captures/intel5300/sample_0x1_ap.dat"),
        chain=_intel5300, zeros=True,
        oracle="""
log = csiread.Intel(path, nrxnum=3, ntxnum=3, if_report=False)
log.read()
found = {"csi": log.csi.transpose(0, 3, 2, 1), "rx": log.Nrx, "tx": log.Ntx, "ticks": log.timestamp_low}
""",
    ),
    "read_atheros": Row(
        samples=("captures/atheros/ath_csi_1.dat", "captures/atheros/sample_csi_packet_big_endian.dat"),
        chain=_atheros, zeros=True,
        oracle="""
stray = open(path, "rb").read(1) == b"\\xff"
if stray:
    content = open(path, "rb").read()[1:]
    path = target + ".part"
    open(path, "wb").write(content)
log = csiread.Atheros(path, nrxnum=3, ntxnum=3, tones=56, if_report=False)
log.read(endian="big" if stray else "little")
# csiread calls the outer of the two axes rx, the tool's own decoder tx.
csi = np.zeros((len(log.csi), 3, 3, 56), dtype=complex)
for n, (rx, tx) in enumerate(zip(log.nr, log.nc)):
    csi[n, :tx, :rx] = log.csi[n][:, :rx, :tx].reshape(56, tx, rx).transpose(1, 2, 0)
found = {"csi": csi, "rx": log.nr, "tx": log.nc, "ticks": log.timestamp}
""",
    ),
    "read_nexmon": Row(
        samples=("captures/nexmon/example_4358.pcap", "captures/nexmon/example_4366c0.pcap"),
        chain=_nexmon, zeros=True,
        oracle="""
log = csiread.Nexmon(path, chip=path.split("example_")[1].split(".")[0], bw=80, if_report=False)
log.read()
order = np.lexsort((log.core, log.spatial, log.seq)) if len(set(log.core)) > 1 else slice(None)
found = {"datagrams": log.csi[order]}
""",
    ),
    "read_picoscenes": Row(
        samples=("captures/picoscenes/picoscenes_iwl5300_example.csi",),
        chain=_picoscenes, zeros=True,
        oracle="""
log = csiread.Picoscenes(path, {"CSI": [30, 3, 3], "MPDU": 1}, if_report=False)
log.read()
info = log.raw["CSI"]["Info"]
found = {"csi": log.raw["CSI"]["CSI"].transpose(0, 3, 2, 1), "rx": info["NumRx"], "tx": info["NumTx"] + info["NumESS"],
         "ticks": log.raw["RxSBasic"]["Timestamp"]}
""",
    ),
    "read_feitcsi": Row(
        samples=tuple(f"captures/feitcsi/{name}.csi" for name in ("HT20_2452", "HT40_2452", "VHT80_5500")),
        chain=_feitcsi,
    ),
    "read_esp32_csv": Row(
        samples=("captures/esp32/example_data.csv", "captures/esp32/example_100hz_pitraffic.csv", "esp32_ht40/csi.csv"),
        chain=_esp32_csv,
        oracle="""
lines = [line for line in open(path).read().splitlines() if line.startswith("CSI_DATA") and line.endswith(" ]")]
lines = [line for line in lines if line.count(" ") == 128 and line.count(",") == 25]
path = target + ".part"
open(path, "w").write("".join(line + "\\n" for line in lines))
log = csiread.ESP32(path, if_report=False)
log.read()
found = {"bins": log.csi, "ticks": log.local_timestamp}
""",
        compared={"training_field": "lltf"},
    ),
    "read_esp32_jsonl": Row(samples=("esp32_multi/pretrain-1775182186.csi.jsonl",), chain=_esp32_jsonl),
    "read_mmfi_frame": Row(samples=("mmfi/frame001.mat",), write=mmfi_tree.write_csi),
    "read_mmfi_folder": Row(write=_mmfi_folder),
    "read_capture_hdf5": Row(write=_capture_hdf5),
    "read_capture_npz": Row(write=_capture_npz),
    "read_generic": Row(write=_arrays, options={"schema": _SCHEMA}),
}  # fmt: skip
#: Readers of what no other format claims: they see some files of other formats too, and come last.
FALLBACKS = {"read_generic"}
