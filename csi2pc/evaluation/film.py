"""Pictures as a film: GIF through Pillow or MP4 through the program ffmpeg, written as a whole or not at all."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from ..data.atomic import replacing
from ..errors import ConfigError

#: Suffix -> seconds between two pictures at the least. Browsers show a GIF's pictures of less than 20 ms for 100 ms.
TICK = {".gif": 0.02, ".mp4": 1 / 30}

#: Pictures of a GIF at the most, since all of them are in memory until it is written.
LONGEST_GIF = 2000
#: Seconds that a GIF can show one picture: the format has two bytes for hundredths.
LONGEST_SHOT = 655.35

#: A colour that is off by more than this, of 255, is seen; so are more than this share of such pixels.
VISIBLE, RARE = 40, 1e-4

#: A picture, uint8 ``(height, width, 3)``, and for how many ticks it is shown, 1 or more.
Shot = tuple[np.ndarray, int]


def check_film(path: str | Path) -> None:
    """See that a film of that name can be written here, before anything is drawn.

    Raises:
        ConfigError: another suffix than .gif and .mp4, or ffmpeg is needed and not there.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in TICK:
        raise ConfigError(f"a film must be a {' or '.join(TICK)} file; got {path}")
    if suffix == ".mp4":
        _ffmpeg()


def schedule(path: str | Path, starts: np.ndarray) -> list[tuple[int, int]]:
    """Lay frames on a film's grid of times, without drift.

    Args:
        path: the film; its suffix decides the grid.
        starts: float ``(F + 1,)`` seconds from 0, not decreasing: frame i is shown from ``starts[i]`` to
            ``starts[i + 1]``.

    Returns:
        (frame, ticks) in order. A frame that no tick falls to is left out; the film has at least one.

    Raises:
        ConfigError: more than :data:`LONGEST_GIF` pictures in a GIF, or one longer than :data:`LONGEST_SHOT`.
    """
    suffix = Path(path).suffix.lower()
    ends = np.floor(np.asarray(starts) / TICK[suffix] + 0.5).astype(np.int64)  # (F + 1,)
    kept = [(frame, int(ticks)) for frame, ticks in enumerate(np.diff(ends)) if ticks > 0]
    if suffix == ".gif" and len(kept) > LONGEST_GIF:
        raise ConfigError(
            f"a GIF is held in memory until it is written and may have {LONGEST_GIF} pictures; this sequence has "
            f"{len(kept)}: choose .mp4"
        )
    longest = max((ticks for _, ticks in kept), default=0) * TICK[suffix]
    if suffix == ".gif" and longest > LONGEST_SHOT:
        raise ConfigError(
            f"a GIF can show a frame for {LONGEST_SHOT} s; this sequence has one of {longest:.0f} s: choose .mp4, or "
            "see whether its times are in seconds"
        )
    return kept or [(0, 1)]


def write_film(path: str | Path, shots: Iterable[Shot]) -> None:
    """Write pictures of one size, by the file's suffix.

    Args:
        path: where to; an older file is replaced when the film is finished.
        shots: at least one, taken one by one; .mp4 needs an even height and width.

    Raises:
        ConfigError: as :func:`check_film`, or this ffmpeg has no H.264 encoder.
        DataError: the file cannot be written.
    """
    check_film(path)
    with replacing(path) as temporary:
        if Path(path).suffix.lower() == ".gif":
            _write_gif(temporary, iter(shots))
        else:
            _write_mp4(temporary, iter(shots))


def _write_gif(path: Path, shots: Iterator[Shot]) -> None:
    # One palette as long as it will do, and no dithering: what does not move stays as it is, and the file small.
    pictures: list[Image.Image] = []
    durations: list[int] = []  # milliseconds
    palette = None
    for pixels, ticks in shots:
        picture = Image.fromarray(pixels)
        reduced = None if palette is None else picture.quantize(palette=palette, dither=Image.Dither.NONE)
        if reduced is None or _lacking(reduced, pixels):
            palette = _palette(picture)
            reduced = picture.quantize(palette=palette, dither=Image.Dither.NONE)
        pictures.append(reduced)
        durations.append(round(1000 * ticks * TICK[".gif"]))
    options = {"duration": durations, "loop": 0, "optimize": False}
    pictures[0].save(path, format="GIF", save_all=True, append_images=pictures[1:], **options)


def _lacking(reduced: Image.Image, pixels: np.ndarray) -> bool:
    """Whether a palette lacks colours of a picture."""
    wrong = np.abs(np.asarray(reduced.convert("RGB")).astype(np.int16) - pixels).max(axis=2) > VISIBLE
    return bool(wrong.mean() > RARE)


def _palette(picture: Image.Image) -> Image.Image:
    """A picture's colours, that of its corner exactly, since that is the page."""
    chosen = picture.quantize(255, method=Image.Quantize.MEDIANCUT)
    colours = np.array(chosen.getpalette()).reshape(-1, 3)
    colours[chosen.getpixel((0, 0))] = picture.getpixel((0, 0))
    chosen.putpalette(colours.ravel().tolist())
    return chosen


def _write_mp4(path: Path, shots: Iterator[Shot]) -> None:
    first, ticks = next(shots)
    height, width, _ = first.shape
    command = [
        _ffmpeg(), "-loglevel", "error", "-nostdin", "-y",
        "-f", "rawvideo", "-pix_fmt", "rgb24", "-video_size", f"{width}x{height}",
        "-framerate", f"{1 / TICK['.mp4']:g}", "-i", "pipe:0",
        "-c:v", "libx264", "-pix_fmt", "yuv420p", "-movflags", "+faststart", "-f", "mp4", str(path.absolute()),
    ]  # fmt: skip
    with tempfile.TemporaryFile() as words:  # a pipe that nobody reads could fill up and stop ffmpeg
        encoder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=words)
        try:
            _feed(encoder, first, ticks)
            for pixels, ticks in shots:
                _feed(encoder, pixels, ticks)
            encoder.stdin.close()
            failed = encoder.wait() != 0
        except BrokenPipeError:
            failed = True
        finally:
            encoder.kill()
            encoder.wait()
        if failed:
            words.seek(0)
            said = words.read(2000).decode(errors="replace").strip() or "it said nothing"
            raise ConfigError(f"ffmpeg must be able to write H.264 video; it stopped: {said}. Choose a .gif instead")


def _feed(encoder: subprocess.Popen, pixels: np.ndarray, ticks: int) -> None:
    picture = np.ascontiguousarray(pixels).tobytes()
    for _ in range(ticks):
        encoder.stdin.write(picture)


def _ffmpeg() -> str:
    found = shutil.which("ffmpeg")
    if found is None:
        raise ConfigError("writing .mp4 needs the program ffmpeg on PATH; it is not there: install it or choose a .gif")
    return found
