"""How near each APML is to exact transport, what p_min trades, and the faults of published code, in numbers.

    python benchmarks/losses_accuracy.py
    python benchmarks/losses_accuracy.py --quick

Pairs of clouds on the unit sphere (``pair_of_clouds`` in ``tests/oracles.py``); metres.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]

from oracles import PAIRS, pair_of_clouds  # noqa: E402

from csi2pc.losses import apml, chamfer_l1, dcd, emd, hyper_cd, info_cd  # noqa: E402
from csi2pc.losses.apml_kernel import MatrixKernel, MatrixPlan  # noqa: E402
from csi2pc.losses.apml_neighbours import scale_on_neighbours  # noqa: E402
from csi2pc.losses.apml_published import official_plan  # noqa: E402
from csi2pc.losses.scaling import scale  # noqa: E402

TOLERANCE = 0.02


def pair(name: str, n: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    return tuple(cloud[None] for cloud in pair_of_clouds(name, n, n, seed))


def with_gradient(loss, pred, target, **options) -> tuple[float, torch.Tensor]:
    pred = pred.clone().requires_grad_()
    value = loss(pred, target, **options).sum()
    return value.item(), torch.autograd.grad(value, pred)[0].flatten()


def excess(value: float, exact: float) -> str:
    return f"{value / exact - 1:+.1%}"


def print_closeness(sizes: list[int], seeds: int) -> None:
    print(f"APML against exact EMD, mean of {seeds} pairs each: the default, its worst pair, rounds, marginal error;")
    print("the sparse path; the published codes")
    header = ("EMD m", "default", "worst", "rounds", "error", "sparse", "official", "sparse_off.")
    print(f"{'N = M':>6} {'pair':9}" + "".join(f"{name:>12}" for name in header))
    for n in sizes:
        for name in PAIRS:
            rows = []
            for seed in range(seeds):
                pred, target = pair(name, n, seed)
                exact, reached = emd(pred, target).item(), []
                values = [
                    apml(pred, target, convergence=reached).item(),
                    apml(pred, target, path="sparse").item(),
                    apml(pred, target, variant="official").item() / n,
                    apml(pred, target, variant="sparse_official").item() / n,
                ]
                rows.append([exact, *(v / exact - 1 for v in values), reached[0].rounds, reached[0].error])
            exact, ours, sparse, official, sparse_official, rounds, error = torch.tensor(rows).mean(0).tolist()
            worst = max(row[1] for row in rows)
            print(f"{n:6} {name:9}{exact:12.4f}{ours:>+12.1%}{worst:>+12.1%}{rounds:12.0f}{error:>12.1%}"
                  f"{sparse:>+12.1%}{official:>+12.1%}{sparse_official:>+12.1%}", flush=True)  # fmt: skip


def print_sparse(sizes: list[int]) -> None:
    """Plans are compared by their L1 distance, 0 to 2. That of two dense plans tells what the tolerance alone makes."""
    print("\nsparse path against dense, one pair each: loss, L1 distance of the plans, cosine of the gradients,")
    print("neighbours held in the end (0: all pairs); L1 distance of dense from dense at a tolerance of 0.01 %;")
    print("knots: 40 points each share a place within a micrometre")
    print(f"{'N = M':>6} {'pair':9}" + "".join(f"{name:>10}" for name in ("loss", "L1", "cosine", "held", "dense L1")))
    for n in sizes:
        for name in (*PAIRS, "knots"):
            pred, target = knots(n) if name == "knots" else pair(name, n, 0)
            reached = []
            dense, dense_gradient = with_gradient(apml, pred, target, path="dense")
            sparse, gradient = with_gradient(apml, pred, target, path="sparse", convergence=reached)
            cosine = torch.cosine_similarity(gradient, dense_gradient, 0).item()
            full = dense_plan(pred[0], target[0], TOLERANCE)
            apart = (sparse_plan(pred[0], target[0]) - full).abs().sum()
            slack = (dense_plan(pred[0], target[0], 1e-4) - full).abs().sum()
            print(f"{n:6} {name:9}{excess(sparse, dense):>10}{apart:10.3f}{cosine:10.3f}{reached[0].neighbours:10}"
                  f"{slack:10.3f}", flush=True)  # fmt: skip


def knots(n: int) -> tuple[torch.Tensor, torch.Tensor]:
    """A target of places that up to 40 points share within about a micrometre; a prediction 10 cm off."""
    _, places = pair("iid", -(-n // 40), 0)
    noise = torch.randn(2, n, 3, generator=torch.Generator().manual_seed(0))
    target = places.repeat_interleave(40, 1)[:, :n] + 1e-6 * noise[:1]
    return target + 0.1 * noise[1:], target


def dense_plan(x: torch.Tensor, y: torch.Tensor, tolerance: float) -> torch.Tensor:
    uniform = torch.full((len(x),), 1 / len(x))
    kernel = MatrixKernel(x, y, 0.8, keep=True)
    scaling = scale(kernel, uniform, uniform, tolerance=tolerance, max_rounds=5000)
    return kernel.plan(scaling.f, scaling.g).matrix


def sparse_plan(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The plan of the sparse path as a matrix; the clouds hold no copies."""
    uniform = torch.full((len(x),), 1 / len(x))
    options = {"p_min": 0.8, "neighbours": 8, "tolerance": TOLERANCE, "max_rounds": 1000}
    plan = scale_on_neighbours(x, y, uniform, uniform, **options)[0].plan
    if isinstance(plan, MatrixPlan):
        return plan.matrix
    return torch.zeros(len(x), len(y)).index_put_((plan.kernel.rows, plan.kernel.columns), plan.values)


