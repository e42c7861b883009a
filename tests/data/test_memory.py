from __future__ import annotations

import numpy as np
import pytest

from csi2pc.data.frames import FrameError
from csi2pc.data.memory import MEMORY_LIMIT, expected_bytes, keeps, read_lazily, sample_bytes
from csi2pc.types import FrameId, Sample

FRAMES = [FrameId("a", k) for k in range(5)]


class Source:
    """Frames of 600 bytes of which the first ``damaged`` cannot be read."""

    def __init__(self, damaged: int) -> None:
        self.damaged = damaged

    def sample(self, frame: FrameId) -> Sample:
        if frame.index < self.damaged:
            raise FrameError("damaged", str(frame))
        features, points = np.zeros((1, 2, 3, 4), np.float32), np.zeros((40, 3), np.float32)
        return Sample(features, np.zeros((1, 6, 4), bool), points, frame)


def test_auto_keeps_what_fits_and_the_others_do_as_they_say():
    sizes = (0, MEMORY_LIMIT, MEMORY_LIMIT + 1)
    assert [[keeps(cache, size) for size in sizes] for cache in ("auto", "memory", "none")] == [
        [True, True, False], [True, True, True], [False, False, False],
    ]  # fmt: skip


@pytest.mark.parametrize(("damaged", "expected"), [(0, 3000), (3, 3000), (5, 0)])
def test_the_first_readable_frame_says_how_large_all_are(damaged, expected):
    assert sample_bytes(Source(0).sample(FRAMES[0])) == 600
    assert expected_bytes(Source(damaged), FRAMES) == expected


def test_the_note_has_both_sizes_and_the_other_choice():
    assert "about 18.5 GiB, more than the 4 GiB that data.cache: auto" in read_lazily(int(18.5 * 2**30))
    assert "data.cache: memory would" in read_lazily(0)
