"""One HTML file that opens from disk: no connection, no script but its own, text that stays text.

A page is put together block by block. Its policy (Content-Security-Policy) forbids every connection and every script
and style whose digest it does not name, so that even text which slipped through unescaped could do nothing.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__
from ..data.atomic import replacing
from ..progress import track
from .chart_figures import draw_chart
from .chart_svg import HALF, WIDTH, chart_svg, style_class
from .charts import Chart
from .tables import Table, escaped, write_table

SCRIPTS = ("cloud_view.js", "report.js")
STYLES = ("report.css",)
#: What every page ends with.
SIGNED = "Written by csi2pc"


@dataclass(frozen=True, eq=False)
class CloudPanel:
    """One view of a row of views.

    Attributes:
        title, note: what is seen, and a number about it.
        style: colour of the dots: ``"target"``, ``"model"``, ``"blind"`` or the number of a series.
        points: float ``(N, 3)`` metres in the project's frame; None where there is no cloud, which the view says.
    """

    title: str
    note: str
    style: str | int
    points: np.ndarray | None


@dataclass
class Page:
    """A page that is being written, and the tables and charts that lie beside it as files.

    Attributes:
        title: heading and title of the page.
        subtitle: one line below it.
        banners: what a reader must know first, each with a kind: ``"warning"`` or ``"note"``.
        tables, charts: everything that was put on the page, in order.
    """

    title: str
    subtitle: str = ""
    banners: list[tuple[str, str]] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    charts: list[Chart] = field(default_factory=list)
    _blocks: list[str] = field(default_factory=list)
    _sections: list[tuple[str, str]] = field(default_factory=list)
    _clouds: dict[str, str] = field(default_factory=dict)
    _names: dict[str, set[str]] = field(default_factory=dict)

    def banner(self, kind: str, text: str) -> None:
        """Say something at the very top."""
        self.banners.append((kind, text))

    def section(self, name: str, title: str) -> None:
        """Begin a section; ``name`` is its address within the page."""
        name = self.free_name("sections", name)
        self._blocks.append(f'{"</section>" if self._sections else ""}<section id="{name}"><h2>{escaped(title)}</h2>')
        self._sections.append((name, title))

    def text(self, text: str) -> None:
        """A paragraph."""
        self._blocks.append(f"<p>{escaped(text)}</p>")

    def sentences(self, sentences: Sequence[str]) -> None:
        """A list whose first entry is the verdict."""
        items = "".join(f"<li>{escaped(sentence)}</li>" for sentence in sentences)
        self._blocks.append(f'<ul class="words">{items}</ul>')

    def table(self, table: Table) -> None:
        """A table that can be sorted by any column."""
        table = replace(table, name=self.free_name("tables", table.name))
        self.tables.append(table)
        self._blocks.append(table.as_html())

    def chart(self, chart: Chart) -> None:
        """A chart under its title."""
        self._blocks.append(self._figure(chart, WIDTH))

    def pairs(self, charts: Sequence[Chart]) -> None:
        """Charts under their titles, two beside each other where the window is wide enough."""
        self._blocks.append(f'<div class="pairs">{"".join(self._figure(chart, HALF) for chart in charts)}</div>')

    def views(self, title: str, panels: Sequence[CloudPanel]) -> None:
        """Clouds side by side with one camera; those after the first can show the first behind them."""
        views = "".join(self._view(panel) for panel in panels)
        self._blocks.append(
            f'<div class="views" role="group" aria-label="{escaped(title)}"><h3>{escaped(title)}</h3>'
            f'<div class="row">{views}</div></div>'
        )

    def listing(self, pairs: Mapping[str, object]) -> None:
        """Names and their values."""
        rows = "".join(f"<dt>{escaped(name)}</dt><dd>{escaped(value)}</dd>" for name, value in pairs.items())
        self._blocks.append(f"<dl>{rows}</dl>")

    def details(self, title: str, text: str) -> None:
        """Long text, word for word, folded away under a title."""
        shown = "\n".join(escaped(line) for line in text.splitlines())
        self._blocks.append(f"<details><summary>{escaped(title)}</summary><pre>{shown}</pre></details>")

    def free_name(self, kind: str, name: str) -> str:
        """``name``, with a number behind it where another of its ``kind`` on this page has it; taken from now on.

        Names differ in more than capital letters, which some file systems do not tell apart.
        """
        taken = self._names.setdefault(kind, set())
        numbered = (name if count == 1 else f"{name}-{count}" for count in itertools.count(1))
        free = next(each for each in numbered if each.casefold() not in taken)
        taken.add(free.casefold())
        return free

    def html(self) -> str:
        """The whole document."""
        script = "\n".join(_asset(name) for name in SCRIPTS)
        style = "\n".join(_asset(name) for name in STYLES)
        policy = (
            f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; img-src data:; "
            "base-uri 'none'; form-action 'none'"
        )
        banners = "".join(f'<p class="banner {kind}" role="note">{escaped(text)}</p>' for kind, text in self.banners)
        links = "".join(f'<a href="#{name}">{escaped(title)}</a>' for name, title in self._sections)
        return (
            '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            '<meta name="color-scheme" content="light dark">\n'
            f"<title>{escaped(self.title)}</title>\n<style>{style}</style></head>\n<body>\n"
            f"<header><h1>{escaped(self.title)}</h1><p>{escaped(self.subtitle)}</p>{banners}"
            f'<nav aria-label="sections">{links}</nav></header>\n<main>\n'
            + "\n".join(self._blocks)
            + ("</section>" if self._sections else "")
            + f"\n</main>\n<footer>{SIGNED} {escaped(__version__)} from the folder's files alone.</footer>\n"
            f'<script type="application/json" id="clouds">{_embedded(self._clouds)}</script>\n'
            f"<script>{script}</script>\n</body></html>\n"
        )

    def write(self, path: Path) -> None:
        """Write the page, atomically."""
        with replacing(path) as temporary:
            temporary.write_text(self.html(), encoding="utf-8")

    @staticmethod
    def stands_at(path: Path) -> bool:
        """Whether a page that this class wrote stands at ``path``."""
        try:
            return path.is_file() and f"<footer>{SIGNED} ".encode() in path.read_bytes()
        except OSError:
            return False

    def write_files(self, folder: Path) -> None:
        """Write every table as CSV, Markdown and LaTeX, and every chart as PNG and PDF."""
        for table in self.tables:
            write_table(folder / "tables", table)
        for chart in track(self.charts, description="drawing figures"):
            for ending in ("png", "pdf"):
                draw_chart(folder / "figures" / f"{chart.name}.{ending}", chart)

    def _figure(self, chart: Chart, width: int) -> str:
        chart = replace(chart, name=self.free_name("figures", chart.name))
        self.charts.append(chart)
        caption = f"<figcaption>{escaped(chart.title)}</figcaption>"
        return f'<figure class="wide">{caption}{chart_svg(chart, width)}</figure>'

    def _view(self, panel: CloudPanel) -> str:
        name = f"cloud-{len(self._clouds)}"
        heading = f"<h4>{escaped(panel.title)}</h4><p>{escaped(panel.note)}</p>"
        if panel.points is None:
            return f'<div class="view">{heading}<p class="absent">no cloud for this frame</p></div>'
        self._clouds[name] = base64.b64encode(panel.points.astype("<f4").tobytes()).decode("ascii")
        label = f"{panel.title}: {len(panel.points)} points. Drag or use the arrow keys to turn."
        return (
            f'<div class="view">{heading}<canvas data-cloud="{name}" data-colour="--{style_class(panel.style)}" '
            f'tabindex="0" role="img" aria-label="{escaped(label)}">The 3-D view needs JavaScript.</canvas></div>'
        )


def _asset(name: str) -> str:
    return files(__package__).joinpath("assets", name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode('ascii')}"


def _embedded(values: Any) -> str:
    """JSON that no text in it can end: ``<`` is written as an escape."""
    return json.dumps(values, allow_nan=False).replace("<", "\\u003c").replace("\u2028", "\\u2028")