def print_p_min(n: int) -> None:
    print(f"\nsharpness against rounds, N = M = {n}: excess over EMD (rounds)")
    print("  p_min      " + "".join(f"{name:>16}" for name in PAIRS[1:5]))
    for p_min in (0.3, 0.8, 0.99, 1 - 1e-6, 1 - 1e-12):
        cells = []
        for name in PAIRS[1:5]:
            pred, target = pair(name, n, 0)
            reached = []
            value = apml(pred, target, p_min=p_min, max_rounds=5000, convergence=reached).item()
            cells.append(f"{excess(value, emd(pred, target).item())} ({reached[0].rounds})")
        print(f"  1 - {1 - p_min:<7.1g}" + "".join(f"{cell:>16}" for cell in cells), flush=True)


def print_faults(n: int) -> None:
    print(f"\nmeasured differences to published code, N = M = {n}")
    _, target = pair("iid", n, 0)
    doubled = target[:, : n // 2].repeat_interleave(2, 1)
    ours, theirs = (apml(doubled, doubled, variant=v).item() for v in ("default", "official"))
    print(f"  ties: a perfect prediction of doubled points: official {theirs / n:.3f}, default {ours:.5f}")
    perfect = apml(target, target).item()
    print(f"  at equality (no doubled points): default {perfect:.5f}")
    pred, target = pair("near", n, 0)
    for offset in (3.0, 10.0):
        moved = [apml(pred + offset, target + offset, variant=v).item() for v in ("official", "default")]
        still = [apml(pred, target, variant=v).item() for v in ("official", "default")]
        official, ours = (excess(there, here) for there, here in zip(moved, still, strict=True))
        print(f"  distances: near clouds moved {offset:g} m along each axis: official {official}, default {ours}")
    pred, target = pair("clumped", n, 0)
    sums = official_plan(pred[0], target[0], 0.8)[1].sum(1)
    print(f"  one-to-one: row sums of the official plan, clumped: {sums.min():.2f} to {sums.max():.2f}")
    for threshold in (1e-10, 1e-4):
        pruned = apml(pred, target, variant="sparse_official", threshold=threshold).item()
        full = apml(pred, target, variant="official").item()
        print(f"  sparse_official at threshold {threshold:g}, clumped: {excess(pruned, full)} against official")
    pred, target = pair("mid", n, 0)
    _, by_info = with_gradient(info_cd, pred, target, variant="released")
    _, by_chamfer = with_gradient(chamfer_l1, pred, target)
    cosine = torch.cosine_similarity(by_info.double(), by_chamfer.double(), 0).item()
    print(f"  InfoCD released against CD-L1: cosine of the gradients {cosine:.6f}")
    close = target + torch.tensor([0.003, 0.0, 0.0])
    for variant in ("released", "default"):
        value, gradient = with_gradient(hyper_cd, close, target, variant=variant)
        print(f"  HyperCD {variant}, 3 mm off: value {value:.5f}, gradient norm {gradient.norm():.5f}")
    few = target[:, : n // 9]
    many = few.repeat_interleave(9, 1)
    for variant in ("released", "paper"):
        value = dcd(few, many, variant=variant, count_power=0.5).item()
        print(f"  DCD {variant}, each point against nine copies, power 0.5: {value:+.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 300, 1200])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="small clouds, to see that it runs")
    options = parser.parse_args()
    if options.quick:
        options.sizes, options.seeds = [40], 1
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    print_closeness(options.sizes, options.seeds)
    print_sparse(options.sizes[-1:] if options.quick else [1200, 4096])
    print_p_min(options.sizes[-1])
    print_faults(options.sizes[-1])


if __name__ == "__main__":
    main()
