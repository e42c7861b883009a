"""Damaged files under a fixed seed: captures or a DataError come out, nothing else, and never a made-up value."""

import time
import zlib

import numpy as np
import pytest
from capture_rows import ROWS
from mutants import mutate

from csi2pc.csi import PrepareConfig, clock, prepare, windows_at
from csi2pc.csi.read import FORMATS, read_layouts
from csi2pc.errors import DataError

MUTANTS = 200
#: Mutants are made of the beginning of a recording (bytes), so that each is read quickly.
BEGINNING = 24_000
#: One in so many mutants also goes through the door that recognises formats.
DOOR = 8
#: Seconds that one recording may take; a machine that needs more tries fewer mutants, but never fewer than LEAST.
BUDGET, LEAST = 6.0, 50

READERS = {form.read.__name__: form for form in FORMATS if not form.folder}
RECORDINGS = [(name, sample) for name in READERS if name in ROWS for sample in (*ROWS[name].samples, "synthetic")]


def beginning(content, name):
    """Whole packets or lines at the beginning; a file that is no chain stays whole."""
    if not ROWS[name].chain or len(content) <= BEGINNING:
        return content
    short = content[:BEGINNING]
    return short[: short.rfind(b"\n") + 1] if name.startswith("read_esp32") else short


@pytest.mark.parametrize(("name", "sample"), RECORDINGS)
def test_mutants(request, tmp_path, name, sample):
    row, path = ROWS[name], tmp_path / "mutant"
    rng = np.random.default_rng(zlib.crc32(sample.encode() + name.encode()))
    if sample == "synthetic" and row.chain:
        content = b"".join(row.chain(rng))
    elif sample == "synthetic":
        row.write(path, rng)
        content = path.read_bytes()
    else:
        content = beginning((request.getfixturevalue("real_data") / sample).read_bytes(), name)
    started, tried, read = time.monotonic(), 0, 0
    while tried < MUTANTS and (tried < LEAST or time.monotonic() - started < BUDGET):
        path.write_bytes(mutate(content, rng))
        read += survives(lambda: READERS[name].read(path, **row.options), path)
        if tried % DOOR == 0:
            survives(lambda: read_layouts(path), path)
        tried += 1
    assert read > tried // 10 or not row.chain


def survives(attempt, path):
    """Whether anything was read."""
    try:
        captures = attempt()
    except DataError as error:
        assert str(path) in str(error)
        return False
    for capture in captures:
        assert len(capture) == capture.report.read > 0
        assert np.isfinite(capture.csi).all() and not capture.csi[~capture.valid].any()
        assert (np.diff(capture.timestamps) >= 0).all() and capture.valid.any((1, 2)).all()
    return True


@pytest.mark.parametrize(
    "sample", ["mmfi/frame001.mat", "esp32_ht40/csi.csv", "rooms/csi/room3/v20/3-mt-experiment-1-v20.csv"]
)
def test_what_is_left_of_a_mutant_can_be_prepared(real_data, tmp_path, rng, sample):
    content = (real_data / sample).read_bytes()
    lines = content.splitlines(keepends=True)
    path = tmp_path / "mutant"
    read = 0
    for _ in range(25):
        path.write_bytes(mutate(b"".join(lines[:60]) if sample.endswith("csv") else content, rng))
        try:
            capture = read_layouts(path)[0]
        except DataError:
            continue
        read += 1
        prepared = prepare(capture, PrepareConfig())
        assert np.isfinite(prepared.csi).all()
        times = clock(prepared, rate=10)[:50]
        assert np.isfinite(windows_at(prepared, times, PrepareConfig(max_unmeasured=0.9)).features).all()
    assert read > 2
