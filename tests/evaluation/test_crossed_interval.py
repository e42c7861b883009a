import numpy as np
import pytest
from scipy.stats import ttest_rel

from csi2pc.errors import DataError, ShapeError
from csi2pc.evaluation import statistics
from csi2pc.evaluation.crossed_interval import crossed_estimate

HOW = dict(resamples=1000, confidence=0.9, seed=3)


def made(rng, seeds=3, groups=6, frames=40):
    group = np.sort(rng.integers(0, groups, frames))
    group[:groups] = np.arange(groups)
    errors = 0.1 + rng.random((seeds, frames)) + 0.3 * rng.random((seeds, 1)) + 0.5 * rng.random(groups)[group]
    return errors, errors * 1.2 + 0.1 * rng.random((seeds, frames)), group


def spread_over_groups(errors, other, group, of, *, resamples, seed):
    """Every resample written out: its frames are listed one by one, and the mean over all of them is taken."""
    names = np.unique(group)
    rng = np.random.default_rng(seed)
    drawn = []
    for times in rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=resamples):
        frames = [f for name, count in zip(names, times, strict=True) for f in [*np.flatnonzero(group == name)] * count]
        mean, rest = errors[:, frames].mean(), other[:, frames].mean()
        drawn.append(1 - mean / rest if of == "skill" else mean - rest)
    return np.var(drawn) * len(names) / (len(names) - 1)


@pytest.mark.parametrize("of", ["skill", "difference"])
@pytest.mark.parametrize("one", [False, True], ids=["other with seeds", "other without"])
def test_value_and_spread_agree_with_a_loop_over_resamples(rng, of, one):
    errors, other, group = made(rng, seeds=1)
    other = other[:1] if one else other
    found = crossed_estimate(errors, other, group, of=of, **HOW)
    assert found.value == pytest.approx(1 - errors.mean() / other.mean() if of == "skill" else (errors - other).mean())
    variance = spread_over_groups(errors, other, group, of, resamples=1000, seed=3)
    half = 2.015048 * np.sqrt(variance)  # Student's quantile at 95 % with 5 degrees of freedom
    assert (found.low, found.high) == pytest.approx((found.value - half, found.value + half))
    assert (found.frames, found.groups, found.seeds) == (40, 6, 1)


def test_where_seeds_alone_decide_it_is_the_paired_t_test_over_seeds():
    rng = np.random.default_rng(0)
    errors, other = (1 + np.repeat(rng.random((4, 1)), 40, axis=1) for _ in range(2))
    found = crossed_estimate(errors, other, np.arange(40) // 4, of="difference", **HOW)
    low, high = ttest_rel(errors[:, 0], other[:, 0]).confidence_interval(0.9)
    assert (found.low, found.high) == pytest.approx((low, high))


@pytest.mark.parametrize("of_seeds", [0.0, 0.3, 1.0, 3.0])
def test_three_seeds_are_enough_to_be_wrong_as_rarely_as_promised(of_seeds):
    """Nothing differs, but for the luck of groups and seeds, each of which does something else to every group."""
    rng = np.random.default_rng(1)
    group, wrong, trials = np.repeat(np.arange(30), 2), np.zeros(2), 300
    for _ in range(trials):
        by_group = rng.standard_normal(30)[group]
        by_both = rng.standard_normal((3, 30))[:, group]
        noise = by_group + by_both + of_seeds * rng.standard_normal((3, 1))
        for i, confidence in enumerate((0.95, 0.995)):
            how = dict(of="difference", resamples=1000, confidence=confidence, seed=0)
            found = crossed_estimate(noise, np.zeros((1, 60)), group, **how)
            wrong[i] += not found.low <= 0 <= found.high
    assert np.all(wrong / trials <= (0.07, 0.015))  # two standard errors above what is promised


def test_a_frame_counts_where_every_seed_of_both_sides_has_a_value(rng):
    errors, other, group = made(rng)
    holed = errors.copy()
    holed[1, ::3] = np.nan
    kept = np.ones(40, dtype=bool)
    kept[::3] = False
    found = crossed_estimate(holed, other, group, of="difference", **HOW)
    assert found.frames == kept.sum()
    assert found.value == pytest.approx((errors[:, kept] - other[:, kept]).mean())


def test_without_a_shared_frame_or_a_second_group_nothing_is_made_up(rng):
    errors, other, group = made(rng)
    nothing = crossed_estimate(np.full_like(errors, np.nan), other, group, of="skill", **HOW)
    assert (nothing.value, nothing.low, nothing.high, nothing.frames) == (None, None, None, 0)
    one = crossed_estimate(errors, other, np.zeros(40, dtype=int), of="skill", **HOW)
    assert one.value is not None and one.low is None and one.groups == 1


def test_a_baseline_without_error_leaves_no_skill(rng):
    errors, _, group = made(rng)
    found = crossed_estimate(errors, np.zeros((1, 40)), group, of="skill", **HOW)
    assert (found.value, found.low) == (None, None)


def test_equal_sides_differ_by_nothing(rng):
    errors, _, group = made(rng)
    found = crossed_estimate(errors, errors, group, of="difference", **HOW)
    assert (found.value, found.low, found.high) == (0.0, 0.0, 0.0)


def test_shapes_that_do_not_belong_together_are_refused(rng):
    errors, other, group = made(rng)
    with pytest.raises(ShapeError, match="must belong together"):
        crossed_estimate(errors, other[:2], group, of="skill", **HOW)


def test_more_draws_than_memory_holds_are_refused(monkeypatch):
    monkeypatch.setattr(statistics, "MOST_DRAWS", 9_999)
    errors, group = np.ones((2, 10)), np.arange(10)
    with pytest.raises(DataError, match="at most 9,999 draws; 1,000 resamples of 10 groups"):
        crossed_estimate(errors, errors, group, of="difference", **HOW | {"seed": 77})
