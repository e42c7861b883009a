"""The figure of a capture shows what was measured where it was measured, and nothing elsewhere."""

import subprocess
import sys

import numpy as np
import pytest
from captures import full_capture, plain_capture
from PIL import Image

from csi2pc.csi.layouts import HT20, INTEL5300_HT20
from csi2pc.errors import ConfigError, DataError
from csi2pc.evaluation import capture_figure as module
from csi2pc.evaluation.capture_figure import capture_figure
from csi2pc.types import Capture


@pytest.fixture
def drawn(monkeypatch, tmp_path):
    """Draw, and give back the matplotlib figure."""
    kept = []
    made = module.Figure
    monkeypatch.setattr(module, "Figure", lambda *args, **options: kept.append(made(*args, **options)) or kept[-1])
    monkeypatch.setattr(module, "DPI", 50)

    def draw(capture, **options):
        capture_figure(tmp_path / "figure.png", capture, **options)
        assert Image.open(tmp_path / "figure.png").size == (450, 450)
        return kept[-1]

    return draw


def images(figure):
    return [np.ma.filled(axes.images[0].get_array(), np.nan) for axes in figure.axes if axes.images]


def test_each_packet_and_subcarrier_at_its_place(rng, drawn):
    capture = full_capture(rng, 10, tones=HT20, rx=2, tx=1)
    capture = Capture(capture.csi, capture.valid, np.arange(10) / 10, HT20, rx=2)
    amplitude = images(drawn(capture))[0]  # subcarriers -28..28, four columns a packet
    assert amplitude.shape == (57, 40) and np.isnan(amplitude[28]).all()
    expected = np.where(capture.valid[:, 0], np.abs(capture.csi[:, 0]), np.nan).T
    assert np.array_equal(amplitude[np.delete(np.arange(57), 28)][:, 1::4], expected, equal_nan=True)


def test_gaps_stay_empty_and_are_counted(rng, drawn):
    capture = plain_capture(rng, 40)
    times = np.arange(40) / 100 + np.where(np.arange(40) >= 20, 5, 0)
    figure = drawn(Capture(capture.csi, capture.valid, times, capture.subcarriers), title="$walk$.dat")
    empty = np.isnan(images(figure)[0]).all(axis=0)
    assert 0.9 < empty.mean() < 0.95 and not empty[0] and not empty[-1]
    (rate,) = [axes for axes in figure.axes if axes.get_title(loc="left") == "packet rate"]
    assert rate.get_title(loc="right") == "1 gap over 50 ms, longest 5.01 s"
    assert r"\$walk\$.dat" in figure.get_suptitle()


def test_sparse_subcarriers_leave_no_stripes(rng, drawn):
    capture = full_capture(rng, 30, tones=INTEL5300_HT20)
    capture = capture.with_csi(capture.csi, np.ones(capture.csi.shape, bool))
    figure = drawn(capture)
    assert len(images(figure)) == 6 and not np.isnan(images(figure)[0]).all(axis=1).any()
    assert "SIMULATED" in figure.get_suptitle() and "the first 3 of 6 links" in figure.get_suptitle()


def test_unusual_captures_are_drawn(rng, drawn):
    capture = plain_capture(rng)
    still = Capture(capture.csi, capture.valid, np.zeros(len(capture)), capture.subcarriers)
    nothing = capture.with_csi(capture.csi * 0, np.zeros(capture.csi.shape, bool))
    for one in (still, nothing, capture.select(slice(1)), full_capture(rng, 3, tones=np.array([7]))):
        assert len(drawn(one).axes) > 4
    with pytest.raises(DataError, match="at least one packet"):
        drawn(capture.select(slice(0)))


def test_phase_colours_close_the_circle():
    colours = np.array(module.PHASE_MAP.colors)
    steps = np.abs(np.diff(np.concatenate([colours, colours[:1]]), axis=0)).max(axis=1)
    assert steps.max() < 0.03


def test_pdf_and_no_display(tmp_path):
    code = (
        "import sys, numpy as np; from csi2pc.types import Capture\n"
        "from csi2pc.evaluation.capture_figure import capture_figure\n"
        "c = np.ones((5, 1, 3), np.complex64); v = np.ones(c.shape, bool)\n"
        "capture_figure(sys.argv[1], Capture(c, v, np.arange(5.0), np.array([-1, 0, 1])))\n"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.pdf")], check=True)
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize("name", ["walk.xyz", "walk"])
def test_an_ending_that_is_no_figures(rng, tmp_path, name):
    with pytest.raises(ConfigError, match=r"a figure is written as \.png, \.pdf or \.svg"):
        capture_figure(tmp_path / name, plain_capture(rng, 3))
    assert not list(tmp_path.iterdir())
