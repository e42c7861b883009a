"""Figures of an evaluation, drawn from saved arrays and rows: clouds side by side, learning curves, skill.

Figures are made through matplotlib's object interface, so nothing global is touched and no display is needed. The three
colours (Okabe and Ito's palette) can be told apart with any kind of colour vision. Sizes are for a page 900 pixels
wide; files hold twice as many, for dense screens.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ..data.atomic import replacing
from ..errors import DataError
from .examples import FrameExample
from .metrics import METRICS
from .statistics import Summary
from .summary import NOT_DISTINGUISHABLE, groups, standing

WIDTH = 9.0  # inches
DPI = 200
TARGET, PREDICTION, BASELINE, FAINT = "#333333", "#0072B2", "#D55E00", "#BBBBBB"
COLOURS = (TARGET, PREDICTION, BASELINE)
SERIES = (PREDICTION, BASELINE, "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
TEXT = {"small": 8.5, "normal": 9.5, "title": 11}  # points
LEGEND = {
    "better": "better than blind",
    "worse": "worse than blind",
    NOT_DISTINGUISHABLE: NOT_DISTINGUISHABLE,
    "unknown": "no interval",
}
#: Characters of a frame's name that fit into a caption.
LONGEST_NAME = 40
#: Points further than this many metres from the target's box are counted in words instead of drawn.
REACH = 0.75
#: Where the axis of skills ends on the left: longer bars, whose numbers stand beside them, would flatten the others.
LOWEST_SKILL = -2.0


def frames_figure(path: str | Path, examples: Sequence[FrameExample]) -> None:
    """Target, prediction and best blind baseline side by side, each from the front and from the side.

    One row a frame. All panels have the same scale; those of a row have the same limits, and show the target in
    grey behind the other two clouds.

    Args:
        path: where to write; the ending chooses the format (png, pdf, svg).
        examples: for example best, median and worst frame.

    Raises:
        DataError: there is no frame to draw, or a target without points.
    """
    if not examples or any(len(example.target) == 0 for example in examples):
        raise DataError("the figure needs at least one frame, each with target points; choose frames that were scored")
    boxes = [box_of(example.target, [example.prediction, example.baseline]) for example in examples]
    span = np.max([high - low for low, high in boxes], axis=0)  # (3,) metres
    page = _Page(span, len(examples))
    figure = Figure(figsize=(WIDTH, page.height))
    names = ("target", "prediction", f"blind: {examples[0].baseline_name}")
    for column, (name, colour) in enumerate(zip(names, COLOURS, strict=True)):
        left, bottom, _, height = page.panel(0, column, 0)
        y = bottom + height + 0.48 / page.height
        figure.text(left, y, name, fontsize=TEXT["title"], color=colour, weight="bold")
    for row, (example, (low, high)) in enumerate(zip(examples, boxes, strict=True)):
        left, bottom, _, height = page.panel(row, 0, 0)
        figure.text(left, bottom + height + 0.1 / page.height, _caption(example), fontsize=TEXT["normal"])
        clouds = (example.target, example.prediction, example.baseline)
        for column, view in itertools.product(range(3), range(2)):
            axes = figure.add_axes(page.panel(row, column, view))
            draw_cloud(axes, example.target, clouds[column], COLOURS[column], view, (low + high) / 2, span)
            _set_ticks(axes, page.scale)
            axes.tick_params(left=column == view == 0, labelleft=column == view == 0)
            if column == view == 0:
                axes.set_ylabel("y, down (m)", fontsize=TEXT["small"])
            if row == len(examples) - 1:
                axes.set_xlabel(("front: x (m)", "side: z (m)")[view], fontsize=TEXT["small"])
    figure.text(0.99, 0.06 / page.height, "grey: the target", fontsize=TEXT["small"], color="#777777", ha="right")
    _save(figure, path)


def learning_curve(
    path: str | Path,
    rows: Sequence[Mapping[str, object]],
    *,
    x: str = "epoch",
    keys: Sequence[str] | None = None,
) -> None:
    """Curves of what training logged, one panel a quantity.

    Args:
        path: where to write.
        rows: one mapping a logged step, for example the lines of ``metrics.jsonl``. ``"train/total"`` and
            ``"validation/total"`` share the panel *total*. Values that are no finite numbers are left out.
        x: the key of the horizontal axis.
        keys: what to draw; by default every numeric key beside ``x``.

    Raises:
        DataError: no row holds both ``x`` and one of the keys.
    """
    if keys is None:
        keys = [key for key in dict.fromkeys(key for row in rows for key in row) if key != x]
    panels: dict[str, list[tuple[str, np.ndarray]]] = {}
    for key in keys:
        points = [(row[x], row[key]) for row in rows if _is_number(row.get(x)) and _is_number(row.get(key))]
        if points:
            panels.setdefault(key.split("/", 1)[-1], []).append((key, np.array(points, dtype=np.float64)))
    if not panels:
        raise DataError(f"a learning curve needs rows with {x!r} and a number; got {len(rows)} rows without one")
    columns = min(2, len(panels))
    lines = -(-len(panels) // columns)
    figure = Figure(figsize=(WIDTH, 0.3 + 2.6 * lines), layout="constrained")
    for position, (name, curves) in enumerate(panels.items(), 1):
        axes = figure.add_subplot(lines, columns, position)
        _curves(axes, name, curves)
        if position > len(panels) - columns:
            axes.set_xlabel(x, fontsize=TEXT["normal"])
    _save(figure, path)


def skill_figure(path: str | Path, summary: Summary) -> None:
    """Bars of the model's skill against the best blind baseline of each metric, with its interval.

    Raises:
        DataError: the summary states no skill.
    """
    best = [comparison for metric in summary.metrics if (comparison := summary.best_blind(metric)) is not None]
    if all(comparison.skill is None for comparison in best):
        raise DataError("a skill figure needs at least one skill; the summary has none; evaluate the blind baselines")
    figure = Figure(figsize=(WIDTH, 1.35 + 0.36 * len(best)), layout="constrained")
    axes = figure.add_subplot()
    colours = {"better": PREDICTION, "worse": BASELINE, NOT_DISTINGUISHABLE: FAINT, "unknown": "#FFFFFF"}
    for row, comparison in enumerate(best):
        text = f"{comparison.baseline} is without error"
        if comparison.skill is not None:
            text = f"{comparison.skill:+.2f}  against {comparison.baseline}"
            colour = colours[standing(comparison)]
            axes.barh(row, comparison.skill, height=0.62, color=colour, edgecolor=TARGET, lw=0.6)
        if comparison.skill_low is not None:
            ends = [comparison.skill_low, comparison.skill_high]
            axes.plot(ends, [row, row], color="black", lw=1.6, marker="|", ms=8)
        axes.annotate(
            text, (1.015, row), xycoords=("axes fraction", "data"),
            va="center", fontsize=TEXT["small"],
        )
    axes.axvline(0, color="black", lw=1)
    axes.set_yticks(range(len(best)), [comparison.metric for comparison in best], fontsize=TEXT["normal"])
    axes.set_ylim(len(best) - 0.4, -0.6)
    drawn = [value for c in best for value in (c.skill, c.skill_low, c.skill_high) if value is not None]
    low, high = max(min(0.0, *drawn), LOWEST_SKILL), max(0.0, *drawn)
    axes.set_xlim(max(low - 0.08 * (high - low), LOWEST_SKILL), high + 0.08 * (high - low) + 1e-3)
    axes.set_xlabel("skill: 1 - error of the model / error of the best blind baseline", fontsize=TEXT["normal"])
    axes.tick_params(axis="x", labelsize=TEXT["small"])
    axes.grid(axis="x", color="#E5E5E5")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    handles: list[Patch | Line2D] = [
        Patch(facecolor=colour, edgecolor=TARGET, label=LEGEND[name])
        for name, colour in colours.items()
        if any(standing(comparison) == name for comparison in best if comparison.skill is not None)
    ]
    if summary.groups > 1:
        label = f"{summary.confidence:.0%} interval over {groups(summary)}"
        handles.append(Line2D([], [], color="black", lw=1.6, marker="|", ms=8, label=label))
    figure.legend(handles=handles, loc="outside upper left", ncols=4, fontsize=TEXT["small"], frameon=False)
    _save(figure, path)


def box_of(target: np.ndarray, others: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest corner ``(3,)`` to draw: the target and all others as far as they lie within its reach."""
    low, high = target.min(axis=0) - REACH, target.max(axis=0) + REACH
    clouds = np.concatenate([target, *others])
    clouds = clouds[((clouds >= low) & (clouds <= high)).all(axis=1)]
    return clouds.min(axis=0) - 0.06, clouds.max(axis=0) + 0.06


