"""Every file in configs/ is run, made short but otherwise as it stands."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from csi2pc.cli import main
from csi2pc.config import load_config, save_config
from csi2pc.data.dataset import open_data
from csi2pc.data.mmfi import ACTIONS, SUBJECTS
from csi2pc.engine.compare import compare
from csi2pc.engine.compare_config import CompareConfig, SearchConfig, planned_runs
from csi2pc.engine.demo import demo
from csi2pc.engine.evaluate import evaluate
from csi2pc.engine.jobs import Outcome
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
    """All 1,080 sequences of MM-Fi, a frame each, simulated coarsely."""
    root = tmp_path_factory.mktemp("mmfi")
    coarse = {"body": BodyConfig(subdivisions=0), "lidar": LidarConfig(azimuth=25.0, columns=128)}
    everything = {"subjects": list(SUBJECTS), "actions": list(ACTIONS), "frames": 1}
    assert simulate(SimConfig(**everything, modalities=["wifi-csi", "lidar"], **coarse), root).read == 1080
    return root


@pytest.fixture(scope="session")
def prepared(every_sequence, tmp_path_factory):
    """The cache of the comparison's base, made with the command that its file tells."""
    path, file = CONFIGS / "mmfi_cross_subject.yaml", tmp_path_factory.mktemp("caches") / "mmfi_cross_subject.h5"
    given = told_prepare(path)
    few = ["--data.target.max_points", "16", "--prepare.subcarriers", "[-58,-20,20,58]", "--model.subcarriers", "4"]
    given = [*given[:1], str(path), *given[2:-1], str(file), *few, "--workers", "0"]
    assert main(["prepare", str(every_sequence), *given]) == 0
    return file


def told_prepare(path):
    """Arguments of ``csi2pc prepare MMFI`` in the file's header, once they are what they should be."""
    told = path.read_text(encoding="utf-8").split("\n# csi2pc prepare MMFI ")[1].splitlines()[0].split()
    given = ["--config", f"configs/{path.name}", "--data.cache_file", "null", "--out", f"data/{path.stem}.h5"]
    assert told == given
    return told


def tiny(config, root, cache):
    """Few tones, few points, a small network and no processes; split and all else as they stand. Without a cache, the
    files are read in place and not verified."""
    target = replace(config.data.target, max_points=16)
    small = {"subcarriers": 4, "points": 8, "width": 16, "heads": 2, "feedforward": 32}
    return replace(
        config,
        data=replace(config.data, root=str(root), cache_file=cache, verify=bool(cache), target=target),
        prepare=replace(config.prepare, subcarriers=[-58, -20, 20, 58]),
        model=replace(config.model, encoder_layers=1, decoder_layers=1, **small),
        training=replace(config.training, workers=0),
        evaluation=replace(config.evaluation, workers=0),
    )


def run_mmfi(path, tmp_path, request):
    """From a cache and up to the evaluation for one split; the others, which differ in nothing else, are trained."""
    told_prepare(path)
    first = path.stem == "mmfi_cross_subject"
    whole, root = load_config(path), request.getfixturevalue("every_sequence")
    assert Path(whole.data.cache_file).stem == Path(whole.out).name == path.stem
    cache = str(request.getfixturevalue("prepared")) if first else ""
    config = tiny(short(whole, tmp_path / "run"), root, cache)
    splits = open_data(config.data, config.prepare)
    training, test = SPLITS[path.name]
    assert len(splits.train.sequences) + len(splits.validation.sequences) == training
    assert len(splits.test.sequences) == test
    run = train(config, splits=splits)
    assert read_metrics(run)[0]["validation/chamfer_l1"] > 0
    if first:
        summary = evaluate(run.path, splits=splits)
        assert summary.frames == test
        assert summary.score("chamfer_l1", "model").mean > 0


def in_this_process(jobs, *, workers, environments, description):
    """Stands in for processes, each of which takes seconds to start."""
    for job in jobs:
        assert [main(command[3:]) for command in job.commands] == [0] * len(job.commands)
        yield Outcome(job, 1.0, "")


