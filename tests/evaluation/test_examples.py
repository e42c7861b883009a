"""Best is best under every metric, and what is drawn comes back from its file."""

from __future__ import annotations

import numpy as np
import pytest

from csi2pc.errors import DataError
from csi2pc.evaluation.examples import (
    best_median_worst,
    choose_examples,
    read_arrays,
    read_examples,
    write_examples,
)
from csi2pc.evaluation.rows import FrameRows
from csi2pc.evaluation.statistics import summarise
from csi2pc.types import FrameId

FRAMES = tuple(FrameId(f"E01/S0{k}/A01", k) for k in range(5))
LABELS = ["best", "median", "worst"]


def make(rng, metric, **scores):
    """Rows, summary, clouds and targets of five frames; a method has no cloud where it has no score."""
    columns = {f"{method}/{metric}": np.array(values, dtype=np.float64) for method, values in scores.items()}
    rows = FrameRows(FRAMES, np.full(5, 9), columns)
    clouds = {
        method: [None if np.isnan(value) else rng.normal(size=(4, 3)) for value in values]
        for method, values in scores.items()
    }
    return rows, summarise(rows), clouds, [rng.normal(size=(9, 3)) for _ in FRAMES]


@pytest.mark.parametrize(("metric", "best", "worst"), [("chamfer_l1", 0, 4), ("f_score_5cm", 4, 0)])
def test_best_is_best_where_lower_and_where_higher_is_better(rng, metric, best, worst):
    rows, summary, clouds, targets = make(rng, metric, model=[0.1, 0.2, 0.3, 0.4, 0.5], mean_cloud=[0.6] * 5)
    examples = choose_examples(rows, summary, clouds, targets)
    assert [example.label for example in examples] == LABELS
    assert [example.frame for example in examples] == [FRAMES[best], FRAMES[2], FRAMES[worst]]
    for example, row in zip(examples, (best, 2, worst), strict=True):
        assert example.target is targets[row] and example.prediction is clouds["model"][row]
        assert example.baseline is clouds["mean_cloud"][row] and example.baseline_value == 0.6
        assert example.prediction_value == rows.column("model", metric)[row]


def test_the_best_baseline_with_a_cloud_on_all_three_frames_is_shown(rng):
    gap = [float("nan"), 0.2, 0.2, 0.2, 0.2]
    model = [0.1, 0.2, 0.3, 0.4, 0.5]
    content = make(rng, "emd", model=model, mean_cloud=[0.9] * 5, constant_cloud=[0.7] * 5, nearest_scene=gap)
    assert content[1].best_blind("emd").baseline == "nearest_scene"
    assert {example.baseline_name for example in choose_examples(*content)} == {"constant_cloud"}
    assert choose_examples(*make(rng, "emd", model=model, nearest_scene=gap)) == []
    assert choose_examples(*make(rng, "emd", model=model)) == []


def test_a_baseline_that_cannot_be_drawn_gives_way(rng):
    rows, summary, clouds, targets = make(rng, "emd", model=[0.1] * 5, mean_cloud=[0.9] * 5, shuffled_csi=[0.5] * 5)
    clouds["shuffled_csi"][0][0, 1] = np.nan
    assert {e.baseline_name for e in choose_examples(rows, summary, clouds, targets)} == {"mean_cloud"}


def test_frames_on_which_the_metric_is_not_defined_are_not_chosen(rng):
    gaps = make(rng, "icp_rmse", model=[np.nan, 0.02, 0.01, np.nan, 0.03], mean_cloud=[0.02] * 5)
    assert [example.frame for example in choose_examples(*gaps)] == [FRAMES[2], FRAMES[1], FRAMES[4]]


def test_a_baseline_without_error_is_the_best(rng):
    content = make(rng, "emd", model=[0.1, 0.2, 0.3, 0.4, 0.5], mean_cloud=[0.05] * 5, nearest_scene=[0.0] * 5)
    assert [example.baseline_name for example in choose_examples(*content)] == ["nearest_scene"] * 3


def test_without_a_score_there_is_no_example(rng):
    assert choose_examples(*make(rng, "emd", model=[float("nan")] * 5, mean_cloud=[1.0] * 5)) == []


def test_round_trip(tmp_path, rng):
    content = make(rng, "emd", model=[0.1, 0.2, 0.3, 0.4, 0.5], mean_cloud=[0.7] * 5)
    examples = choose_examples(*content)
    write_examples(tmp_path / "examples.npz", examples)
    again = read_examples(tmp_path / "examples.npz", content[0])
    assert [path.name for path in tmp_path.iterdir()] == ["examples.npz"]
    for one, other in zip(examples, again, strict=True):
        for name, value in vars(one).items():
            np.testing.assert_array_equal(getattr(other, name), value)
    write_examples(tmp_path / "examples.npz", [])
    assert read_examples(tmp_path / "examples.npz", content[0]) == []


def test_what_are_no_examples_of_the_rows_is_refused(tmp_path, rng):
    content = make(rng, "emd", model=[0.1, 0.2, 0.3, 0.4, 0.5], mean_cloud=[0.7] * 5)
    path = tmp_path / "examples.npz"
    write_examples(path, choose_examples(*content))
    other = FrameRows((FrameId("other", 0),), np.ones(1, dtype=np.int64), {"model/emd": np.ones(1)})
    with pytest.raises(DataError, match="examples must be frames of the rows"):
        read_examples(path, other)
    whole = path.read_bytes()
    for damaged in (b"", b"no archive", whole[: len(whole) // 2]):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match="examples.npz"):
            read_examples(path, content[0])
    np.savez(path, label=np.array(["best"], dtype=object))
    with pytest.raises(DataError, match="examples.npz"):
        read_examples(path, content[0])
    with pytest.raises(DataError, match="nowhere.npz"):
        read_examples(tmp_path / "nowhere.npz", content[0])


def test_arrays_that_unpack_to_too_much_are_refused_before_they_are(tmp_path):
    path = tmp_path / "a.npz"
    np.savez_compressed(path, points=np.zeros(10_000), names=["a"])
    assert path.stat().st_size < 2_000
    assert list(read_arrays(path, ("names",), most=1_000)) == ["names"]
    assert set(read_arrays(path, most=100_000)) == {"points", "names"}
    with pytest.raises(DataError, match=r"arrays take 80,\d\d\d bytes; at most 1,000"):
        read_arrays(path, ("points",), most=1_000)
    with pytest.raises(DataError, match="with points and frames"):
        read_arrays(path, ("points", "frames"), most=100_000)


def test_best_median_worst():
    values = np.array([np.nan, 3.0, 1.0, 2.0, 4.0, 1.0])
    assert best_median_worst(values) == {"best": 2, "median": 3, "worst": 4}
    assert best_median_worst(np.array([5.0])) == {"best": 0, "median": 0, "worst": 0}
    assert best_median_worst(np.array([2.0, 1.0])) == {"best": 1, "median": 1, "worst": 0}
    with pytest.raises(DataError, match="all 2 are missing"):
        best_median_worst(np.full(2, np.nan))
