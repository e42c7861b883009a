"""Predictions stand beside the targets they were scored against, or alone; never beside other ones."""

import shutil

import numpy as np
import pytest
from cloud_case import evaluation

from csi2pc.config import load_config, save_config
from csi2pc.engine.cloud_folders import open_clouds
from csi2pc.engine.evaluate import evaluate
from csi2pc.errors import DataError
from csi2pc.evaluation.metrics import frame_metrics


@pytest.fixture
def run(tmp_path, settings):
    evaluation(tmp_path / "run", settings, notes=["synthetic data: so it says"])
    return tmp_path / "run"


def test_what_evaluate_wrote_is_shown_with_its_targets(finished):
    evaluate(finished.path)
    clouds = open_clouds(finished.path)
    assert clouds.notes == () and clouds.what == "evaluation"
    for name in clouds.names:
        shown = clouds.open(name)
        assert list(shown.clouds) == ["target", "prediction"] and shown.synthetic
        (first, *_) = shown.metrics
        assert (first.name, first.unit, first.better) == ("chamfer_l1", "m", "lower") and first.blind
        for frame in range(len(shown)):
            target, prediction = (read(frame) for read in shown.clouds.values())
            scored = frame_metrics(prediction, target, metrics=["chamfer_l1"])["chamfer_l1"]
            assert first.values[frame] == pytest.approx(scored, rel=1e-5)
            assert np.isfinite(first.blind_values[frame])


def test_an_evaluation_opens_like_its_run(run):
    assert open_clouds(run / "evaluation").names == open_clouds(run).names


def test_data_that_is_gone_leaves_predictions_and_says_so(run, tree, tmp_path):
    config = load_config(run / "config.yaml")
    object.__setattr__(config.data, "root", str(tmp_path / "gone"))
    save_config(config, run / "config.yaml")
    clouds = open_clouds(run)
    assert list(clouds.open(clouds.names[0]).clouds) == ["prediction"]
    assert clouds.notes[0].startswith("predictions alone") and "gone" in clouds.notes[0]
    with pytest.raises(DataError, match="elsewhere"):
        open_clouds(run, root=str(tmp_path / "elsewhere"))
    assert list(open_clouds(run, root=str(tree)).open(clouds.names[0]).clouds) == ["target", "prediction"]


def test_targets_that_were_not_scored_are_never_shown(run, tree, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(tree, other)
    name = open_clouds(run).names[0]
    files = sorted((other / name / "lidar").iterdir())
    files[0].write_bytes(files[-1].read_bytes())  # the first frame has the target of the last
    with pytest.raises(DataError, match="must be the one that was scored"):
        open_clouds(run, root=str(other))
    files[0].write_bytes((tree / name / "lidar" / files[0].name).read_bytes())
    files[1].write_bytes(files[-1].read_bytes())
    shown = open_clouds(run, root=str(other)).open(name)
    assert len(shown.clouds["target"](0))
    with pytest.raises(DataError, match="must be the one that was scored"):
        shown.clouds["target"](1)


def test_a_model_that_gave_no_numbers_has_no_cloud(run):
    path = run / "evaluation" / "clouds.npz"
    with np.load(path) as saved:
        points, frames = saved["points"].copy(), saved["frames"]
    points[1, 3] = np.nan
    np.savez(path, points=points, frames=frames)
    clouds = open_clouds(run)
    shown = clouds.open(clouds.names[0])
    assert len(shown.clouds["prediction"](0)) == 10
    with pytest.raises(DataError, match="not finite"):
        shown.clouds["prediction"](1)


def test_damaged_evaluations_are_refused(run):
    folder = run / "evaluation"
    (folder / "summary.json").write_text("{}")
    clouds = open_clouds(run)
    assert "without a blind baseline" in clouds.notes[0] and clouds.open(clouds.names[0]).metrics[0].blind == ""
    (folder / "data.json").write_text("[1]")
    with pytest.raises(DataError, match="data.json must be a strict JSON object"):
        open_clouds(run)
    (folder / "data.json").unlink()
    with pytest.raises(DataError, match="data.json must be the JSON"):  # it may say that the data was simulated
        open_clouds(run)
    np.savez(folder / "clouds.npz", points=np.zeros((2, 5, 3), np.float32), frames=["a#0", "b#1"])
    with pytest.raises(DataError, match="must hold the clouds of the 8 frames"):
        open_clouds(run)
    np.savez(folder / "clouds.npz", points=np.zeros((2, 5), np.float32), frames=["a#0", "b#1"])
    with pytest.raises(DataError, match=r"must hold points \(frames, points, 3\)"):
        open_clouds(run)
