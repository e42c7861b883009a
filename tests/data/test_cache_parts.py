from __future__ import annotations

import numpy as np
import pytest

from csi2pc.data.cache_parts import is_done, part_array, read_about, write_part
from csi2pc.data.frames import Layout
from csi2pc.errors import DataError
from csi2pc.types import FrameId, Report, Sample, Skipped

LAYOUT = Layout((1, 2, 3), (1, 2, 3, 4), 1, 1, "esp32")


@pytest.fixture
def samples(rng):
    return [
        Sample(
            rng.normal(size=(1, 3, 2, 5)).astype(np.float32), rng.random((1, 3, 5)) < 0.5,
            rng.normal(size=(i, 3)).astype(np.float32), FrameId("a/1", i, i / 3, scene="é"),
        )
        for i in (4, 7)
    ]  # fmt: skip


def test_a_part_comes_back_as_it_was_written(tmp_path, samples):
    part, report = tmp_path / "parts" / "0001", Report(2, [Skipped("a/1#2", "hole")], ["note"])
    assert not is_done(part)
    write_part(part, samples, report, LAYOUT)
    about = read_about(part)
    assert is_done(part) and about.frames == [sample.frame for sample in samples] and about.sizes == [4, 7]
    assert (about.report, about.layout, about.shape) == (report, LAYOUT, (1, 3, 2, 5))
    np.testing.assert_array_equal(part_array(part, "features"), [sample.features for sample in samples])
    np.testing.assert_array_equal(part_array(part, "points"), np.concatenate([sample.points for sample in samples]))
    bits = np.unpackbits(part_array(part, "valid"), axis=1, count=15).astype(bool)
    np.testing.assert_array_equal(bits.reshape(2, 1, 3, 5), [sample.valid for sample in samples])


def test_a_sequence_without_samples_is_a_part_too(tmp_path):
    write_part(tmp_path / "0", [], Report(skipped=[Skipped("a/1: damaged", "unreadable capture")]), None)
    about = read_about(tmp_path / "0")
    assert is_done(tmp_path / "0") and not about.frames and about.layout is None and len(about.report.skipped) == 1


def test_a_damaged_part_counts_as_not_done(tmp_path, samples):
    write_part(tmp_path / "0", samples, Report(), LAYOUT)
    file = tmp_path / "0.npz"
    content = bytearray(file.read_bytes())
    content[len(content) // 3] ^= 4
    file.write_bytes(content)
    with pytest.raises(DataError, match="same command again"):
        for name in ("features", "valid", "points"):
            part_array(tmp_path / "0", name)
    assert not is_done(tmp_path / "0")
