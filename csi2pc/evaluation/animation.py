"""Clouds over time as pictures for a film: beside each other, from the front and from the side, with a scale in metres.

All panels have one scale and the same limits over the whole film, so that what moves is the person. Behind every other
cloud stands the target in grey. As in :mod:`csi2pc.evaluation.figures`, no display is needed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator

from ..errors import ConfigError, DataError
from . import figures
from .cloud_sequence import PREDICTION, TARGET, CloudSequence
from .figures import FAINT, REACH, TEXT

#: Inches of the width at the most, and at the least; the size in pixels only changes how many of them an inch has.
WIDTH, NARROWEST = 9.6, 5.0
#: Pixels of the width.
SMALLEST, LARGEST = 320, 3840
#: Frames, spread over the sequence, that the limits of the panels are found from.
LOOKED_AT = 60
#: Share of the points, at either end of each axis, that does not decide the limits.
OUTLYING = 0.002
#: How many times as long as wide a panel is at the most.
SLIMMEST = 12
#: Characters of a sequence's name that fit above the panels.
LONGEST_NAME = 60
VIEWS = (("front: x (m)", 0), ("side: z (m)", 2))
COLOURS = {TARGET: figures.TARGET, PREDICTION: figures.PREDICTION}
#: Of other clouds, from left to right.
SENSORS = figures.COLOURS


class FilmPage:
    """Draws one frame after another of a sequence.

    Args:
        sequence: what is shown; its clouds are read when they are drawn.
        size: width in pixels at the most, 320 to 3840; narrow clouds take less, and the height follows from what is
            shown. Both are even, as video needs.

    Attributes:
        unread: how often each cloud could not be read, by its name.

    Raises:
        ConfigError: ``size`` out of range.
        DataError: no cloud of the sequence can be read.
    """

    def __init__(self, sequence: CloudSequence, *, size: int) -> None:
        if not SMALLEST <= size <= LARGEST:
            raise ConfigError(f"size must be {SMALLEST} to {LARGEST} pixels of width; got {size}")
        self.unread = dict.fromkeys(sequence.clouds, 0)
        self._sequence = sequence
        low, high = limits(sequence)
        dpi = size / WIDTH
        layout = _Layout(high - low, len(sequence.clouds), heading=0.95 if sequence.metrics else 0.7)
        inches = [2 * int(length * dpi / 2 + 1e-6) / dpi + 1e-6 for length in (layout.width, layout.height)]
        self._figure = Figure(figsize=inches, dpi=dpi, facecolor="white")
        self._canvas = FigureCanvasAgg(self._figure)
        self._panels = {
            name: _Panel(self._figure, layout, column, name, COLOURS.get(name, SENSORS[column % 3]), (low, high))
            for column, name in enumerate(sequence.clouds)
        }
        self._title = _write(self._figure, 0.1, TEXT["title"], layout)
        self._values = _write(self._figure, 0.36, TEXT["normal"], layout)

    def draw(self, frame: int) -> np.ndarray:
        """The picture of a frame: uint8 ``(height, width, 3)``."""
        clouds = {name: self._read(name, frame) for name in self._panels}
        for name, panel in self._panels.items():
            behind = clouds.get(TARGET) if name != TARGET else None
            panel.show(clouds[name], behind)
        self._title.set_text(_title(self._sequence, frame))
        self._values.set_text(_values(self._sequence, frame))
        self._canvas.draw()
        return np.asarray(self._canvas.buffer_rgba())[..., :3].copy()

    def _read(self, name: str, frame: int) -> np.ndarray | None:
        try:
            return self._sequence.clouds[name](frame)
        except DataError:
            self.unread[name] += 1
            return None


def limits(sequence: CloudSequence) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest corner ``(3,)`` of what a film shows, in metres.

    They hold the target over the whole sequence, and other clouds as far as they lie within :data:`REACH` of it; where
    there is no target, all clouds but for a few outlying points.

    Raises:
        DataError: no cloud can be read.
    """
    chosen = np.unique(np.linspace(0, len(sequence) - 1, min(LOOKED_AT, len(sequence))).astype(int))
    read = {name: _some(sequence, name, chosen) for name in sequence.clouds}
    read = {name: points for name, points in read.items() if len(points)}
    if not read:
        raise DataError(f"a film needs at least one cloud; none of {sequence.name} can be read")
    every = np.concatenate(list(read.values()))
    if TARGET in read:
        low, high = read[TARGET].min(axis=0) - REACH, read[TARGET].max(axis=0) + REACH
        every = every[((every >= low) & (every <= high)).all(axis=1)]
    else:
        every = np.quantile(every, [OUTLYING, 1 - OUTLYING], axis=0)
    low, high = every.min(axis=0) - 0.06, every.max(axis=0) + 0.06
    half = np.maximum(high - low, (high - low).max() / SLIMMEST) / 2
    return (low + high) / 2 - half, (low + high) / 2 + half


def _some(sequence: CloudSequence, name: str, frames: Sequence[int]) -> np.ndarray:
    clouds = [np.zeros((0, 3))]
    for frame in frames:
        try:
            clouds.append(sequence.clouds[name](int(frame)))
        except DataError:
            continue  # drawn, and counted, as a cloud that cannot be read
    return np.concatenate(clouds)


