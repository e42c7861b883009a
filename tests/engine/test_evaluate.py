import json
from dataclasses import replace

import numpy as np
import pytest

from csi2pc.checkpoint import load_checkpoint, save_checkpoint
from csi2pc.data.dataset import open_data
from csi2pc.engine.evaluate import evaluate
from csi2pc.engine.predict import predict_clouds
from csi2pc.engine.run_folder import RunFolder
from csi2pc.errors import CheckpointError, ConfigError, DataError
from csi2pc.evaluation.baselines import shuffled_order
from csi2pc.evaluation.metrics import frame_metrics
from csi2pc.evaluation.rows import METHODS, read_rows
from csi2pc.evaluation.statistics import read_summary


@pytest.fixture(scope="module")
def evaluated(finished):
    return evaluate(finished.path)


def test_everything_is_written(evaluated, finished):
    assert {p.name for p in finished.evaluation.iterdir()} == {
        "frames.csv", "summary.json", "summary.md", "clouds.npz", "examples.npz", "data.json",
        "frames.png", "skill.png", "learning.png",
    }  # fmt: skip
    assert read_summary(finished.evaluation / "summary.json") == evaluated
    assert json.loads((finished.evaluation / "data.json").read_text())["part"] == "test"


def test_one_row_a_test_frame_with_model_and_baselines(evaluated, finished, settings):
    rows = read_rows(finished.evaluation / "frames.csv")
    test = open_data(settings.data, settings.prepare).test
    assert list(rows.frames) == test.frames
    without = {"constant_cloud_l2", "constant_cloud_emd", "nearest_scene"}  # not asked for, and one scene only
    assert rows.methods == tuple(method for method in METHODS if method not in without)
    assert rows.metrics == ("chamfer_l1", "f_score_10cm")
    assert {frame.subject for frame in rows.frames} == {"S05"}


def test_rows_are_the_metrics_of_the_saved_clouds_in_metres(evaluated, finished, settings):
    rows = read_rows(finished.evaluation / "frames.csv")
    test = open_data(settings.data, settings.prepare).test
    with np.load(finished.evaluation / "clouds.npz") as saved:
        clouds, names = saved["points"], saved["frames"]
    assert list(names) == [str(frame) for frame in test.frames]
    for i, cloud in enumerate(clouds):
        expected = frame_metrics(cloud, test.points(i), metrics=["chamfer_l1"])["chamfer_l1"]
        assert rows.column("model", "chamfer_l1")[i] == pytest.approx(expected, rel=1e-9)


def test_the_checkpoint_alone_is_enough(evaluated, finished, tmp_path):
    alone = tmp_path / "model.safetensors"
    alone.write_bytes(finished.best.read_bytes())
    assert evaluate(alone) == evaluated
    assert (tmp_path / "evaluation" / "frames.csv").exists()


@pytest.mark.parametrize(("part", "frames"), [("validation", 8), ("train", 24)])
def test_another_part_goes_to_a_folder_of_its_own_and_no_frame_finds_itself(finished, part, frames):
    summary = evaluate(finished.path, split=part)
    assert (summary.frames, summary.part) == (frames, part)
    out = finished.path / f"evaluation-{part}"
    assert read_summary(out / "summary.json") == summary
    assert "held-out" not in (out / "summary.md").read_text(encoding="utf-8")
    assert np.all(read_rows(out / "frames.csv").column("nearest_action_time", "chamfer_l1") > 0)


def test_a_checkpoint_file_of_a_run_is_evaluated_in_the_run(evaluated, finished, tmp_path):
    run = RunFolder(tmp_path / "run")
    run.best.parent.mkdir(parents=True)
    run.config.write_bytes(finished.config.read_bytes())
    run.best.write_bytes(finished.best.read_bytes())
    assert evaluate(run.best) == evaluated
    assert (run.evaluation / "frames.csv").exists()
    assert [path.name for path in run.best.parent.iterdir()] == ["best.safetensors"]


def test_a_device_that_is_not_there_is_refused(finished):
    with pytest.raises(ConfigError, match="device 'cuda:99' is not available"):
        evaluate(finished.path, device="cuda:99")


def test_shuffled_csi_gives_every_frame_the_cloud_of_another_sequence(evaluated, finished, settings):
    rows = read_rows(finished.evaluation / "frames.csv")
    test = open_data(settings.data, settings.prepare).test
    order = shuffled_order(test.frames, seed=settings.evaluation.seed)
    with np.load(finished.evaluation / "clouds.npz") as saved:
        clouds = saved["points"]
    own, shuffled = (rows.column(method, "chamfer_l1") for method in ("model", "shuffled_csi"))
    for i, other in enumerate(order):
        assert test.frames[i].sequence != test.frames[other].sequence
        expected = frame_metrics(clouds[other], test.points(i), metrics=["chamfer_l1"])["chamfer_l1"]
        assert shuffled[i] == pytest.approx(expected, rel=1e-9)
    assert np.all(own != shuffled)  # the model reads its CSI: other CSI, another cloud
    assert evaluated.shuffled("chamfer_l1").difference == pytest.approx(np.mean(own - shuffled))


