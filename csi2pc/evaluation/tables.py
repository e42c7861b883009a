"""One table in four forms: CSV for machines, Markdown, LaTeX for papers, HTML for the report.

Text in a table may come from folder and file names of whoever made the run. Each form escapes it: it stays text in HTML
and LaTeX, starts no formula in a spreadsheet, and ends no column in Markdown.
"""

from __future__ import annotations

import csv
import html
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..data.atomic import replacing
from ..errors import ShapeError
from .rows import FORMULA_STARTS

#: Columns of numbers that a page of LaTeX has room for.
ACROSS = 5
#: What stands where there is no value.
NOTHING = "-"
#: Text other than space that has no place in a document: control characters, and those that turn the direction of text.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
_LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", "±": r"$\pm$", "↓": r"$\downarrow$", "↑": r"$\uparrow$", "²": r"$^2$", "…": r"\dots{}",
}  # fmt: skip
_MARKDOWN = re.compile(r"([\\`*\[\]<>|])")
_MINUS = re.compile(r"(?<![\w.])-(?=\d)")


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        title: what stands at its head.
        numbers: names of the numbers in each cell, such as ``("mean", "spread")``; CSV has a column for each, and the
            page sorts by the first. Empty for a column of text; ``("",)`` for one number without a name of its own.
        words: names of further texts of each cell that stand in the CSV alone, in a column each: what a reader of the
            page finds in a caption or in a mark.
    """

    title: str
    numbers: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        text: as a person reads it.
        numbers: the values behind it, as many as the column names; None where there is none.
        strong: whether it is set off, as the best blind value of a row is.
        words: the further texts, as many as the column names.
    """

    text: str
    numbers: tuple[float | None, ...] = ()
    strong: bool = False
    words: tuple[str, ...] = ()


def number(value: float | None, form: str = ".4f", *, strong: bool = False, note: str = "") -> Cell:
    """A cell of one number; ``note`` follows it in the text."""
    text = NOTHING if value is None else f"{value:{form}}"
    return Cell(f"{text} {note}".rstrip(), (value,), strong)


def mean_column(title: str, missing: Sequence[int | None]) -> Column:
    """A column of means; CSV has the number of missing values beside each, where any is missing in the column."""
    return Column(title, ("", "missing") if any(missing) else ("",))


