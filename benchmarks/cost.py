"""What a run was predicted to take, beside what it took: time, memory and disk of small runs, each in its own process.

    python benchmarks/cost.py                         # a simulated tree in MM-Fi's layout, several losses and sizes
    python benchmarks/cost.py --epochs 20             # longer runs

A ratio is measured / predicted. The last lines say what an evaluation's figures take, which the prediction holds for
the same in every run. On a machine that has other things to do, times are as unsteady as its load.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from csi2pc.config import OptimiserConfig, RunConfig, TrainingConfig
from csi2pc.csi.prepare import PrepareConfig
from csi2pc.data.dataset import DataConfig, open_data
from csi2pc.data.targets import TargetConfig
from csi2pc.engine.cost import predict_cost
from csi2pc.engine.draw import draw
from csi2pc.engine.evaluate import evaluate
from csi2pc.engine.probe import peak_memory
from csi2pc.engine.run_folder import read_metrics
from csi2pc.engine.train import train
from csi2pc.evaluation.settings import EvaluationConfig
from csi2pc.losses.criterion import TermConfig
from csi2pc.models.csi2pc import CSI2PCConfig
from csi2pc.sim import SimConfig, simulate
from csi2pc.sim.lidar import LidarConfig

TONES = [-58, -48, -38, -28, -18, -8, 8, 18, 28, 38, 48, 58]
#: Name of a case -> the loss, the network's width, its points, and whether frames stay in memory.
CASES = {
    "chamfer_l1": (TermConfig("chamfer_l1"), 32, 128, "auto"),
    "chamfer_l1, wide": (TermConfig("chamfer_l1"), 128, 128, "auto"),
    "chamfer_l1, raw files": (TermConfig("chamfer_l1"), 32, 128, "none"),
    "apml official": (TermConfig("apml", options={"variant": "official"}), 32, 128, "auto"),
    "apml": (TermConfig("apml"), 32, 128, "auto"),
    "apml, more points": (TermConfig("apml"), 32, 256, "auto"),
    "sinkhorn": (TermConfig("sinkhorn"), 32, 128, "auto"),
    "emd": (TermConfig("emd"), 32, 128, "auto"),
}
#: Unit of each quantity, and how many of it as stored make one.
UNITS = {"training": ("s", 1.0), "evaluation": ("s", 1.0), "memory": ("MB", 1e6), "disk": ("MB", 1e6)}


def case(name: str, data: Path, out: Path, epochs: int) -> RunConfig:
    """The configuration of one case."""
    loss, width, points, cache = CASES[name]
    target = TargetConfig(sensors=["lidar"], max_points=points)
    network = {"width": width, "feedforward": 4 * width, "encoder_layers": 2, "decoder_layers": 2}
    return RunConfig(
        out=str(out),
        data=DataConfig(root=str(data), split="S2", target=target, cache=cache),
        prepare=PrepareConfig(subcarriers=TONES),
        model=CSI2PCConfig(subcarriers=len(TONES), points=points, **network),
        loss=[loss],
        optimiser=OptimiserConfig(warmup_steps=20),
        training=TrainingConfig(epochs=epochs, batch_size=16, accelerator="cpu"),
        evaluation=EvaluationConfig(constant_steps=50),
    )


def measure(config: RunConfig) -> dict[str, dict[str, float]]:
    """Predict, then train and evaluate: both answers, and what the figures take of the second."""
    torch.set_num_threads(1)
    splits = open_data(config.data, config.prepare)
    predicted = predict_cost(config, splits)
    run = train(config, splits=splits)
    start = time.perf_counter()
    evaluate(run.path, splits=splits)
    seconds, memory = time.perf_counter() - start, peak_memory() or 0
    start = time.perf_counter()
    draw(run.evaluation)
    drawing = time.perf_counter() - start
    sizes = {path: path.stat().st_size for path in run.path.rglob("*") if path.is_file()}
    drawn = sum(size for path, size in sizes.items() if path.suffix == ".png" or path.name == "examples.npz")
    return {
        "predicted": {
            "training": predicted.seconds_training,
            "evaluation": predicted.seconds_evaluation,
            "memory": predicted.memory_bytes or 0,
            "disk": predicted.disk_bytes,
        },
        "measured": {
            "training": read_metrics(run)[-1]["seconds"],
            "evaluation": seconds,
            "memory": memory,
            "disk": sum(sizes.values()),
        },
        "figures": {"seconds": drawing, "bytes": drawn},
    }


def in_own_process(name: str, data: Path, out: Path, epochs: int) -> dict[str, dict[str, float]]:
    """:func:`measure`, where no other case has used memory before."""
    command = [sys.executable, __file__, "--epochs", str(epochs), "--case", name, str(data), str(out)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def compare(folder: Path, epochs: int) -> None:
    """Print a line a case, the worst ratios, and the figures."""
    data = folder / "data"
    subjects, actions = [f"S{number:02d}" for number in range(1, 11)], ["A02", "A13", "A19"]
    lidar = LidarConfig(azimuth=25.0)
    simulate(
        SimConfig(subjects=subjects, actions=actions, frames=8, modalities=["wifi-csi", "lidar"], lidar=lidar), data
    )
    print(f"{'predicted, measured':24s}" + "".join(f"{f'{what} {UNITS[what][0]}':>28s}" for what in UNITS), flush=True)
    ratios: dict[str, list[float]] = {what: [] for what in UNITS}
    figures = []
    for number, name in enumerate(CASES):
        found = in_own_process(name, data, folder / str(number), epochs)
        cells = []
        for what, (_, unit) in UNITS.items():
            predicted, measured = (found[kind][what] for kind in ("predicted", "measured"))
            ratios[what].append(measured / predicted)
            cells.append(f"{predicted / unit:10.3g} {measured / unit:10.3g} {measured / predicted:6.2f}")
        figures.append(found["figures"])
        print(f"{name:24s}" + "".join(f"{cell:>28s}" for cell in cells), flush=True)
    print("\nratios: " + ", ".join(f"{what} {min(of):.2f} to {max(of):.2f}" for what, of in ratios.items()))
    seconds, sizes = ([figure[key] for figure in figures] for key in ("seconds", "bytes"))
    print(f"figures: {min(seconds):.1f} to {max(seconds):.1f} s, {min(sizes) / 1e3:.0f} to {max(sizes) / 1e3:.0f} kB")


def main() -> None:
    """Run what the module's docstring says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=3, help="of each run (default: %(default)s)")
    parser.add_argument("--case", nargs=3, metavar=("NAME", "DATA", "OUT"), help="one case alone, as JSON")
    given = parser.parse_args()
    if given.case:
        name, data, out = given.case
        print(json.dumps(measure(case(name, Path(data), Path(out), given.epochs))))
        return
    with tempfile.TemporaryDirectory() as name:
        compare(Path(name), given.epochs)


if __name__ == "__main__":
    main()
