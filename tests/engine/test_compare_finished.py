import json
import shutil
from dataclasses import replace

import pytest

from csi2pc.cli import main
from csi2pc.engine.compare_finished import compare_finished
from csi2pc.engine.evaluate import evaluate
from csi2pc.engine.run_folder import RunFolder
from csi2pc.errors import DataError
from csi2pc.evaluation.rows import read_rows, write_rows


@pytest.fixture(scope="module")
def runs(finished, tmp_path_factory):
    """One run, and the same with errors that are 1 cm larger on every frame."""
    evaluate(finished.path)
    folder = tmp_path_factory.mktemp("runs")
    for name in ("good", "worse"):
        shutil.copytree(finished.path, folder / name)
    file = folder / "worse" / "evaluation" / "frames.csv"
    rows = read_rows(file)
    moved = {**rows.values, "model/chamfer_l1": rows.column("model", "chamfer_l1") + 0.01}
    write_rows(file, replace(rows, values=moved))
    return [folder / "good", folder / "worse"]


def test_a_steady_difference_is_told_with_its_interval(runs):
    summary = compare_finished(runs, resamples=1000)
    (difference,) = summary.differences_of("test", "chamfer_l1")
    assert (difference.variant, difference.other, difference.standing) == ("worse", "good", "worse")
    assert (difference.difference, difference.low, difference.high) == pytest.approx((0.01, 0.01, 0.01))
    (same,) = summary.differences_of("test", "f_score_10cm")
    assert same.difference == 0 and same.standing == "not distinguishable"


def test_the_command_takes_run_folders(runs, capsys):
    assert main(["compare", *map(str, runs)]) == 0
    printed = capsys.readouterr().err
    assert "worse: worse (+0.0100" in printed and "trained with 1 seed only" in printed
    assert main(["compare", *map(str, runs), "--seeds", "[1]", "--out", "x"]) == 1
    assert "either run folders or --config" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        ("metrics.jsonl", b"[]\n", "metrics.jsonl, line 1, must be a JSON object: got a list"),
        ("metrics.jsonl", b'{"epoch": 1}\n', "must have epoch, step and seconds; line 1 has epoch"),
        ("metrics.jsonl", b"\xff\xfe", "cannot be read"),
        ("config.yaml", b"\xff\xfe", "config.yaml"),
        ("evaluation/data.json", b"[" * 100_000, "must be a strict JSON object"),
        ("evaluation/data.json", b"{}", "data.json has no targets and no csi; evaluate again"),
    ],
)
def test_a_damaged_run_is_refused_by_the_name_of_its_file(runs, tmp_path, file, content, reason):
    shutil.copytree(runs[0], tmp_path / "run")
    (tmp_path / "run" / file).write_bytes(content)
    with pytest.raises(DataError, match=reason):
        compare_finished([runs[1], tmp_path / "run"])


def test_what_cannot_be_compared_is_refused(runs, tmp_path):
    with pytest.raises(DataError, match="at least two run folders; got 1"):
        compare_finished(runs[:1])
    with pytest.raises(DataError, match="named once"):
        compare_finished([runs[0], runs[0]])
    with pytest.raises(DataError, match="a finished run is a folder with a config.yaml; .* has none"):
        compare_finished([runs[0], tmp_path])
    unfinished = RunFolder(tmp_path / "unfinished")
    shutil.copytree(runs[0], unfinished.path)
    unfinished.metrics.write_text("\n".join(unfinished.metrics.read_text().splitlines()[:1]) + "\n")
    with pytest.raises(DataError, match="not trained to its end .epoch 1/3"):
        compare_finished([runs[0], unfinished.path])
    stale = RunFolder(tmp_path / "stale")
    shutil.copytree(runs[0], stale.path)
    about = json.loads((stale.evaluation / "data.json").read_text())
    (stale.evaluation / "data.json").write_text(json.dumps({**about, "step": 1}))
    with pytest.raises(DataError, match="evaluation is of another checkpoint than .*best.safetensors: csi2pc evaluate"):
        compare_finished([runs[0], stale.path])
    (stale.evaluation / "frames.csv").unlink()
    with pytest.raises(DataError, match="per-frame rows must be readable"):
        compare_finished([runs[0], stale.path])
    other = RunFolder(tmp_path / "other")
    shutil.copytree(runs[0], other.path)
    about = json.loads((other.evaluation / "data.json").read_text())
    (other.evaluation / "data.json").write_text(json.dumps({**about, "targets": "another"}))
    with pytest.raises(DataError, match="other and good were scored on different ones"):
        compare_finished([runs[0], other.path])
