from dataclasses import replace

import numpy as np
import pytest

from csi2pc.data.dataset import open_data
from csi2pc.engine import blind as module
from csi2pc.engine.blind import blind_baselines, targets_digest
from csi2pc.engine.evaluate import evaluate


@pytest.fixture(scope="module")
def splits(settings):
    return open_data(settings.data, settings.prepare)


def made(splits, config, folder=None, count=24):
    test = splits.test
    targets = [test.points(i) for i in range(len(test))]
    return blind_baselines(splits.train, test.frames, targets, count=count, config=config, folder=folder)


def test_what_is_found_equals_what_was_made(splits, settings, tmp_path, monkeypatch):
    first = made(splits, settings.evaluation, tmp_path)
    monkeypatch.setattr(module, "blind_clouds", None)  # nothing is made again
    again = made(splits, replace(settings.evaluation, workers=1, resamples=1500), tmp_path)
    assert again.rows.frames == first.rows.frames
    for name, values in first.rows.values.items():
        assert np.array_equal(values, again.rows.values[name], equal_nan=True)
    assert all(
        np.array_equal(a, b) for m in first.clouds for a, b in zip(first.clouds[m], again.clouds[m], strict=True)
    )


@pytest.mark.parametrize("changes", [{"metrics": ["chamfer_l1"]}, {"seed": 1}, {"constant_steps": 21}])
def test_other_settings_or_counts_are_made_anew(splits, settings, tmp_path, changes):
    made(splits, settings.evaluation, tmp_path)
    made(splits, replace(settings.evaluation, **changes), tmp_path)
    made(splits, settings.evaluation, tmp_path, count=20)
    assert len(list(tmp_path.iterdir())) == 3


def test_the_digest_sees_names_and_every_coordinate(splits):
    frames, targets = splits.test.frames, [splits.test.points(i) for i in range(len(splits.test))]
    digest = targets_digest(frames, targets)
    assert targets_digest(list(frames), [target.copy() for target in targets]) == digest
    moved = [target.copy() for target in targets]
    moved[-1][0, 0] += 1e-6
    assert targets_digest(frames, moved) != digest
    assert targets_digest([replace(frames[0], index=99), *frames[1:]], targets) != digest
    assert targets_digest([replace(frames[0], action="A27"), *frames[1:]], targets) != digest


def test_an_evaluation_is_the_same_with_shared_baselines(finished, tmp_path):
    alone = evaluate(finished.path)
    assert evaluate(finished.path, blind=tmp_path) == alone  # made
    assert evaluate(finished.path, blind=tmp_path) == alone  # found
