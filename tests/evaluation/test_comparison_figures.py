"""The figure of compared frames: every variant that has a cloud, on one scale."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from csi2pc.errors import DataError
from csi2pc.evaluation.compared_dataset import ComparedFrame
from csi2pc.evaluation.comparison_figures import _panels, compared_frames_figure


def frame(rng, variants=7, points=30):
    clouds = {f"$v{k}": rng.normal(size=(20, 3)) for k in range(variants)}
    return ComparedFrame(
        "best", "E01/$S05$/A02#3", rng.normal(size=(points, 3)), {**clouds, "none": None}, "mean_cloud",
        rng.normal(size=(20, 3)), 0.2, "emd", {"$v0": 0.1},
    )  # fmt: skip


def test_it_is_drawn_with_a_panel_for_each_cloud(tmp_path, rng):
    frames = [frame(rng)]
    names = [name for name, _, _ in _panels(frames[0], list(frames[0].predictions))]
    assert len(names) == 9 and names[1] == "\\$v0\n0.1000" and names[2] == "\\$v1\nno value"
    assert names[-1] == "mean_cloud\n0.2000"
    compared_frames_figure(tmp_path / "frames.png", frames, list(frames[0].predictions))
    with Image.open(tmp_path / "frames.png") as image:
        assert image.width == 1800


def test_nothing_to_draw_is_refused(tmp_path, rng):
    for frames in ([], [frame(rng, points=0)]):
        with pytest.raises(DataError, match="at least one frame"):
            compared_frames_figure(tmp_path / "frames.png", frames, [])
    assert np.array_equal(list(tmp_path.iterdir()), [])


def test_a_variant_with_a_baseline_s_name_keeps_its_own_value(rng):
    given = frame(rng, variants=1)
    clouds = {"mean_cloud": rng.normal(size=(20, 3))}
    panels = _panels(replace(given, predictions=clouds, values={"mean_cloud": 0.1}), ["mean_cloud"])
    assert [name for name, _, _ in panels[1:]] == ["mean_cloud\n0.1000", "mean_cloud\n0.2000"]


def test_a_name_that_is_no_text_is_drawn_with_a_mark(tmp_path, rng):
    given = frame(rng, variants=0)
    odd = replace(given, predictions={"a\ud800": rng.normal(size=(20, 3))})
    compared_frames_figure(tmp_path / "frames.png", [odd], ["a\ud800"])
    assert _panels(odd, ["a\ud800"])[1][0] == "a\ufffd\nno value"
