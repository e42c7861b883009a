"""The frames of a comparison as a figure: the target, every variant's prediction and the blind baseline."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator

from ..data.atomic import replacing
from ..errors import DataError
from .charts import colour_of
from .compared_dataset import ComparedFrame
from .figures import DPI, TARGET, TEXT, WIDTH, box_of, draw_cloud
from .tables import cleaned

#: Panels beside each other; more go into a further line.
COLUMNS = 6
#: Metres between the lines of the grid.
GRID = 0.5
#: Characters of a name over a panel, and of a frame's name.
LONGEST, LONGEST_FRAME = 22, 70


def compared_frames_figure(path: str | Path, frames: Sequence[ComparedFrame], variants: Sequence[str]) -> None:
    """Draw the frames from the front, each with the clouds of all variants over the target in grey.

    Args:
        path: where to write; the ending chooses the format (png, pdf, svg).
        frames: for example best, median and worst frame.
        variants: all variants of the comparison, whose order chooses the colours.

    Raises:
        DataError: there is no frame, or one without target points.
    """
    if not frames or any(len(frame.target) == 0 for frame in frames):
        raise DataError("the figure needs at least one frame, each with target points; choose frames that were scored")
    panels = [_panels(frame, variants) for frame in frames]
    columns = min(COLUMNS, len(panels[0]))
    lines = -(-len(panels[0]) // columns)
    boxes = [box_of(frame.target, [cloud for _, cloud, _ in of]) for frame, of in zip(frames, panels, strict=True)]
    span = np.max([high - low for low, high in boxes], axis=0)  # (3,) metres
    tall = min(2.6, (WIDTH / columns) * span[1] / span[0]) + 0.35
    figure = Figure(figsize=(WIDTH, len(frames) * (lines * tall + 0.45)), layout="constrained")
    parts = figure.subfigures(len(frames), 1, squeeze=False)[:, 0]
    for part, frame, of, (low, high) in zip(parts, frames, panels, boxes, strict=True):
        caption = cleaned(f"{frame.label}: {frame.frame}")[:LONGEST_FRAME].replace("$", r"\$")
        caption += f"   front view, {frame.metric} of each; grey: the target; grid: {GRID:g} m"
        part.suptitle(caption, fontsize=TEXT["normal"], x=0.01, ha="left")
        for position, (name, cloud, colour) in enumerate(of, 1):
            axes = part.add_subplot(lines, columns, position)
            draw_cloud(axes, frame.target, cloud, colour, 0, (low + high) / 2, span)
            axes.set_aspect("equal")
            for axis in (axes.xaxis, axes.yaxis):
                axis.set_major_locator(MultipleLocator(GRID))
            axes.tick_params(labelbottom=False, labelleft=False, length=0)
            axes.set_title(name, fontsize=TEXT["small"])
    FigureCanvasAgg(figure)
    ending = Path(path).suffix.lower().lstrip(".")
    undated = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}.get(ending)
    with replacing(path) as temporary:
        figure.savefig(temporary, format=ending, dpi=DPI, metadata=undated)


def _panels(frame: ComparedFrame, variants: Sequence[str]) -> list[tuple[str, np.ndarray, str]]:
    """Name and metric, cloud and colour of each panel; a variant without a cloud has none."""
    panels = [("target", frame.target, TARGET)]
    for variant, cloud in frame.predictions.items():
        if cloud is not None:
            style = variants.index(variant) if variant in variants else 0
            panels.append((_name(variant, frame.values.get(variant, np.nan)), cloud, colour_of(style)))
    panels.append((_name(frame.baseline_name, frame.baseline_value), frame.baseline, "#777777"))
    return panels


def _name(name: str, value: float) -> str:
    name = cleaned(name)
    short = name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"
    shown = f"{value:.4f}" if np.isfinite(value) else "no value"
    return f"{short}\n{shown}".replace("$", r"\$")
