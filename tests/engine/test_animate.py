"""A film has the frames of its sequence for as long as they took, and says what it could not show."""

import pytest
from cloud_case import evaluation, inference
from PIL import Image

from csi2pc.engine.animate import animate
from csi2pc.errors import ConfigError


def lasts(path):
    with Image.open(path) as film:
        seconds = 0.0
        for number in range(film.n_frames):
            film.seek(number)
            seconds += film.info["duration"] / 1000
    return film.n_frames, pytest.approx(seconds)


def test_an_inference_in_its_own_time(tmp_path):
    folder = inference(tmp_path / "walk", [0.0, 0.2, 0.4, 30.0])
    done = animate(folder, tmp_path / "film.gif", size=400)
    assert (done.sequence, done.frames) == ("walk", 4)
    assert done.notes == ("1 gap, 29.6 s at the longest, shown as pauses of 1.0 s",)
    assert lasts(done.path) == (4, done.seconds) and done.seconds == pytest.approx(1.6)


def test_the_rate_is_for_clouds_without_times(tmp_path):
    folder = inference(tmp_path / "walk", [2.0, 2.0, 2.0])
    done = animate(folder, tmp_path / "film.gif", rate=4.0, size=400)
    assert done.seconds == pytest.approx(0.76, abs=0.021) and "no times" in done.notes[0]
    (folder / "cloud_00002.npz").write_bytes(b"damaged")
    assert "the prediction cloud of 1 frames cannot be read" in animate(folder, tmp_path / "film.gif", size=400).notes


def test_targets_beside_predictions(tmp_path, settings):
    evaluation(tmp_path / "run", settings, notes=[])
    done = animate(tmp_path / "run", tmp_path / "film.gif", size=500)
    assert done.frames == 4 and "--sequence chooses another" in done.notes[0]
    with Image.open(done.path) as film:
        assert film.size[0] > 1.2 * film.size[1] * 400 / 500  # two clouds, side by side


def test_what_cannot_be_animated_is_refused_before_anything_is_drawn(tmp_path, monkeypatch):
    folder = inference(tmp_path / "walk", [0.0])
    with pytest.raises(ConfigError, match="sequence must be one of"):
        animate(folder, tmp_path / "film.gif", sequence="run")
    with pytest.raises(ConfigError, match=".gif or .mp4"):
        animate(folder, tmp_path / "film.webm")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ConfigError, match="ffmpeg"):
        animate(folder, tmp_path / "film.mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["walk"]
