"""Charts as files: both formats, the numbers of the chart, and labels that start no formula."""

from __future__ import annotations

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from csi2pc.evaluation import chart_figures
from csi2pc.evaluation.chart_figures import draw_chart
from csi2pc.evaluation.charts import Bar, BarChart, LineChart, Series

LABEL = r"_$\frac{ \n % long" * 4


def line(steps=False):
    series = (Series(LABEL, (1.0, 2.0, 3.0), (0.2, 0.4, 0.9), 0), Series(LABEL, (1.0, 2.0), (0.2, 0.3), 7))
    return LineChart("line", LABEL * 3, LABEL, "y", series, steps=steps)


def bars():
    rows = ((LABEL, (Bar(0.2, 0.1, 0.3, "model", ""), Bar(None, None, None, "blind", "")), LABEL),)
    return BarChart("bars", LABEL, "x", rows, ((LABEL, "model"),))


@pytest.mark.parametrize("chart", [line(), line(steps=True), bars()])
def test_png_and_pdf(tmp_path, chart):
    draw_chart(tmp_path / "a.png", chart)
    with Image.open(tmp_path / "a.png") as image:
        assert image.width == 1800
    draw_chart(tmp_path / "a.pdf", chart)
    first = (tmp_path / "a.pdf").read_bytes()
    assert first.startswith(b"%PDF") and b"CreationDate" not in first
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.pdf", "a.png"]


def test_drawn_is_what_the_chart_says():
    figure = chart_figures._lines(line())
    FigureCanvasAgg(figure).draw()
    (axes,) = figure.axes
    assert [tuple(drawn.get_ydata()) for drawn in axes.lines] == [series.y for series in line().series]
    assert all(tick.is_integer() for tick in axes.get_xticks())
    assert len(figure.legends[0].get_texts()) == 1
    (axes,) = chart_figures._bars(bars()).axes
    assert [bar.get_width() for bar in axes.patches] == [0.2]
