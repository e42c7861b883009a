"""A run folder, or the folder of a comparison, becomes one page, and the same tables and figures as files beside it."""

from __future__ import annotations

from pathlib import Path

from ..errors import DataError
from ..evaluation.page import Page
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
        DataError: the folder is neither, a file in it is damaged or leads out of it, a link or files of someone else
            stand where tables and figures belong, or the page cannot be written.
    """
    folder = Path(path)
    page_path = folder / "report.html" if out is None else Path(out)
    if page_path.suffix.lower() not in (".html", ".htm"):
        raise DataError(f"a report is an HTML file; got {page_path}: let its name end in .html")
    beside = page_path.with_suffix("")
    _refuse_links(beside)
    _refuse_foreign_files(beside, page_path)
    if ComparisonFolder(folder).config.is_file():
        page, figures = report_comparison(folder)
    elif RunFolder(folder).config.is_file():
        page, figures = report_run(folder)
    else:
        raise DataError(
            f"a report is made of a run folder, which holds config.yaml, or of a comparison, which holds "
            f"compare.yaml; {folder} has neither: name the --out of csi2pc train or csi2pc compare"
        )
    if out is None:
        _clear(beside)
    page.write(page_path)  # first: it tells the next report whose the files beside it are
    page.write_files(beside)
    for name, draw in figures.items():
        for ending in ("png", "pdf"):
            draw(beside / "figures" / f"{name}.{ending}")
    console.print(f"wrote {page_path}, and its tables and figures in {beside}", markup=False)
    return page_path


def _refuse_links(beside: Path) -> None:
    """Refuse folders that lead elsewhere: files are replaced and removed in them."""
    for folder in (beside, beside / "tables", beside / "figures"):
        if folder.is_symlink() or folder.resolve() != folder.parent.resolve() / folder.name:
            raise DataError(
                f"tables and figures are written beside the page, never through a link; {folder} leads to another "
                f"place: remove the link, or choose another --out"
            )


def _refuse_foreign_files(beside: Path, page: Path) -> None:
    """Refuse a folder with files in it beside which no earlier report stands: they may be the user's own."""
    if beside.is_dir() and any(beside.iterdir()) and not Page.stands_at(page):
        raise DataError(
            f"tables and figures go into the folder beside the page, and replace those of an earlier report alone; "
            f"{beside} holds files, and no report stands at {page}: move them away, or choose another --out"
        )


def _clear(folder: Path) -> None:
    """Remove what an earlier report of the same folder left: an old table must not look new."""
    for kind, endings in (("tables", ("csv", "md", "tex")), ("figures", ("png", "pdf"))):
        for old in (old for ending in endings for old in (folder / kind).glob(f"*.{ending}")):
            old.unlink()
