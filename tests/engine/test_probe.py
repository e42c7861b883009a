"""The little that is tried out: it measures, and leaves everything as it was."""

from dataclasses import fields, replace

import pytest
import torch

from csi2pc.data.dataset import open_data
from csi2pc.engine.probe import FRAMES, STEPS, STEPS_A_PROBE, DoesNotFitError, peak_memory, probe
from csi2pc.errors import ConfigError, DataError
from csi2pc.losses.criterion import Criterion
from csi2pc.models.csi2pc import CSI2PC


@pytest.fixture(scope="module")
def splits(settings):
    return open_data(settings.data, settings.prepare)


@pytest.fixture(scope="module")
def measured(settings, splits):
    return probe(settings, splits)


def test_every_piece_of_work_is_measured(measured, splits):
    for item in fields(measured):
        value = getattr(measured, item.name)
        if item.name != "memory_rose":  # other tests may have needed more in this process
            assert value is None if item.name == "device_memory" else value, item.name
    assert measured.device == "cpu" and measured.kept
    first = splits.train[0]
    assert measured.sample == first.features.nbytes + first.valid.nbytes + first.points.nbytes
    assert measured.memory <= peak_memory()


def test_checkpoints_have_the_size_that_training_gives_them(measured, finished):
    assert measured.last == pytest.approx(finished.last.stat().st_size, rel=0.1)
    assert measured.best == pytest.approx(finished.best.stat().st_size, rel=0.1)


def test_random_numbers_and_files_are_left_as_they_were(settings, splits, tmp_path):
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    probe(replace(settings, out=str(tmp_path / "not" / "there")), splits)
    assert torch.equal(before, torch.random.get_rng_state())
    assert not list(tmp_path.iterdir())


def test_a_longer_run_is_tried_out_for_longer_and_never_for_long(settings, splits, with_training):
    steps = -(-len(splits.train) // settings.training.batch_size)
    longer = with_training(settings, epochs=STEPS * STEPS_A_PROBE // steps + 1)
    found = probe(longer, splits)
    assert (found.steps, found.frames) == (STEPS, FRAMES)


def test_frames_that_are_not_kept_are_told(settings, splits):
    config = replace(settings, data=replace(settings.data, cache="none"))
    found = probe(config, open_data(config.data, config.prepare))
    assert not found.kept and found.read > found.read_points > 0


def test_without_a_validation_part_there_is_nothing_to_measure_of_it(settings):
    config = replace(settings, data=replace(settings.data, validation_share=0.0))
    assert probe(config, open_data(config.data, config.prepare)).validate == 0


def test_points_that_are_not_finite_end_the_trial_and_are_left_to_the_run(settings, splits, monkeypatch):
    def broken(self, features, valid=None):
        return {"points": torch.full((len(features), self.config.points, 3), torch.inf, requires_grad=True)}

    def never(self, *clouds):
        raise AssertionError("no loss of points that are not finite")

    monkeypatch.setattr(CSI2PC, "forward", broken)
    monkeypatch.setattr(Criterion, "forward", never)
    assert probe(settings, splits).step > 0


def test_a_machine_that_is_not_there_is_refused(settings, splits, with_training):
    with pytest.raises(ConfigError, match="tried out on accelerator banana.*set training.accelerator"):
        probe(with_training(settings, accelerator="banana"), splits)


def test_a_step_that_does_not_fit_into_the_memory_of_the_device_is_told_with_what_to_change(
    settings, splits, monkeypatch
):
    def full(self, *clouds):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB.\nA second line.")

    monkeypatch.setattr(Criterion, "forward", full)
    with pytest.raises(DoesNotFitError, match=r"training\.batch_size 7 and loss .*9 GiB\.; choose a smaller") as told:
        probe(settings, splits)
    assert isinstance(told.value, ConfigError) and told.value.__context__ is None  # which would keep the copy alive


def test_memory_that_was_needed_before_is_told_from_memory_of_the_trial(settings, splits, monkeypatch):
    peaks = iter([100, 100, 100, 100, 300, 300])
    monkeypatch.setattr("csi2pc.engine.probe.peak_memory", lambda: next(peaks))
    assert not probe(settings, splits).memory_rose
    assert probe(settings, splits).memory_rose


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_memory_of_the_gpu_is_given_back(settings, splits, with_training):
    torch.cuda.empty_cache()
    before = torch.cuda.memory_reserved()
    found = probe(with_training(settings, accelerator="cuda"), splits)
    assert found.device_memory > 0 and torch.cuda.memory_reserved() == before


def test_a_disk_without_room_is_told_before_training(settings, splits, monkeypatch):
    def full(folder, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("csi2pc.engine.probe._write", full)
    with pytest.raises(DataError, match=r"room for checkpoints; writing one of 0.0\d+ MB fails.*No space left.*--out"):
        probe(settings, splits)
