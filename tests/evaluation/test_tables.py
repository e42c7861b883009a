"""One table, four forms: each gives back what was put in, and text from outside stays text in each."""

from __future__ import annotations

import csv
import math
import re
from html.parser import HTMLParser

import pytest

from csi2pc.errors import ShapeError
from csi2pc.evaluation.tables import (
    Cell,
    Column,
    Table,
    cleaned,
    escaped,
    escaped_latex,
    mean_cell,
    mean_column,
    number,
    write_table,
)

FORMULA, TAGS, TEX = '=HYPERLINK("http://x")', "</td><script>alert(1)</script>", r"50% of $x_1 & \input{y}"
HOSTILE = [FORMULA, TAGS, "a|b\nc", TEX, "'+1", "\u202eabc"]


def table(texts=HOSTILE):
    columns = (Column("name | & _"), Column("emd m ↓", ("mean", "spread")), Column("skill", ("",)))
    rows = [(Cell(text), Cell("0.1 ± 0.2", (0.1 + k, None), k == 1), number(-k / 3)) for k, text in enumerate(texts)]
    return Table("scores", "Means & more, 95%", columns, tuple(rows))


class Texts(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.texts = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag in ("td", "th"):
            self.texts.append("")

    def handle_data(self, data):
        if self.texts:
            self.texts[-1] += data


def test_csv_gives_back_every_number_and_starts_no_formula(tmp_path):
    write_table(tmp_path, table())
    with open(tmp_path / "scores.csv", encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["name | & _", "emd m ↓ mean", "emd m ↓ spread", "skill"]
    for k, row in enumerate(rows):
        assert not row[0].startswith(("=", "+", "-", "@", "\t", "\r"))
        assert float(row[1]) == 0.1 + k and row[2] == "" and float(row[3]) == -k / 3
    assert rows[0][0].removeprefix("'") == HOSTILE[0]
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".csv", ".md", ".tex"]


def test_html_holds_the_text_and_no_more_tags():
    parser = Texts()
    parser.feed(table().as_html())
    assert not {"script", "img"} & set(parser.tags)
    assert [cleaned(text) for text in HOSTILE] == parser.texts[3::3]
    assert re.findall(r'data-value="([^"]*)"', table().as_html())[:2] == ["0.1", "0.0"]


def test_a_missing_number_has_no_raw_value():
    cell = number(None)
    assert cell.text == "-" and "data-value" not in Table("t", "", (Column("a", ("",)),), ((cell,),)).as_html()


def test_markdown_has_one_line_a_row_and_as_many_columns():
    lines = table().as_markdown().splitlines()
    assert len(lines) == 2 + 2 + len(HOSTILE)
    for line in lines[2:]:
        assert len(re.findall(r"(?<!\\)\|", line)) == 4
    assert "**0.1 ± 0.2**" in lines[5] and "\\<script\\>" in lines[5]


def test_latex_escapes_every_special_character():
    text = table().as_latex()
    for line in text.splitlines():
        if "input" in line:
            assert r"\textbackslash{}input\{y\}" in line and r"50\% of \$x\_1 \&" in line
    assert text.count(r"\\") == 1 + len(HOSTILE)
    assert r"$-$0.3333" in text and r"\textbf{0.1 $\pm$ 0.2}" in text and r"\begin{tabular}{lrr}" in text
    assert escaped_latex("e-3 a-1 -1") == "e-3 a-1 $-$1"


def test_wide_latex_becomes_several_tables_with_the_same_first_column():
    columns = (Column("metric"), *(Column(f"m{k}", ("",)) for k in range(7)))
    rows = tuple((Cell(name), *(number(float(k)) for k in range(7))) for name in ("[a]", "*b", "c"))
    text = Table("wide", "Caption.", columns, rows).as_latex()
    assert text.count(r"\begin{table}") == 2 and text.count("Caption. (continued)") == 1
    assert r"\begin{tabular}{lrrrrr}" in text and r"\begin{tabular}{lrr}" in text
    assert r"\label{tab:wide}" in text and r"\label{tab:wide-2}" in text
    assert text.count("    {}[a] & ") == text.count("    {}*b & ") == text.count("    c & ") == 2


def test_words_stand_in_the_csv_alone_and_start_no_formula():
    columns = (Column("skill", ("", "low"), ("standing",)),)
    made = Table("t", "", columns, ((Cell("0.5", (0.5, None), words=("=1+1",)),),))
    assert made.as_csv() == [["skill", "skill low", "skill standing"], ["0.5", "", "'=1+1"]]
    assert not any("1+1" in text for text in (made.as_html(), made.as_markdown(), made.as_latex()))


def test_missing_values_are_counted_where_there_are_any():
    whole, gaps = mean_column("a", [0, 0]), mean_column("b", [0, 3])
    assert mean_cell(whole, 0.5, 0) == Cell("0.5000", (0.5,))
    assert mean_cell(gaps, 0.5, 3) == Cell("0.5000 (3 missing)", (0.5, 3)) and mean_cell(gaps, None, 3).text == "-"


def test_control_characters_become_visible():
    assert cleaned("a\x00b\u202ec") == "a�b�c"
    assert escaped('<"&') == "&lt;&quot;&amp;"


def test_cells_that_do_not_fit_are_refused():
    columns = (Column("a"), Column("b", ("mean", "spread")))
    with pytest.raises(ShapeError, match="must hold 2 numbers"):
        Table("t", "", columns, ((Cell("x"), number(1.0)),))
    with pytest.raises(ShapeError, match="1 further texts"):
        Table("t", "", (Column("a", (), ("name",)),), ((Cell("x"),),))
    with pytest.raises(ShapeError, match="must have 2 cells; got 1"):
        Table("t", "", columns, ((Cell("x"),),))
    assert math.isclose(number(1 / 3).numbers[0], 1 / 3)
