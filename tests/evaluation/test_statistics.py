"""Skill and its intervals against loops, and against what shuffling and gaps must do to them."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from csi2pc.errors import DataError
from csi2pc.evaluation import statistics
from csi2pc.evaluation.rows import FrameRows
from csi2pc.evaluation.settings import EvaluationConfig
from csi2pc.evaluation.statistics import read_summary, summarise, write_summary
from csi2pc.types import FrameId


def make(values, lengths, subjects=2):
    """Rows with the given columns; sequence ``k`` has ``lengths[k]`` frames."""
    frames = [
        FrameId(f"s{number:02d}", index, subject=f"p{number % subjects}")
        for number, length in enumerate(lengths)
        for index in range(length)
    ]
    columns = {name: np.asarray(column, dtype=np.float64) for name, column in values.items()}
    return FrameRows(tuple(frames), np.full(len(frames), 9), columns)


@pytest.fixture
def lengths():
    return [3, 8, 5, 1, 6, 7, 4, 6]


@pytest.fixture
def rows(rng, lengths):
    frames = sum(lengths)
    columns = {}
    for method, level in (("model", 1.0), ("shuffled_csi", 2.0), ("mean_cloud", 1.8), ("constant_cloud", 1.5)):
        columns[f"{method}/chamfer_l1"] = level * rng.uniform(0.5, 1.5, frames)
        columns[f"{method}/f_score_5cm"] = rng.uniform(0, 1, frames) / level
    return make(columns, lengths)


def slow_interval(rows, model, blind, by, config):
    """Draw groups one by one, pool their frames, take the ratio of the means."""
    names = [getattr(frame, by) for frame in rows.frames]
    groups = [[i for i, name in enumerate(names) if name == group] for group in sorted(set(names))]
    rng = np.random.default_rng(12345)
    skills = []
    for _ in range(config.resamples):
        drawn = rng.integers(len(groups), size=len(groups))
        frames = [frame for group in drawn for frame in groups[group]]
        skills.append(1 - np.mean(model[frames]) / np.mean(blind[frames]))
    return np.quantile(skills, [0.025, 0.975])


@pytest.mark.parametrize("by", ["sequence", "subject"])
def test_interval_agrees_with_a_loop_over_resamples(rng, by):
    lengths = rng.integers(1, 9, size=30)
    frames = int(lengths.sum())
    model = rng.uniform(0.5, 1.5, frames)
    rows = make({"model/emd": model, "mean_cloud/emd": 2 * rng.uniform(0.5, 1.5, frames)}, lengths, subjects=12)
    config = EvaluationConfig(by=by, resamples=4000)
    found = summarise(rows, config).best_blind("emd")
    slow = slow_interval(rows, model, rows.column("mean_cloud", "emd"), by, config)
    assert found.groups == (30 if by == "sequence" else 12)
    width = slow[1] - slow[0]
    np.testing.assert_allclose([found.skill_low, found.skill_high], slow, atol=0.08 * width)  # two samples of 4,000


def test_means_and_skill(rows):
    summary = summarise(rows)
    for metric in rows.metrics:
        for method in rows.methods:
            score = summary.score(metric, method)
            assert score.mean == pytest.approx(rows.column(method, metric).mean())
            assert (score.frames, score.missing) == (len(rows), 0)
    chamfer = summary.best_blind("chamfer_l1")
    model, blind = (rows.column(method, "chamfer_l1").mean() for method in ("model", "constant_cloud"))
    assert chamfer.baseline == "constant_cloud"
    assert chamfer.skill == pytest.approx(1 - model / blind)
    assert chamfer.difference == pytest.approx(model - blind)
    assert chamfer.skill_low < chamfer.skill < chamfer.skill_high
    assert chamfer.difference_low < chamfer.difference < chamfer.difference_high


def test_higher_is_better_goes_by_the_error(rows):
    found = {c.baseline: c for c in summarise(rows).against("f_score_5cm")}["mean_cloud"]
    model, blind = (rows.column(method, "f_score_5cm").mean() for method in ("model", "mean_cloud"))
    assert found.skill == pytest.approx(1 - (1 - model) / (1 - blind))
    assert found.difference == pytest.approx(model - blind)
    assert found.difference_low < found.difference < found.difference_high


def test_best_blind_is_the_one_hardest_to_beat(rows):
    summary = summarise(rows)
    for metric in rows.metrics:
        best = summary.best_blind(metric)
        assert best.skill == min(c.skill for c in summary.against(metric))
        assert sum(c.best for c in summary.against(metric)) == 1


def test_a_model_without_information_has_no_skill(rng):
    """Interval coverage: a model as good as blind is called distinguishable about as often as 5 % says."""
    false_alarms = 0
    for _ in range(60):
        per_sequence = rng.normal(1, 0.2, (2, 25)).repeat(4, axis=1)
        values = per_sequence + rng.normal(0, 0.05, (2, 100))
        rows = make({"model/emd": values[0], "mean_cloud/emd": values[1]}, [4] * 25)
        best = summarise(rows, EvaluationConfig(resamples=1000)).best_blind("emd")
        false_alarms += not best.skill_low <= 0 <= best.skill_high
    assert false_alarms <= 9  # 3 expected; more than 9 has a chance of about 1 in 1,000


def test_repeating_frames_does_not_narrow_the_interval(rng):
    values = rng.uniform(0.5, 1.5, (2, 12))
    widths = []
    for times in (1, 50):
        columns = values.repeat(times, axis=1)
        rows = make({"model/emd": columns[0], "mean_cloud/emd": columns[1]}, [times] * 12)
        best = summarise(rows).best_blind("emd")
        widths.append(best.skill_high - best.skill_low)
    assert widths[0] == pytest.approx(widths[1], rel=1e-9)


def test_same_seed_same_summary(rows):
    assert summarise(rows) == summarise(rows)
    assert summarise(rows, EvaluationConfig(seed=1)) != summarise(rows)


def test_one_sequence_has_no_interval(rng):
    summary = summarise(make({"model/emd": rng.uniform(size=9), "mean_cloud/emd": rng.uniform(size=9)}, [9]))
    best = summary.best_blind("emd")
    assert best.skill is not None and best.groups == 1
    assert best.skill_low is best.skill_high is best.difference_low is best.difference_high is None


def test_gaps_are_counted_and_both_sides_lose_the_same_frames(rows):
    blind = rows.column("constant_cloud", "chamfer_l1").copy()
    blind[:11] = np.nan  # the whole first two sequences
    gaps = FrameRows(rows.frames, rows.points, {**rows.values, "constant_cloud/chamfer_l1": blind})
    summary = summarise(gaps)
    score = summary.score("chamfer_l1", "constant_cloud")
    found = {c.baseline: c for c in summary.against("chamfer_l1")}["constant_cloud"]
    model = rows.column("model", "chamfer_l1")
    assert (score.missing, score.frames, found.frames, found.groups) == (11, len(rows) - 11, len(rows) - 11, 6)
    assert score.mean == pytest.approx(blind[11:].mean())
    assert found.skill == pytest.approx(1 - model[11:].mean() / blind[11:].mean())


def test_a_baseline_without_values_states_nothing(rows):
    gone = {**rows.values, "mean_cloud/chamfer_l1": np.full(len(rows), np.nan)}
    summary = summarise(FrameRows(rows.frames, rows.points, gone))
    found = {c.baseline: c for c in summary.against("chamfer_l1")}["mean_cloud"]
    assert summary.score("chamfer_l1", "mean_cloud").mean is None
    assert found.skill is found.difference is None and found.frames == 0 and not found.best


@pytest.mark.parametrize("order", [["mean_cloud", "nearest_scene"], ["nearest_scene", "mean_cloud"]])
def test_a_baseline_without_error_has_no_ratio_and_is_the_best(order):
    errors = {"nearest_scene": np.zeros(4), "mean_cloud": np.full(4, 2.0)}
    summary = summarise(make({"model/emd": np.ones(4), **{f"{m}/emd": errors[m] for m in order}}, [2, 2]))
    found = summary.best_blind("emd")
    assert found.baseline == "nearest_scene"
    assert found.skill is found.skill_low is None
    assert found.difference == 1


def test_what_cannot_be_summarised_is_refused(rows):
    with pytest.raises(DataError, match="at least one row"):
        summarise(make({}, []))
    with pytest.raises(DataError, match="must hold the method 'model'"):
        summarise(make({"mean_cloud/emd": [1.0]}, [1]))
    with pytest.raises(DataError, match="got mse"):
        summarise(make({"model/mse": [1.0]}, [1]))
    with pytest.raises(DataError, match="part must be one of test, validation, train; got 'Test'"):
        summarise(rows, part="Test")
    nameless = tuple(dataclasses.replace(frame, subject="") for frame in rows.frames)
    with pytest.raises(DataError, match="40 of 40 have none"):
        summarise(FrameRows(nameless, rows.points, rows.values), EvaluationConfig(by="subject"))


def test_a_frame_with_two_rows_is_refused(rows):
    frames = (*rows.frames[:-1], dataclasses.replace(rows.frames[0], time=9.0))
    with pytest.raises(DataError, match="1 have more, first s00#0"):
        summarise(FrameRows(frames, rows.points, rows.values))


def test_json_round_trip_is_strict(tmp_path, rows):
    gone = {**rows.values, "mean_cloud/chamfer_l1": np.full(len(rows), np.nan)}
    summary = summarise(FrameRows(rows.frames, rows.points, gone), part="validation")
    path = tmp_path / "summary.json"
    write_summary(path, summary)
    assert "NaN" not in path.read_text()
    assert read_summary(path) == summary


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content.pop("scores"),
        lambda content: content.pop("version"),
        lambda content: content.update(version=99),
        lambda content: content.update(extra=1),
        lambda content: content.update(frames="40"),
        lambda content: content.update(part="all"),
        lambda content: content["scores"][0].update(mean=float("nan")),
        lambda content: content["scores"][0].update(mean=[1]),
        lambda content: content["comparisons"][0].pop("best"),
        lambda content: content["comparisons"][0].update(baseline="rival"),
        lambda content: content.update(resamples=10**13),
        lambda content: content.update(by="frame"),
        lambda content: content.update(scores=[]),
        lambda content: content.update(scores=[s for s in content["scores"] if s["method"] != "model"]),
        *(lambda content, at=at: content["scores"].pop(at) for at in range(8)),
    ],
)
def test_damaged_summaries_are_refused(tmp_path, rows, damage):
    path = tmp_path / "summary.json"
    write_summary(path, summarise(rows))
    content = json.loads(path.read_text())
    damage(content)
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match="summary.json"):
        read_summary(path)


def test_files_that_are_no_summary_are_refused(tmp_path):
    for content in (b"[]", b"{", b"\xff\xfe"):
        (tmp_path / "summary.json").write_bytes(content)
        with pytest.raises(DataError, match="saved by this version"):
            read_summary(tmp_path / "summary.json")
    with pytest.raises(DataError, match="saved by this version"):
        read_summary(tmp_path / "nowhere.json")


def test_more_draws_than_memory_holds_are_refused(rows, monkeypatch):
    monkeypatch.setattr(statistics, "MOST_DRAWS", 15_999)
    with pytest.raises(DataError, match="at most 15,999 draws; 2,000 resamples of 8 groups are more"):
        summarise(rows)
