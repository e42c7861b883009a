"""A tiny simulated data set and a tiny run on it, shared by the tests of the loops."""

from dataclasses import replace

import pytest

from csi2pc.config import OptimiserConfig, RunConfig, TrainingConfig
from csi2pc.csi.prepare import PrepareConfig
from csi2pc.data.dataset import DataConfig
from csi2pc.data.targets import TargetConfig
from csi2pc.engine.train import train
from csi2pc.evaluation.settings import EvaluationConfig
from csi2pc.losses.criterion import TermConfig
from csi2pc.models.csi2pc import CSI2PCConfig
from csi2pc.sim import SimConfig, simulate

TONES = [-58, -40, -22, -4, 4, 22, 40, 58]


@pytest.fixture(scope="session")
def tree(tmp_path_factory):
    """MM-Fi layout: five subjects (S05 is the cross-subject test), two actions, four frames."""
    root = tmp_path_factory.mktemp("simulated")
    subjects = ["S01", "S02", "S03", "S04", "S05"]
    simulate(SimConfig(subjects=subjects, actions=["A02", "A13"], frames=4, modalities=["wifi-csi", "lidar"]), root)
    return root


@pytest.fixture(scope="session")
def settings(tree):
    """A run's configuration without a folder."""
    return RunConfig(
        data=DataConfig(
            root=str(tree), split="S2", validation_share=0.2, target=TargetConfig(sensors=["lidar"], max_points=48)
        ),
        prepare=PrepareConfig(subcarriers=TONES),
        model=CSI2PCConfig(
            subcarriers=len(TONES), points=24, width=16, heads=2, encoder_layers=1, decoder_layers=1, feedforward=32
        ),
        loss=[TermConfig("chamfer_l1")],
        optimiser=OptimiserConfig(learning_rate=3e-3, warmup_steps=4),
        training=TrainingConfig(epochs=3, batch_size=7, accelerator="cpu", save_every=3),
        evaluation=EvaluationConfig(metrics=["chamfer_l1", "f_score_10cm"], constant_steps=20, resamples=1000),
    )


@pytest.fixture
def config(settings, tmp_path):
    """The same with a folder that is this test's own."""
    return replace(settings, out=str(tmp_path / "run"))


@pytest.fixture(scope="session")
def finished(settings, tmp_path_factory):
    """The folder of a finished run, to look at and not to change."""
    return train(replace(settings, out=str(tmp_path_factory.mktemp("finished") / "run")))


@pytest.fixture
def with_training():
    """A configuration with other training settings."""

    def change(config, **changes):
        return replace(config, training=replace(config.training, **changes))

    return change
