"""Damage capture files in random ways, and see what the readers do with them, for as long as one likes.

    python benchmarks/fuzz_readers.py --seconds 60
    python benchmarks/fuzz_readers.py --seconds 3600 --seed 7 --file my.csi --file other.pcap

Without ``--file``: the recordings and the synthetic files of ``tests/capture_rows.py`` (recordings from
``CSI2PC_TEST_DATA``, default ``../shared/data``). Mutants are those of ``tests/mutants.py``. Each is read in a child
process: a mutant that ends it, or that it does not answer about in time, is noticed and saved, and so is one that
gives anything but captures that keep their promises, or a DataError. The exit status is 1 if there was any such mutant.
"""

from __future__ import annotations

import argparse
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from capture_rows import ROWS  # noqa: E402
from mutants import mutate  # noqa: E402

from csi2pc.csi.read import FORMATS, recognise  # noqa: E402
from csi2pc.errors import DataError  # noqa: E402

#: Outcomes that are as they should be.
FINE = ("read", "DataError")


def work(file: str, folder: str, seed: int, first: int) -> None:
    """The child: read one mutant after the other, and say what came of each on one line."""
    content = Path(file).read_bytes()
    form = recognise(file)
    row = ROWS.get(form.read.__name__)
    options = row.options if row else {}
    mutant = Path(folder) / "mutant"
    print("ready", flush=True)
    for number in range(first, sys.maxsize):
        mutant.write_bytes(mutate(content, np.random.default_rng([seed, number])))
        started = time.perf_counter()
        outcome = read(lambda: form.read(mutant, **options))
        print(number, f"{time.perf_counter() - started:.6f}", outcome, flush=True)


def read(attempt) -> str:
    """What came out."""
    try:
        captures = attempt()
    except DataError:
        return "DataError"
    except Exception as error:  # anything else is what is looked for
        return f"{type(error).__name__}: {error}"[:200].replace("\n", " ")
    for capture in captures:
        promises = (
            len(capture) == capture.report.read > 0, np.isfinite(capture.csi).all(),
            not capture.csi[~capture.valid].any(), (np.diff(capture.timestamps) >= 0).all(),
        )  # fmt: skip
        if not all(promises):
            return f"broken promise {promises.index(False)}"
    return "read"


class Child:
    """A process that reads mutants of one file, and the lines it says."""

    def __init__(self, file: Path, folder: Path, seed: int, first: int) -> None:
        command = [sys.executable, __file__, "--work", str(file), str(folder), str(seed), str(first)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()
        if self.lines.get() != "ready\n":
            raise SystemExit(f"{file} is no capture of a known format, or cannot be read")

    def _listen(self) -> None:
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put("")

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


def fuzz(file: Path, *, seconds: float, seed: int, limit: float, failures: Path) -> bool:
    """Mutants of one file; prints what came of them. Whether all went well."""
    outcomes: Counter[str] = Counter()
    content = file.read_bytes()
    slowest, number, good = (0.0, 0), 0, True
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        child = Child(file, folder, seed, number)
        started = time.monotonic()
        while time.monotonic() - started < seconds:
            outcome, took = _next(child, limit)
            outcomes[outcome.split(":")[0]] += 1
            slowest = max(slowest, (took, number))
            if outcome not in FINE:
                good = False
                failures.mkdir(parents=True, exist_ok=True)
                saved = failures / f"{file.stem}-seed{seed}-{number}{file.suffix}"
                saved.write_bytes(mutate(content, np.random.default_rng([seed, number])))
                print(f"  {outcome} at mutant {number}: saved as {saved}")
            number += 1
            if outcome == "hang" or outcome.startswith("crash"):
                child.end()
                child = Child(file, folder, seed, number)
        passed = time.monotonic() - started
        child.end()
    said = ", ".join(f"{outcome} {count}" for outcome, count in outcomes.most_common())
    print(f"{file.name}: {number / passed:.0f} mutants/s ({number}): {said}")
    print(f"  slowest: {slowest[0]:.3f} s (mutant {slowest[1]})")
    return good


def _next(child: Child, limit: float) -> tuple[str, float]:
    """Outcome of the next mutant, and the seconds it took."""
    try:
        line = child.lines.get(timeout=limit)
    except queue.Empty:
        return "hang", limit
    if not line:
        return f"crash (exit status {child.process.wait()})", 0.0
    _, took, outcome = line.rstrip("\n").split(" ", 2)
    return outcome, float(took)


def all_files(folder: Path) -> list[Path]:
    """Recordings that are there, and synthetic files written into ``folder``."""
    data, files = Path(os.environ.get("CSI2PC_TEST_DATA", ROOT / "../shared/data")), []
    for form in FORMATS:
        row = ROWS.get(form.read.__name__)
        if row is None or form.folder:
            continue
        files += [data / sample for sample in row.samples if (data / sample).is_file()]
        path, rng = folder / f"synthetic_{form.read.__name__.removeprefix('read_')}", np.random.default_rng(0)
        if row.chain:
            path.write_bytes(b"".join(row.chain(rng)))
        else:
            row.write(path, rng)
        files.append(path)
    return files


def main() -> int:
    if sys.argv[1:2] == ["--work"]:
        work(sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60, help="for all files together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--file", type=Path, action="append", help="a capture to damage; may be given several times")
    parser.add_argument("--limit", type=float, default=60, help="seconds after which a mutant counts as a hang")
    parser.add_argument("--failures", type=Path, default=Path("fuzz_failures"), help="folder for what went wrong")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        files = given.file or all_files(Path(folder))
        good = [
            fuzz(file, seconds=given.seconds / len(files), seed=given.seed, limit=given.limit, failures=given.failures)
            for file in files
        ]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
