import numpy as np
import pytest

from csi2pc.errors import ShapeError
from csi2pc.evaluation.crossed_bootstrap import crossed_estimate

HOW = dict(resamples=1000, confidence=0.9, seed=3)


def made(rng, seeds=3, groups=6, frames=40):
    group = np.sort(rng.integers(0, groups, frames))
    group[:groups] = np.arange(groups)
    errors = 0.1 + rng.random((seeds, frames)) + 0.3 * rng.random((seeds, 1)) + 0.5 * rng.random(groups)[group]
    return errors, errors * 1.2 + 0.1 * rng.random((seeds, frames)), group


def slowly(errors, other, group, of, resamples, confidence, seed):
    """Every resample written out: its frames are listed one by one, and the mean over all of them is taken."""
    seeds, names = len(errors), np.unique(group)
    rng = np.random.default_rng(seed)
    of_groups = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=resamples)
    of_seeds = rng.multinomial(seeds, np.full(seeds, 1 / seeds), size=resamples)
    drawn = []
    for times_group, times_seed in zip(of_groups, of_seeds, strict=True):
        frames = [
            f
            for name, times in zip(names, times_group, strict=True)
            for f in np.flatnonzero(group == name).tolist() * times
        ]
        rows = [s for s, times in enumerate(times_seed) for _ in range(times)]
        mean = errors[np.ix_(rows, frames)].mean()
        rest = other[np.ix_(rows if len(other) > 1 else [0], frames)].mean()
        drawn.append(1 - mean / rest if of == "skill" else mean - rest)
    tail = (1 - confidence) / 2
    return np.quantile(drawn, [tail, 1 - tail])


@pytest.mark.parametrize("of", ["skill", "difference"])
@pytest.mark.parametrize("one", [False, True], ids=["other with seeds", "other without"])
def test_agrees_with_a_loop_over_resamples(rng, of, one):
    errors, other, group = made(rng)
    other = other[:1] if one else other
    found = crossed_estimate(errors, other, group, of=of, **HOW)
    expected = 1 - errors.mean() / other.mean() if of == "skill" else errors.mean() - other.mean()
    assert found.value == pytest.approx(expected)
    assert (found.low, found.high) == pytest.approx(tuple(slowly(errors, other, group, of, **HOW)))
    assert (found.frames, found.groups, found.seeds) == (40, 6, 3)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    """Errors with effects of the group and of the seed: a bootstrap over frames would cover far too rarely."""
    rng = np.random.default_rng(1)
    group, hits, trials = np.repeat(np.arange(20), 5), 0, 100
    for _ in range(trials):
        noise = 0.1 * rng.standard_normal(20)[group] + 0.05 * rng.standard_normal((5, 1))
        found = crossed_estimate(
            1 + noise, np.ones((1, 100)), group, of="difference", resamples=1000, confidence=0.9, seed=0
        )
        hits += found.low <= 0 <= found.high
    assert 0.8 <= hits / trials <= 0.99


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


def test_shapes_that_do_not_belong_together_are_refused(rng):
    errors, other, group = made(rng)
    with pytest.raises(ShapeError, match="must belong together"):
        crossed_estimate(errors, other[:2], group, of="skill", **HOW)