def mean_cell(column: Column, value: float | None, missing: int, *, strong: bool = False) -> Cell:
    """A cell of a :func:`mean_column`."""
    shown = number(value, strong=strong, note=f"({missing} missing)" if missing and value is not None else "")
    return replace(shown, numbers=(value, missing)[: len(column.numbers)])


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        name: of its files, without an ending.
        caption: what it shows; one or two sentences.
        columns, rows: every row has as many cells as there are columns.
    """

    name: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def __post_init__(self) -> None:
        for row in self.rows:
            for column, cell in zip(self.columns, row, strict=False):
                if len(cell.numbers) != len(column.numbers) or len(cell.words) != len(column.words):
                    raise ShapeError(
                        f"a cell of {column.title!r} must hold {len(column.numbers)} numbers and {len(column.words)} "
                        f"further texts; got {cell.numbers} and {cell.words}"
                    )
            if len(row) != len(self.columns):
                raise ShapeError(f"a row of {self.name} must have {len(self.columns)} cells; got {len(row)}")

    def as_csv(self) -> list[list[str]]:
        """Rows for :func:`csv.writer`, the header first. Numbers are written so that reading gives the same bits."""
        header = [
            _guarded(f"{c.title} {part}".strip()) for c in self.columns for part in (*(c.numbers or ("",)), *c.words)
        ]
        return [header, *([text for cell in row for text in _csv_cells(cell)] for row in self.rows)]

    def as_markdown(self) -> str:
        """A pipe table, below its caption; what is strong stands in bold."""
        lines = [_escaped_markdown(self.caption), ""]
        lines.append(_pipes([_escaped_markdown(column.title) for column in self.columns]))
        lines.append(_pipes(["---:" if column.numbers else "---" for column in self.columns]))
        for row in self.rows:
            texts = [_escaped_markdown(cell.text) for cell in row]
            lines.append(_pipes([f"**{t}**" if c.strong else t for c, t in zip(row, texts, strict=True)]))
        return "\n".join([*lines, ""])

    def as_latex(self) -> str:
        """A ``table`` for a document that uses the package booktabs.

        One with more than :data:`ACROSS` columns of numbers becomes several, each with the texts that lead the rows.
        """
        every = range(len(self.columns))
        lead = next((at for at in every if self.columns[at].numbers), len(every))
        wide = sum(bool(column.numbers) for column in self.columns) > ACROSS
        parts = [every[at : at + ACROSS] for at in range(lead, len(every), ACROSS)] if wide else [every[lead:]]
        tables = [self._latex_part([*every[:lead], *part], count) for count, part in enumerate(parts, 1)]
        return "\n".join(["% needs \\usepackage{booktabs}", *(line for table in tables for line in table), ""])

    def _latex_part(self, which: Sequence[int], count: int) -> list[str]:
        """Lines of the table number ``count``, from 1, that has the columns ``which``."""
        name = re.sub(r"[^A-Za-z0-9-]", "-", self.name) + (f"-{count}" if count > 1 else "")
        caption = escaped_latex(self.caption) + (" (continued)" if count > 1 else "")
        return [
            r"\begin{table}",
            r"  \centering",
            rf"  \caption{{{caption}}}",
            rf"  \label{{tab:{name}}}",
            rf"  \begin{{tabular}}{{{''.join('r' if self.columns[at].numbers else 'l' for at in which)}}}",
            r"    \toprule",
            _latex_row([escaped_latex(self.columns[at].title) for at in which]),
            r"    \midrule",
            *(_latex_row([_latex_cell(row[at]) for at in which]) for row in self.rows),
            r"    \bottomrule",
            r"  \end{tabular}",
            r"\end{table}",
        ]

    def as_html(self) -> str:
        """A ``table`` whose cells carry their first number, so that a script can sort by raw value."""
        head = "".join(
            f'<th scope="col"{_numeric(bool(column.numbers))}>{_html_title(column.title)}</th>'
            for column in self.columns
        )
        body = "\n".join(f"<tr>{''.join(map(_html_cell, row))}</tr>" for row in self.rows)
        return (
            f'<div class="wide"><table id="table-{escaped(self.name)}" class="sortable">'
            f"<caption><span>{escaped(self.caption)}</span></caption>\n"
            f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>"
        )


def write_table(folder: Path, table: Table) -> None:
    """Write ``NAME.csv``, ``NAME.md`` and ``NAME.tex``, each atomically.

    Raises:
        DataError: a file cannot be written.
    """
    with replacing(folder / f"{table.name}.csv") as temporary:
        with open(temporary, "w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(table.as_csv())
    forms: dict[str, Callable[[], str]] = {"md": table.as_markdown, "tex": table.as_latex}
    for ending, form in forms.items():
        with replacing(folder / f"{table.name}.{ending}") as temporary:
            temporary.write_text(form(), encoding="utf-8")


def cleaned(text: str) -> str:
    """``text`` with a mark in place of each control character, and of each that would turn the direction of text."""
    return _CONTROL.sub("�", text)


def escaped(text: object) -> str:
    """Anything as text in HTML, between tags or in a quoted attribute."""
    return html.escape(cleaned(str(text)))


def escaped_latex(text: str) -> str:
    """Text that LaTeX prints as it is; signs in front of digits become minus signs."""
    text = "".join(_LATEX.get(letter, letter) for letter in cleaned(text))
    return _MINUS.sub("$-$", text)


def _escaped_markdown(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", cleaned(text))


def _guarded(text: str) -> str:
    text = cleaned(text)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _csv_cells(cell: Cell) -> list[str]:
    values = ["" if value is None else repr(value) for value in cell.numbers] or [_guarded(cell.text)]
    return values + [_guarded(text) for text in cell.words]


def _pipes(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _latex_cell(cell: Cell) -> str:
    text = escaped_latex(cell.text)
    return rf"\textbf{{{text}}}" if cell.strong else text


def _latex_row(cells: Sequence[str]) -> str:
    row = " & ".join(cells)
    guard = "{}" if row.startswith(("[", "*")) else ""  # the end of the row before would take it for its argument
    return f"    {guard}{row} \\\\"


def _numeric(is_number: bool) -> str:
    return ' class="number"' if is_number else ""


def _html_title(title: str) -> str:
    return escaped(title).replace("^2", "²").replace("_", "_<wbr>")


def _html_cell(cell: Cell) -> str:
    value = cell.numbers[0] if cell.numbers else None
    raw = "" if value is None else f' data-value="{value!r}"'
    text = f"<strong>{escaped(cell.text)}</strong>" if cell.strong else escaped(cell.text)
    return f"<td{_numeric(bool(cell.numbers))}{raw}>{text}</td>"
