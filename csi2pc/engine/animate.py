"""Clouds over time as a film, GIF or MP4, without a display."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..evaluation.animation import FilmPage
from ..evaluation.cloud_sequence import RATE, pace
from ..evaluation.film import TICK, Shot, check_film, schedule, write_film
from ..progress import console, track
from .cloud_folders import open_clouds

#: Pixels of a film's width: two clouds from two sides are clear, and a minute of them is a few megabytes.
SIZE = 960


@dataclass(frozen=True)
class Animated:
    """What was written.

    Attributes:
        path: the film.
        sequence: which one it shows.
        frames: how many of its frames.
        seconds: how long it lasts.
        notes: what differs from the recording, one sentence each.
    """

    path: Path
    sequence: str
    frames: int
    seconds: float
    notes: tuple[str, ...]


def animate(
    folder: str | Path,
    out: str | Path,
    *,
    sequence: str | None = None,
    rate: float = RATE,
    size: int = SIZE,
    root: str | None = None,
) -> Animated:
    """Write a film of one sequence: predictions beside their targets, from the front and from the side.

    Frames are shown as long as they took in the recording; a long gap becomes a pause of bounded length, and a note
    says so. A cloud that cannot be read leaves its panel empty and is counted in a note.

    Args:
        folder: what :func:`csi2pc.engine.cloud_folders.open_clouds` opens: an inference, an evaluated run, a data set.
        out: FILE.gif, or FILE.mp4 where the program ffmpeg is installed. It appears when it is whole; a film that
            is interrupted leaves what was there before.
        sequence: its name; by default the first.
        rate: frames a second where the recording has no times.
        size: width in pixels at the most.
        root: where the run's data is now, if it moved since training.

    Raises:
        DataError: there are no clouds, or they are damaged, or the film cannot be written.
        ConfigError: no such sequence, another suffix, no ffmpeg for .mp4, too many frames for a .gif, or an option out
            of range.
    """
    out = Path(out)
    check_film(out)
    clouds = open_clouds(folder, root=root)
    opened = clouds.open(clouds.chosen(sequence))
    shown = pace(opened, rate=rate)
    plan = schedule(out, shown.starts)
    page = FilmPage(opened, size=size)
    notes = [*clouds.notes, *opened.notes, *shown.notes]
    if sequence is None and len(clouds.names) > 1:
        notes.append(f"{opened.name} is the first of {len(clouds.names)} sequences; --sequence chooses another")
    if len(plan) < len(opened):
        notes.append(f"{len(opened) - len(plan)} of {len(opened)} frames follow too fast to be shown and are left out")
    console.print(f"drawing {len(plan)} frames of {opened.name}", markup=False)
    write_film(out, _shots(page, plan))
    notes += [f"the {name} cloud of {count} frames cannot be read" for name, count in page.unread.items() if count]
    seconds = sum(ticks for _, ticks in plan) * TICK[out.suffix.lower()]
    return Animated(out, opened.name, len(plan), seconds, tuple(notes))


def _shots(page: FilmPage, plan: list[tuple[int, int]]) -> Iterator[Shot]:
    for frame, ticks in track(plan, description="drawing frames"):
        yield page.draw(frame), ticks