class _Layout:
    """Where the panels lie, in inches, such that a metre is equally long in all of them."""

    left, right, bottom = 0.62, 0.15, 0.55
    views_apart, clouds_apart, tallest = 0.12, 0.4, 3.8

    def __init__(self, span: np.ndarray, clouds: int, *, heading: float) -> None:
        between = clouds * self.views_apart + (clouds - 1) * self.clouds_apart
        room = WIDTH - self.left - self.right - between
        scale = min(room / (clouds * (span[0] + span[2])), self.tallest / span[1])  # inches a metre
        self.panel_height = span[1] * scale
        self.height = heading + self.panel_height + self.bottom
        self.widths = span[[0, 2]] * scale
        needed = self.left + self.right + between + clouds * self.widths.sum()
        self.width = max(NARROWEST, needed)
        self.spare = self.width - needed

    def panel(self, column: int, view: int) -> tuple[float, float, float, float]:
        """Left, bottom, width and height as shares of the page."""
        pair = self.widths.sum() + self.views_apart
        left = self.left + self.spare / 2 + column * (pair + self.clouds_apart)
        left += view * (self.widths[0] + self.views_apart)
        shares = left / self.width, self.bottom / self.height, self.widths[view] / self.width
        shares += (self.panel_height / self.height,)
        return tuple(float(share) for share in shares)


class _Panel:
    """The two views of one cloud."""

    def __init__(
        self, figure: Figure, layout: _Layout, column: int, name: str, colour: str, box: tuple[np.ndarray, np.ndarray]
    ) -> None:
        self._box = box
        self._views: list[tuple[int, PathCollection, PathCollection]] = []
        for view, (label, across) in enumerate(VIEWS):
            axes = figure.add_axes(layout.panel(column, view))
            _frame(axes, across, box, first=column == view == 0)
            axes.set_xlabel(label, fontsize=TEXT["small"])
            behind, own = (axes.scatter([], [], c=tint, lw=0, alpha=a) for tint, a in ((FAINT, 1), (colour, 0.85)))
            self._views.append((across, behind, own))
        left, bottom, _, height = layout.panel(column, 0)
        above = bottom + height + 0.08 / layout.height
        text = {"fontsize": TEXT["title"], "color": colour, "weight": "bold", "parse_math": False}
        figure.text(left, above, name, **text)
        right = sum(layout.panel(column, 1)[::2])
        self._note = figure.text(right, above, "", fontsize=TEXT["small"], color="#777777", ha="right")

    def show(self, cloud: np.ndarray | None, behind: np.ndarray | None) -> None:
        """Draw a cloud, or say that there is none, over another one in grey."""
        low, high = self._box
        for across, faint, own in self._views:
            for dots, points in ((faint, behind), (own, cloud)):
                points = np.zeros((0, 3)) if points is None else points
                dots.set_offsets(points[:, [across, 1]])
                dots.set_sizes([_dot(len(points))])
        outside = 0 if cloud is None else int(np.sum(~((cloud >= low) & (cloud <= high)).all(axis=1)))
        count = "cannot be read" if cloud is None else f"{len(cloud)} points"
        self._note.set_text(f"{count}, {outside} outside" if outside else count)


def _frame(axes: Axes, across: int, box: tuple[np.ndarray, np.ndarray], *, first: bool) -> None:
    low, high = box
    axes.set_xlim(low[across], high[across])
    axes.set_ylim(high[1], low[1])  # y points down in the data and on the page
    axes.xaxis.set_major_locator(MaxNLocator(3, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.tick_params(labelsize=TEXT["small"], length=2.5, left=first, labelleft=first)
    if first:
        axes.set_ylabel("y, down (m)", fontsize=TEXT["small"])
    axes.grid(color="#EEEEEE", lw=0.6)
    axes.set_axisbelow(True)
    for spine in axes.spines.values():
        spine.set(color=FAINT, lw=0.6)


def _write(figure: Figure, down: float, size: float, layout: _Layout) -> Text:
    left, above = layout.left / layout.width, 1 - down / layout.height
    return figure.text(left, above, "", fontsize=size, va="top", parse_math=False)


def _dot(count: int) -> float:
    """Area of a dot in square points, smaller for denser clouds."""
    return float(np.clip(2400 / max(count, 1), 2, 12))


def _title(sequence: CloudSequence, frame: int) -> str:
    name = sequence.name if len(sequence.name) <= LONGEST_NAME else f"…{sequence.name[-LONGEST_NAME:]}"
    time = "" if sequence.times is None else f", {sequence.times[frame] - sequence.times[0]:.2f} s"
    simulated = ", simulated" if sequence.synthetic else ""
    return f"{name}   frame {frame + 1} of {len(sequence)}{time}{simulated}"


def _values(sequence: CloudSequence, frame: int) -> str:
    """The first metric in words, beside the best blind baseline; empty where there is none."""
    if not sequence.metrics:
        return ""
    metric = sequence.metrics[0]
    text = f"{metric.name}: model {_number(metric.values[frame], metric.unit)}"
    return text + (f", blind {metric.blind} {_number(metric.blind_values[frame], metric.unit)}" if metric.blind else "")


def _number(value: float, unit: str) -> str:
    return "without a value" if math.isnan(value) else f"{value:.4f} {unit}".strip()
