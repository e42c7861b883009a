"""Damaged files under a fixed seed: a capture or a DataError comes out, nothing else, and never a made-up value."""

import numpy as np
import pytest

from csi2pc.csi import PrepareConfig, clock, prepare, read_capture, windows_at
from csi2pc.errors import DataError

MUTANTS = 100


def mutate(content, rng):
    """Flip bytes, cut the end, drop, repeat or overwrite a piece; one to three of these."""
    content = bytearray(content)
    for _ in range(rng.integers(1, 4)):
        if not content:
            break
        at, length = int(rng.integers(len(content))), int(rng.integers(1, 400))
        kind = rng.integers(6)
        if kind == 0:
            for position in rng.integers(0, len(content), max(1, len(content) // 1000)):
                content[position] = rng.integers(256)
        elif kind == 1:
            del content[at:]
        elif kind == 2:
            del content[at : at + length]
        elif kind == 3:
            content[at:at] = content[at : at + length]
        elif kind == 4:
            content[at : at + length] = rng.integers(0, 256, length, dtype=np.uint8).tobytes()
        else:
            content[int(rng.integers(min(300, len(content))))] = rng.integers(256)
    return bytes(content)


@pytest.mark.parametrize(
    "name",
    ["mmfi/frame001.mat", "captures/esp32/example_data.csv", "esp32_ht40/csi.csv",
     "rooms/csi/room3/v20/3-mt-experiment-1-v20.csv"],
)  # fmt: skip
def test_mutants(real_data, tmp_path, rng, name):
    content = (real_data / name).read_bytes()
    lines = content.splitlines(keepends=True)
    path = tmp_path / "mutant"
    read = 0
    for _ in range(MUTANTS):
        path.write_bytes(mutate(b"".join(lines[:60]) if name.endswith("csv") else content, rng))
        try:
            capture = read_capture(path)
        except DataError as error:
            assert str(path) in str(error)
            continue
        read += 1
        assert len(capture) == capture.report.read > 0
        assert np.isfinite(capture.csi).all() and not capture.csi[~capture.valid].any()
        assert capture.csi[capture.valid].all() or name.endswith("mat")
        prepared = prepare(capture, PrepareConfig())
        assert np.isfinite(prepared.csi).all()
        times = clock(prepared, rate=10)[:50]
        assert np.isfinite(windows_at(prepared, times, PrepareConfig(max_unmeasured=0.9)).features).all()
    assert read > MUTANTS // 10
