"""How fast captures are read, beside csiread where it reads the same format.

    python benchmarks/readers.py                      # every format whose sample is there
    python benchmarks/readers.py intel5300 atheros    # some of them
    python benchmarks/readers.py --megabytes 200 --repeats 7

Each sample recording (``CSI2PC_TEST_DATA``, default ``../shared/data``) is repeated, its clock going on, to a file of
the size asked for. Both readers take turns on it, and the least of their times counts. csiread gives raw arrays;
ours checks every record, orders the packets by time and counts what it skips. One thread.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

from csi2pc.csi.atheros import HEADERS as ATHEROS_HEADERS  # noqa: E402
from csi2pc.csi.atheros import headers_in as atheros_headers_in  # noqa: E402
from csi2pc.csi.atheros import read_atheros  # noqa: E402
from csi2pc.csi.esp32 import read_esp32_csv  # noqa: E402
from csi2pc.csi.esp32_csv import LAYOUTS as ESP32_LAYOUTS  # noqa: E402
from csi2pc.csi.intel5300 import read_intel5300  # noqa: E402
from csi2pc.csi.intel5300_records import HEADER as INTEL_HEADER  # noqa: E402
from csi2pc.csi.intel5300_records import headers_in as intel_headers_in  # noqa: E402
from csi2pc.csi.nexmon import read_nexmon  # noqa: E402
from csi2pc.csi.pcap import read_pcap  # noqa: E402
from csi2pc.types import Report  # noqa: E402


@dataclass(frozen=True)
class Case:
    """A format to measure.

    Attributes:
        sample: recording below the folder of real data.
        repeat: from the sample's bytes and a number of times to a longer file's bytes.
        read: our reader.
        oracle: csiread's, or None where it has none, or one too fragile.
    """

    sample: str
    repeat: Callable[[bytes, int], bytes]
    read: Callable[[str], object]
    oracle: Callable[[str], object] | None = None


def repeat_intel5300(sample: bytes, times: int) -> bytes:
    """Clocks are set to 1 ms a packet."""
    data = np.frombuffer(sample, dtype=np.uint8)
    starts = np.concatenate([starts for starts, _ in intel_headers_in(data)])
    return _with_clock(np.tile(data, times), _tiled(starts, len(sample), times), INTEL_HEADER.fields["ticks"][1], "<u4")


def repeat_atheros(sample: bytes, times: int) -> bytes:
    """Clocks of the little-endian sample are set to 1 ms a packet."""
    data = np.frombuffer(sample, dtype=np.uint8)
    starts = np.sort(np.concatenate([starts for starts, _ in atheros_headers_in(data, "<")]))
    offset = ATHEROS_HEADERS["<"].fields["ticks"][1]
    return _with_clock(np.tile(data, times), _tiled(starts, len(sample), times), offset, "<u8")


def repeat_nexmon(sample: bytes, times: int) -> bytes:
    """Clocks of the little-endian sample are set to 1 ms a packet."""
    data = np.frombuffer(sample, dtype=np.uint8)
    starts = read_pcap(data, Path("sample"), Report()).start - 16 - 24
    body = np.tile(data[24:], times)
    starts = _tiled(starts, len(sample) - 24, times)
    milliseconds = np.arange(len(starts))
    clock = np.stack([milliseconds // 1000, milliseconds % 1000 * 1000], axis=1).astype("<u4")  # (n, 2)
    body[starts[:, None] + np.arange(8)] = clock.view(np.uint8)
    return sample[:24] + body.tobytes()


def repeat_esp32(sample: bytes, times: int) -> bytes:
    """Whole rows of the sample, their clocks set to 10 ms a packet (the counter has 32 bits)."""
    header, *lines = sample.split(b"\n")
    column = ESP32_LAYOUTS[25].index("local_timestamp")
    rows = [line.split(b",", column + 1) for line in lines if line.endswith(b"]")]
    log = [header]
    for number in range(times * len(rows)):
        before, after = rows[number % len(rows)][:column], rows[number % len(rows)][column + 1]
        log.append(b",".join([*before, b"%d" % (10_000 * number % 2**32), after]))
    return b"\n".join(log) + b"\n"


def _tiled(starts: np.ndarray, size: int, times: int) -> np.ndarray:
    return (np.arange(times)[:, None] * size + starts).reshape(-1)


def _with_clock(data: np.ndarray, starts: np.ndarray, offset: int, kind: str) -> bytes:
    """``data`` with the counter at ``offset`` of every record set to 1000 microseconds a record."""
    width = np.dtype(kind).itemsize
    ticks = (1000 * np.arange(len(starts))).astype(kind)
    data[starts[:, None] + offset + np.arange(width)] = ticks.view(np.uint8).reshape(-1, width)
    return data.tobytes()


def csiread_intel5300(path: str) -> object:
    """csiread's reader, for up to 3 x 2 antennas as in the sample."""
    import csiread

    oracle = csiread.Intel(path, nrxnum=3, ntxnum=2, if_report=False)
    oracle.read()
    return oracle


