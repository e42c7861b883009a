"""What a run is predicted to take, from what its pieces take."""

from dataclasses import replace

import pytest

from csi2pc.checkpoint import load_checkpoint
from csi2pc.data.dataset import open_data
from csi2pc.engine import cost as module
from csi2pc.engine import train as training
from csi2pc.engine.cost import Cost, in_bytes, in_time, predict_cost, scaled
from csi2pc.engine.evaluate import evaluate
from csi2pc.engine.probe import Probe, peak_memory
from csi2pc.engine.train import train

#: Seconds and bytes that are easy to add up.
PIECES = Probe(
    device="cpu", steps=5, frames=3, read=0.5, read_points=0.25, kept=False, sample=1000, points=48.0, step=2.0,
    validate=0.125, save=4.0, last=3000, best=1000, predict=0.5, score=0.0625, constant=16.0, memory=10**6,
    memory_rose=True, device_memory=None,
)  # fmt: skip


@pytest.fixture(scope="module")
def splits(settings):
    return open_data(settings.data, settings.prepare)


def evaluated(config, **changes):
    return replace(config, evaluation=replace(config.evaluation, **changes))


def test_training_is_the_sum_of_its_pieces(settings, splits):
    """24 frames in batches of 7, 8 validation frames, three epochs, a save every three of twelve steps and an epoch."""
    assert (len(splits.train), len(splits.validation)) == (24, 8)
    pieces = 3 * (24 * 0.5 + 4 * 2.0 + 8 * (0.5 + 0.125)) + (3 + 12 // 3) * 4.0
    assert scaled(PIECES, settings, splits).seconds_training == pytest.approx(pieces)
    kept = scaled(replace(PIECES, kept=True), settings, splits).seconds_training
    assert kept == pytest.approx(pieces - 2 * (24 + 8) * 0.5)


def test_training_grows_with_epochs_and_shrinks_with_what_is_done(settings, splits, with_training):
    one, two, four = (scaled(PIECES, with_training(settings, epochs=n, save_every=99), splits) for n in (1, 2, 4))
    assert 0 < one.seconds_training < two.seconds_training
    assert four.seconds_training == pytest.approx(2 * two.seconds_training)
    assert four.seconds_evaluation == one.seconds_evaluation
    half = scaled(PIECES, with_training(settings, epochs=4, save_every=99), splits, done=8)
    assert half.seconds_training == pytest.approx(two.seconds_training)


def test_reading_and_computing_overlap_where_workers_read(settings, splits, with_training, monkeypatch):
    monkeypatch.setattr(module.os, "cpu_count", lambda: 2)
    quick = replace(PIECES, read=0.0)
    computing = scaled(quick, settings, splits).seconds_training
    read_by_itself = 3 * 8 * 0.5  # the validation part
    slow = replace(PIECES, step=0.0)
    reading = scaled(slow, with_training(settings, workers=2), splits).seconds_training
    other = scaled(replace(slow, read=0.0), settings, splits).seconds_training
    assert reading - other - read_by_itself == pytest.approx(3 * 24 * 0.5 / 2)
    both = scaled(PIECES, with_training(settings, workers=2), splits).seconds_training
    assert both - read_by_itself == pytest.approx(computing)  # eight seconds of steps hide six of reading
    many = scaled(slow, with_training(settings, workers=99), splits).seconds_training
    assert many == reading  # than there are processors


def test_each_device_computes_its_share(settings, splits, with_training):
    none = replace(PIECES, step=0.0, save=0.0)
    one, two = (scaled(none, with_training(settings, devices=n), splits).seconds_training for n in (1, 2))
    assert two == pytest.approx(one / 2)


def test_evaluation_counts_frames_methods_and_metrics(settings, splits):
    """The model, its shuffled CSI, mean cloud, constant cloud, and the nearest of the same action: one scene alone."""
    whole = scaled(PIECES, settings, splits)
    reading = (2 * 24 + 8 + 2 * 8 + 8) * 0.25 + 8 * (0.5 + 0.5)
    blind = 16.0 + 3 * 8 * 0.0625
    assert whole.seconds_blind == pytest.approx(blind)
    assert whole.seconds_evaluation == pytest.approx(
        reading + 2 * 8 * 0.0625 + blind + module.SECONDS_OF_FIGURES
    )
    more = scaled(PIECES, evaluated(settings, metrics=["chamfer_l1", "chamfer_l2", "emd"]), splits)
    assert more.seconds_blind == pytest.approx(blind + 2 * 8 * 0.0625)  # two constant clouds more
    every = scaled(PIECES, evaluated(settings, every=2), splits)
    assert every.seconds_blind == pytest.approx(16.0 + 3 * 4 * 0.0625)
    assert every.disk_bytes < whole.disk_bytes


def test_kept_frames_count_once_they_are_still_to_be_read(settings, splits, with_training):
    lean = scaled(PIECES, settings, splits).memory_bytes
    assert lean > PIECES.memory
    large = replace(PIECES, kept=True, sample=10**6)
    assert scaled(large, settings, splits).memory_bytes == lean  # verified at opening: read already
    unread = replace(settings, data=replace(settings.data, verify=False))
    assert scaled(large, unread, splits).memory_bytes == PIECES.memory + 32 * 10**6
    shared = with_training(unread, workers=2)
    assert scaled(large, shared, splits).memory_bytes == PIECES.memory + (2 * 24 + 8) * 10**6
    assert scaled(replace(large, memory=None), shared, splits).memory_bytes is None


class Many:
    """A part with more frames than could be made here; only their number and names are asked for."""

    def __init__(self, part, count):
        self.frames = part.frames * (count // len(part.frames))

    def __len__(self):
        return len(self.frames)


def test_only_frames_that_a_constant_cloud_draws_get_a_tree(settings, splits):
    """At 240,000 training frames of 48 points; 16 bytes a point for a tree."""
    large = replace(splits, train=Many(splits.train, 240_000))
    few, default, all_drawn = (
        scaled(PIECES, evaluated(settings, constant_steps=steps), large).memory_bytes for steps in (5, 300, 9000)
    )
    assert few > PIECES.memory + 240_000 * 48 * 36
    assert default - few == 295 * 32 * 48 * 16
    assert all_drawn - few == (240_000 - 5 * 32) * 48 * 16
    assert scaled(PIECES, evaluated(settings, constant_steps=99_999), large).memory_bytes == all_drawn


def test_disk_and_memory_are_near_what_a_run_takes(config, splits):
    predicted = predict_cost(config, splits)
    assert 0 < predicted.seconds_blind < predicted.seconds_evaluation and predicted.seconds_training > 0
    run = train(config, splits=splits)
    evaluate(run.path, splits=splits)
    taken = sum(path.stat().st_size for path in run.path.rglob("*") if path.is_file())
    assert taken / 2 < predicted.disk_bytes < taken * 2
    assert peak_memory() / 2 < predicted.memory_bytes < peak_memory() * 2


def test_a_run_is_the_same_with_and_without_prediction(finished, config, monkeypatch, capsys):
    """With dropout, whose random numbers come from the global generator."""
    assert config.model.dropout > 0
    monkeypatch.setattr(training, "predict_cost", lambda *args, **kwargs: Cost(0, 0, 0, 0, None, 0, "nothing"))
    run = train(config)
    assert "(nothing)" in capsys.readouterr().err
    first, second = (load_checkpoint(path.last).model.state_dict() for path in (finished, run))
    assert all((first[name] == second[name]).all() for name in first)


def test_training_tells_its_cost_before_the_first_step_and_not_when_it_is_done(config, capsys):
    train(config)
    lines = capsys.readouterr().err.splitlines()
    told = next(i for i, line in enumerate(lines) if line.startswith("predicted: training "))
    assert told < next(i for i, line in enumerate(lines) if line.startswith("epoch 1/3"))
    train(config, resume=True)
    assert "predicted" not in capsys.readouterr().err


def test_costs_add_up():
    one = Cost(10.0, 20.0, 5.0, 300, None, 1000, "one")
    other = Cost(1.0, 2.0, 0.5, 400, 700, 100, "other")
    assert one + other == Cost(11.0, 22.0, 5.5, 400, 700, 1100, "one; other")
    assert (one + one).found == "one" and (one + one).device_bytes is None
    assert replace(one, memory_bytes=None) + other == replace(one + other, memory_bytes=400)
    assert (one + replace(other, memory_at_most=True)).memory_at_most and not (one + other).memory_at_most


def test_a_cost_is_one_line_for_people():
    cost = Cost(7200.0, 95.0, 5.0, 1_200_000_000, None, 250_000_000, "from 5 steps")
    assert cost.summary() == (
        "predicted: training 2.0 h, evaluation 95 s, 1.2 GB of memory, 250 MB on disk (from 5 steps)"
    )
    assert "3 GB on the GPU" in replace(cost, device_bytes=3 * 10**9).summary()
    assert "of memory" not in replace(cost, memory_bytes=None).summary()


def test_memory_that_something_before_may_have_needed_is_a_bound(settings, splits):
    bound = scaled(replace(PIECES, memory_rose=False), settings, splits)
    assert ", at most 1." in bound.summary() and "at most" not in scaled(PIECES, settings, splits).summary()
    assert "at most" not in scaled(replace(PIECES, memory=None, memory_rose=False), settings, splits).summary()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.0123, "0.012 s"), (5, "5 s"), (119, "119 s"), (200, "3.3 min"), (3 * 3600, "3.0 h"), (50 * 3600, "2.1 d")],
)
def test_times_in_words(seconds, words):
    assert in_time(seconds) == words


@pytest.mark.parametrize(("count", "words"), [(1500, "1.5 kB"), (3_700_000, "3.7 MB"), (12_340_000_000, "12.3 GB")])
def test_bytes_in_words(count, words):
    assert in_bytes(count) == words
