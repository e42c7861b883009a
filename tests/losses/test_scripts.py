"""The benchmarks and the gallery of losses run, in their quick form."""

from __future__ import annotations

import runpy
import sys

import pytest
import torch


@pytest.fixture
def run(project_root, monkeypatch, capsys):
    def run_script(path: str, *arguments: str) -> str:
        threads = torch.get_num_threads()
        monkeypatch.setattr(sys, "argv", [path, *arguments])
        monkeypatch.setattr(sys, "path", list(sys.path))
        try:
            runpy.run_path(str(project_root / path), run_name="__main__")
        finally:
            torch.set_num_threads(threads)
        return capsys.readouterr().out

    return run_script


def test_benchmark_of_time_and_memory(run):
    printed = run("benchmarks/losses.py", "--quick")
    assert "apml transcription" in printed and "apml dense" in printed


def test_benchmark_of_accuracy(run):
    printed = run("benchmarks/losses_accuracy.py", "--quick")
    assert "clumped" in printed and "InfoCD released against CD-L1: cosine of the gradients 1.000000" in printed


def test_optimised_points(run, tmp_path):
    printed = run("benchmarks/optimise_points.py", "--quick", "--out", str(tmp_path))
    assert "4 steps" in printed and "0.02 seconds" in printed
    assert {path.name for path in tmp_path.iterdir()} == {"optimise_points.png", "optimise_clumped.png"}


def test_gallery(run, tmp_path):
    run("docs/gallery_losses.py", "--quick", "--out", str(tmp_path))
    assert (tmp_path / "gallery_losses.png").stat().st_size > 10_000
