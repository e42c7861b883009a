from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from mmfi_tree import write_mmwave, write_tree

from csi2pc.data.mmfi import index_mmfi, read_joints, scene_of
from csi2pc.errors import DataError

NAMES = ["E01/S01/A01", "E01/S02/A03", "E02/S11/A01"]


@pytest.fixture
def root(tmp_path):
    return write_tree(tmp_path, NAMES, frames=4, parts=("lidar", "mmwave"))


def test_everything_that_is_there_is_listed_in_order(root):
    index = index_mmfi(root, sensors=["lidar"])
    assert [s.name for s in index.sequences] == NAMES
    assert all(s.frames == (1, 2, 3, 4) for s in index.sequences)
    assert (index.report.read, index.report.skipped) == (12, [])
    sequence = index.sequences[1]
    assert sequence.file("wifi-csi", 3) == root / "E01/S02/A03/wifi-csi/frame003.mat"
    assert all(sequence.file(part, 4).is_file() for part in ("wifi-csi", "lidar", "mmwave"))
    assert sequence.joints_file.is_file()


def test_what_is_missing_is_counted_and_listed(root):
    one, two = root / NAMES[0], root / NAMES[1]
    (one / "wifi-csi/frame002.mat").unlink()
    (one / "lidar/frame002.bin").unlink()
    (one / "lidar/frame003.bin").unlink()
    (one / "wifi-csi/frame001.mat").write_bytes(b"")
    (two / "lidar/frame004.bin").write_bytes(b"")
    (two / "lidar/notes.txt").write_text("")
    index = index_mmfi(root, sensors=["lidar"])
    assert index.report.counts == {
        "zero-byte wifi-csi file": 1, "missing frame": 1, "missing lidar file": 1, "zero-byte lidar file": 1,
        "not a frame file": 1,
    }  # fmt: skip
    assert {s.where for s in index.report.skipped} >= {f"{NAMES[0]}#1", f"{NAMES[0]}#2", f"{NAMES[1]}#4"}
    assert [s.frames for s in index.sequences] == [(4,), (1, 2, 3), (1, 2, 3, 4)]
    assert index.report.read == 8


def test_frames_missing_at_the_end_are_listed_as_far_as_there_are_joints(root):
    np.save(root / NAMES[0] / "ground_truth.npy", np.zeros((7, 17, 3)))
    np.save(root / NAMES[1] / "ground_truth.npy", np.zeros((300, 17, 3)))
    index = index_mmfi(root, sensors=["lidar"])
    assert index.report.counts == {"missing frame": 3 + 293}
    assert [s.where for s in index.report.skipped][:4] == [f"{NAMES[0]}#{k}" for k in (5, 6, 7)] + [f"{NAMES[1]}#5"]
    assert [s.frames for s in index.sequences] == [(1, 2, 3, 4)] * 3
    assert index_mmfi(root, sensors=["lidar"], joints=False).report.skipped == []  # where it ends is not known


def test_a_zero_byte_radar_file_is_a_frame(root):
    (root / NAMES[0] / "mmwave/frame002.bin").write_bytes(b"")
    index = index_mmfi(root, sensors=["mmwave"])
    assert index.sequences[0].frames == (1, 2, 3, 4)
    assert index.report.notes == ["1 of 12 mmWave files are zero-byte, that is without any point"]


def test_joints_limit_the_frames_only_where_they_are_needed(root):
    np.save(root / NAMES[0] / "ground_truth.npy", np.zeros((3, 17, 3)))
    (root / NAMES[1] / "ground_truth.npy").unlink()
    (root / NAMES[2] / "ground_truth.npy").write_bytes(b"\x93NUMPY cut")
    index = index_mmfi(root, sensors=["lidar"])
    assert [s.frames for s in index.sequences] == [(1, 2, 3)]
    assert index.report.counts == {"sequence without usable ground_truth.npy": 2, "no row of joints": 1}
    assert len(index_mmfi(root, sensors=["lidar"], joints=False).sequences) == 3


def test_sequences_without_a_folder_or_out_of_their_scene_are_left_out(root):
    shutil.rmtree(root / NAMES[0] / "lidar")
    shutil.copytree(root / NAMES[1], root / "E01/S15/A01")
    shutil.rmtree(root / NAMES[2] / "lidar")
    (root / NAMES[2] / "lidar").mkdir()
    index = index_mmfi(root, sensors=["lidar"])
    assert [s.name for s in index.sequences] == [NAMES[1]]
    assert index.report.counts["sequence without folder lidar"] == 1
    assert index.report.counts["subject outside its scene (S15 is of E02)"] == 1
    assert index.report.counts["sequence without usable frames"] == 1
    assert "missing frame" not in index.report.counts  # a sequence without any is one thing left out


def test_at_most_297_frames(root, rng):
    write_mmwave(root / NAMES[0] / "mmwave/frame298.bin", rng)
    write_mmwave(root / NAMES[0] / "mmwave/frame000.bin", rng)
    index = index_mmfi(root, sensors=["mmwave"])
    assert index.sequences[0].frames == (1, 2, 3, 4)
    assert index.report.counts == {"not a frame file": 2}


def test_a_root_that_is_none_is_one_clear_error(tmp_path, root):
    with pytest.raises(DataError, match="does not exist"):
        index_mmfi(tmp_path / "nowhere")
    with pytest.raises(DataError, match=f"; nowhere does not exist .looked in {Path.cwd()}"):
        index_mmfi("nowhere")
    with pytest.raises(DataError, match="is a file"):
        index_mmfi(root / NAMES[0] / "ground_truth.npy")
    with pytest.raises(DataError, match="the root holds: S01, S02"):
        index_mmfi(root / "E01")
    with pytest.raises(DataError, match="without folder depth: 3"):
        index_mmfi(root, sensors=["depth"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="the root holds: nothing"):
        index_mmfi(tmp_path / "empty")


@pytest.mark.parametrize("where", ["E03", "E01/S03", "E01/S01/A02", "E01/S01/A01/lidar"])
def test_a_file_where_a_folder_is_expected(root, where):
    if (root / where).is_dir():
        shutil.rmtree(root / where)
    (root / where).write_text("")
    with pytest.raises(DataError, match="must be a folder"):
        index_mmfi(root, sensors=["lidar"])


def test_subjects_have_one_scene():
    assert [scene_of(s) for s in ("S01", "S10", "S11", "S40")] == ["E01", "E01", "E02", "E04"]


def test_joints_of_another_shape_are_refused(tmp_path, real_data):
    np.save(tmp_path / "flat.npy", np.zeros((297, 51)))
    np.save(tmp_path / "whole.npy", np.zeros((297, 17, 3), dtype=int))
    for name in ("flat", "whole", "none"):
        with pytest.raises(DataError, match=name):
            read_joints(tmp_path / f"{name}.npy")
    genuine = read_joints(real_data / "mmfi" / "E01_S01_A02_ground_truth_frame0_transcribed.npy")
    assert genuine.shape == (1, 17, 3) and 3 < genuine[..., 2].mean() < 4
