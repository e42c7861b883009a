"""Blind baselines know the training targets and labels, and nothing of a test frame's CSI."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from csi2pc.data.mean_cloud import mean_cloud
from csi2pc.errors import ConfigError, DataError, ShapeError
from csi2pc.evaluation import baselines
from csi2pc.evaluation.baselines import blind_clouds, constant_cloud, nearest_by_label, shuffled_order
from csi2pc.evaluation.metrics import frame_metrics
from csi2pc.evaluation.rows import METHODS
from csi2pc.evaluation.settings import EvaluationConfig
from csi2pc.types import FrameId


def people(rng, count):
    """Ragged clouds around a few spots that vary from frame to frame."""
    spots = np.array([[0, -0.6, 3], [0, 0, 3], [-0.5, -0.2, 3], [0.5, -0.2, 3], [-0.1, 0.6, 3], [0.1, 0.6, 3]])
    clouds = []
    for _ in range(count):
        around = rng.integers(len(spots), size=rng.integers(40, 61))
        shift = rng.normal(size=(len(spots), 3)) * 0.05
        clouds.append((spots + shift)[around] + rng.normal(size=(len(around), 3)) * 0.05)
    return clouds


def mean_score(cloud, targets, metric):
    return np.mean([frame_metrics(cloud, target, metrics=[metric])[metric] for target in targets])


@pytest.mark.parametrize(("metric", "options"), [("chamfer_l1", {}), ("chamfer_l2", {}), ("emd", {"batch": 4})])
def test_constant_cloud_beats_the_mean_cloud(rng, metric, options):
    train, test = people(rng, 120), people(rng, 20)
    steps = 30 if metric == "emd" else 100
    constant = constant_cloud(train, 32, metric=metric, steps=steps, seed=0, **options)
    assert constant.shape == (32, 3) and constant.dtype == np.float32
    assert mean_score(constant, test, metric) < 0.95 * mean_score(mean_cloud(train, 32, seed=0), test, metric)


def test_constant_cloud_hardly_depends_on_the_start(rng):
    train, test = people(rng, 120), people(rng, 20)
    runs = [{"seed": 0}, {"seed": 1}, {"seed": 0, "steps": 300}]
    scores = [mean_score(constant_cloud(train, 32, **{"steps": 100, **run}), test, "chamfer_l1") for run in runs]
    assert max(scores) < 1.05 * min(scores)


def test_constant_cloud_is_the_same_for_a_seed(rng):
    train = people(rng, 20)
    first = constant_cloud(train, 8, steps=20, seed=1)
    torch.manual_seed(99)
    np.testing.assert_array_equal(first, constant_cloud(train, 8, steps=20, seed=1))


def test_constant_cloud_of_one_still_frame_is_that_frame(rng):
    frame = rng.normal(size=(12, 3))
    constant = constant_cloud([frame], 12, steps=300)
    assert frame_metrics(constant, frame, metrics=["chamfer_l1"])["chamfer_l1"] < 1e-3


@pytest.mark.parametrize("metric", ["chamfer_l1", "chamfer_l2", "emd"])
def test_what_is_optimised_is_the_metric(rng, metric):
    clouds, points = people(rng, 5), rng.normal(size=(9, 3))
    cost = baselines._mean_cost(torch.tensor(points), [cKDTree(cloud) for cloud in clouds], metric)
    assert float(cost) == pytest.approx(mean_score(points, clouds, metric), rel=1e-9)


def test_bad_training_clouds_are_refused():
    with pytest.raises(DataError, match="the 2 clouds hold none"):
        mean_cloud([np.zeros((0, 3))] * 2, 4, seed=0)
    with pytest.raises(DataError, match="must be finite"):
        constant_cloud([np.full((2, 3), np.nan)], 4)
    with pytest.raises(ShapeError, match=r"\(points, 3\); got \(4,\)"):
        mean_cloud([np.zeros(4)], 4, seed=0)
    with pytest.raises(ShapeError, match="got count 0"):
        mean_cloud([np.zeros((2, 3))], 0, seed=0)
    with pytest.raises(ConfigError, match="got 'hausdorff'"):
        constant_cloud([np.zeros((2, 3))], 4, metric="hausdorff")


def slow_nearest(train, frame, label):
    value = getattr(frame, label)
    same = [i for i, t in enumerate(train) if value and getattr(t, label) == value and t.sequence != frame.sequence]
    key = {i: (abs(train[i].time - frame.time), train[i].time, train[i].sequence, train[i].index) for i in same}
    return min(same, key=lambda i: key[i]) if same else None


frame_ids = st.builds(
    FrameId,
    sequence=st.sampled_from(["a", "b", "c"]),
    index=st.integers(0, 4),
    time=st.sampled_from([0.0, 0.5, 1.0, 2.5]),
    action=st.sampled_from(["", "A01", "A02"]),
    scene=st.sampled_from(["", "E01", "E02"]),
)


@settings(deadline=None)
@given(
    train=st.lists(frame_ids, max_size=12, unique_by=lambda frame: (frame.sequence, frame.index)),
    frames=st.lists(frame_ids, max_size=6),
    label=st.sampled_from(["action", "scene"]),
    seed=st.integers(0, 9),
)
def test_nearest_equals_a_search_through_all_frames_of_other_sequences(train, frames, label, seed):
    found = nearest_by_label(train, frames, label=label)
    chosen = [None if i is None else train[i] for i in found]
    assert chosen == [None if i is None else train[i] for i in (slow_nearest(train, f, label) for f in frames)]
    order = np.random.default_rng(seed).permutation(len(train))
    shuffled = [train[i] for i in order]
    again = [None if i is None else shuffled[i] for i in nearest_by_label(shuffled, frames, label=label)]
    assert again == chosen  # whatever the order of the training frames


def frames_of(*labels):
    """Two frames of one sequence for each scene and action."""
    return [
        FrameId(f"s{number}", index, float(index), scene=scene, action=action)
        for number, (scene, action) in enumerate(labels)
        for index in range(2)
    ]


def blind(rng, train, frames, **options):
    config = EvaluationConfig(**{"metrics": ["f_score_5cm"], "constant_steps": 3, **options})
    targets = people(rng, len(train))
    return targets, blind_clouds(train, targets, frames, count=8, config=config)


def test_a_frame_never_finds_itself():
    frames = frames_of(("E01", "A01"), ("E01", "A01"))
    found = nearest_by_label(frames, frames, label="action")
    assert found == [2, 3, 0, 1]
    assert nearest_by_label(frames[:2], frames[:2], label="action") == [None, None]


def test_the_room_is_told_where_rooms_are_all_there_is_to_tell(rng):
    train, frames = frames_of(("r1", ""), ("r2", ""), ("r3", "")), [FrameId("t", 9, 9.0, scene="r2")]
    targets, clouds = blind(rng, train, frames)
    assert list(clouds) == ["mean_cloud", "constant_cloud", "nearest_scene"]
    assert clouds["nearest_scene"][0] is targets[3]  # the last of room r2


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        ([("E01", "A01"), ("E01", "A02")], ["nearest_action_time"]),  # one scene: it says nothing
        ([("E01", "A01"), ("E02", "A02")], ["nearest_action_time", "nearest_scene"]),
        ([("E01", "")], ["nearest_scene"]),
        ([("", "A01")], ["nearest_action_time"]),
        ([("", "")], []),
        ([("E07", "A99")], []),  # never trained on
    ],
)
def test_methods_without_anything_to_say_are_left_out(rng, labels, told):
    train = frames_of(("E01", "A01"), ("E02", "A02"))
    frames = [FrameId("t", i, scene=scene, action=action) for i, (scene, action) in enumerate(labels)]
    _, clouds = blind(rng, train, frames)
    assert [method for method in clouds if method.startswith("nearest")] == told
    assert all(len(of) == len(frames) for of in clouds.values())


def test_every_optimisable_metric_that_is_asked_for_has_its_constant_cloud(rng):
    train, frames = frames_of(("E01", "A01"), ("E02", "A02")), frames_of(("E01", "A01"))
    options = {"metrics": ["f_score_5cm", "emd", "chamfer_l2"], "constant_steps": 20}
    targets, clouds = blind(rng, train, frames, **options)
    assert [name for name in clouds if name.startswith("constant")] == list(baselines.CONSTANT_CLOUDS)
    mean = clouds["mean_cloud"][0]
    for method, metric in baselines.CONSTANT_CLOUDS.items():
        assert mean_score(clouds[method][0], targets, metric) < 0.95 * mean_score(mean, targets, metric)
    order = [method for method in METHODS if method in clouds]
    assert list(clouds) == order


@settings(deadline=None)
@given(lengths=st.lists(st.integers(1, 9), max_size=6), seed=st.integers(0, 99))
def test_shuffled_csi_is_of_other_sequences_as_far_as_possible(lengths, seed):
    frames = [FrameId(f"s{number}", index) for number, length in enumerate(lengths) for index in range(length)]
    order = shuffled_order(frames, seed=seed)
    assert sorted(order) == list(range(len(frames)))
    own = sum(frames[i].sequence == frames[j].sequence for i, j in enumerate(order))
    assert own == max(0, 2 * max(lengths, default=0) - len(frames))  # no permutation can have fewer
    if len(frames) > 1 and len(lengths) == 1:
        assert all(i != j for i, j in enumerate(order))


def test_shuffled_order_is_random_and_repeatable():
    frames = [FrameId(f"s{i % 7}", i) for i in range(70)]
    first = shuffled_order(frames, seed=0)
    np.testing.assert_array_equal(first, shuffled_order(frames, seed=0))
    assert not np.array_equal(first, shuffled_order(frames, seed=1))
    assert len(set(np.diff(first))) > 10  # no constant shift of the test set
