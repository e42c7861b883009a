"""One figure of a capture: amplitude and sanitised phase over time and subcarrier, packet rate with gaps, link levels.

Amplitude has a perceptually uniform colour map, phase a cyclic one, in which -pi and pi have the same colour. Nothing
is averaged or filled in: each column of an image is one packet, the nearest in time; white was not measured.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from ..csi.describe import GAP, describe, gaps
from ..csi.phase import sanitise
from ..data.atomic import replacing
from ..errors import ConfigError, DataError
from ..types import Capture
from .figures import BASELINE, DPI, FAINT, SERIES, TEXT, WIDTH

#: Endings of the path, without the dot.
FORMATS = ("png", "pdf", "svg")
#: Links whose images are drawn, and links whose level is drawn.
IMAGES, CURVES = 3, 6
#: Columns of an image at most: about one a pixel of the page.
COLUMNS = 700
#: Steps of the curves over time.
STEPS = 120
AMPLITUDE_MAP, UNMEASURED = "viridis", "#FFFFFF"
#: Matplotlib's cyclic map, turned by a quarter: around 0, where sanitised phase mostly lies, more is lighter.
PHASE_MAP = ListedColormap(np.roll(colormaps["twilight"].colors, -len(colormaps["twilight"].colors) // 4, axis=0))


def capture_figure(path: str | Path, capture: Capture, *, title: str = "") -> None:
    """Draw a capture.

    Args:
        path: where to write; the ending chooses the format (png, pdf, svg).
        capture: as a reader returned it; :data:`IMAGES` of its links are drawn as images.
        title: what to call it.

    Raises:
        ConfigError: the path's ending names no format.
        DataError: there is no packet to draw.
    """
    form = Path(path).suffix.lower().lstrip(".")
    if form not in FORMATS:
        raise ConfigError(f"a figure is written as .png, .pdf or .svg; got {path}: give it one of these endings")
    if not len(capture):
        raise DataError("a figure of a capture needs at least one packet; this one has none")
    links = min(IMAGES, capture.csi.shape[1])
    figure = Figure(figsize=(WIDTH, 9.0), layout="constrained")
    figure.get_layout_engine().set(h_pad=0.06, hspace=0.02)
    grid = figure.add_gridspec(4, links, height_ratios=(1.25, 1.25, 0.8, 0.8))
    seconds = capture.timestamps - capture.timestamps[0]
    figure.suptitle(_title(capture, title), fontsize=TEXT["title"], x=0.01, ha="left")
    columns, chosen = _columns(seconds)
    csi, valid = capture.csi[chosen], capture.valid[chosen] & (chosen >= 0)[:, None, None]  # columns, A, S
    clean = sanitise(csi, capture.subcarriers, valid)
    top = float(np.quantile(np.abs(csi[valid]), 0.99)) if valid.any() else 1.0
    for kind in range(2):
        row = []
        for link in range(links):
            axes = figure.add_subplot(grid[kind, link], sharex=row[0] if row else None)
            values = np.abs(csi[:, link]) if kind == 0 else np.angle(clean[:, link])
            values = np.where(valid[:, link], values, np.nan)  # columns, S
            image = _image(axes, values, columns, capture.subcarriers, kind, top)
            axes.set_title(_link(capture, link), fontsize=TEXT["normal"], loc="left")
            axes.tick_params(labelsize=TEXT["small"], labelleft=link == 0, labelbottom=kind == 1)
            if seconds[-1] == 0:
                axes.set_xticks([0])
            row.append(axes)
        row[0].set_ylabel("subcarrier", fontsize=TEXT["normal"])
        bar = figure.colorbar(image, ax=row, pad=0.012, aspect=18, extend="max" if kind == 0 else "neither")
        bar.set_label("amplitude" if kind == 0 else "sanitised phase (rad)", fontsize=TEXT["normal"])
        if kind == 1:
            bar.set_ticks([-np.pi, 0, np.pi], labels=["-π", "0", "π"])
        bar.ax.tick_params(labelsize=TEXT["small"])
    _rate(figure.add_subplot(grid[2, :]), seconds)
    _levels(figure.add_subplot(grid[3, :]), capture, seconds)
    FigureCanvasAgg(figure)
    with replacing(path) as temporary:
        figure.savefig(temporary, format=form, dpi=DPI)


def _title(capture: Capture, name: str) -> str:
    about = describe(capture)
    antennas = f"{capture.rx} × {capture.tx} antennas, {len(capture.subcarriers)} subcarriers"
    spread = about["phase_spread_rad"]
    phase = "" if spread["raw"] is None else (
        f"\nphase varies by {spread['raw']:.2f} rad raw, {spread['sanitised']:.3f} rad sanitised"
    )  # fmt: skip
    simulated = "SIMULATED, " if capture.synthetic else ""
    clock = ", nominal times" if capture.timing == "nominal" else ""
    links = capture.csi.shape[1]
    drawn = f"; images of the first {IMAGES} of {links} links" if links > IMAGES else ""
    name = name.replace("$", r"\$")  # a dollar sign would start a formula
    return f"{name}   {simulated}{capture.device}: {len(capture):,} packets, {antennas}{clock}{phase}{drawn}"


def _link(capture: Capture, link: int) -> str:
    return f"rx {link % capture.rx}" + (f", tx {link // capture.rx}" if capture.tx > 1 else "")


def _span(seconds: np.ndarray) -> tuple[float, float]:
    """From half an interval before the first packet to half an interval after the last, so that each has its width."""
    limit, _, _ = gaps(seconds)
    half = 0.5 if limit is None else limit / GAP / 2
    return float(seconds[0]) - half, float(seconds[-1]) + half


def _columns(seconds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Borders of the columns (seconds), and the packet of each; -1 within a gap where the column has none itself."""
    borders = np.linspace(*_span(seconds), min(COLUMNS, 4 * len(seconds)) + 1)
    centres = (borders[1:] + borders[:-1]) / 2
    after = np.minimum(np.searchsorted(seconds, centres), len(seconds) - 1)
    before = np.maximum(after - 1, 0)
    nearest = np.where(np.abs(centres - seconds[before]) <= np.abs(seconds[after] - centres), before, after)
    _, starts, ends = gaps(seconds)
    last = np.searchsorted(starts, centres) - 1  # the last gap that began before
    inside = (last >= 0) & (centres < np.append(ends, -np.inf)[last])
    alone = np.abs(seconds[nearest] - centres) <= (borders[1] - borders[0]) / 2  # a packet between two gaps
    return borders, np.where(inside & ~alone, -1, nearest)


