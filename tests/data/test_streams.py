from __future__ import annotations

import numpy as np
import pytest

from csi2pc.data.streams import Camera, Stream
from csi2pc.data.typed_yaml import read_typed_yaml
from csi2pc.errors import ConfigError

CAMERA = "{fx: 500, fy: 500, cx: 2, cy: 1, width: 4, height: 3}"


def read(tmp_path, text):
    (tmp_path / "a.yaml").write_text(text)
    return read_typed_yaml(Stream, tmp_path / "a.yaml")


@pytest.mark.parametrize(
    ("text", "metres"),
    [
        (f"{{format: depth, files: 'd/{{time_us}}.png', intrinsics: {CAMERA}}}", 1e-3),
        (f"{{format: depth, times: d/t.csv, intrinsics: {CAMERA}, unit: 0.0002}}", 0.0002),
        ("{format: clouds, files: 'c/{index}.ply', rate: 10, unit: metres}", 1.0),
        ("{format: bin, files: 'c/{time_s}.bin', dtype: float32, columns: 4, unit: centimetres}", 0.01),
        ("{format: npz, file: a.npz, unit: metres}", 1.0),
        ("{format: csv, file: a.csv, unit: millimetres}", 1e-3),
        ("{format: radar_log, file: a.txt}", 1.0),
    ],
)
def test_every_format_has_its_keys_and_its_unit(tmp_path, text, metres):
    assert read(tmp_path, text).metres == metres


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("{format: depth, files: 'd/{time_us}.png'}", "depth needs intrinsics"),
        (f"{{format: depth, file: d.png, intrinsics: {CAMERA}}}", "either files .* or times .* got file"),
        ("{format: depth, files: 'd/{time_us}.png', intrinsics: {fx: 500}}", "the key 'fy' is missing"),
        ("{format: clouds, unit: metres}", "either files .* got none"),
        ("{format: clouds, files: 'c/*.ply', unit: metres}", r"one of \{time_s\}.*list files and times in a CSV"),
        ("{format: clouds, files: 'c/{frame}.ply', unit: metres}", r"one of \{time_s\}"),
        ("{format: clouds, files: '{index}/a.ply', rate: 1, unit: metres}", "in the files' name"),
        ("{format: clouds, files: 'c/{index}.ply', unit: metres}", "need rate"),
        ("{format: clouds, files: 'c/{index}.ply', rate: 0, unit: metres}", "need rate.*got 0"),
        ("{format: clouds, files: 'c/{time_s}.ply', rate: 3, unit: metres}", "rate and start belong"),
        ("{format: clouds, times: t.csv}", "does not say in which unit"),
        ("{format: clouds, times: t.csv, unit: inches}", "unit must be one of metres, .*millimetres or a number"),
        ("{format: clouds, times: t.csv, unit: -1}", "more than 0 metres"),
        ("{format: bin, times: t.csv, unit: metres, columns: 3}", "bin needs dtype and columns"),
        ("{format: bin, times: t.csv, unit: metres, columns: 2, dtype: float64}", "at least 3"),
        ("{format: clouds, times: t.csv, unit: metres, columns: 3}", "dtype and columns belong to format: bin"),
        ("{format: npz, files: '{index}.npz', rate: 1, unit: metres}", "needs file, which holds all frames"),
        ("{format: npz, file: a.npz}", "does not say in which unit"),
        ("{format: radar_log, file: a.txt, unit: metres}", "radar_log is in metres"),
        ("{format: npz, file: a.npz, unit: metres, masks: m.png}", "masks belong to format: depth"),
        (f"{{format: depth, files: '{{time_s}}.png', intrinsics: {CAMERA}, masks: 'm/*.png'}}", "same placeholder"),
        ("{format: video, file: a.mp4}", "one of depth, clouds, bin, npz, csv, radar_log; got 'video'"),
    ],
)
def test_what_cannot_be_read_so_is_refused(tmp_path, text, match):
    with pytest.raises(ConfigError, match=match):
        read(tmp_path, text)


def test_a_camera_is_a_pinhole_of_which_everything_is_given():
    camera = Camera(fx=500.0, fy=510.0, cx=2.0, cy=1.0, width=4, height=3)
    assert (camera.fy, camera.height) == (510.0, 3)
    with pytest.raises(TypeError):
        Camera(fx=500.0)
    with pytest.raises(ConfigError, match="focal"):
        Camera(fx=np.nan, fy=1.0, cx=0.0, cy=0.0, width=1, height=1)