def csiread_atheros(path: str) -> object:
    """csiread's reader, for the sample's 3 x 2 antennas and 56 tones."""
    import csiread

    oracle = csiread.Atheros(path, nrxnum=3, ntxnum=2, tones=56, if_report=False)
    oracle.read(endian="little")
    return oracle


def csiread_nexmon(path: str) -> object:
    """csiread's reader, for the sample's chip and bandwidth."""
    import csiread

    oracle = csiread.Nexmon(path, chip="4366c0", bw=80, if_report=False)
    oracle.read()
    return oracle


CASES = {
    "intel5300": Case("captures/intel5300/sample_0x1_ap.dat", repeat_intel5300, read_intel5300, csiread_intel5300),
    "atheros": Case("captures/atheros/ath_csi_1.dat", repeat_atheros, read_atheros, csiread_atheros),
    "esp32": Case("captures/esp32/example_100hz_pitraffic.csv", repeat_esp32, read_esp32_csv),
    "nexmon": Case("captures/nexmon/example_4366c0.pcap", repeat_nexmon, read_nexmon, csiread_nexmon),
}


def measure(case: Case, content: bytes, repeats: int) -> dict[str, float]:
    """Least seconds of each reader, in turns."""
    readers = {"ours": case.read} | ({} if case.oracle is None else {"csiread": case.oracle})
    best = dict.fromkeys(readers, np.inf)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / Path(case.sample).name
        path.write_bytes(content)
        for _ in range(repeats):
            for name, read in readers.items():
                begin = time.perf_counter()
                read(str(path))
                best[name] = min(best[name], time.perf_counter() - begin)
    return best


def main() -> None:
    """Print one row a format."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("formats", nargs="*", metavar="FORMAT", help=f"of {', '.join(CASES)}; all if none is named")
    parser.add_argument("--megabytes", type=float, default=50, help="size of the repeated file")
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.formats) - set(CASES))
    if unknown:
        parser.error(f"unknown formats {', '.join(unknown)}; known are {', '.join(CASES)}")
    data = Path(os.environ.get("CSI2PC_TEST_DATA", ROOT / "../shared/data"))
    print(f"{'format':<14} {'MB':>6} {'ours MB/s':>10} {'csiread MB/s':>13} {'ours/csiread time':>18}")
    for name in arguments.formats or CASES:
        case = CASES[name]
        if not (data / case.sample).is_file():
            print(f"{name:<14} no sample at {data / case.sample}")
            continue
        sample = (data / case.sample).read_bytes()
        content = case.repeat(sample, max(1, round(arguments.megabytes * 1e6 / len(sample))))
        best = measure(case, content, arguments.repeats)
        size, other = len(content) / 1e6, best.get("csiread")
        speed, ratio = (f"{size / other:.0f}", f"{best['ours'] / other:.2f}") if other else ("-", "-")
        print(f"{name:<14} {size:>6.0f} {size / best['ours']:>10.0f} {speed:>13} {ratio:>18}", flush=True)
    print(f"largest resident size of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:.0f} MB")


if __name__ == "__main__":
    main()
