import pytest

from csi2pc.evaluation.wording import arrow, counted, interval_words, listed, number, unit


def test_numbers_intervals_and_units():
    assert (number(0.12345), number(None)) == ("0.1235", "-")
    assert interval_words(0.1, 0.2) == " [0.10, 0.20]" and interval_words(None, None) == ""
    assert [unit(metric) for metric in ("chamfer_l1", "chamfer_l2", "coverage")] == [" m", " m^2", ""]
    assert (arrow("emd"), arrow("f_score_5cm")) == ("↓", "↑")


@pytest.mark.parametrize(("names", "text"), [(["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")])
def test_lists(names, text):
    assert listed(names) == text


def test_counts():
    assert (counted(1, "run"), counted(0, "run"), counted(3, "run")) == ("1 run", "0 runs", "3 runs")
