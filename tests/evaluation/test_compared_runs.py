from dataclasses import replace

import numpy as np
import pytest
from compared import FRAMES, SEQUENCES, compared_run, comparison, frames

from csi2pc.errors import ConfigError, DataError
from csi2pc.evaluation.compared_runs import ComparedRun, compare_runs, standing_of
from csi2pc.evaluation.rows import FrameRows


def with_values(run, **columns):
    values = {**run.rows.values, **{name.replace("__", "/"): column for name, column in columns.items()}}
    return replace(run, rows=replace(run.rows, values=values))


def test_scores_are_means_over_frames_then_seeds_and_skill_is_against_the_best_blind():
    runs = comparison(b=0.02)
    summary = compare_runs(runs, reference="a", resamples=1000)
    score = summary.score("made", "b", "chamfer_l1")
    means = [run.rows.column("model", "chamfer_l1").mean() for run in runs if run.variant == "b"]
    assert score.seeds == pytest.approx(means)
    assert score.mean == pytest.approx(np.mean(means)) and score.spread == pytest.approx(np.std(means, ddof=1))
    assert score.blind == "constant_cloud"
    assert score.skill == pytest.approx(1 - np.mean(means) / score.blind_mean)
    assert score.skill_low < score.skill < score.skill_high
    assert (score.csi, score.shuffled_skill) == pytest.approx((-0.05, 1 - (np.mean(means) + 0.05) / score.blind_mean))
    assert (summary.groups["made"], summary.people["made"]) == (SEQUENCES, 3)


def test_a_small_but_steady_difference_is_found_that_two_separate_intervals_would_hide():
    summary = compare_runs(comparison(b=0.005, c=0.0), reference="a", resamples=1000)
    better, same = summary.differences_of("made", "chamfer_l1")
    scores = [summary.score("made", name, "chamfer_l1") for name in "ab"]
    assert scores[0].skill_low < scores[1].skill_high  # the two intervals overlap
    assert better.standing == "better" and better.high < 0
    assert better.difference == pytest.approx(scores[1].mean - scores[0].mean)
    assert same.standing == "not distinguishable" and same.low < 0 < same.high


def test_where_higher_is_better_the_difference_keeps_the_metric_s_own_sign():
    summary = compare_runs(comparison(b=0.02), reference="a", resamples=1000)
    length, share = (summary.differences_of("made", metric)[0] for metric in ("chamfer_l1", "f_score_5cm"))
    assert share.standing == length.standing == "better"
    assert (share.difference, share.low, share.high) == pytest.approx((-length.difference, -length.high, -length.low))


def test_intervals_of_more_differences_are_wider_for_they_hold_together():
    narrow = compare_runs(comparison(b=0.002), reference="a").differences_of("made", "chamfer_l1")[0]
    wide = compare_runs(comparison(b=0.002, c=0, d=0, e=0, f=0), reference="a").differences_of("made", "chamfer_l1")[0]
    assert wide.low < narrow.low and wide.high > narrow.high
    assert wide.difference == narrow.difference


def test_seeds_are_paired_and_a_variant_that_lacks_one_is_not_judged():
    runs = [run for run in comparison(b=0.02) if not (run.variant == "b" and run.seed == 1)]
    summary = compare_runs(runs, reference="a", resamples=1000, planned=6)
    score = summary.score("made", "b", "chamfer_l1")
    assert score.seeds[1] is None and score.standing == "unknown"
    difference = summary.differences_of("made", "chamfer_l1")[0]
    assert (difference.seeds, difference.standing) == (2, "unknown")
    pairs = [run.rows.column("model", "chamfer_l1").mean() for run in runs if run.seed in (0, 2)]
    assert difference.difference == pytest.approx(np.mean(pairs[2:]) - np.mean(pairs[:2]))
    assert (summary.done, summary.planned) == (5, 6)


def test_a_baseline_with_a_gap_is_still_the_one_to_beat():
    """One frame without an answer must not take the strongest rival out of the way."""
    runs = comparison()
    gap = runs[0].rows.column("constant_cloud", "chamfer_l1").copy()
    gap[0] = np.nan
    summary = compare_runs([with_values(run, constant_cloud__chamfer_l1=gap) for run in runs], reference="a")
    assert summary.score("made", "a", "chamfer_l1").blind == "constant_cloud"


