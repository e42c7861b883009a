"""Every file in configs/ is run, made short but otherwise as it stands."""

from dataclasses import replace
from pathlib import Path

import pytest

from csi2pc.config import load_config
from csi2pc.engine.demo import demo
from csi2pc.engine.evaluate import evaluate
from csi2pc.engine.run_folder import read_metrics
from csi2pc.engine.train import train
from csi2pc.sim import SimConfig, simulate

CONFIGS = Path(__file__).resolve().parents[1] / "configs"


def short(config, out):
    """One epoch, few bootstrap resamples; nothing that decides whether the parts fit together changes."""
    return replace(
        config,
        out=str(out),
        training=replace(config.training, epochs=1, accelerator="cpu"),
        evaluation=replace(config.evaluation, metrics=["chamfer_l1"], resamples=1000, constant_steps=5),
    )


def run_simulation(path, tmp_path, request):
    """Every fifth subject and every third action, one frame each."""
    whole = load_config(path, SimConfig)
    config = replace(whole, frames=1, subjects=whole.subjects[::5], actions=whole.actions[::3])
    report = simulate(config, tmp_path / "data")
    assert report.read == len(config.subjects) * len(config.actions)


def run_demo(path, tmp_path, request):
    simulation = replace(load_config(path.with_name("sim_tiny.yaml"), SimConfig), frames=2)
    summary = demo(tmp_path, simulation=simulation, config=short(load_config(path), tmp_path))
    assert summary.score("chamfer_l1", "model").mean > 0
    assert (tmp_path / "run" / "evaluation" / "frames.csv").exists()
    assert list((tmp_path / "inference").rglob("*.ply"))


def run_rooms(path, tmp_path, request):
    root = request.getfixturevalue("real_data") / "rooms"
    config = short(load_config(path), tmp_path / "run")
    manifest = CONFIGS.parent / config.data.manifest
    run = train(replace(config, data=replace(config.data, root=str(root), manifest=str(manifest))))
    assert read_metrics(run)[0]["validation/chamfer_l1"] > 0
    assert evaluate(run.path).frames > 500


RUNNERS = {
    "demo.yaml": run_demo,
    "rooms.yaml": run_rooms,
    **{f"sim_{preset}.yaml": run_simulation for preset in ("tiny", "default", "hard")},
}


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*")), ids=lambda path: path.name)
def test_every_shipped_configuration_runs(path, tmp_path, request):
    assert path.name in RUNNERS, f"{path.name} is not run by any test: add a runner for it"
    RUNNERS[path.name](path, tmp_path, request)
