"""Time and peak memory of every loss and path, beside a plain transcription of the published APML.

    python benchmarks/losses.py                       # all sizes and batches, then the targets
    python benchmarks/losses.py --sizes 1200 --batches 8 --no-targets
    python benchmarks/losses.py --targets-only
    python benchmarks/losses.py --quick

One thread, forward and backward. The losses of one size take turns, and the best of their turns counts, so that
ratios hold on a machine that has other things to do. Memory is the growth of the process's resident peak, each case
in a process of its own. The transcription (``tests/oracles.py``) is left out where it would need over 4 GB.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
import warnings
from functools import partial
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]

from oracles import apml_transcription, pair_of_clouds  # noqa: E402

from csi2pc.losses import LOSSES, Convergence, apml  # noqa: E402

REFERENCE = "apml transcription"

#: Name, loss, the largest cloud (N = M) and the most points of a batch with which it is run: beyond, it takes minutes
#: or gigabytes. All of them run eight clouds of 1200.
CASES = {
    REFERENCE: (apml_transcription, 8192, 32768),
    "apml official": (partial(apml, variant="official"), 8192, 32768),
    "apml sparse_official": (partial(apml, variant="sparse_official"), 4096, 4096),
    "apml dense": (partial(apml, path="dense"), 8192, 32768),
    "apml blocked": (partial(apml, path="blocked"), 2048, 2048),
    "apml sparse": (partial(apml, path="sparse"), 32768, 262144),
    "apml blocked, 2 rounds": (partial(apml, path="blocked", max_rounds=2), 0, 0),  # for its memory alone
    "chamfer_l1": (LOSSES["chamfer_l1"], 32768, 262144),
    "chamfer_l2": (LOSSES["chamfer_l2"], 32768, 262144),
    "hyper_cd": (LOSSES["hyper_cd"], 32768, 262144),
    "info_cd": (LOSSES["info_cd"], 32768, 262144),
    "dcd": (LOSSES["dcd"], 32768, 262144),
    "emd": (LOSSES["emd"], 4096, 4096),
    "sinkhorn": (LOSSES["sinkhorn"], 4096, 4096),
    "sliced_wasserstein": (LOSSES["sliced_wasserstein"], 32768, 32768),
}


def clouds(name: str, n: int, batch: int) -> tuple[torch.Tensor, torch.Tensor]:
    pairs = [pair_of_clouds(name, n, n, seed) for seed in range(batch)]
    return torch.stack([x for x, _ in pairs]).requires_grad_(), torch.stack([y for _, y in pairs])


def seconds(loss, pred, target) -> tuple[float, float]:
    """Of forward and backward together, and of backward."""
    start = time.perf_counter()
    value = loss(pred, target).mean()
    middle = time.perf_counter()
    torch.autograd.grad(value, pred)
    end = time.perf_counter()
    return end - start, end - middle


def times(cases: dict, pair: tuple[torch.Tensor, torch.Tensor], turns: int) -> dict[str, tuple[float, float]]:
    """Best time of each loss over some turns; losses slower than 5 s have one turn."""
    pred, target = pair
    best: dict[str, tuple[float, float]] = {}
    for turn in range(turns):
        for key, loss in cases.items():
            if turn == 0 or best[key][0] < 5:
                best[key] = min(best.get(key, (float("inf"), 0.0)), seconds(loss, pred, target))
    return best


def peak_megabytes(case: str, name: str, n: int, batch: int) -> float:
    """Growth of the resident peak while the case runs, in a process of its own."""
    command = [sys.executable, __file__, "--peak", case, name, str(n), str(batch)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(answer.stdout)


def print_own_peak(case: str, name: str, n: int, batch: int) -> None:
    loss, *_ = CASES[case]
    pred, target = clouds(name, n, batch)
    seconds(loss, *clouds(name, 64, 1))  # what is loaded at first use is not the loss's
    before = resident_peak()
    seconds(loss, pred, target)
    print(json.dumps(resident_peak() - before))


def resident_peak() -> float:
    """Megabytes this process has held at most; NaN where there is no /proc. getrusage would count its parent's, too."""
    status = Path("/proc/self/status")
    if not status.exists():
        return float("nan")
    lines = status.read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def print_table(name: str, n: int, batch: int, turns: int) -> None:
    fits = 5 * 4 * n * n * batch < 4e9  # about five matrices of floats
    cases = {
        key: loss for key, (loss, most, total) in CASES.items() if n <= most and (n <= 1200 or n * batch <= total)
    }
    if not fits:
        cases.pop(REFERENCE, None)
    measured = times(cases, clouds(name, n, batch), turns)
    memory = {key: peak_megabytes(key, name, n, batch) for key in cases}
    print(f"\n{name}, N = M = {n}, batch {batch}")
    print(f"{'loss':22}{'ms':>10}{'ratio':>9}{'backward':>10}{'peak MB':>10}{'ratio':>9}")
    for key, (total, backward) in measured.items():
        faster = lighter = "-"
        if REFERENCE in measured:
            faster = f"{measured[REFERENCE][0] / total:.2f}"
            lighter = f"{memory[REFERENCE] / max(memory[key], 0.1):.1f}"
        row = f"{key:22}{1000 * total:10.1f}{faster:>9}{backward / total:>10.1%}{memory[key]:10.1f}{lighter:>9}"
        print(row, flush=True)


