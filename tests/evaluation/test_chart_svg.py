"""SVG of a chart: well formed, in proportion, and text in it stays text."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from csi2pc.evaluation.chart_svg import HALF, WIDTH, chart_svg
from csi2pc.evaluation.charts import Bar, BarChart, LineChart, Series

HOSTILE = "</svg><script>alert(1)</script>"


def bar_chart(values, label="a"):
    rows = tuple((label, (Bar(v, v and v - 0.1, v and v + 0.1, "model", f"tip {v}"),), "note") for v in values)
    return BarChart("skill", "Skill", "skill", rows, (("better", "model"),))


def parts(svg, tag):
    return [part for part in ElementTree.fromstring(svg).iter() if part.tag.split("}")[-1] == tag]


@pytest.mark.parametrize("width", [WIDTH, HALF])
def test_bars_are_as_long_as_their_values(width):
    svg = chart_svg(bar_chart([0.2, 0.4, -0.3, None]), width)
    bars = [float(part.get("width")) for part in parts(svg, "rect") if part.get("class") == "bar c-model"][1:]
    assert len(bars) == 3
    assert bars[1] / bars[0] == pytest.approx(2, rel=0.01) and bars[2] / bars[0] == pytest.approx(1.5, rel=0.01)
    assert [part.text for part in parts(svg, "title")] == ["tip 0.2", "tip 0.4", "tip -0.3"]
    assert ElementTree.fromstring(svg).get("viewBox").split()[2] == str(width)


@pytest.mark.parametrize("steps", [False, True])
def test_lines_pass_through_their_points_in_proportion(steps):
    series = (Series("model", (0.0, 1.0, 2.0), (0.0, 0.5, 1.0), 0), Series(HOSTILE, (0.0, 2.0), (1.0, 1.0), 8))
    svg = chart_svg(LineChart("a", HOSTILE, "x", "y", series, steps=steps))
    groups = [part for part in parts(svg, "g") if part.get("class", "").startswith("line c-0")]
    path = next(part.get("d") for part in groups[-1] if part.tag.endswith("path"))
    ys = [float(y) for y in re.findall(r"V([\d.]+)|,([\d.]+)", path) for y in y if y]
    assert ys[0] > ys[1] > ys[2] and ys[0] - ys[1] == pytest.approx(ys[1] - ys[2], abs=0.2)
    assert "line c-2 dashed" in svg and "<script" not in svg


def test_labels_that_are_long_are_cut_and_kept_in_a_tooltip():
    svg = chart_svg(bar_chart([0.2], label=HOSTILE * 3))
    texts = [part for part in parts(svg, "text") if (part.find("title") is not None)]
    assert [part.find("title").text for part in texts] == [HOSTILE * 3]
    assert "<script" not in svg


def test_equal_values_have_an_axis():
    svg = chart_svg(LineChart("a", "a", "x", "y", (Series("s", (1.0,), (3.0,), "model"),)))
    assert "nan" not in svg and len(parts(svg, "circle")) == 1