def _image(
    axes: Axes, values: np.ndarray, columns: np.ndarray, subcarriers: np.ndarray, kind: int, top: float
) -> object:
    rows = np.arange(subcarriers[0], subcarriers[-1] + 1)
    step = np.bincount(np.diff(subcarriers)).argmax() if len(subcarriers) > 1 else 1
    after = np.clip(np.searchsorted(subcarriers, rows), 0, len(subcarriers) - 1)
    before = np.maximum(after - 1, 0)
    nearest = np.where(rows - subcarriers[before] < subcarriers[after] - rows, before, after)
    picture = np.where(np.abs(subcarriers[nearest] - rows) <= step / 2, values[:, nearest], np.nan)  # columns, rows
    limits = {"vmin": 0, "vmax": top, "cmap": AMPLITUDE_MAP} if kind == 0 else {
        "vmin": -np.pi, "vmax": np.pi, "cmap": PHASE_MAP
    }  # fmt: skip
    axes.set_facecolor(UNMEASURED)
    axes.grid(False)
    if kind == 1:
        axes.set_xlabel("time (s)", fontsize=TEXT["small"])
    return axes.imshow(
        np.ma.masked_invalid(picture.T), aspect="auto", origin="lower", interpolation="nearest",
        extent=(columns[0], columns[-1], rows[0] - 0.5, rows[-1] + 0.5), **limits,
    )  # fmt: skip


