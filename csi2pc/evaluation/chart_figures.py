"""Charts through matplotlib, as PNG and PDF: the same numbers and colours as in the page."""

from __future__ import annotations

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ..data.atomic import replacing
from .charts import BarChart, Chart, LineChart, colour_of, dashed
from .figures import DPI, TEXT, WIDTH
from .tables import cleaned

#: Characters that fit: of a label, and of a line as wide as the chart.
LONGEST, LONGEST_LINE = 40, 100
#: Inches that a bar and the gap below a row take.
BAR, GAP = 0.2, 0.14


def draw_chart(path: str | Path, chart: Chart) -> None:
    """Write a chart; the path's ending chooses the format (png, pdf, svg).

    Raises:
        DataError: the file cannot be written.
    """
    figure = _lines(chart) if isinstance(chart, LineChart) else _bars(chart)
    FigureCanvasAgg(figure)
    ending = Path(path).suffix.lower().lstrip(".")
    undated = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}.get(ending)
    with replacing(path) as temporary:
        figure.savefig(temporary, format=ending, dpi=DPI, metadata=undated)


def _lines(chart: LineChart) -> Figure:
    figure, axes = _figure(chart, 4.2)
    handles = {}
    for series in chart.series:
        style = {"color": colour_of(series.style), "ls": "--" if dashed(series.style) else "-", "lw": 1.5}
        marker = "" if chart.steps or len(series.x) > 60 else "o"
        axes.plot(series.x, series.y, marker=marker, ms=3, drawstyle="steps-post" if chart.steps else None, **style)
        handles[series.label] = Line2D([], [], **style)
    if chart.counted:
        axes.xaxis.get_major_locator().set_params(integer=True)
    if chart.logarithmic:
        axes.set_yscale("log")
    if chart.steps:
        axes.set_ylim(0, 1.02)
    axes.set_ylabel(_plain(chart.y_label), fontsize=TEXT["normal"])
    axes.grid(color="#EEEEEE")
    labels = [_plain(label) for label in handles]
    figure.legend(handles.values(), labels, loc="outside lower center", ncols=4, fontsize=TEXT["small"], frameon=False)
    return figure


def _bars(chart: BarChart) -> Figure:
    heights = [BAR * len(bars) + GAP for _, bars, _ in chart.rows]
    figure, axes = _figure(chart, 1.5 + sum(heights))
    low, high = chart.limits
    y, middles = 0.0, []
    for _, bars, note in chart.rows:
        middles.append(y + BAR * (len(bars) - 1) / 2)
        axes.annotate(_plain(note), (1.015, middles[-1]), xycoords=("axes fraction", "data"), va="center",
                      fontsize=TEXT["small"])  # fmt: skip
        for bar in bars:
            if bar.value is not None:
                axes.barh(y, bar.value, height=0.85 * BAR, color=colour_of(bar.style), edgecolor="#333333", lw=0.5)
            if bar.value is not None and bar.low is not None and bar.high is not None:
                axes.plot([bar.low, bar.high], [y, y], color="black", lw=1.2, marker="|", ms=5)
            y += BAR
        y += GAP
    axes.axvline(0, color="black", lw=1)
    axes.set_yticks(middles, [_plain(label) for label, _, _ in chart.rows], fontsize=TEXT["small"])
    axes.set_ylim(y - GAP / 2 - BAR / 2, -GAP / 2 - BAR / 2)
    axes.set_xlim(low, high)
    axes.grid(axis="x", color="#E5E5E5")
    handles = [Patch(facecolor=colour_of(style), edgecolor="#333333", label=_plain(label))
               for label, style in chart.legend]  # fmt: skip
    if handles:
        figure.legend(handles=handles, loc="outside lower center", ncols=4, fontsize=TEXT["small"], frameon=False)
    return figure


def _figure(chart: Chart, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(_plain(chart.title, LONGEST_LINE), fontsize=TEXT["normal"], loc="left")
    axes.set_xlabel(_plain(chart.x_label, LONGEST_LINE), fontsize=TEXT["normal"])
    axes.tick_params(labelsize=TEXT["small"])
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _plain(text: str, longest: int = LONGEST) -> str:
    """Text that matplotlib neither takes for a formula nor hides from a legend, and that stays on the page."""
    text = cleaned(text)
    text = text if len(text) <= longest else f"{text[: longest - 1]}…"
    return text.replace("$", r"\$") if not text.startswith("_") else f" {text}".replace("$", r"\$")
