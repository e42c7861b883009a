"""What a loss does to free points: they are moved by Adam from four starts, under each loss, and judged at the end.

    python benchmarks/optimise_points.py                     # table, and docs/figures/optimise_points.png
    python benchmarks/optimise_points.py --quick --out FOLDER

Two budgets: the same number of steps, and the same seconds of processor time (as many steps as fit). The target is a
person-sized capsule figure; the starts are ``blob`` (1 cm at the centroid), ``clumped`` (half the points in one hand),
``random`` (a box around the figure) and ``near`` (the figure plus 3 cm of noise). The learning rate, 1 cm, decays to 0
as a cosine over the budget; Adam makes it independent of the scale of a loss. Judged by exact EMD, CD-L1, F-score at
2 cm and coverage, the share of target points that are the nearest of some prediction.
"""

from __future__ import annotations

import argparse
import math
import time
from functools import partial
from pathlib import Path

import torch

from csi2pc.losses import LOSSES, apml, dcd, hyper_cd, info_cd
from csi2pc.ops.neighbours import nearest

FIGURES = Path(__file__).resolve().parents[1] / "docs" / "figures"
STARTS = ("blob", "clumped", "random", "near")
RUNS = {
    "apml": apml,
    "apml official": partial(apml, variant="official"),
    "chamfer_l1": LOSSES["chamfer_l1"],
    "chamfer_l2": LOSSES["chamfer_l2"],
    "hyper_cd": hyper_cd,
    "info_cd": info_cd,
    "dcd (alpha 1000)": dcd,
    "dcd (alpha 20)": partial(dcd, alpha=20.0),
    "emd": LOSSES["emd"],
    "sinkhorn": LOSSES["sinkhorn"],
    "sliced_wasserstein": LOSSES["sliced_wasserstein"],
}
LEARNING_RATE = 0.01

#: Bones of the figure: two ends in metres (y down) and a radius.
BONES = (
    ((0, -0.75, 0), (0, -0.65, 0), 0.10), ((0, -0.45, 0), (0, 0.05, 0), 0.16),
    ((-0.2, -0.45, 0), (-0.55, -0.35, 0.1), 0.05), ((-0.55, -0.35, 0.1), (-0.6, -0.65, 0.2), 0.04),
    ((0.2, -0.45, 0), (0.35, -0.15, 0), 0.05), ((0.35, -0.15, 0), (0.3, 0.1, 0.15), 0.04),
    ((-0.1, 0.1, 0), (-0.12, 0.85, 0), 0.07), ((0.1, 0.1, 0), (0.2, 0.85, 0.1), 0.07),
)  # fmt: skip


def figure(count: int, generator: torch.Generator) -> torch.Tensor:
    """``(count, 3)`` points on the bones' surfaces, as many on each as its area asks for."""
    ends = torch.tensor([bone[:2] for bone in BONES], dtype=torch.float32)  # (bones, 2, 3)
    radius = torch.tensor([bone[2] for bone in BONES])
    area = radius * ((ends[:, 1] - ends[:, 0]).norm(dim=1) + 2 * radius)
    bone = torch.multinomial(area, count, replacement=True, generator=generator)
    along = torch.rand(count, 1, generator=generator)
    axis = ends[bone, 0] * (1 - along) + ends[bone, 1] * along
    around = torch.nn.functional.normalize(torch.randn(count, 3, generator=generator), dim=1)
    return axis + around * radius[bone, None]