def _rate(axes: Axes, seconds: np.ndarray) -> None:
    """Packets a second in steps of equal length, and the gaps."""
    axes.set_title("packet rate", fontsize=TEXT["normal"], loc="left")
    axes.set_ylabel("packets/s", fontsize=TEXT["normal"])
    limit, starts, ends = gaps(seconds)
    if limit is None:
        axes.text(0.5, 0.6, "no time passes", transform=axes.transAxes, ha="center", fontsize=TEXT["normal"])
        axes.set_yticks([])
    else:
        packets, borders = np.histogram(seconds, bins=int(np.clip(len(seconds) // 10, 1, STEPS)), range=_span(seconds))
        axes.stairs(packets / np.diff(borders), borders, color=SERIES[0], fill=True, alpha=0.25)
        axes.stairs(packets / np.diff(borders), borders, color=SERIES[0], lw=1.2)
        for start, end in zip(starts, ends, strict=True):
            axes.axvspan(start, end, color=BASELINE, alpha=0.3, lw=0.5)
        found = f"{len(starts)} gaps" if len(starts) != 1 else "1 gap"
        longest = f", longest {max(ends - starts):.3g} s" if len(starts) else ""
        axes.set_title(
            f"{found} over {limit * 1e3:.0f} ms{longest}", fontsize=TEXT["normal"], loc="right",
            color=BASELINE if len(starts) else "#777777",
        )  # fmt: skip
    _curve_axes(axes, seconds)


def _levels(axes: Axes, capture: Capture, seconds: np.ndarray) -> None:
    """Mean amplitude of each link, in steps of equal length; a step without packets is a break in the curve."""
    count = min(len(seconds), STEPS) if seconds[-1] > 0 else 1
    borders = np.linspace(*_span(seconds), count + 1)
    step = np.clip(np.searchsorted(borders, seconds, side="right") - 1, 0, count - 1)
    highest = 0.0
    for link, colour in zip(range(min(CURVES, capture.csi.shape[1])), itertools.cycle(SERIES)):
        valid = capture.valid[:, link]
        total = np.bincount(step, np.where(valid, np.abs(capture.csi[:, link]), 0).sum(1), count)
        entries = np.bincount(step, valid.sum(1), count)
        mean = np.where(entries > 0, total / np.maximum(entries, 1), np.nan)
        highest = np.fmax(highest, np.nanmax(mean, initial=0.0))
        marker = "o" if count < 60 or np.isnan(mean).any() else ""  # one step between two breaks is a point
        centres = (borders[1:] + borders[:-1]) / 2
        axes.plot(centres, mean, color=colour, lw=1.3, marker=marker, ms=2.5, label=_link(capture, link))
    left_out = capture.csi.shape[1] - CURVES
    more = f", the first {CURVES} of {capture.csi.shape[1]} links" if left_out > 0 else ""
    axes.set_title(f"mean amplitude{more}", fontsize=TEXT["normal"], loc="left")
    axes.set_ylabel("amplitude", fontsize=TEXT["normal"])
    axes.set_xlabel("time since the first packet (s)", fontsize=TEXT["normal"])
    if capture.csi.shape[1] > 1:
        axes.legend(fontsize=TEXT["small"], frameon=False, ncols=CURVES, loc="lower right",
                    bbox_to_anchor=(1.01, 0.97), columnspacing=1.2, handlelength=1.4)  # fmt: skip
    axes.set_ylim(top=1.08 * highest if highest > 0 else 1.0)
    _curve_axes(axes, seconds)


def _curve_axes(axes: Axes, seconds: np.ndarray) -> None:
    axes.set_xlim(*_span(seconds))
    axes.set_ylim(bottom=0)
    if seconds[-1] == 0:
        axes.set_xticks([0])
    axes.tick_params(labelsize=TEXT["small"])
    axes.grid(color="#EEEEEE")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)
