"""What a chart shows, apart from how it is drawn: once in the page as SVG, once as PNG and PDF through matplotlib.

So the page and the files beside it cannot say different things. Colours are Okabe and Ito's, which can be told apart
with any kind of colour vision; a series beyond the sixth repeats a colour with dashes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import DataError
from .figures import BASELINE, FAINT, PREDICTION, SERIES, TARGET

#: Style of a bar or a series -> its colour on white.
COLOURS = {"model": PREDICTION, "blind": BASELINE, "target": TARGET, "faint": FAINT, "open": "#FFFFFF"}
#: Points of a distribution at most: more would not be seen on a screen.
STEPS = 300
#: Largest number that is drawn: the room around it must not leave what a float can hold.
LARGEST = 1e100


@dataclass(frozen=True)
class Series:
    """One line.

    Attributes:
        label: equal labels stand in the legend once.
        x, y: equally many finite numbers.
        style: a key of :data:`COLOURS`, or a number that counts through the series' colours and dashes.
    """

    label: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    style: str | int


@dataclass(frozen=True)
class LineChart:
    """Lines over two axes.

    Attributes:
        name: of its files, without an ending.
        title: one line over the chart.
        x_label, y_label: with units.
        series: what is drawn, in order.
        steps: whether the lines go level from point to point, as those of a distribution do.
    """

    name: str
    title: str
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    steps: bool = False

    def __post_init__(self) -> None:
        values = [value for series in self.series for value in (*series.x, *series.y)]
        if not values:
            raise DataError(f"the chart {self.name!r} needs at least one point, and finite ones; got none")
        _refuse_beyond(self.name, values)

    @property
    def counted(self) -> bool:
        """Whether the horizontal axis counts, as epochs do, and has no place for fractions."""
        return not self.steps and all(float(value).is_integer() for series in self.series for value in series.x)

    @property
    def logarithmic(self) -> bool:
        """Whether the vertical axis is: where values span more than a factor of 20."""
        values = [value for series in self.series for value in series.y]
        return not self.steps and min(values) > 0 and max(values) / min(values) > 20


@dataclass(frozen=True)
class Bar:
    """One bar from 0 to ``value``, with its interval where there is one; nothing is drawn for None."""

    value: float | None
    low: float | None
    high: float | None
    style: str | int
    tip: str


@dataclass(frozen=True)
class BarChart:
    """Horizontal bars in labelled rows.

    Attributes:
        name: of its files, without an ending.
        title: one line over the chart.
        x_label: with unit.
        rows: a label, its bars from top to bottom, and a note that stands at the right.
        legend: label and style of what the bars are.
        lowest: where the axis ends on the left at the latest; longer bars are cut, and their note states the value.
    """

    name: str
    title: str
    x_label: str
    rows: tuple[tuple[str, tuple[Bar, ...], str], ...]
    legend: tuple[tuple[str, str | int], ...]
    lowest: float = -math.inf

    def __post_init__(self) -> None:
        if not self.numbers:
            raise DataError(f"the chart {self.name!r} needs at least one value; got none")
        _refuse_beyond(self.name, self.numbers)

    @property
    def numbers(self) -> list[float]:
        """Everything that the axis has to reach."""
        return [v for _, bars, _ in self.rows for bar in bars for v in (bar.value, bar.low, bar.high) if v is not None]

    @property
    def limits(self) -> tuple[float, float]:
        """Both ends of the axis; 0 lies between them."""
        low, high = max(min(0.0, *self.numbers), self.lowest), max(0.0, *self.numbers)
        room = 0.06 * (high - low) or 1.0
        return low - room if low < 0 else 0.0, high + room


Chart = LineChart | BarChart


def distribution(label: str, values: np.ndarray, style: str | int) -> Series | None:
    """The share of frames at or below each value, as a series of steps; None without any value.

    Args:
        label: of the series; how many frames have no value is added to it.
        values: float ``(F,)``; NaN are counted in the label and left out.
        style: as of :class:`Series`.
    """
    known = np.sort(values[np.isfinite(values)])
    if not len(known):
        return None
    missing = len(values) - len(known)
    label = f"{label} ({missing} without a value)" if missing else label
    chosen = np.unique(np.linspace(0, len(known) - 1, min(len(known), STEPS)).round().astype(int))
    x = [known[0], *known[chosen]]
    y = [0.0, *((chosen + 1) / len(known))]
    return Series(label, tuple(map(float, x)), tuple(map(float, y)), style)


def drawable(value: float) -> bool:
    """Whether a number can be drawn: finite, and no further from 0 than :data:`LARGEST`."""
    return abs(value) <= LARGEST


def _refuse_beyond(name: str, values: Sequence[float]) -> None:
    beyond = [value for value in values if not drawable(value)]
    if beyond:
        raise DataError(
            f"the chart {name!r} needs finite numbers up to {LARGEST:g}; {len(beyond)} of {len(values)} are not, "
            f"{beyond[0]!r:.40} among them: see the rows"
        )


def colour_of(style: str | int) -> str:
    """Colour on white of a style."""
    return COLOURS[style] if isinstance(style, str) else SERIES[style % len(SERIES)]


def dashed(style: str | int) -> bool:
    """Whether a line of this style has dashes."""
    return isinstance(style, int) and style // len(SERIES) % 2 == 1


def ticks(low: float, high: float, *, about: int = 6, least: float = 0.0) -> list[float]:
    """Round numbers from ``low`` to ``high``: steps of 1, 2 or 5 times a power of ten, and at least of ``least``."""
    span = high - low
    if not span > 0:
        return [low]
    rough = max(span / about, least)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * mantissa for mantissa in (1, 2, 5, 10) if power * mantissa >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(k * step, 12) for k in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 times the powers of ten from ``low`` to ``high``; powers alone where these are many."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    mantissas: Sequence[int] = (1, 2, 5) if len(powers) <= 4 else (1,)
    values = [mantissa * 10.0**power for power in powers for mantissa in mantissas]
    return [value for value in values if low <= value <= high] or [low, high]