class _Page:
    """Where the panels of :func:`frames_figure` lie, such that a metre is equally long in all of them.

    Args:
        span: ``(3,)`` metres that every panel shows.
        rows: number of frames.
    """

    margin_left, margin_right, margin_top, margin_bottom = 0.62, 0.12, 0.12, 0.62  # inches
    caption, views_apart, clouds_apart = 0.6, 0.1, 0.3  # inches

    def __init__(self, span: np.ndarray, rows: int) -> None:
        room = WIDTH - self.margin_left - self.margin_right - 3 * self.views_apart - 2 * self.clouds_apart
        self.scale = min(room / (3 * (span[0] + span[2])), 3.2 / span[1])  # inches a metre; 3.2 keep a row on a screen
        self.widths, self.panel_height = span[[0, 2]] * self.scale, span[1] * self.scale
        self.row = self.panel_height + self.caption
        self.height = self.margin_top + rows * self.row + self.margin_bottom
        self.column = (WIDTH - self.margin_left - self.margin_right + self.clouds_apart) / 3

    def panel(self, row: int, column: int, view: int) -> tuple[float, float, float, float]:
        """Left, bottom, width and height of a panel as shares of the page."""
        left = self.margin_left + column * self.column + view * (self.widths[0] + self.views_apart)
        bottom = self.height - self.margin_top - (row + 1) * self.row
        shares = left / WIDTH, bottom / self.height, self.widths[view] / WIDTH, self.panel_height / self.height
        return tuple(float(share) for share in shares)


