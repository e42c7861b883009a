"""Every file in configs/ is run, made short but otherwise as it stands."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from csi2pc.cli import main
from csi2pc.config import load_config, save_config
from csi2pc.data.dataset import open_data
from csi2pc.data.mmfi import ACTIONS, SUBJECTS
from csi2pc.engine.compare import compare
from csi2pc.engine.compare_config import CompareConfig, SearchConfig, planned_runs
from csi2pc.engine.demo import demo
from csi2pc.engine.evaluate import evaluate
from csi2pc.engine.run_folder import read_metrics
from csi2pc.engine.train import train
from csi2pc.losses.criterion import Criterion
from csi2pc.sim import SimConfig, simulate
from csi2pc.sim.body import BodyConfig
from csi2pc.sim.lidar import LidarConfig

CONFIGS = Path(__file__).resolve().parents[1] / "configs"
#: Sequences of each configuration of MM-Fi to train on (validation among them) and to test on: the official splits.
SPLITS = {"mmfi_random.yaml": (864, 216), "mmfi_cross_subject.yaml": (864, 216), "mmfi_cross_scene.yaml": (810, 270)}


def short(config, out):
    """One epoch, few bootstrap resamples; nothing that decides whether the parts fit together changes."""
    return replace(
        config,
        out=str(out),
        training=replace(config.training, epochs=1, accelerator="cpu"),
        evaluation=replace(config.evaluation, metrics=["chamfer_l1"], resamples=1000, constant_steps=5),
    )


@pytest.fixture(scope="session")
def every_sequence(tmp_path_factory):
    """All 1,080 sequences of MM-Fi, a frame each: everyone's first action is simulated, coarsely; each other one is that
    with noise of its own on the CSI, so that none is a copy."""
    root, rng = tmp_path_factory.mktemp("mmfi"), np.random.default_rng(0)
    coarse = {"body": BodyConfig(subdivisions=0), "lidar": LidarConfig(azimuth=25.0, columns=512)}
    first = {"subjects": list(SUBJECTS), "actions": [ACTIONS[0]], "frames": 1}
    assert simulate(SimConfig(**first, modalities=["wifi-csi", "lidar"], **coarse), root).read == 40
    for simulated in sorted(root.glob(f"E*/S*/{ACTIONS[0]}")):
        stored = loadmat(simulated / "wifi-csi" / "frame001.mat")
        for action in ACTIONS[1:]:
            other = shutil.copytree(simulated, simulated.with_name(action))
            noisy = stored["CSIamp"] + rng.normal(scale=0.5, size=stored["CSIamp"].shape)  # dB
            savemat(other / "wifi-csi" / "frame001.mat", {"CSIamp": noisy, "CSIphase": stored["CSIphase"]})
    return root


@pytest.fixture(scope="session")
def prepared(every_sequence, tmp_path_factory):
    """Makes the cache of a configuration with the command that the file itself tells, once."""
    folder, made = tmp_path_factory.mktemp("caches"), {}

    def cache(path):
        if path.name not in made:
            told = path.read_text(encoding="utf-8").split("\n# csi2pc prepare MMFI ")[1].splitlines()[0]
            given = ["--config", f"configs/{path.name}", "--data.cache_file", "null", "--out"]
            assert told.split() == [*given, f"data/{path.stem}.h5"]
            given[1], file = str(path), folder / f"{path.stem}.h5"
            few = ["--data.target.max_points", "48", "--prepare.subcarriers", "[-58,-20,20,58]"]
            few += ["--model.subcarriers", "4", "--workers", "2"]
            assert main(["prepare", str(every_sequence), *given, str(file), *few]) == 0
            made[path.name] = file
        return made[path.name]

    return cache


def tiny(config, root, cache):
    """Few tones, few points and a small network; data and split as they stand."""
    target = replace(config.data.target, max_points=48)
    small = {"subcarriers": 4, "points": 24, "width": 16, "heads": 2, "feedforward": 32}
    return replace(
        config,
        data=replace(config.data, root=str(root), cache_file=str(cache), target=target),
        prepare=replace(config.prepare, subcarriers=[-58, -20, 20, 58]),
        model=replace(config.model, encoder_layers=1, decoder_layers=1, **small),
    )


def run_mmfi(path, tmp_path, request):
    whole, root = load_config(path), request.getfixturevalue("every_sequence")
    assert Path(whole.data.cache_file).stem == Path(whole.out).name == path.stem
    config = tiny(short(whole, tmp_path / "run"), root, request.getfixturevalue("prepared")(path))
    splits = open_data(config.data, config.prepare)
    training, test = SPLITS[path.name]
    assert len(splits.train.sequences) + len(splits.validation.sequences) == training
    assert len(splits.test.sequences) == test
    run = train(config, splits=splits)
    assert read_metrics(run)[0]["validation/chamfer_l1"] > 0
    summary = evaluate(run.path, splits=splits)
    assert summary.frames == test
    assert summary.score("chamfer_l1", "model").mean > 0


def run_compare_mmfi(path, tmp_path, request):
    """Every planned run is as the split's own file has it but for the loss; two of them are done end to end."""
    whole = load_config(path, CompareConfig)
    own = {name: load_config(CONFIGS / f"mmfi_{name}.yaml") for name in whole.datasets}
    for run in planned_runs(whole, CONFIGS):
        assert Criterion(run.config.loss).terms
        training = replace(own[run.dataset].training, seed=run.seed)
        assert run.config == replace(own[run.dataset], out="", loss=run.config.loss, training=training)
    base, root = CONFIGS / whole.base, request.getfixturevalue("every_sequence")
    cache = request.getfixturevalue("prepared")(base)
    save_config(tiny(short(load_config(base), ""), root, cache), tmp_path / "base.yaml")
    two = {name: whole.variants[name] for name in (whole.reference, "dcd")}
    data = {"cross_subject": {**whole.datasets["cross_subject"], "data.cache_file": str(cache)}}
    brief = {"variants": two, "datasets": data, "seeds": [0], "search": SearchConfig(), "resamples": 1000}
    summary = compare(replace(whole, out=str(tmp_path / "out"), base="base.yaml", **brief), tmp_path)
    assert (summary.planned, summary.done, summary.reference) == (2, 2, whole.reference)
    assert summary.groups == {"cross_subject": 8}  # people
    assert summary.score("cross_subject", "dcd", "chamfer_l1").frames == 216


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
    **dict.fromkeys(SPLITS, run_mmfi),
    "compare_mmfi.yaml": run_compare_mmfi,
    **{f"sim_{preset}.yaml": run_simulation for preset in ("tiny", "default", "hard")},
}


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*")), ids=lambda path: path.name)
def test_every_shipped_configuration_runs(path, tmp_path, request):
    assert path.name in RUNNERS, f"{path.name} is not run by any test: add a runner for it"
    RUNNERS[path.name](path, tmp_path, request)
