import numpy as np
import pytest

from csi2pc.engine.batches import Plan


def test_every_epoch_holds_every_frame_once_in_another_order():
    plan = Plan(frames=23, batch_size=5, epochs=2, seed=3)
    epochs = [np.concatenate([plan.global_batch(e * 5 + s) for s in range(5)]) for e in range(2)]
    for order in epochs:
        assert sorted(order) == list(range(23))
    assert list(epochs[0]) != list(epochs[1])
    assert plan.steps_per_epoch == 5 and plan.steps == 10


@pytest.mark.parametrize("world", [1, 2, 3, 7])
def test_shards_make_up_the_global_mean_for_any_number_of_processes(world):
    values = np.random.default_rng(0).normal(size=11)
    single = Plan(frames=11, batch_size=4, epochs=1, seed=0)
    for step in range(single.steps):
        means = []
        for rank in range(world):
            indices, weight = Plan(frames=11, batch_size=4, epochs=1, seed=0, rank=rank, world=world).shard(step)
            assert indices
            means.append(weight * values[indices].sum())
        assert np.mean(means) == pytest.approx(values[single.global_batch(step)].mean())


def test_going_on_from_a_step_gives_the_same_batches():
    plan = Plan(frames=10, batch_size=3, epochs=3, seed=1)
    assert list(plan.shards_from(0))[5:] == list(plan.shards_from(5))


def test_seed_decides_the_order():
    first, second = (list(Plan(frames=50, batch_size=50, epochs=1, seed=s).global_batch(0)) for s in (0, 1))
    assert first != second
