"""Clocks that wrap around, are damaged, or start over."""

from __future__ import annotations

import numpy as np
import pytest

from csi2pc.csi.packet_times import in_order, out_of_line, repeated, unwrap_clock


@pytest.mark.parametrize("bits", [32, 48])
def test_wrap_arounds_are_undone(bits, rng):
    true = np.cumsum(rng.integers(1, 30_000_000, 400)) + (1 << bits) - 2_000_000_000
    seconds = unwrap_clock(true % (1 << bits), bits=bits)
    np.testing.assert_allclose(np.diff(seconds), np.diff(true) * 1e-6, atol=1e-5)


def test_a_damaged_clock_near_the_end_of_the_count_is_no_wrap_around():
    ticks = np.arange(100, dtype=np.int64) * 10_000
    ticks[40] = (1 << 32) - 1
    seconds = unwrap_clock(ticks)
    kept, odd = in_order(seconds)
    assert odd.tolist() == [i == 40 for i in range(100)] and kept.sum() == 99
    np.testing.assert_allclose(np.diff(seconds[41:]), 0.01)
    assert seconds[-1] < 1.0


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_damaged_times_in_a_row_are_found_and_nothing_else_goes(count, rng):
    seconds = np.arange(200) * 0.01
    damaged = np.zeros(200, dtype=bool)
    for start in (20, 90, 150):
        damaged[start : start + count] = True
    seconds[damaged] = rng.choice([-50.0, 70.0], damaged.sum()) + rng.uniform(0, 1, damaged.sum())
    kept, odd = in_order(seconds)
    np.testing.assert_array_equal(odd, damaged)
    np.testing.assert_array_equal(kept, ~damaged)


def test_a_few_damaged_clocks_in_a_hundred_cost_only_themselves(rng):
    ticks = np.cumsum(rng.integers(5_000, 15_000, 12_000))
    damaged = rng.uniform(size=len(ticks)) < 0.04
    ticks[damaged] ^= 1 << rng.integers(16, 32, damaged.sum())
    kept, _ = in_order(unwrap_clock(ticks))
    assert kept[~damaged].mean() > 0.99
    assert (np.diff(unwrap_clock(ticks)[kept]) >= 0).all()


def test_a_clock_that_starts_over_leaves_the_longer_run():
    seconds = np.concatenate([np.arange(50) * 0.1 + 7, np.arange(80) * 0.1])
    kept, odd = in_order(seconds)
    assert not odd.any() and kept.tolist() == [False] * 50 + [True] * 80


def test_out_of_line_needs_order_on_both_sides():
    assert not out_of_line(np.array([3.0, 1.0])).any()
    assert not out_of_line(np.array([5.0, 6.0, 1.0, 2.0])).any()
    assert out_of_line(np.array([1.0, 9.0, 2.0, 3.0])).tolist() == [False, True, False, False]


def test_repeated_asks_only_where_times_are_equal():
    asked = []
    found = repeated(np.array([0.0, 1.0, 1.0, 1.0, 2.0]), lambda i, j: asked.append((i, j)) or j == 2)
    assert asked == [(1, 2), (2, 3)] and found.tolist() == [False, False, True, False, False]