def print_targets(turns: int) -> None:
    print("\ntargets (ratios to the transcription, one thread, forward + backward)")
    print("  goal: what this library set out to reach: times faster, share of the memory")
    cases = {REFERENCE: apml_transcription, "official": partial(apml, variant="official"), "default": apml}
    for name in ("near", "mid", "iid", "clumped", "blob"):
        measured = times(cases, clouds(name, 1200, 8), turns)
        faster = {key: measured[REFERENCE][0] / measured[key][0] for key in cases}
        print(f"  {name:8} N = M = 1200, B = 8: official {faster['official']:.1f} times faster (goal 4), "
              f"default {faster['default']:.1f} times (goal 1)", flush=True)  # fmt: skip
    full = peak_megabytes(REFERENCE, "mid", 8192, 1)
    for case in ("apml sparse", "apml blocked, 2 rounds"):
        part = peak_megabytes(case, "mid", 8192, 1)
        print(f"  N = M = 8192: {case} peaks at {part:.0f} MB, 1/{full / part:.0f} of {full:.0f} MB (goal 1/8)")
    print_large(turns)
    print_emd(turns)


def print_large(turns: int) -> None:
    """The sparse path beside a KD-tree Chamfer, both on the same pairs, from converged to far from it."""
    print("\nN = M = 32768, sparse path: times the time of a KD-tree Chamfer (goal 10)")
    cases = {"chamfer": LOSSES["chamfer_l1"], "sparse": partial(apml, path="sparse")}
    for name in (0.2, 0.5, 1.0, "near", "mid", "iid", "clumped", "blob"):
        pair = clouds(name, 32768, 1) if isinstance(name, str) else _near_in_spacings(32768, name)
        measured = times(cases, pair, 3 * turns)
        reached: list[Convergence] = []
        apml(*pair, path="sparse", convergence=reached)
        label = name if isinstance(name, str) else f"prediction off by {name} of the points' spacing"
        chamfer, sparse = (measured[key][0] for key in cases)
        print(f"  {label:45}{sparse / chamfer:6.1f}   ({1000 * sparse:.0f} ms to {1000 * chamfer:.0f} ms; "
              f"{reached[0].rounds} rounds, error {reached[0].error:.1%})", flush=True)  # fmt: skip


def print_emd(turns: int) -> None:
    print("\nexact EMD: times the time of the default APML")
    for name in ("near", "mid", "iid", "clumped", "blob"):
        row = []
        for n in (256, 1200, 2048, 4096):
            measured = times({"emd": LOSSES["emd"], "apml": apml}, clouds(name, n, 1), turns)
            row.append(f"{measured['emd'][0] / measured['apml'][0]:8.2f} ({1000 * measured['emd'][0]:.0f} ms)")
        print(f"  {name:8}" + "".join(f"{cell:>22}" for cell in row), flush=True)


def _near_in_spacings(n: int, share: float) -> tuple[torch.Tensor, torch.Tensor]:
    _, target = pair_of_clouds("iid", n, n)
    spacing = (4 * torch.pi / n) ** 0.5
    noise = torch.randn(n, 3, generator=torch.Generator().manual_seed(1))
    return (target + share * spacing * noise)[None].requires_grad_(), target[None]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 1200, 4096, 8192, 32768])
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--clouds", default="near", help="which pairs of tests/oracles.py")
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--no-targets", action="store_true")
    parser.add_argument("--targets-only", action="store_true")
    parser.add_argument("--quick", action="store_true", help="one small size, to see that it runs")
    parser.add_argument("--peak", nargs=4, metavar=("CASE", "CLOUDS", "N", "BATCH"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # plans that miss their marginals are not what is measured here
    if options.peak:
        case, name, n, batch = options.peak
        return print_own_peak(case, name, int(n), int(batch))
    if options.quick:
        CASES.update({key: (loss, 64, 64) for key, (loss, *_) in CASES.items() if key not in (REFERENCE, "apml dense")})
        return print_table(options.clouds, 128, 1, turns=1)
    if not options.targets_only:
        for n in options.sizes:
            for batch in options.batches:
                print_table(options.clouds, n, batch, options.turns)
    if not options.no_targets:
        print_targets(options.turns)


if __name__ == "__main__":
    main()
