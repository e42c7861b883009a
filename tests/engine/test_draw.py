"""Figures come from files alone, and what cannot be drawn stops nothing."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from PIL import Image

from csi2pc.engine.draw import draw
from csi2pc.engine.evaluate import evaluate
from csi2pc.errors import DataError
from csi2pc.evaluation.examples import write_examples
from csi2pc.evaluation.rows import make_rows, write_rows
from csi2pc.evaluation.statistics import summarise, write_summary
from csi2pc.types import FrameId

FIGURES = ("frames.png", "skill.png", "learning.png")


def test_files_alone_give_the_same_figures(finished, tmp_path):
    evaluate(finished.path)
    folder = tmp_path / "evaluation"
    folder.mkdir()
    for name in ("frames.csv", "summary.json", "examples.npz"):
        shutil.copy(finished.evaluation / name, folder)
    shutil.copy(finished.metrics, tmp_path)
    draw(folder)
    for name in FIGURES:
        with Image.open(finished.evaluation / name) as first, Image.open(folder / name) as again:
            np.testing.assert_array_equal(np.asarray(first), np.asarray(again))


def test_what_cannot_be_drawn_is_left_out(tmp_path, capsys):
    rows = make_rows([FrameId("a", 0)], [3], {"model": [{"emd": 0.5}]})
    write_rows(tmp_path / "frames.csv", rows)
    write_summary(tmp_path / "summary.json", summarise(rows))
    write_examples(tmp_path / "examples.npz", [])
    for name in FIGURES:
        (tmp_path / name).write_bytes(b"of an earlier evaluation")
    draw(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"frames.csv", "summary.json", "examples.npz"}
    notes = capsys.readouterr().err
    assert all(f"{name} is not drawn" in notes for name in FIGURES)


def test_a_folder_without_an_evaluation_is_refused(tmp_path):
    with pytest.raises(DataError, match="frames.csv"):
        draw(tmp_path)
