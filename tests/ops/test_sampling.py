from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from csi2pc.errors import ShapeError
from csi2pc.ops.sampling import farthest_point_sample, random_sample


def slow_farthest(points: np.ndarray, count: int) -> list[int]:
    """The definition, point by point."""
    chosen: list[int] = []
    if not len(points):
        return chosen
    chosen.append(int(np.argmax(((points - points.mean(0)) ** 2).sum(1))))
    while len(chosen) < min(count, len(points)):
        rest = [i for i in range(len(points)) if i not in chosen]
        chosen.append(max(rest, key=lambda i: min(((points[i] - points[j]) ** 2).sum() for j in chosen)))
    return chosen


def random_choice(points, count, mask=None):
    return random_sample(points, count, mask, generator=torch.Generator().manual_seed(3))


both = pytest.mark.parametrize("sample", [farthest_point_sample, random_choice])


@settings(max_examples=25, deadline=None)
@given(size=st.integers(0, 12), count=st.integers(1, 15), seed=st.integers(0, 10_000))
def test_farthest_equals_the_definition(size, count, seed):
    points = np.random.default_rng(seed).normal(size=(size, 3)) + 10.0
    index, kept = farthest_point_sample(torch.from_numpy(points)[None], count)
    assert index.shape == kept.shape == (1, count)
    assert index[0][kept[0]].tolist() == slow_farthest(points, count)


@both
def test_a_batch_equals_its_clouds_one_by_one_and_padding_is_never_chosen(sample, rng):
    sizes, count = [30, 5, 0, 8], 8
    clouds = [torch.from_numpy(rng.normal(size=(n, 3))) for n in sizes]
    points = torch.full((4, 30, 3), 1e6, dtype=torch.float64)
    mask = torch.arange(30) < torch.tensor(sizes)[:, None]
    points[mask] = torch.cat(clouds)
    index, kept = sample(points, count, mask)
    assert kept.sum(1).tolist() == [min(n, count) for n in sizes]
    for row, cloud in enumerate(clouds):
        chosen = index[row][kept[row]].tolist()
        assert len(set(chosen)) == len(chosen) and all(i < sizes[row] for i in chosen)
        if sample is farthest_point_sample:
            assert chosen == farthest_point_sample(cloud[None], count)[0][0][: len(chosen)].tolist()


@both
def test_fewer_points_than_asked_for_come_back_once_each(sample):
    points = torch.zeros(1, 4, 3)  # four coincident points are still four points
    index, kept = sample(points, 6)
    assert sorted(index[0][kept[0]].tolist()) == [0, 1, 2, 3]
    assert kept[0].tolist() == [True] * 4 + [False] * 2


def test_farthest_does_not_depend_on_the_order_of_points(rng):
    points = torch.from_numpy(rng.normal(size=(1, 200, 3)))
    order = torch.from_numpy(rng.permutation(200))
    direct, _ = farthest_point_sample(points, 20)
    shuffled, _ = farthest_point_sample(points[:, order], 20)
    torch.testing.assert_close(order[shuffled], direct, rtol=0, atol=0)


def test_farthest_covers_better_than_random(rng):
    points = torch.from_numpy(rng.normal(size=(1, 500, 3)))

    def worst_gap(index):
        return torch.cdist(points[0], points[0][index[0]]).min(1).values.max()

    assert worst_gap(farthest_point_sample(points, 50)[0]) < worst_gap(random_choice(points, 50)[0])


def test_random_is_fixed_by_its_generator_and_uniform(rng):
    points = torch.from_numpy(rng.normal(size=(1, 6, 3)))
    assert torch.equal(random_choice(points, 3)[0], random_choice(points, 3)[0])
    generator = torch.Generator().manual_seed(0)
    hits = torch.zeros(6)
    for _ in range(600):
        hits[random_sample(points, 3, generator=generator)[0][0]] += 1
    assert (hits / 600 - 0.5).abs().max() < 0.08


@pytest.mark.parametrize(
    ("points", "count", "mask", "match"),
    [
        (torch.zeros(4, 3), 2, None, r"\(B, N, 3\)"),
        (torch.zeros(1, 4, 3, dtype=torch.int64), 2, None, "floating point"),
        (torch.zeros(1, 4, 3), 0, None, "at least 1"),
        (torch.zeros(1, 4, 3), 2, torch.ones(1, 4), "mask must be bool"),
        (torch.zeros(1, 4, 3), 2, torch.ones(1, 5, dtype=torch.bool), "mask must be bool"),
    ],
)
@both
def test_wrong_shapes_are_refused(sample, points, count, mask, match):
    with pytest.raises(ShapeError, match=match):
        sample(points, count, mask)
