"""Figures are drawn from saved values, in true proportion, without touching anything global."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from csi2pc.errors import DataError
from csi2pc.evaluation import figures
from csi2pc.evaluation.examples import FrameExample
from csi2pc.evaluation.figures import frames_figure, learning_curve, skill_figure
from csi2pc.evaluation.rows import FrameRows
from csi2pc.evaluation.statistics import summarise
from csi2pc.types import FrameId


@pytest.fixture
def drawn(monkeypatch):
    """The matplotlib figures that were saved."""
    kept = []
    save = figures._save
    monkeypatch.setattr(figures, "_save", lambda figure, path: (kept.append(figure), save(figure, path)))
    return kept


@pytest.fixture
def examples(rng):
    def cloud(points):
        return rng.normal(size=(points, 3)) * [0.2, 0.5, 0.1] + [0, 0, 3]

    frame = FrameId("E01/$S05$/A02", 3)
    return [
        FrameExample(label, frame, cloud(300), cloud(128), cloud(128), "mean_cloud", "emd", 0.1, 0.2)
        for label in ("best", "median", "worst")
    ]


def summary_of(rng, groups=6):
    ids = tuple(FrameId(f"s{k}", index) for k in range(groups) for index in range(3))
    values = {
        f"{method}/{metric}": rng.uniform(0.1, level, len(ids))
        for metric in ("chamfer_l1", "emd", "f_score_5cm")
        for method, level in (("model", 0.5), ("shuffled_csi", 0.9), ("constant_cloud", 0.6))
    }
    return summarise(FrameRows(ids, np.full(len(ids), 9), values))


def texts_that_overlap(figure):
    figure.canvas.draw()
    texts = [*figure.texts, *(text for legend in figure.legends for text in legend.get_texts())]
    for axes in figure.axes:
        texts += [*axes.texts, axes.title, axes.xaxis.label, axes.yaxis.label]
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            texts += [tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
    texts = [text for text in texts if text.get_visible() and text.get_text()]
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts]
    for text, box in boxes:
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1, text
    return [(a, b) for i, (a, one) in enumerate(boxes) for b, other in boxes[:i] if one.overlaps(other)]


def check_png(path):
    with Image.open(path) as image:
        image.verify()
        assert image.width == 1800


def test_frames_have_one_scale_and_one_set_of_limits_a_row(tmp_path, examples, drawn):
    frames_figure(tmp_path / "frames.png", examples)
    check_png(tmp_path / "frames.png")
    axes = drawn[0].axes
    assert len(axes) == 18
    for index, panel in enumerate(axes):
        box = panel.get_window_extent()
        (x0, x1), (y0, y1) = panel.get_xlim(), panel.get_ylim()
        assert y0 > y1  # y points down, and so it does on the page
        assert box.width / (x1 - x0) == pytest.approx(box.height / (y0 - y1), rel=1e-6)
        first = axes[index // 6 * 6 + index % 2]
        assert panel.get_xlim() == first.get_xlim() and panel.get_ylim() == first.get_ylim()
    assert not texts_that_overlap(drawn[0])


@pytest.mark.parametrize("size", [0.02, 0.3, 4.0, 30.0])
def test_clouds_of_any_size_are_labelled_without_overlap(tmp_path, examples, drawn, size):
    scaled = {name: size * getattr(examples[0], name) for name in ("target", "prediction", "baseline")}
    frames_figure(tmp_path / "frames.png", [FrameExample(**{**vars(examples[0]), **scaled})])
    assert not texts_that_overlap(drawn[0])


def test_a_diverged_prediction_is_counted_and_does_not_shrink_the_rest(tmp_path, examples, drawn):
    calm = examples[0]
    stray = calm.prediction.copy()
    stray[:5] += 1000
    frames_figure(tmp_path / "frames.png", [FrameExample(**{**vars(calm), "prediction": stray})])
    panels = drawn[0].axes
    assert np.ptp(panels[0].get_ylim()) < 6
    assert [text.get_text() for text in panels[2].texts] == ["5 outside"]


def test_learning_curve_groups_by_quantity(tmp_path, drawn):
    rows = [{"epoch": e, "train/total": 1 / e, "note": "x", "lr": 0.1} for e in range(1, 9)]
    rows += [{"epoch": 8, "validation/total": 0.5}, {"epoch": 9, "train/total": float("nan")}, {"train/total": 3.0}]
    learning_curve(tmp_path / "curve.png", rows)
    check_png(tmp_path / "curve.png")
    total, rate = drawn[0].axes
    assert [line.get_label() for line in total.lines] == ["train", "validation"]
    np.testing.assert_allclose(total.lines[0].get_ydata(), [1 / e for e in range(1, 9)])
    assert rate.get_title(loc="left") == "lr"
    learning_curve(tmp_path / "curve.png", rows, keys=["lr"])
    assert len(drawn[1].axes) == 1


def test_skill_bars_show_the_summary(tmp_path, rng, drawn):
    summary = summary_of(rng)
    skill_figure(tmp_path / "skill.png", summary)
    check_png(tmp_path / "skill.png")
    (axes,) = drawn[0].axes
    assert [bar.get_width() for bar in axes.patches] == [summary.best_blind(m).skill for m in summary.metrics]
    assert [label.get_text() for label in axes.get_yticklabels()] == list(summary.metrics)
    assert not texts_that_overlap(drawn[0])


def test_a_long_name_stays_on_the_page(tmp_path, examples, drawn):
    long = FrameId("very/" * 60 + "long", 3)
    frames_figure(tmp_path / "frames.png", [FrameExample(**{**vars(examples[0]), "frame": long})])
    assert not texts_that_overlap(drawn[0])


def test_skill_far_below_zero_and_baselines_without_error_leave_the_rest_readable(tmp_path, drawn):
    ids = tuple(FrameId(f"s{k}", 0) for k in range(12))
    levels = {
        "chamfer_l1": {"model": 1.0, "mean_cloud": 0.001, "nearest_scene": 2.0},
        "emd": {"model": 1.0, "mean_cloud": 0.5, "nearest_scene": 0.0},
        "hausdorff": {"model": 1.0, "mean_cloud": 1.5, "nearest_scene": 2.0},
    }
    values = {f"{method}/{metric}": np.full(12, v) for metric, of in levels.items() for method, v in of.items()}
    skill_figure(tmp_path / "skill.png", summarise(FrameRows(ids, np.full(12, 9), values)))
    (axes,) = drawn[0].axes
    assert axes.get_xlim()[0] == figures.LOWEST_SKILL and 1 / 3 < axes.get_xlim()[1] < 1
    assert [bar.get_width() for bar in axes.patches] == [pytest.approx(-999), pytest.approx(1 / 3)]
    assert "nearest_scene is without error" in [text.get_text() for text in axes.texts]
    assert not texts_that_overlap(drawn[0])


def test_skill_without_intervals(tmp_path, rng, drawn):
    skill_figure(tmp_path / "skill.pdf", summary_of(rng, groups=1))
    assert (tmp_path / "skill.pdf").read_bytes().startswith(b"%PDF")
    assert [text.get_text() for text in drawn[0].legends[0].get_texts()] == ["no interval"]


def test_nothing_to_draw_is_refused(tmp_path, examples, rng):
    with pytest.raises(DataError, match="at least one frame"):
        frames_figure(tmp_path / "frames.png", [])
    with pytest.raises(DataError, match="with target points"):
        frames_figure(tmp_path / "frames.png", [FrameExample(**{**vars(examples[0]), "target": np.zeros((0, 3))})])
    with pytest.raises(DataError, match="rows with 'epoch' and a number"):
        learning_curve(tmp_path / "curve.png", [{"step": 1, "loss": 2.0}])
    rows = FrameRows((FrameId("a", 0),), np.ones(1, dtype=np.int64), {"model/emd": np.ones(1)})
    with pytest.raises(DataError, match="at least one skill"):
        skill_figure(tmp_path / "skill.png", summarise(rows))
    assert list(tmp_path.iterdir()) == []


def test_drawing_leaves_pyplot_alone(tmp_path):
    program = """
import sys
from csi2pc.evaluation import figures
figures.learning_curve(sys.argv[1], [{"epoch": 1, "loss": 2.0}, {"epoch": 2, "loss": 1.0}])
assert "matplotlib.pyplot" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path / "curve.png")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