def start(name: str, target: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    noise = torch.randn(len(target), 3, generator=generator)
    if name == "blob":
        return target.mean(0) + 0.01 * noise
    low, high = target.amin(0), target.amax(0)
    scattered = low + (high - low) * torch.rand(len(target), 3, generator=generator)
    if name == "random":
        return scattered
    if name == "near":
        return target + 0.03 * noise
    hand = torch.tensor(BONES[3][1])
    half = len(target) // 2
    return torch.cat([hand + 0.05 * noise[:half], scattered[half:]])


def optimise(loss, points: torch.Tensor, target: torch.Tensor, *, steps: int, seconds: float) -> tuple:
    """Points after ``steps`` steps or ``seconds`` of processor time, whichever ends first; steps taken, time spent."""
    points = points.clone().requires_grad_()
    optimiser = torch.optim.Adam([points], lr=LEARNING_RATE)
    begin, step, done = time.process_time(), 0, 0.0
    while done < 1:
        optimiser.param_groups[0]["lr"] = LEARNING_RATE * (1 + math.cos(math.pi * done)) / 2
        optimiser.zero_grad()
        loss(points[None], target[None]).sum().backward()
        optimiser.step()
        step += 1
        done = max(step / steps, (time.process_time() - begin) / seconds)
    return points.detach(), step, time.process_time() - begin


def judge(points: torch.Tensor, target: torch.Tensor) -> dict[str, float]:
    """EMD and CD-L1 in centimetres, F-score at 2 cm and coverage in percent."""
    forth, back = nearest(points, target)[:, 0], nearest(target, points)[:, 0]
    precision = ((points - target[forth]).norm(dim=1) < 0.02).float().mean().item()
    recall = ((target - points[back]).norm(dim=1) < 0.02).float().mean().item()
    return {
        "EMD cm": 100 * LOSSES["emd"](points[None], target[None]).item(),
        "CD-L1 cm": 100 * LOSSES["chamfer_l1"](points[None], target[None]).item(),
        "F 2cm %": 100 * 2 * precision * recall / max(precision + recall, 1e-9),
        "cover %": 100 * len(forth.unique()) / len(target),
    }


def run(points: int, steps: int, seconds: float, seeds: int, budget: str) -> dict:
    """Mean over seeds: (loss, start) to measures, and the last seed's clouds."""
    results, clouds = {}, {}
    print(f"\n{budget}: {points} points, mean of {seeds} seeds")
    names = ("EMD cm", "CD-L1 cm", "F 2cm %", "cover %", "steps", "s")
    print(f"{'loss':20}{'start':9}" + "".join(f"{name:>10}" for name in names))
    for name, loss in RUNS.items():
        for begin in STARTS:
            rows = []
            for seed in range(seeds):
                generator = torch.Generator().manual_seed(seed)
                target = figure(points, generator)
                moved, taken, spent = optimise(
                    loss, start(begin, target, generator), target, steps=steps, seconds=seconds
                )
                rows.append(judge(moved, target) | {"steps": taken, "s": spent})
            results[name, begin] = {key: sum(row[key] for row in rows) / seeds for key in names}
            clouds[name, begin] = (moved, target)
            values = "".join(f"{results[name, begin][key]:10.2f}" for key in names)
            print(f"{name:20}{begin:9}{values}", flush=True)
    return {"results": results, "clouds": clouds}


def draw(by_steps: dict, by_seconds: dict, path: Path) -> None:
    """Bars of final EMD for both budgets, and the clouds that came out of the clumped start."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure_, axes = plt.subplots(2, 1, figsize=(12, 7.5), layout="constrained", sharex=True)
    colours = plt.get_cmap("viridis")([0.1, 0.4, 0.65, 0.9])
    for axis, outcome, title in zip(axes, (by_steps, by_seconds), ("same steps", "same seconds"), strict=True):
        for k, begin in enumerate(STARTS):
            heights = [max(outcome["results"][name, begin]["EMD cm"], 1e-3) for name in RUNS]
            axis.bar([i + 0.2 * (k - 1.5) for i in range(len(RUNS))], heights, 0.19, label=begin, color=colours[k])
        axis.set(yscale="log", ylabel="final exact EMD, cm", title=f"{title}; 0.001 cm stands for anything less")
        axis.grid(axis="y", alpha=0.3)
    figure_.legend(*axes[0].get_legend_handles_labels(), title="start", ncols=4, loc="outside upper right")
    axes[1].set_xticks(range(len(RUNS)), [name.replace(" ", "\n", 1).replace("_", "_\n") for name in RUNS], fontsize=9)
    figure_.savefig(path / "optimise_points.png", dpi=110)
    columns = math.ceil(len(RUNS) / 2)
    figure_, axes = plt.subplots(2, columns, figsize=(2.1 * columns, 7.4), layout="constrained")
    for axis in axes.flat[len(RUNS) :]:
        axis.set_axis_off()
    for axis, name in zip(axes.flat, RUNS, strict=False):
        moved, target = by_steps["clouds"][name, "clumped"]
        axis.scatter(*target[:, :2].t(), s=3, color="0.8")
        axis.scatter(*moved[:, :2].t(), s=2, color="tab:blue")
        emd = by_steps["results"][name, "clumped"]["EMD cm"]
        axis.set(title=f"{name}\nEMD {emd:.1f} cm", aspect="equal", xticks=[], yticks=[])
        axis.title.set_fontsize(9)
        axis.invert_yaxis()
    figure_.suptitle("points (blue) that started half in one hand, after the same number of steps; target grey")
    figure_.savefig(path / "optimise_clumped.png", dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=256)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--out", type=Path, default=FIGURES)
    parser.add_argument("--quick", action="store_true", help="few points and steps, to see that it runs")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.quick:
        options.points, options.steps, options.seconds, options.seeds = 24, 4, 0.02, 1
    options.out.mkdir(parents=True, exist_ok=True)
    by_steps = run(options.points, options.steps, math.inf, options.seeds, f"{options.steps} steps")
    by_seconds = run(options.points, 10**9, options.seconds, options.seeds, f"{options.seconds} seconds")
    draw(by_steps, by_seconds, options.out)


if __name__ == "__main__":
    main()
