"""A run folder, or the folder of a comparison, becomes one page, and the same tables and figures as files beside it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from ..errors import DataError
from ..evaluation.comparison_figures import compared_frames_figure
from ..evaluation.figures import frames_figure
from ..evaluation.run_page import slug
from ..progress import console
from .comparison_folder import ComparisonFolder
from .comparison_record import report_comparison
from .run_folder import RunFolder
from .run_record import report_run


def report(path: str | Path, out: str | Path | None = None) -> Path:
    """Write the report of a run or of a comparison. Only files are read: no data, no model, and nothing is run.

    The page is one HTML file that opens from disk without a network. In the folder of its name without the ending lie
    its tables (CSV, Markdown, LaTeX) and figures (PNG, PDF).

    Args:
        path: run folder, or folder of a comparison.
        out: the page to write; ``report.html`` in the folder by default.

    Returns:
        the page's path.

    Raises:
        DataError: the folder is neither, a file in it is damaged, or the page cannot be written.
    """
    folder = Path(path)
    page_path = folder / "report.html" if out is None else Path(out)
    if page_path.suffix.lower() not in (".html", ".htm"):
        raise DataError(f"a report is an HTML file; got {page_path}: let its name end in .html")
    beside = page_path.with_suffix("")
    figures: dict[str, Callable[[Path], None]] = {}
    if ComparisonFolder(folder).config.is_file():
        page, datasets = report_comparison(folder)
        for compared in datasets:
            if compared.frames:
                variants = list(compared.seeds)
                draw = partial(compared_frames_figure, frames=compared.frames, variants=variants)
                figures[f"frames-{slug(compared.dataset)}"] = draw
    elif RunFolder(folder).config.is_file():
        page, evaluated = report_run(folder)
        if evaluated is not None and evaluated.examples:
            figures["frames"] = partial(frames_figure, examples=evaluated.examples)
    else:
        raise DataError(
            f"a report is made of a run folder, which holds config.yaml, or of a comparison, which holds "
            f"compare.yaml; {folder} has neither: name the --out of csi2pc train or csi2pc compare"
        )
    page.write_files(beside)
    for name, draw in figures.items():
        for ending in ("png", "pdf"):
            draw(beside / "figures" / f"{name}.{ending}")
    page.write(page_path)
    console.print(f"wrote {page_path}, and its tables and figures in {beside}", markup=False)
    return page_path
