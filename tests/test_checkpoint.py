import json
import os

import pytest
import torch
from safetensors.torch import load_file, save_file

from csi2pc.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from csi2pc.csi.prepare import PrepareConfig
from csi2pc.errors import CheckpointError
from csi2pc.models.csi2pc import CSI2PC, CSI2PCConfig

TINY = CSI2PCConfig(
    links=2, subcarriers=3, window=4, points=5, width=8, heads=2, encoder_layers=1, decoder_layers=1, feedforward=16
)


@pytest.fixture
def checkpoint():
    model = CSI2PC(TINY).eval()
    model.set_normalisation(
        feature_mean=torch.randn(2, 3, 3), feature_std=torch.rand(2, 3, 3) + 0.1, centre=torch.randn(3), scale=0.3
    )
    return Checkpoint(
        model=model,
        prepare=PrepareConfig(window=4, subcarriers=[-3, 1, 7]),
        layout={"rx": 2, "tx": 1, "device": "esp32"},
        run={"training": {"epochs": 3}},
        progress={"step": 12, "best": 0.1 + 0.2, "sums": {"apml": 1e-17}},
        optimiser={"0.exp_avg": torch.randn(3), "0.step": torch.tensor(12.0)},
    )


def header_of(path):
    from safetensors import safe_open

    with safe_open(path, framework="pt") as stored:
        return json.loads(stored.metadata()["csi2pc"])


def rewrite(path, change):
    header = header_of(path)
    change(header)
    save_file(load_file(path), path, metadata={"csi2pc": json.dumps(header)})


def test_the_file_alone_rebuilds_model_preparation_and_progress(checkpoint, tmp_path):
    path = tmp_path / "deep" / "best.safetensors"
    save_checkpoint(path, checkpoint)
    loaded = load_checkpoint(path)
    features = torch.randn(2, 2, 3, 3, 4)
    assert torch.equal(loaded.model(features)["points"], checkpoint.model(features)["points"])
    assert not loaded.model.training
    assert loaded.prepare == checkpoint.prepare
    for name in ("layout", "run", "progress"):
        assert getattr(loaded, name) == getattr(checkpoint, name)
    assert loaded.optimiser.keys() == checkpoint.optimiser.keys()
    assert torch.equal(loaded.optimiser["0.exp_avg"], checkpoint.optimiser["0.exp_avg"])


def test_saving_leaves_no_temporary_file(checkpoint, tmp_path):
    save_checkpoint(tmp_path / "last.safetensors", checkpoint)
    assert os.listdir(tmp_path) == ["last.safetensors"]


def test_a_failed_save_keeps_the_previous_checkpoint(checkpoint, tmp_path, monkeypatch):
    path = tmp_path / "last.safetensors"
    save_checkpoint(path, checkpoint)
    before = path.read_bytes()

    def full(*args, **options):
        raise OSError(28, "No space left on device")

    for call in ("csi2pc.checkpoint.save_file", "csi2pc.checkpoint.os.replace"):
        with monkeypatch.context() as patch:
            patch.setattr(call, full)
            with pytest.raises(CheckpointError, match="previous one is kept.*No space left"):
                save_checkpoint(path, checkpoint)
        assert path.read_bytes() == before
        assert os.listdir(tmp_path) == ["last.safetensors"]


def test_another_format_version_is_refused_by_name(checkpoint, tmp_path):
    path = tmp_path / "best.safetensors"
    save_checkpoint(path, checkpoint)
    rewrite(path, lambda header: header.update(format=99, csi2pc="9.9"))
    with pytest.raises(CheckpointError, match=r"format 99 \(csi2pc 9.9\).*reads format 1"):
        load_checkpoint(path)


def test_a_header_that_does_not_fit_the_tensors_is_refused(checkpoint, tmp_path):
    path = tmp_path / "best.safetensors"
    save_checkpoint(path, checkpoint)
    rewrite(path, lambda header: header["model"].update(points=6))
    with pytest.raises(CheckpointError, match="does not hold the model"):
        load_checkpoint(path)
    rewrite(path, lambda header: header["model"].update(surprise=1))
    with pytest.raises(CheckpointError, match="surprise"):
        load_checkpoint(path)


@pytest.mark.parametrize("keep", [0, 5, 100, -1])
def test_a_truncated_file_is_refused(checkpoint, tmp_path, keep):
    path = tmp_path / "best.safetensors"
    save_checkpoint(path, checkpoint)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(CheckpointError, match="truncated"):
        load_checkpoint(path)


def test_missing_and_foreign_files_are_refused(tmp_path):
    with pytest.raises(CheckpointError, match="no checkpoint at"):
        load_checkpoint(tmp_path / "nothing.safetensors")
    save_file({"x": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(CheckpointError, match="no checkpoint of csi2pc"):
        load_checkpoint(tmp_path / "other.safetensors")
    torch.save({"x": torch.zeros(1)}, tmp_path / "pickle.pt")
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_checkpoint(tmp_path / "pickle.pt")