def size_of(whole, own):
    """What a comparison on MM-Fi comes to, in the words of its header; frames of an epoch as in the runs' files."""
    each = len(whole.variants) * len(whole.datasets)
    runs, searched = each * len(whole.seeds), each * len(whole.search.learning_rates)
    (length,) = {config.training.epochs for config in own.values()}
    (batch,) = {config.training.batch_size for config in own.values()}
    epochs, steps = runs * length + searched * whole.search.epochs, 0
    for name in own:
        text = (CONFIGS / f"mmfi_{name}.yaml").read_text(encoding="utf-8")
        frames = int(re.search(r"epochs: \d+ +# of ([\d,]+) frames", text)[1].replace(",", ""))
        steps += epochs // len(own) * -(-frames // batch)
    sizes = f"{len(whole.variants)} losses, {len(whole.datasets)} splits"
    return (
        f"{runs} runs of {length} epochs ({sizes}, {len(whole.seeds)} seeds), and before them, for the learning rates, "
        f"{searched} of {whole.search.epochs} epochs ({sizes}, {len(whole.search.learning_rates)} rates). That is "
        f"{epochs:,} epochs, {steps:,} steps of {batch} frames, and {runs} evaluations."
    )


def run_compare_mmfi(path, tmp_path, request):
    """Every planned run is as the split's own file has it but for the loss; two of them are done end to end."""
    whole = load_config(path, CompareConfig)
    own = {name: load_config(CONFIGS / f"mmfi_{name}.yaml") for name in whole.datasets}
    for run in planned_runs(whole, CONFIGS):
        assert Criterion(run.config.loss).terms
        training = replace(own[run.dataset].training, seed=run.seed)
        assert run.config == replace(own[run.dataset], out="", loss=run.config.loss, training=training)
    told = " ".join(line.lstrip("# ") for line in path.read_text(encoding="utf-8").split("out:")[0].splitlines())
    assert size_of(whole, own) in told
    base, root = CONFIGS / whole.base, request.getfixturevalue("every_sequence")
    cache = str(request.getfixturevalue("prepared"))
    request.getfixturevalue("monkeypatch").setattr("csi2pc.engine.compare.run_jobs", in_this_process)
    save_config(tiny(short(load_config(base), ""), root, cache), tmp_path / "base.yaml")
    two = {name: whole.variants[name] for name in (whole.reference, "dcd")}
    data = {"cross_subject": {**whole.datasets["cross_subject"], "data.cache_file": cache}}
    brief = {"variants": two, "datasets": data, "seeds": [0], "search": SearchConfig(), "resamples": 1000}
    summary = compare(replace(whole, out=str(tmp_path / "out"), base="base.yaml", **brief), tmp_path)
    assert (summary.planned, summary.done, summary.reference) == (2, 2, whole.reference)
    assert summary.groups == {"cross_subject": 8}  # people
    assert summary.score("cross_subject", "dcd", "chamfer_l1").frames == 216


def run_compare_losses(path, tmp_path, request):
    """Every planned run is the base but for its loss; two of them are done end to end on a little of the benchmark."""
    whole, base = load_config(path, CompareConfig), load_config(CONFIGS / "compare_losses_base.yaml")
    (changes,) = whole.datasets.values()
    for run in planned_runs(whole, CONFIGS):
        assert Criterion(run.config.loss).terms
        assert run.config.model == base.model and run.config.data.cache_file == changes["data.cache_file"]
    request.getfixturevalue("monkeypatch").setattr("csi2pc.engine.compare.run_jobs", in_this_process)
    little(tmp_path / "data")
    save_config(short(replace(base, data=replace(base.data, root=str(tmp_path / "data"))), ""), tmp_path / "base.yaml")
    brief = {"datasets": {"little": {}}, "seeds": [0], "search": SearchConfig(), "resamples": 1000}
    two = {name: whole.variants[name] for name in (whole.reference, "emd")}
    summary = compare(replace(whole, out=str(tmp_path / "out"), base="base.yaml", variants=two, **brief), tmp_path)
    assert (summary.planned, summary.done) == (2, 2)


def run_compare_losses_base(path, tmp_path, request):
    little(tmp_path / "data")
    config = short(load_config(path), tmp_path / "run")
    run = train(replace(config, data=replace(config.data, root=str(tmp_path / "data"))))
    assert read_metrics(run)[0]["validation/chamfer_l1"] > 0


def little(root):
    """A little of the standard benchmark: one person to test on, three to train on."""
    whole = load_config(CONFIGS / "sim_default.yaml", SimConfig)
    simulate(replace(whole, subjects=["S01", "S02", "S03", "S05"], actions=["A02", "A13"], frames=2), root)


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
    "compare_losses.yaml": run_compare_losses,
    "compare_losses_base.yaml": run_compare_losses_base,
    **{f"sim_{preset}.yaml": run_simulation for preset in ("tiny", "default", "hard")},
}


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*")), ids=lambda path: path.name)
def test_every_shipped_configuration_runs(path, tmp_path, request):
    assert path.name in RUNNERS, f"{path.name} is not run by any test: add a runner for it"
    RUNNERS[path.name](path, tmp_path, request)
