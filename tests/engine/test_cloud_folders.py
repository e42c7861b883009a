"""A folder is told by what lies in it, and times by what was recorded."""

import numpy as np
import pytest
from cloud_case import inference, person

from csi2pc.engine.cloud_folders import open_clouds
from csi2pc.errors import ConfigError, DataError


def test_one_capture_of_an_inference(tmp_path):
    times = [3.0, 3.1, 3.25]
    clouds = open_clouds(inference(tmp_path / "walk", times, synthetic=True))
    assert (clouds.what, clouds.names) == ("inference", ("walk",))
    shown = clouds.open("walk")
    np.testing.assert_array_equal(shown.times, times)
    assert list(shown.clouds) == ["prediction"] and len(shown) == 3
    np.testing.assert_array_equal(shown.clouds["prediction"](2), person(2))
    assert shown.synthetic and shown.notes == ()


def test_each_capture_of_an_inference_is_a_sequence(tmp_path):
    for name in ("b", "a"):
        inference(tmp_path / name, [0.0])
    (tmp_path / "empty").mkdir()
    clouds = open_clouds(tmp_path)
    assert clouds.names == ("a", "b") and clouds.chosen(None) == "a"
    with pytest.raises(ConfigError, match="one of the 2 in .*: a, b; got 'c'"):
        clouds.chosen("c")


def test_without_a_report_each_cloud_says_its_time(tmp_path):
    shown = open_clouds(inference(tmp_path / "walk", [1.0, 1.5], report=False)).open("walk")
    np.testing.assert_array_equal(shown.times, [1.0, 1.5])
    assert "no report.json" in shown.notes[0]


def test_a_report_of_other_clouds_does_not_give_the_times(tmp_path):
    folder = inference(tmp_path / "walk", [1.0, 1.5, 2.0])
    (folder / "cloud_00002.npz").unlink()
    np.testing.assert_array_equal(open_clouds(folder).open("walk").times, [1.0, 2.0])


def test_damaged_inferences_are_refused(tmp_path):
    folder = inference(tmp_path / "walk", [1.0, 1.5])
    (folder / "cloud_00002.npz").write_bytes(b"no zip")
    shown = open_clouds(folder).open("walk")
    assert len(shown.clouds["prediction"](0)) == 40
    with pytest.raises(DataError, match="cloud_00002.npz"):
        shown.clouds["prediction"](1)
    for text in ("{", "[]", '{"timestamps_s": [1, "two"]}'):
        (folder / "report.json").write_text(text)
        with pytest.raises(DataError, match=r"report.json must be|cloud_00002.npz"):
            open_clouds(folder).open("walk")
    np.savez(folder / "cloud_00002.npz", points=person(0), timestamp=np.array(["now"]))
    with pytest.raises(DataError, match="must hold one timestamp"):
        open_clouds(folder).open("walk")


def test_a_data_set_shows_each_sensor(tree):
    clouds = open_clouds(tree)
    assert clouds.what == "data" and "E01/S05/A13" in clouds.names
    shown = clouds.open("E01/S05/A13")
    assert list(shown.clouds) == ["lidar"] and shown.synthetic
    cloud = shown.clouds["lidar"](0)
    assert cloud.shape[1] == 3 and 50 < len(cloud) <= 1200
    np.testing.assert_allclose(np.diff(shown.times), 0.1)


def test_other_folders_are_refused_with_what_was_looked_for(tmp_path, settings):
    with pytest.raises(DataError, match="nowhere does not exist"):
        open_clouds(tmp_path / "nowhere")
    with pytest.raises(DataError, match="holds no clouds to show: neither cloud_00001.npz"):
        open_clouds(tmp_path)
    (tmp_path / "config.yaml").write_text("{}")
    with pytest.raises(DataError, match="without an evaluation; write one first: csi2pc evaluate"):
        open_clouds(tmp_path)
    with pytest.raises(DataError, match="one of depth, lidar, mmwave; it has CSI alone"):
        (tmp_path / "data" / "E01" / "S01" / "A01" / "wifi-csi").mkdir(parents=True)
        open_clouds(tmp_path / "data")
    with pytest.raises(ConfigError, match="root says where the data of an evaluated run is"):
        open_clouds(inference(tmp_path / "walk", [0.0]), root=str(tmp_path))