def test_rows_say_how_far_away_the_target_was(evaluated, finished, settings):
    rows = read_rows(finished.evaluation / "frames.csv")
    test = open_data(settings.data, settings.prepare).test
    for i, metres in enumerate(rows.distance):
        assert metres == pytest.approx(np.linalg.norm(test.points(i).mean(axis=0)), rel=1e-6)


def test_every_third_frame_of_each_sequence(evaluated, finished, tmp_path):
    checkpoint = load_checkpoint(finished.best)
    checkpoint.run["evaluation"]["every"] = 3
    save_checkpoint(tmp_path / "thinned.safetensors", checkpoint)
    summary = evaluate(tmp_path / "thinned.safetensors")
    every, thinned = (read_rows(folder / "frames.csv") for folder in (finished.evaluation, tmp_path / "evaluation"))
    chosen = [0, 3, 4, 7]  # of two sequences of four frames
    assert thinned.frames == tuple(every.frames[i] for i in chosen)
    assert (summary.frames, summary.every) == (4, 3)
    for method in ("model", "mean_cloud", "nearest_action_time"):
        np.testing.assert_allclose(thinned.column(method, "chamfer_l1"), every.column(method, "chamfer_l1")[chosen])
    assert json.loads((tmp_path / "evaluation" / "data.json").read_text())["every"] == 3
    assert "one frame in 3 of each sequence" in (tmp_path / "evaluation" / "summary.md").read_text(encoding="utf-8")


def test_clouds_that_are_not_finite_are_counted_and_never_dropped(evaluated, finished, tmp_path, monkeypatch, capsys):
    def broken(model, features, valid, *, device):
        clouds = predict_clouds(model, features, valid, device=device)
        clouds[2, 5, 1] = np.nan
        clouds[4, 0, 0] = np.inf
        return clouds

    monkeypatch.setattr("csi2pc.engine.evaluate.predict_clouds", broken)
    (tmp_path / "model.safetensors").write_bytes(finished.best.read_bytes())
    summary = evaluate(tmp_path / "model.safetensors")
    out = tmp_path / "evaluation"
    rows, whole = read_rows(out / "frames.csv"), read_rows(finished.evaluation / "frames.csv")
    assert rows.frames == whole.frames
    for metric in rows.metrics:
        expected = whole.column("model", metric)
        expected[[2, 4]] = np.nan
        np.testing.assert_allclose(rows.column("model", metric), expected)
        assert np.isnan(rows.column("shuffled_csi", metric)).sum() == 2
        assert not np.isnan(rows.column("mean_cloud", metric)).any()
        assert (summary.score(metric, "model").frames, summary.score(metric, "model").missing) == (6, 2)
    assert json.loads((out / "data.json").read_text())["not_finite"] == {"model": 2, "shuffled_csi": 2}
    assert "model: 2 of 8 clouds are not finite" in " ".join(capsys.readouterr().err.split())
    said = (out / "summary.md").read_text(encoding="utf-8")
    assert "(2 missing)" in said and "model has no value on 2 of 8 frames" in said
    assert "without 2 of 8 frames that have no value" in said.split("\n- ")[1]  # in the verdict itself


def test_data_that_moved_is_found_with_root_and_missed_without(finished, tree, tmp_path):
    checkpoint = load_checkpoint(finished.best)
    checkpoint.run["data"]["root"] = str(tmp_path / "gone")
    save_checkpoint(tmp_path / "moved.safetensors", checkpoint)
    with pytest.raises(DataError, match="does not exist"):
        evaluate(tmp_path / "moved.safetensors")
    assert evaluate(tmp_path / "moved.safetensors", root=str(tree)).frames == 8


def test_what_cannot_be_evaluated_is_refused(finished, tmp_path):
    with pytest.raises(CheckpointError, match="no checkpoint at"):
        evaluate(tmp_path)
    checkpoint = load_checkpoint(finished.best)
    save_checkpoint(tmp_path / "bare.safetensors", replace(checkpoint, run={}))
    with pytest.raises(CheckpointError, match="does not say how it was trained"):
        evaluate(tmp_path / "bare.safetensors")
    checkpoint.run["data"]["validation_share"] = 0.0
    save_checkpoint(tmp_path / "unvalidated.safetensors", checkpoint)
    with pytest.raises(ConfigError, match="validation part is empty"):
        evaluate(tmp_path / "unvalidated.safetensors", split="validation")
