"""Charts as SVG for the page: static, and with a tooltip on every bar and line.

Colours are classes, so that the page's style sheet decides them for a light and a dark scheme.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from .charts import Bar, BarChart, Chart, LineChart, Series, dashed, log_ticks, ticks
from .figures import SERIES
from .tables import escaped

#: Pixels of a chart that has the page to itself, and of one of two beside each other.
WIDTH, HALF = 720, 460
#: Pixels around the axes of a line chart: right, top, bottom. The left is as wide as its numbers.
MARGIN = (16, 12, 44)
ROW_GAP, BAR_HEIGHT, LEGEND_HEIGHT = 12, 13, 22
#: Characters of a row's label and note that fit.
LONGEST_LABEL = 26
LONGEST_NOTE = 40


def chart_svg(chart: Chart, width: int = WIDTH) -> str:
    """The chart as an ``svg`` element, ``width`` pixels wide, to be scaled by the page."""
    return _lines(chart, width) if isinstance(chart, LineChart) else _bars(chart, width)


def _lines(chart: LineChart, width: int) -> str:
    right, top, bottom = MARGIN
    legend, top = _legend([(s.label, s.style) for s in chart.series], width, line=True)
    tall = 240 if width < WIDTH else 300
    height = top + tall + bottom
    xs = [value for series in chart.series for value in series.x]
    ys = [value for series in chart.series for value in series.y]
    if chart.logarithmic:
        y_low, y_high = min(ys) / 1.1, max(ys) * 1.1
        place = _scale(math.log(y_low), math.log(y_high), top + tall, top)
        marks, y = log_ticks(y_low, y_high), lambda value: place(math.log(value))
    else:
        y_low, y_high = (0.0, 1.0) if chart.steps else _widened(min(ys), max(ys), 0.05)
        marks, y = ticks(y_low, y_high, about=5), _scale(y_low, y_high, top + tall, top)
    left = 34 + 6.6 * max(len(f"{mark:g}") for mark in marks)
    x_low, x_high = _widened(min(xs), max(xs), 0.0)
    x = _scale(x_low, x_high, left, width - right)
    parts = [*legend]
    for mark in marks:
        parts.append(f'<path class="grid" d="M{left:.0f},{y(mark):.1f}H{width - right}"/>')
        parts.append(_text(left - 8, y(mark) + 4, f"{mark:g}", anchor="end"))
    for mark in ticks(x_low, x_high, about=width // 90, least=float(chart.counted)):
        parts.append(f'<path class="grid" d="M{x(mark):.1f},{top}V{top + tall}"/>')
        parts.append(_text(x(mark), top + tall + 17, f"{mark:g}", anchor="middle"))
    parts += [_line(series, x, y, chart.steps) for series in chart.series]
    parts.append(_text((left + width - right) / 2, height - 8, chart.x_label, anchor="middle"))
    middle = top + tall / 2
    parts.append(
        f'<text class="label" transform="translate(14 {middle:.0f}) rotate(-90)" text-anchor="middle">'
        f"{escaped(chart.y_label)}</text>"
    )
    return _svg(chart, width, height, parts)


def _line(series: Series, x: Callable[[float], float], y: Callable[[float], float], steps: bool) -> str:
    points = [(x(a), y(b)) for a, b in zip(series.x, series.y, strict=True)]
    path = f"M{points[0][0]:.1f},{points[0][1]:.1f}"
    path += "".join(f"H{a:.1f}V{b:.1f}" if steps else f"L{a:.1f},{b:.1f}" for a, b in points[1:])
    css = f"line {style_class(series.style)}{' dashed' if dashed(series.style) else ''}"
    marked = [] if steps or len(points) > 60 else points
    dots = "".join(f'<circle cx="{a:.1f}" cy="{b:.1f}" r="2.2"/>' for a, b in marked)
    return f'<g class="{css}"><title>{escaped(series.label)}</title><path d="{path}"/>{dots}</g>'


def _bars(chart: BarChart, width: int) -> str:
    longest = max(len(_short(label, LONGEST_LABEL)) for label, _, _ in chart.rows)
    notes = max(len(_short(note, LONGEST_NOTE)) for _, _, note in chart.rows)
    left, right = 20 + 6.6 * longest, 20 + 6.2 * notes
    legend, top = _legend(list(chart.legend), width, line=False)
    x = _scale(*chart.limits, left, width - right)
    parts, y = [], top + 4.0
    for label, bars, note in chart.rows:
        middle = y + BAR_HEIGHT * len(bars) / 2 + 4
        parts.append(_text(left - 10, middle, _short(label, LONGEST_LABEL), anchor="end", tip=label))
        parts.append(_text(width - right + 10, middle, _short(note, LONGEST_NOTE), anchor="start", tip=note))
        for bar in bars:
            parts.append(_bar(bar, x, y, chart.limits))
            y += BAR_HEIGHT
        y += ROW_GAP
    grid = []
    for mark in ticks(*chart.limits, about=width // 110):
        grid.append(f'<path class="{"zero" if mark == 0 else "grid"}" d="M{x(mark):.1f},{top}V{y:.1f}"/>')
        grid.append(_text(x(mark), y + 16, f"{mark:g}", anchor="middle"))
    end = _text((left + width - right) / 2, y + 36, chart.x_label, anchor="middle")
    return _svg(chart, width, y + 44, [*legend, *grid, *parts, end])


def _bar(bar: Bar, x: Callable[[float], float], y: float, limits: tuple[float, float]) -> str:
    if bar.value is None:
        return ""

    def inside(value: float) -> float:
        return x(min(max(value, limits[0]), limits[1]))

    ends = sorted((inside(0.0), inside(bar.value)))
    parts = [f'<rect class="bar {style_class(bar.style)}" x="{ends[0]:.1f}" y="{y:.1f}" '
             f'width="{max(ends[1] - ends[0], 0.8):.1f}" height="{BAR_HEIGHT - 2}"/>']  # fmt: skip
    if bar.low is not None and bar.high is not None:
        a, b, middle = inside(bar.low), inside(bar.high), y + BAR_HEIGHT / 2 - 1
        ends = "".join(f"M{end:.1f},{y + 1:.1f}V{y + BAR_HEIGHT - 3:.1f}" for end in (a, b))
        parts.append(f'<path class="whisker" d="M{a:.1f},{middle:.1f}H{b:.1f}{ends}"/>')
    return f"<g><title>{escaped(bar.tip)}</title>{''.join(parts)}</g>"


def _legend(entries: Sequence[tuple[str, str | int]], within: int, *, line: bool) -> tuple[list[str], float]:
    """The legend's parts, several lines where one is too short, and where the chart begins below it."""
    parts, x, y = [], 8.0, MARGIN[1] + 8.0
    for label, style in dict(entries).items():
        shown = _short(label, 60)
        width = 34 + 6.8 * len(shown)
        if x + width > within and x > 8:
            x, y = 8.0, y + LEGEND_HEIGHT
        css = f"{style_class(style)}{' dashed' if dashed(style) else ''}"
        mark = (
            f'<g class="line {css}"><path d="M{x:.0f},{y:.0f}h18"/></g>'
            if line
            else f'<rect class="bar {css}" x="{x:.0f}" y="{y - 6:.0f}" width="18" height="11"/>'
        )
        parts += [mark, _text(x + 24, y + 4, shown, anchor="start")]
        x += width
    return parts, y + 16 if entries else MARGIN[1]


def _text(x: float, y: float, text: str, *, anchor: str, tip: str = "") -> str:
    title = f"<title>{escaped(tip)}</title>" if tip and tip != text else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{title}{escaped(text)}</text>'


def _svg(chart: Chart, width: int, height: float, parts: Sequence[str]) -> str:
    body = "\n".join(part for part in parts if part)
    return (
        f'<svg viewBox="0 0 {width} {height:.0f}" width="{width}" role="img" aria-label="{escaped(chart.title)}" '
        f'id="chart-{escaped(chart.name)}">\n{body}\n</svg>'
    )


def style_class(style: str | int) -> str:
    """Class of a style, and behind ``--`` the style sheet's name for its colour."""
    return f"c-{style % len(SERIES) if isinstance(style, int) else style}"


def _short(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _widened(low: float, high: float, share: float) -> tuple[float, float]:
    if high > low:
        return low - share * (high - low), high + share * (high - low)
    return low - 0.5 * (abs(low) or 1), high + 0.5 * (abs(high) or 1)


def _scale(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    return lambda value: start + (value - low) / (high - low) * (end - start)
