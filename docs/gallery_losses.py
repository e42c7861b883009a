"""Draws what each loss matches with what, on one pair of clouds: docs/figures/gallery_losses.png.

    python docs/gallery_losses.py
    python docs/gallery_losses.py --quick --out FOLDER

The target is a figure standing with its arms out; the prediction has half of its points crowded where one hand is.
A line joins two points as darkly as mass or pull goes between them. For losses of nearest neighbours both directions
are drawn, since both pull.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import torch
from torch import Tensor

from csi2pc.losses import LOSSES, apml
from csi2pc.losses.apml_kernel import MatrixKernel
from csi2pc.losses.apml_published import official_plan, sparse_official_plan
from csi2pc.losses.criterion import options_of
from csi2pc.losses.emd import optimal_plan
from csi2pc.losses.scaling import scale
from csi2pc.losses.sinkhorn import GibbsKernel
from csi2pc.losses.sliced_wasserstein import spiral
from csi2pc.ops.distances import pairwise_distances
from csi2pc.ops.neighbours import nearest

FIGURES = Path(__file__).resolve().parent / "figures"
APML, SINKHORN = options_of("apml"), options_of("sinkhorn")


def crowded_pair(count: int) -> tuple[Tensor, Tensor]:
    """A prediction and a target, ``(count, 3)`` each, flat (z = 0), metres, y down."""
    generator = torch.Generator().manual_seed(3)
    share = torch.tensor([0.12, 0.3, 0.14, 0.14, 0.15, 0.15])
    ends = torch.tensor(
        [[[0, -0.8], [0, -0.7]], [[0, -0.55], [0, 0.0]], [[-0.1, -0.5], [-0.65, -0.55]], [[0.1, -0.5], [0.65, -0.4]],
         [[-0.08, 0.05], [-0.15, 0.8]], [[0.08, 0.05], [0.2, 0.8]]]
    )  # fmt: skip
    limb = torch.multinomial(share, count, replacement=True, generator=generator)
    along = torch.rand(count, 1, generator=generator)
    target = ends[limb, 0] * (1 - along) + ends[limb, 1] * along
    target = target + 0.04 * torch.randn(count, 2, generator=generator)
    pred = target + 0.05 * torch.randn(count, 2, generator=generator)
    crowd = torch.randperm(count, generator=generator)[: count // 2]
    pred[crowd] = torch.tensor([0.62, -0.42]) + 0.06 * torch.randn(len(crowd), 2, generator=generator)
    flat = torch.zeros(count, 1)
    return torch.cat([pred, flat], 1), torch.cat([target, flat], 1)


def nearest_plan(x: Tensor, y: Tensor) -> Tensor:
    """Half of every point's weight to its nearest, in both directions."""
    plan = torch.zeros(len(x), len(y))
    plan[torch.arange(len(x)), nearest(x, y)[:, 0]] += 0.5 / len(x)
    plan[nearest(y, x)[:, 0], torch.arange(len(y))] += 0.5 / len(y)
    return plan


def density_plan(x: Tensor, y: Tensor, alpha: float) -> Tensor:
    """DCD's pull: that of the nearest, damped by distance and by how many others pull at the same point."""
    plan = torch.zeros(len(x), len(y))
    for here, there, entries in ((x, y, plan), (y, x, plan.t())):
        index = nearest(here, there)[:, 0]
        crowd = torch.bincount(index, minlength=len(there))[index]
        distance = (here - there[index]).norm(dim=1)
        entries[torch.arange(len(here)), index] += (-alpha * distance.square()).exp() / crowd / len(here) / 2
    return plan


def converged_plan(x: Tensor, y: Tensor) -> Tensor:
    uniform = torch.full((len(x),), 1 / len(x))
    kernel = MatrixKernel(x, y, APML["p_min"], keep=True)
    scaling = scale(kernel, uniform, uniform, tolerance=APML["tolerance"], max_rounds=APML["max_rounds"])
    return kernel.plan(scaling.f, scaling.g).matrix


def entropic_plan(x: Tensor, y: Tensor) -> Tensor:
    uniform = torch.full((len(x),), 1 / len(x))
    kernel = GibbsKernel(pairwise_distances(x, y) / -SINKHORN["blur"])
    scaling = scale(kernel, uniform, uniform, tolerance=SINKHORN["tolerance"], max_rounds=SINKHORN["max_rounds"])
    return kernel.plan(scaling.f, scaling.g).matrix


def sliced_plan(x: Tensor, y: Tensor) -> Tensor:
    """Average over lines of which point meets which in the order along the line."""
    plan, directions = torch.zeros(len(x), len(y)), options_of("sliced_wasserstein")["directions"]
    for line in spiral(directions).float():
        plan[(x @ line).argsort(), (y @ line).argsort()] += 1 / len(x) / directions
    return plan


def plans(x: Tensor, y: Tensor) -> dict[str, Tensor]:
    uniform = torch.full((len(x),), 1 / len(x))
    return {
        "apml (default)": converged_plan(x, y),
        "apml official": official_plan(x, y, APML["p_min"])[1] / len(y),
        "apml sparse_official": sparse_official_plan(x, y, APML["p_min"], APML["threshold"])[1] / len(y),
        "emd": optimal_plan(pairwise_distances(x, y), uniform, uniform),
        f"sinkhorn (blur {100 * SINKHORN['blur']:g} cm)": entropic_plan(x, y),
        "sliced_wasserstein": sliced_plan(x, y),
        "chamfer, hyper_cd, info_cd": nearest_plan(x, y),
        "dcd (alpha 20)": density_plan(x, y, 20.0),
    }


def draw(axis, x: Tensor, y: Tensor, plan: Tensor, title: str) -> None:
    strongest = plan.max().item()
    for i, j in (plan > 0.03 * strongest).nonzero().tolist():
        alpha = min(1.0, 0.9 * plan[i, j].item() / strongest + 0.03)
        axis.plot([x[i, 0], y[j, 0]], [x[i, 1], y[j, 1]], color="tab:red", alpha=alpha, lw=0.7, zorder=1)
    axis.scatter(*y[:, :2].t(), s=9, color="0.55", zorder=2, label="target")
    axis.scatter(*x[:, :2].t(), s=7, color="tab:blue", zorder=3, label="prediction")
    given = plan.sum(1) * len(x)
    axis.set_title(f"{title}\nmass used per predicted point: {given.min():.2f} to {given.max():.2f}", fontsize=9)
    axis.set(aspect="equal", xticks=[], yticks=[])
    axis.invert_yaxis()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=FIGURES)
    parser.add_argument("--quick", action="store_true", help="few points, to see that it runs")
    options = parser.parse_args()
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    x, y = crowded_pair(16 if options.quick else 120)
    drawn = plans(x, y)
    figure, axes = plt.subplots(2, math.ceil(len(drawn) / 2), figsize=(14, 8), layout="constrained")
    for axis, (title, plan) in zip(axes.flat, drawn.items(), strict=True):
        draw(axis, x, y, plan, title)
    axes[0, 0].legend(loc="lower left", fontsize=8)
    exact, ours = LOSSES["emd"](x[None], y[None]).item(), apml(x[None], y[None]).item()
    figure.suptitle(f"who is matched with whom; exact EMD {exact:.3f} m, apml {ours:.3f} m")
    options.out.mkdir(parents=True, exist_ok=True)
    figure.savefig(options.out / "gallery_losses.png", dpi=100)


if __name__ == "__main__":
    main()
