"""A page that can do nothing but be read: its policy names its own script, and text in it stays text."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from csi2pc.evaluation.charts import LineChart, Series
from csi2pc.evaluation.page import CloudPanel, Page
from csi2pc.evaluation.tables import Cell, Column, Table

HOSTILE = '</script><img src=x onerror="alert(1)"><!--'


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.ids, self.addresses = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        values = dict(attrs)
        self.ids += [values["id"]] if "id" in values else []
        self.addresses += [values[name] for name in ("src", "href", "action") if name in values]


@pytest.fixture
def page(rng):
    made = Page(HOSTILE, HOSTILE)
    made.banner("warning", HOSTILE)
    made.section("words", HOSTILE)
    made.text(HOSTILE)
    made.sentences([HOSTILE])
    made.listing({HOSTILE: HOSTILE})
    made.details(HOSTILE, f"{HOSTILE}\nsecond line")
    made.table(Table("t", HOSTILE, (Column(HOSTILE),), ((Cell(HOSTILE),),)))
    chart = LineChart("c", HOSTILE, HOSTILE, HOSTILE, (Series(HOSTILE, (1.0, 2.0), (1.0, 2.0), 0),))
    made.chart(chart)
    made.pairs([LineChart("d", HOSTILE, "x", "y", chart.series)])
    made.section("frames", "frames")
    cloud = rng.normal(size=(5, 3)).astype(np.float32)
    made.views(HOSTILE, [CloudPanel(HOSTILE, HOSTILE, "target", cloud), CloudPanel("b", "", 7, None)])
    return made


def test_text_adds_no_tag_and_no_address(page):
    tags = Tags()
    tags.feed(page.html())
    assert tags.tags.count("script") == 2 and "img" not in tags.tags
    assert all(address.startswith("#") for address in tags.addresses)
    assert len(tags.ids) == len(set(tags.ids))
    assert page.html().count("<section") == page.html().count("</section>") == 2
    assert not re.search(r'\son\w+="|style="', page.html().replace("&quot;", ""))


def test_the_policy_forbids_everything_but_the_pages_own_script_and_style(page):
    text = page.html()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text).group(1)
    assert policy.startswith("default-src 'none'; ") and "unsafe" not in policy and "http" not in policy
    for tag in ("script", "style"):
        content = re.findall(rf"<{tag}>(.*?)</{tag}>", text, flags=re.DOTALL)
        assert len(content) == 1
        digest = base64.b64encode(hashlib.sha256(content[0].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_clouds_are_embedded_bit_for_bit(page):
    stored = json.loads(re.search(r'id="clouds">(.*?)</script>', page.html(), flags=re.DOTALL).group(1))
    (cloud,) = stored.values()
    points = np.frombuffer(base64.b64decode(cloud), dtype="<f4").reshape(-1, 3)
    np.testing.assert_array_equal(points, np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32))
    assert "no cloud for this frame" in page.html() and 'data-colour="--c-target"' in page.html()


def test_files_beside_the_page(page, tmp_path):
    page.write_files(tmp_path)
    page.write(tmp_path / "page.html")
    names = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file())
    assert names == ["figures/c.pdf", "figures/c.png", "figures/d.pdf", "figures/d.png", "page.html",
                     "tables/t.csv", "tables/t.md", "tables/t.tex"]  # fmt: skip
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == page.html()


def test_two_of_one_name_do_not_overwrite_each_other(tmp_path):
    made = Page("two")
    for name, text in (("t", "first"), ("T", "second"), ("t", "third")):
        made.section(name, text)
        made.table(Table(name, text, (Column("a"),), ((Cell(text),),)))
        made.chart(LineChart(name, text, "x", "y", (Series("s", (1.0,), (1.0,), 0),)))
    assert [table.name for table in made.tables] == [chart.name for chart in made.charts] == ["t", "T-2", "t-3"]
    tags = Tags()
    tags.feed(made.html())
    assert len(tags.ids) == len(set(tags.ids))
    assert made.free_name("figures", "t") == "t-4" and made.free_name("other", "t") == "t"