def draw_cloud(
    axes: Axes, target: np.ndarray, cloud: np.ndarray, colour: str, view: int, centre: np.ndarray, span: np.ndarray
) -> None:
    """One cloud over its target, the metres around ``centre`` that ``span`` says.

    Args:
        axes: where to draw.
        target, cloud: float ``(N, 3)`` metres; where they are one array, the target is drawn alone.
        colour: of the cloud.
        view: from the front (0) or the side (1); y points down in the data and on the page.
        centre, span: ``(3,)`` metres.
    """
    across = (0, 2)[view]
    if cloud is not target:
        axes.scatter(target[:, across], target[:, 1], s=_dot(len(target)), c=FAINT, lw=0)
    axes.scatter(cloud[:, across], cloud[:, 1], s=_dot(len(cloud)), c=colour, lw=0, alpha=0.85)
    low, high = centre - span / 2, centre + span / 2
    axes.set_xlim(low[across], high[across])
    axes.set_ylim(high[1], low[1])
    outside = int(np.sum(~((cloud >= low) & (cloud <= high)).all(axis=1)))
    if outside:
        axes.text(0.5, 0.02, f"{outside} outside", transform=axes.transAxes, ha="center", fontsize=TEXT["small"])
    axes.tick_params(labelsize=TEXT["small"], length=2.5)
    axes.grid(color="#EEEEEE", lw=0.6)
    axes.set_axisbelow(True)
    for spine in axes.spines.values():
        spine.set(color=FAINT, lw=0.6)


def _set_ticks(axes: Axes, scale: float) -> None:
    """Ticks every 0.5 m, or wider where a panel of ``scale`` inches a metre has no room for their labels."""
    steps = [mantissa * 10.0**power for power in range(-1, 6) for mantissa in (1, 2, 5)]
    step = next((step for step in steps if step >= 0.5 and step * scale >= 0.42), steps[-1])
    margin = 0.17 / scale  # keeps the labels of neighbouring panels apart
    for axis, inside in ((axes.xaxis, margin), (axes.yaxis, 0.0)):
        low, high = sorted(axis.get_view_interval())
        ticks = step * np.arange(math.ceil((low + inside) / step), math.floor((high - inside) / step) + 1)
        ticks = ticks if len(ticks) else [round((low + high) / 2, 1)]
        axis.set_ticks(ticks, labels=[f"{tick:.1f}" for tick in ticks])


def _dot(count: int) -> float:
    """Area of a dot in square points, smaller for denser clouds."""
    return float(np.clip(1500 / max(count, 1), 1.5, 9))


def _caption(example: FrameExample) -> str:
    unit = METRICS[example.metric].unit
    unit = "" if unit == "1" else f" {unit}"
    frame = str(example.frame)
    frame = f"…{frame[-LONGEST_NAME:]}" if len(frame) > LONGEST_NAME else frame
    frame = frame.replace("$", r"\$")  # a dollar sign would start a formula
    return (
        f"{example.label}: {frame}   {example.metric}: model {example.prediction_value:.4f}{unit}, "
        f"{example.baseline_name} {example.baseline_value:.4f}{unit}"
    )


def _curves(axes: Axes, name: str, curves: Sequence[tuple[str, np.ndarray]]) -> None:
    for (key, points), colour in zip(curves, itertools.cycle(SERIES)):
        marker = "o" if len(points) < 60 else ""
        axes.plot(points[:, 0], points[:, 1], color=colour, lw=1.5, marker=marker, ms=3, label=key.split("/")[0])
    values = np.concatenate([points[:, 1] for _, points in curves])
    if values.min() > 0 and values.max() / values.min() > 20:
        axes.set_yscale("log")
    axes.set_title(name if len(curves) > 1 else curves[0][0], fontsize=TEXT["normal"], loc="left")
    axes.tick_params(labelsize=TEXT["small"])
    axes.grid(color="#EEEEEE")
    axes.spines[["top", "right"]].set_visible(False)
    if len(curves) > 1:
        axes.legend(fontsize=TEXT["small"], frameon=False)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _save(figure: Figure, path: str | Path) -> None:
    FigureCanvasAgg(figure)
    with replacing(path) as temporary:
        figure.savefig(temporary, format=Path(path).suffix.lstrip(".").lower() or "png", dpi=DPI)
