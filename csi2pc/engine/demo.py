"""The whole path in a few minutes without a download: simulate, train, evaluate, infer."""

from __future__ import annotations

import os
import sysconfig
import time
from dataclasses import replace
from pathlib import Path

from ..config import RunConfig, load_config
from ..data.dataset import open_data
from ..errors import ConfigError
from ..evaluation.statistics import Summary
from ..evaluation.summary import table, words
from ..progress import console
from ..sim import SimConfig, simulate
from .evaluate import evaluate
from .infer import infer
from .run_folder import RunFolder
from .train import train


def demo(out: str | Path, *, simulation: SimConfig | None = None, config: RunConfig | None = None) -> Summary:
    """Simulate a small data set, train CSI2PC on it, evaluate it against the blind baselines, and infer.

    Called again with the same folder it goes on where it was stopped.

    Args:
        out: folder to write: ``data`` (MM-Fi's layout), ``run`` (configuration, checkpoints, evaluation) and
            ``inference`` (clouds of one held-out capture).
        simulation, config: other settings than ``configs/sim_tiny.yaml`` and ``configs/demo.yaml``.

    Returns:
        the evaluation's summary, which is also printed.
    """
    started = time.monotonic()
    out = Path(out)
    simulation = simulation or load_config(shipped_config("sim_tiny.yaml"), SimConfig)
    config = config or load_config(shipped_config("demo.yaml"))
    config = replace(config, out=str(out / "run"), data=replace(config.data, root=str(out / "data")))

    console.print("[bold]1/4 simulate[/] (synthetic data, in MM-Fi's layout)")
    report = simulate(simulation, out / "data", workers=os.cpu_count() or 1)
    console.print(report.summary())
    console.print("[bold]2/4 train[/]")
    splits = open_data(config.data, config.prepare)
    run = train(config, resume=RunFolder(out / "run").config.exists(), splits=splits)
    console.print("[bold]3/4 evaluate[/] on held-out sequences")
    summary = evaluate(run.path, splits=splits)
    console.print("[bold]4/4 infer[/] from one held-out capture")
    capture = out / "data" / splits.test.sequences[0] / "wifi-csi"
    done = infer(run.path, [capture], out / "inference")[0]
    console.print(f"{done.clouds} clouds in {done.folder}")

    console.print(table(summary))
    for sentence in words(summary):
        console.print(f"- {sentence}")
    console.print(f"everything is in {out}; {time.monotonic() - started:.0f} s in all")
    return summary


def shipped_config(name: str) -> Path:
    """A file of ``configs/``: in the checkout, or where an installation without one puts it.

    Raises:
        ConfigError: it is in neither place.
    """
    places = [Path(__file__).parents[2] / "configs", Path(sysconfig.get_path("data")) / "share" / "csi2pc" / "configs"]
    for place in places:
        if (place / name).is_file():
            return place / name
    raise ConfigError(f"no shipped configuration {name}; looked in {places[0]} and {places[1]}")
