"""What a chart shows: shares that count, ticks that are round, axes that hold everything."""

from __future__ import annotations

import numpy as np
import pytest

from csi2pc.errors import DataError
from csi2pc.evaluation.charts import Bar, BarChart, LineChart, Series, colour_of, dashed, distribution, log_ticks, ticks


def line(y, x=None, **changes):
    x = tuple(range(len(y))) if x is None else x
    return LineChart("a", "a", "x", "y", (Series("s", x, tuple(y), 0),), **changes)


def bars(values, **changes):
    rows = tuple((f"r{k}", (Bar(value, None, None, "model", ""),), "") for k, value in enumerate(values))
    return BarChart("a", "a", "x", rows, (), **changes)


@pytest.mark.parametrize("count", [1, 7, 1000])
def test_a_distribution_is_the_share_at_or_below(rng, count):
    values = rng.normal(size=count)
    found = distribution("model", np.append(values, np.nan), "model")
    assert found.label == "model (1 without a value)"
    assert found.y[0] == 0 and found.y[-1] == 1 and found.x[-1] == values.max() and len(found.x) <= 302
    for x, y in list(zip(found.x, found.y, strict=True))[1:]:
        assert y == pytest.approx(np.mean(values <= x))
    assert distribution("model", np.full(3, np.nan), 0) is None


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-0.3, 0.004), (1e-5, 3e-5), (0, 97531), (-2, -1)])
def test_ticks_are_round_and_inside(low, high):
    found = ticks(low, high)
    assert 2 <= len(found) <= 12
    assert all(low - 1e-9 <= tick <= high + 1e-9 for tick in found)
    step = found[1] - found[0]
    assert round(step / 10.0 ** np.floor(np.log10(step) + 1e-9), 6) in (1, 2, 5, 10)
    np.testing.assert_allclose(np.diff(found), step, rtol=1e-6)
    assert all(float(tick).is_integer() for tick in ticks(1, 3, about=8, least=1.0))


def test_log_ticks():
    assert log_ticks(0.03, 3) == pytest.approx([0.05, 0.1, 0.2, 0.5, 1, 2])
    assert log_ticks(1e-9, 1) == pytest.approx([10.0**k for k in range(-9, 1)])
    assert log_ticks(3.1, 3.2) == [3.1, 3.2]


def test_an_axis_is_logarithmic_where_values_span_much():
    assert line([1, 30]).logarithmic
    assert not line([1, 10]).logarithmic and not line([0, 30]).logarithmic
    assert not line([0.01, 1], steps=True).logarithmic
    assert line([1, 2]).counted and not line([1, 2], x=(0.5, 1)).counted


def test_limits_hold_zero_and_every_bar_down_to_the_lowest():
    low, high = bars([0.2, 0.5]).limits
    assert low == 0 and high > 0.5
    low, high = bars([-999.0, 0.3], lowest=-2.0).limits
    assert -2.3 < low < -2 and high > 0.3
    assert bars([0.0]).limits == (0.0, 1.0)


def test_nothing_to_draw_and_what_is_not_finite_is_refused():
    with pytest.raises(DataError, match="at least one value; got none"):
        bars([None])
    with pytest.raises(DataError, match="finite numbers up to 1e\\+100; 1 of 4 are not, nan among them"):
        line([1, np.nan])
    with pytest.raises(DataError, match="at least one point"):
        line([])


def test_a_series_beyond_the_colours_has_dashes():
    assert colour_of(7) == colour_of(1) and not dashed(1) and dashed(7) and not dashed("model")
