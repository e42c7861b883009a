import shutil
from dataclasses import replace

import numpy as np
import pytest

from csi2pc.checkpoint import load_checkpoint, save_checkpoint
from csi2pc.data.dataset import open_data
from csi2pc.engine.evaluate import evaluate
from csi2pc.engine.leaks import refuse_leaks
from csi2pc.errors import DataError


def test_parts_without_a_leak_pass(settings):
    splits = open_data(settings.data, settings.prepare)
    assert refuse_leaks(splits, [*splits.train.sequences, *splits.validation.sequences]) is None


def test_the_checkpoint_knows_what_it_was_trained_on(finished, settings):
    splits = open_data(settings.data, settings.prepare)
    seen = load_checkpoint(finished.best).progress["sequences"]
    assert set(seen) == {*splits.train.sequences, *splits.validation.sequences}


def test_a_split_that_changed_since_training_is_refused(finished, tmp_path):
    checkpoint = load_checkpoint(finished.best)
    checkpoint.run["data"]["split"] = "S1"
    save_checkpoint(tmp_path / "other.safetensors", checkpoint)
    with pytest.raises(DataError, match="no test sequence may have been trained on; . of . were: E01/S0"):
        evaluate(tmp_path / "other.safetensors")


def test_a_training_sequence_copied_under_a_test_name_is_refused(finished, tree, tmp_path):
    root = tmp_path / "leaking"
    shutil.copytree(tree, root)
    shutil.rmtree(root / "E01" / "S05" / "A13")
    shutil.copytree(root / "E01" / "S01" / "A13", root / "E01" / "S05" / "A13")
    with pytest.raises(DataError, match=r"4 of 8 are, to the last bit: E01/S05/A13#1 of E01/S01/A13#1"):
        evaluate(finished.path, root=str(root))


def test_equal_targets_alone_are_no_copy(settings, tree, tmp_path):
    """A target that stands still is the same for many recordings; their CSI is not."""
    root = tmp_path / "still"
    shutil.copytree(tree, root)
    for name in ("lidar", "ground_truth.npy"):
        there = root / "E01" / "S05" / "A13" / name
        shutil.rmtree(there) if there.is_dir() else there.unlink()
        source = root / "E01" / "S01" / "A13" / name
        shutil.copytree(source, there) if source.is_dir() else shutil.copy(source, there)
    splits = open_data(replace(settings.data, root=str(root)), settings.prepare)
    seen = splits.train if "E01/S01/A13" in splits.train.sequences else splits.validation
    targets = {
        name: part.points([str(f) for f in part.frames].index(f"{name}#1"))
        for name, part in (("E01/S01/A13", seen), ("E01/S05/A13", splits.test))
    }
    assert np.array_equal(*targets.values())
    assert refuse_leaks(splits, splits.train.sequences) is None