def test_nan_is_counted_and_never_averaged_away():
    runs = comparison(b=0.02)
    holed = runs[3].rows.column("model", "chamfer_l1").copy()
    holed[:5] = np.nan
    runs[3] = with_values(runs[3], model__chamfer_l1=holed)
    summary = compare_runs(runs, reference="a", resamples=1000)
    score = summary.score("made", "b", "chamfer_l1")
    assert (score.missing, score.standing) == (5, "unknown")
    difference = summary.differences_of("made", "chamfer_l1")[0]
    assert (difference.frames, difference.standing) == (SEQUENCES * FRAMES - 5, "unknown")
    nothing = with_values(runs[3], model__chamfer_l1=np.full(SEQUENCES * FRAMES, np.nan))
    summary = compare_runs([*runs[:3], nothing], reference="a", resamples=1000)
    assert summary.score("made", "b", "chamfer_l1").mean is None
    assert summary.differences_of("made", "chamfer_l1")[0].standing == "unknown"


def test_runs_that_saw_other_frames_or_targets_are_refused():
    fewer = compared_run("b", 0, ids=frames(sequences=11))
    with pytest.raises(DataError, match="made/b/seed0 and made/a/seed0 scored different ones"):
        compare_runs([*comparison(), fewer], reference="a")
    run = compared_run("b", 0)
    thinner = ComparedRun("made", "b", 0, FrameRows(run.rows.frames, run.rows.points - 1, run.rows.values))
    with pytest.raises(DataError, match="scored different ones"):
        compare_runs([*comparison(), thinner], reference="a")
    nearer = replace(run, rows=replace(run.rows, distance=np.full(len(run.rows), 2.5)))
    with pytest.raises(DataError, match="scored different ones"):
        compare_runs([*comparison(), nearer], reference="a")


def test_data_sets_are_compared_each_by_itself():
    other = [compared_run(name, 0, dataset="other", ids=frames(sequences=5)) for name in "ab"]
    summary = compare_runs([*comparison(b=0.02), *other], reference="a", resamples=1000)
    assert summary.datasets == ("made", "other")
    assert summary.groups == {"made": 12, "other": 5}
    assert summary.score("other", "b", "chamfer_l1").seeds[1:] == (None, None)


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(DataError, match="at least one run that is done"):
        compare_runs([], reference="a")
    with pytest.raises(DataError, match="made/a/seed0 is there twice"):
        compare_runs([compared_run("a", 0), compared_run("a", 0)], reference="a")
    with pytest.raises(ConfigError, match="sequence or subject"):
        compare_runs(comparison(), reference="a", by="frame")


def test_order_of_runs_changes_nothing_but_the_order_of_names():
    runs = comparison(b=0.02)
    first, second = (compare_runs(given, reference="a", resamples=1000) for given in (runs, runs[::-1]))
    assert {(s.variant, s.metric): s.mean for s in first.scores} == pytest.approx(
        {(s.variant, s.metric): s.mean for s in second.scores}
    )


@pytest.mark.parametrize(
    ("low", "high", "standing"),
    [
        (-2, -1, "better"),
        (1, 2, "worse"),
        (-1, 1, "not distinguishable"),
        (0, 1, "not distinguishable"),
        (None, None, "unknown"),
    ],
)
def test_standing(low, high, standing):
    assert standing_of(low, high) == standing


def test_resamples_beyond_all_memory_are_refused():
    with pytest.raises(ConfigError, match="at most 100000; got 'sequence', 0.95, 10000000000000"):
        compare_runs(comparison(), reference="a", resamples=10**13)


def test_seeds_without_any_value_are_told_from_missing_ones():
    runs = comparison()
    values = {**runs[1].rows.values, "model/chamfer_l1": np.full(len(runs[1].rows), np.nan)}
    runs[1] = replace(runs[1], rows=replace(runs[1].rows, values=values))
    summary = compare_runs([*runs, *comparison(b=0.02)[3:5]], reference="a", resamples=1000)
    assert [summary.score("made", v, "chamfer_l1").silent for v in "ab"] == [(1,), ()]
    assert summary.score("made", "b", "chamfer_l1").seeds[2] is None
