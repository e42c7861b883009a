"""A film lasts as long as its frames did, and appears whole or not at all."""

import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

from csi2pc.errors import ConfigError, DataError
from csi2pc.evaluation.film import check_film, schedule, write_film


def picture(grey, *, red=0):
    pixels = np.full((40, 60, 3), 255, np.uint8)
    pixels[10:30, 10:50] = (max(grey, red), grey, grey)
    return pixels


def fake_ffmpeg(folder, script, monkeypatch):
    folder.mkdir()
    program = folder / "ffmpeg"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_the_grid_does_not_drift(rng):
    starts = np.concatenate([[0.0], np.cumsum(rng.uniform(0.03, 0.2, 500))])
    plan = schedule("a.gif", starts)
    assert [frame for frame, _ in plan] == list(range(500))
    shown = np.cumsum([ticks for _, ticks in plan]) * 0.02
    np.testing.assert_allclose(shown, starts[1:], atol=0.0101)


def test_frames_that_follow_too_fast_are_left_out():
    starts = np.arange(101) / 100
    kept = [frame for frame, _ in schedule("a.gif", starts)]
    assert len(kept) == 50 and set(np.diff(kept)) <= {1, 2, 3}
    assert sum(ticks for _, ticks in schedule("a.mp4", starts)) == 30
    assert schedule("a.gif", np.array([0.0, 1e-4])) == [(0, 1)]  # a film has at least one picture


def test_a_frame_that_is_longer_than_a_gif_can_tell_is_refused(tmp_path):
    ((_, ticks),) = schedule("a.gif", np.array([0, 655.3]))
    write_film(tmp_path / "film.gif", iter([(picture(0), ticks)]))
    with pytest.raises(ConfigError, match="can show a frame for 655.35 s; .* has one of 1000 s: choose .mp4"):
        schedule("a.gif", np.array([0.0, 1000.0, 1001.0]))
    assert schedule("a.mp4", np.array([0.0, 1000.0])) == [(0, 30_000)]


def test_a_gif_keeps_pictures_and_times(tmp_path):
    path, colours = tmp_path / "new" / "film.gif", [(0, 0, 0), (200, 90, 90), (180, 180, 180)]
    write_film(path, iter([(picture(0), 5), (picture(90, red=200), 50), (picture(180), 1)]))
    with Image.open(path) as film:
        assert (film.n_frames, film.info["loop"], film.size) == (3, 0, (60, 40))
        for number, duration in enumerate([100, 1000, 20]):
            film.seek(number)
            assert film.info["duration"] == duration
            shown = film.convert("RGB")
            assert shown.getpixel((0, 0)) == (255, 255, 255)
            np.testing.assert_allclose(shown.getpixel((30, 20)), colours[number], atol=8)


def test_too_long_a_gif_is_refused_before_anything_is_drawn():
    with pytest.raises(ConfigError, match="2000 pictures; this sequence has 3000: choose .mp4"):
        schedule("a.gif", np.arange(3001) / 10)
    assert len(schedule("a.mp4", np.arange(3001) / 10)) == 3000


@pytest.mark.parametrize("name", ["film.gif", "film.mp4"])
def test_an_interrupted_film_leaves_what_was_there(tmp_path, name, monkeypatch):
    fake_ffmpeg(tmp_path / "bin", "cat > /dev/null", monkeypatch)
    (tmp_path / name).write_bytes(b"an older film")

    def interrupted():
        yield picture(0), 1
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_film(tmp_path / name, interrupted())
    assert (tmp_path / name).read_bytes() == b"an older film"
    assert {path.name for path in tmp_path.iterdir()} == {"bin", name}


def test_an_mp4_without_ffmpeg_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="install it or choose a .gif"):
        check_film("film.mp4")
    check_film("film.gif")


def test_what_is_no_film_is_refused():
    with pytest.raises(ConfigError, match=r"a film must be a .gif or .mp4 file; got film.avi"):
        check_film("film.avi")


def test_what_ffmpeg_refuses_is_told(tmp_path, monkeypatch):
    fake_ffmpeg(tmp_path / "bin", "echo 'Unknown encoder' >&2; exit 1", monkeypatch)
    with pytest.raises(ConfigError, match="it stopped: Unknown encoder. Choose a .gif"):
        write_film(tmp_path / "film.mp4", ((picture(0), 1) for _ in range(100)))
    assert not (tmp_path / "film.mp4").exists()


def test_ffmpeg_gets_every_picture_for_its_time(tmp_path, monkeypatch):
    fake_ffmpeg(tmp_path / "bin", 'for last; do :; done; cat > "$last"', monkeypatch)
    write_film(tmp_path / "film.mp4", iter([(picture(0), 2), (picture(99), 1)]))
    expected = picture(0).tobytes() * 2 + picture(99).tobytes()
    assert (tmp_path / "film.mp4").read_bytes() == expected


def test_a_real_mp4_has_its_pictures(tmp_path):
    if not (shutil.which("ffmpeg") and shutil.which("ffprobe")):
        pytest.skip("needs ffmpeg and ffprobe on PATH: apt-get install ffmpeg")
    path = tmp_path / "film.mp4"
    write_film(path, ((picture(10 * n), 3) for n in range(8)))
    asked = ["-count_frames", "-show_entries", "stream=nb_read_frames,width,height,codec_name", "-of", "csv=p=0"]
    said = subprocess.run(["ffprobe", "-v", "error", *asked, str(path)], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "h264,60,40,24"


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "film.gif").mkdir()
    with pytest.raises(DataError, match="could not write"):
        write_film(tmp_path / "film.gif", iter([(picture(0), 1)]))
