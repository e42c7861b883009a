import json
from dataclasses import replace

import numpy as np
import pytest
import yaml
from esp32_log import write_log

from csi2pc.checkpoint import load_checkpoint
from csi2pc.csi.prepare import PrepareConfig, keep_subcarriers, prepare
from csi2pc.csi.read import read_capture
from csi2pc.csi.windows import windows_at
from csi2pc.data.clouds import read_npz, read_ply
from csi2pc.data.dataset import DataConfig, open_data
from csi2pc.data.targets import TargetConfig
from csi2pc.engine.infer import fitted, infer
from csi2pc.engine.predict import predict_clouds
from csi2pc.engine.train import train
from csi2pc.errors import CheckpointError, ConfigError, DataError


def clouds_of(done):
    return [read_ply(path) for path in sorted(done.folder.glob("*.ply"))]


def test_a_folder_gives_what_evaluation_predicts_for_its_frames(finished, settings, tree, tmp_path):
    """The same preparation: windows on the capture's own clock are the data set's frames."""
    trained = load_checkpoint(finished.best)
    test = open_data(settings.data, trained.prepare).test
    samples = [test[i] for i in range(len(test)) if test.frames[i].sequence == test.frames[0].sequence]
    expected = predict_clouds(
        trained.model, np.stack([s.features for s in samples]), np.stack([s.valid for s in samples])
    )
    [done] = infer(finished.path, [tree / test.frames[0].sequence / "wifi-csi"], tmp_path)
    assert done.clouds == len(samples) == 4
    np.testing.assert_allclose(clouds_of(done), expected, atol=1e-5)
    times = [float(np.load(path)["timestamp"]) for path in sorted(done.folder.glob("*.npz"))]
    np.testing.assert_allclose(times, [s.frame.time for s in samples], atol=1e-9)
    report = json.loads((done.folder / "report.json").read_text())
    assert report["timestamps_s"] == pytest.approx(times) and report["timing"] == "nominal"
    assert report["synthetic"] is True


def test_ply_and_npz_hold_the_same_cloud(finished, tree, tmp_path):
    [done] = infer(finished.path, [tree / "E01/S05/A02"], tmp_path)
    for path in done.folder.glob("*.ply"):
        np.testing.assert_array_equal(read_ply(path), read_npz(path.with_suffix(".npz")))


def test_one_frame_file_gives_one_cloud(finished, tree, tmp_path):
    [done] = infer(finished.best, [tree / "E01/S05/A02/wifi-csi/frame002.mat"], tmp_path)
    assert done.clouds == 1


def test_captures_of_the_same_name_get_folders_of_their_own(finished, tree, tmp_path):
    captures = [tree / f"E01/{subject}/A02/wifi-csi" for subject in ("S01", "S02")]
    first, second = infer(finished.path, captures, tmp_path)
    assert first.folder != second.folder and "S01" in first.folder.name
    with pytest.raises(DataError, match="named once"):
        infer(finished.path, [captures[0], captures[0]], tmp_path)


def test_files_that_differ_in_their_suffix_alone_get_folders_of_their_own(finished, tree, tmp_path):
    for suffix in ("mat", "frame"):
        (tmp_path / f"a.{suffix}").write_bytes((tree / "E01/S05/A02/wifi-csi/frame002.mat").read_bytes())
    done = infer(finished.path, [tmp_path / "a.mat", tmp_path / "a.frame"], tmp_path / "out")
    assert [d.folder.name for d in done] == ["a.mat", "a.frame"]


def test_clouds_of_an_earlier_inference_do_not_stay(finished, tree, tmp_path):
    [dense] = infer(finished.path, [tree / "E01/S05/A02"], tmp_path, rate=20.0)
    (dense.folder / "notes.txt").write_text("mine")
    [sparse] = infer(finished.path, [tree / "E01/S05/A02"], tmp_path)
    assert sparse.clouds < dense.clouds and len(clouds_of(sparse)) == sparse.clouds
    assert (sparse.folder / "notes.txt").exists()


def test_a_rate_of_zero_is_refused(finished, tree, tmp_path):
    with pytest.raises(ConfigError, match="rate must be more than 0"):
        infer(finished.path, [tree / "E01/S05/A02"], tmp_path, rate=0.0)


def test_a_denser_rate_gives_more_clouds(finished, tree, tmp_path):
    [done] = infer(finished.path, [tree / "E01/S05/A02"], tmp_path, rate=20.0)
    assert done.clouds > 4


def test_the_genuine_mmfi_frame_gives_a_cloud(finished, real_data, tmp_path):
    [done] = infer(finished.path, [real_data / "mmfi" / "frame001.mat"], tmp_path)
    [cloud] = clouds_of(done)
    assert cloud.shape == (24, 3) and np.isfinite(cloud).all()
    assert json.loads((done.folder / "report.json").read_text())["synthetic"] is False


def test_a_capture_of_another_layout_is_refused_and_told_what_fits(finished, tmp_path, rng):
    path = tmp_path / "log.csv"
    write_log(path, times=np.arange(40) * 0.01, rng=rng)
    expected = r"has 1 x 1 antennas and subcarriers .*\(esp32\); the model needs 3 x 1 antennas.*mmfi"
    with pytest.raises(DataError, match=expected):
        infer(finished.path, [path], tmp_path / "out")


def test_tones_that_training_did_not_have_change_nothing(finished, tree):
    """Phase and level are fitted over all tones of a capture: they must be those of the captures trained on."""
    trained = load_checkpoint(finished.best)
    fewer = [k for k in range(-58, 59) if abs(k) >= 4]
    trained = replace(trained, layout={**trained.layout, "captured": fewer})
    capture = read_capture(tree / "E01/S05/A02")
    kept = fitted(capture, trained)
    np.testing.assert_array_equal(kept.subcarriers, fewer)
    alone = prepare(keep_subcarriers(capture, fewer), trained.prepare)
    np.testing.assert_array_equal(prepare(kept, trained.prepare).csi, alone.csi)
    assert not np.allclose(prepare(capture, trained.prepare).csi, alone.csi)


def test_antennas_related_and_filtered_in_time_infer_what_was_trained(settings, tree, tmp_path):
    filters = {"phase": "antenna_ratio", "hampel": 2, "smoothing": "savitzky_golay", "smoothing_window": 5}
    config = replace(
        settings, out=str(tmp_path / "run"), prepare=replace(settings.prepare, **filters),
        model=replace(settings.model, links=2), training=replace(settings.training, epochs=1),
    )  # fmt: skip
    trained = load_checkpoint(train(config).best)
    assert trained.layout["rx"] == 3 and trained.model.config.links == 2
    test = open_data(config.data, trained.prepare).test
    samples = [test[i] for i in range(len(test)) if test.frames[i].sequence == test.frames[0].sequence]
    expected = predict_clouds(
        trained.model, np.stack([s.features for s in samples]), np.stack([s.valid for s in samples])
    )
    [done] = infer(tmp_path / "run", [tree / test.frames[0].sequence / "wifi-csi"], tmp_path / "clouds")
    np.testing.assert_allclose(clouds_of(done), expected, atol=1e-4)


def test_a_model_that_interpolates_takes_other_layouts(finished, tree):
    trained = load_checkpoint(finished.best)
    wide = read_capture(tree / "E01/S05/A02")
    other = keep_subcarriers(wide, [*range(-58, -1, 4), *range(2, 59, 4)])
    with pytest.raises(DataError, match="does not fit the model"):
        fitted(other, trained)
    between = replace(trained, prepare=replace(trained.prepare, interpolate=True))
    prepared = prepare(fitted(other, between), between.prepare)
    assert prepared.subcarriers.tolist() == trained.prepare.subcarriers and prepared.csi.shape[0] == len(wide)
    with pytest.raises(DataError, match="go beyond them"):
        prepare(fitted(keep_subcarriers(wide, range(-20, -1)), between), between.prepare)


def test_a_model_trained_on_real_esp32_logs_reads_another_real_one(real_data, tmp_path, settings):
    """Trained on two captures of a room, inferring from a log of another chip, place and person."""
    manifest = {
        "name": "two",
        "sessions": [
            {
                "id": split,
                "split": split,
                "captures": [f"csi/room3/{capture}.csv"],
                "reader": {"training_field": "lltf"},
                "target": {"cloud": "models/room3.vox", "voxel_size": 0.08, "rate": 4},
            }
            for split, capture in (("train", "v18/3-mt-experiment-1-v18"), ("test", "v20/3-mt-experiment-1-v20"))
        ],
    }
    (tmp_path / "manifest.yaml").write_text(yaml.safe_dump(manifest))
    recordings = DataConfig(
        kind="recordings", root=str(real_data / "rooms"), manifest=str(tmp_path / "manifest.yaml"),
        target=TargetConfig(crop="none", max_points=64), validation_share=0.0,
    )  # fmt: skip
    run = train(
        replace(
            settings,
            out=str(tmp_path / "run"),
            data=recordings,
            prepare=PrepareConfig(duration=0.25),
            model=replace(settings.model, links=1, subcarriers=52),
            training=replace(settings.training, epochs=1),
        )
    )
    capture = real_data / "captures" / "esp32" / "example_100hz_pitraffic.csv"
    [done] = infer(run.path, [capture], tmp_path / "clouds", reader={"training_field": "lltf"})
    assert done.clouds > 40 and all(np.isfinite(cloud).all() for cloud in clouds_of(done))
    report = json.loads((done.folder / "report.json").read_text())
    assert report["device"] == "esp32" and report["timing"] == "recorded"


def test_a_capture_that_cannot_fill_a_window_is_refused(finished, tree, tmp_path, monkeypatch):
    strict = load_checkpoint(finished.best)
    strict = replace(strict, prepare=replace(strict.prepare, duration=10.0))
    monkeypatch.setattr("csi2pc.engine.infer.load_checkpoint", lambda path: strict)
    with pytest.raises(DataError, match="gives no window of 10 packets in 10.0 s"):
        infer(finished.path, [tree / "E01/S05/A02"], tmp_path)


def test_nothing_to_infer_from_and_nothing_to_infer_with_are_refused(finished, tree, tmp_path):
    with pytest.raises(DataError, match="at least one capture"):
        infer(finished.path, [], tmp_path)
    with pytest.raises(CheckpointError, match="no checkpoint at"):
        infer(tmp_path, [tree / "E01/S05/A02"], tmp_path)


def test_windows_are_prepared_as_in_training(finished, tree):
    trained = load_checkpoint(finished.best)
    capture = prepare(read_capture(tree / "E01/S05/A02"), trained.prepare)
    windows = windows_at(capture, np.array([0.05]), trained.prepare)
    assert windows.features.shape[1:] == (3, len(trained.prepare.subcarriers), 3, 10)


def test_of_several_captures_those_that_cannot_be_used_are_told_and_the_rest_written(finished, tree, tmp_path):
    good, bad = next(tree.glob("E01/S05/A02")), tmp_path / "notes.txt"
    bad.write_text("nothing\n")
    first, second = infer(finished.path, [bad, good], tmp_path / "clouds")
    assert first.clouds == 0 and "no known capture format" in first.report.skipped[0].where
    assert second.clouds > 0 and list(second.folder.glob("cloud_*.ply"))
    with pytest.raises(DataError, match="no known capture format"):
        infer(finished.path, [bad], tmp_path / "alone")
