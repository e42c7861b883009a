from __future__ import annotations

import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch
from oracles import apml_default, apml_plan, apml_sparse_transcription, apml_transcription, pair_of_clouds

from csi2pc.errors import ConfigError
from csi2pc.losses import apml, apml_neighbours, emd

HARD = ("mid", "iid", "clumped", "blob")


def relative(a: torch.Tensor, b: torch.Tensor) -> float:
    return ((a - b).norm() / b.norm()).item()


def with_gradient(loss, pred, target, **options):
    pred = pred.clone().requires_grad_()
    value = loss(pred, target, **options)
    return value.detach(), torch.autograd.grad(value.sum(), pred)[0]


def one_pair(name, n, m, seed=0):
    return tuple(cloud[None] for cloud in pair_of_clouds(name, n, m, seed))


def test_official_equals_the_values_of_the_official_code(reference):
    with np.load(reference / "apml_official_dense.npz", allow_pickle=False) as values:
        cases = sorted({key.split("/")[0] for key in values})
        assert len(cases) == 12
        for case in cases:
            pred, target, loss, gradient = (
                torch.from_numpy(values[f"{case}/{key}"]) for key in ("pred", "target", "loss", "grad_pred")
            )
            ours, our_gradient = with_gradient(lambda *a, **k: apml(*a, **k).mean(), pred, target, variant="official")
            assert abs(ours / loss - 1) < 1e-5, case
            # cdist multiplies matrices, which processors round differently: 1.5e-5 between two of them on a blob
            assert relative(our_gradient, gradient) < 1e-4, case


@pytest.mark.parametrize("name", ["near", "mid", "iid", "clumped", "blob", "far"])
@pytest.mark.parametrize("n, m", [(20, 20), (2, 30), (120, 90), (90, 120)])
@pytest.mark.parametrize("offset", [0.0, 3.0, 10.0])
def test_official_equals_a_transcription(name, n, m, offset):
    pred, target = one_pair(name, n, m, seed=n)
    target[:, 1] = target[:, 0]  # a tie
    pred, target = pred + offset, target + offset
    ours, gradient = with_gradient(apml, pred, target, variant="official")
    theirs, their_gradient = with_gradient(apml_transcription, pred, target)
    assert abs(ours / theirs - 1) < 1e-4
    # 10 m off the origin cdist's matrix product cancels all but a few digits, and processors differ in which
    assert relative(gradient, their_gradient) < (1e-4 if offset < 10 else 3e-4)


@pytest.mark.parametrize("name", ["mid", "clumped", "blob"])
@pytest.mark.parametrize("threshold", [1e-10, 1e-3])
def test_sparse_official_equals_a_transcription(name, threshold):
    pred, target = pair_of_clouds(name, 15, 12)
    ours = apml(pred[None], target[None], variant="sparse_official", threshold=threshold).item()
    assert ours == pytest.approx(apml_sparse_transcription(pred, target, 0.8, threshold), rel=2e-4)


@pytest.mark.parametrize("name", ["near", "mid", "iid", "clumped"])
@pytest.mark.parametrize("n, m", [(12, 12), (9, 14)])
def test_default_equals_slow_loops_when_converged(name, n, m):
    pred, target = (cloud.double() for cloud in one_pair(name, n, m))
    ours = apml(pred, target, tolerance=1e-9, max_rounds=20000).item()
    assert ours == pytest.approx(apml_default(pred[0], target[0]), rel=1e-6)


def test_default_gradient_is_that_of_the_plan_held_fixed():
    pred, target = (cloud.double() for cloud in one_pair("mid", 11, 13))
    plan = apml_plan(pred[0], target[0], np.full(11, 1 / 11), np.full(13, 1 / 13), 0.8)
    _, gradient = with_gradient(apml, pred, target, tolerance=1e-9, max_rounds=20000)

    def held(x):
        return (torch.from_numpy(plan) * (x[0][:, None] - target[0]).square().sum(-1).sqrt()).sum()[None]

    _, expected = with_gradient(lambda x, y: held(x), pred, target)
    assert relative(gradient, expected) < 1e-6


@pytest.mark.parametrize("name", HARD)
@pytest.mark.parametrize("seed", range(3))
def test_default_is_close_to_exact_transport(name, seed):
    pred, target = one_pair(name, 400, 400, seed)
    reached = []
    ratio = (apml(pred, target, convergence=reached) / emd(pred, target)).item()
    assert 1 - 0.02 < ratio < 1.15
    assert reached[0].error <= 0.02 and reached[0].path == "dense"


def test_official_undercharges_clumping():
    pred, target = one_pair("clumped", 400, 400)
    exact = emd(pred, target)
    assert apml(pred, target, variant="official") / 400 < 0.7 * exact
    assert apml(pred, target) > exact


def test_doubled_points_are_shared_between_not_smeared():
    _, target = one_pair("iid", 60, 60)
    target = target.repeat_interleave(2, 1)
    assert apml(target, target).item() < 0.02
    assert apml(target, target, variant="official").item() / 120 > 0.1


def test_sharper_p_min_is_closer_to_exact_transport():
    pred, target = one_pair("mid", 200, 200)
    exact = emd(pred, target).item()
    excess = [apml(pred, target, p_min=p, tolerance=1e-3, max_rounds=5000).item() - exact for p in (0.5, 0.8, 0.99)]
    assert excess[0] > excess[1] > excess[2] > -1e-3 * exact


@pytest.mark.parametrize("name", ["near", "iid", "clumped", "blob"])
@pytest.mark.parametrize("n, m", [(500, 500), (400, 530)])
def test_blocked_equals_dense(name, n, m):
    pred, target = one_pair(name, n, m)
    dense, dense_gradient = with_gradient(apml, pred, target, path="dense")
    blocked, blocked_gradient = with_gradient(apml, pred, target, path="blocked")
    assert abs(blocked / dense - 1) < 1e-5
    assert relative(blocked_gradient, dense_gradient) < 1e-4


@pytest.mark.parametrize("name, value, direction", [("near", 1e-3, 0.999), ("mid", 0.05, 0.9), ("iid", 0.08, 0.7),
                                                    ("clumped", 0.1, 0.6), ("blob", 0.05, 0.5)])  # fmt: skip
def test_sparse_is_near_dense_and_meets_its_marginals(name, value, direction):
    pred, target = one_pair(name, 1000, 1000)
    dense, dense_gradient = with_gradient(apml, pred, target)
    reached = []
    sparse, gradient = with_gradient(apml, pred, target, path="sparse", convergence=reached)
    assert reached[0].error <= 0.02 and reached[0].path == "sparse"
    assert abs(sparse / dense - 1) < value
    assert torch.cosine_similarity(gradient.flatten(), dense_gradient.flatten(), 0) > direction


def sphere(n: int, seed: int = 0) -> tuple[torch.Tensor, torch.Generator]:
    generator = torch.Generator().manual_seed(seed)
    return torch.nn.functional.normalize(torch.randn(n, 3, generator=generator), dim=1), generator


def repeated_pair(copies: int, noise: float, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    points, generator = sphere(1200 // copies, seed)
    target = points.repeat_interleave(copies, 0)
    return (target + noise * torch.randn(1200, 3, generator=generator))[None], target[None]


@pytest.mark.parametrize("copies, noise", [(10, 0.02), (20, 0.1), (40, 0.02)])
@pytest.mark.parametrize("seed", range(2))
def test_sparse_is_near_dense_on_repeated_points(copies, noise, seed):
    pred, target = repeated_pair(copies, noise, seed)
    reached = []
    sparse = apml(pred, target, path="sparse", convergence=reached)
    assert reached[0].error <= 0.02
    torch.testing.assert_close(sparse, apml(pred, target, path="dense"), rtol=0.02, atol=0)


@pytest.mark.parametrize("copies", [40, 100, 1200])
@pytest.mark.parametrize("all_pairs_fit", [True, False])
def test_sparse_merges_more_copies_than_neighbours_are_held(copies, all_pairs_fit, monkeypatch):
    monkeypatch.setattr(apml_neighbours, "DENSE_PAIRS", 10**7 if all_pairs_fit else 10**4)
    points, generator = sphere(1200)
    repeated = torch.cat([points[copies:], points[:1].expand(copies, 3)])
    cluttered = repeated + (0.01 if copies < 1200 else 0) * torch.randn(1200, 3, generator=generator)
    pred, target = (cluttered, repeated) if copies < 1200 else (repeated, points)
    reached = []
    sparse = apml(pred[None], target[None], path="sparse", convergence=reached)
    assert reached[0].error <= 0.02
    torch.testing.assert_close(sparse, apml(pred[None], target[None], path="dense"), rtol=0.02, atol=0)


@pytest.mark.parametrize("weighted", [False, True])
def test_merged_copies_have_the_loss_and_gradient_of_the_copies(weighted):
    """All pairs, once between all copies and once between merged places: the same, with a gradient for every copy."""
    generator = torch.Generator().manual_seed(5)
    pred, target = (cloud.double() for cloud in one_pair("iid", 30, 24))
    pred = pred[:, torch.randint(30, (50,), generator=generator)]
    target = target[:, torch.randint(24, (45,), generator=generator)]
    options = {"tolerance": 1e-9, "max_rounds": 20000}
    if weighted:
        options["pred_weights"], options["target_weights"] = (
            torch.rand(1, k, generator=generator, dtype=torch.float64) + 0.1 for k in (50, 45)
        )
    copies, copies_gradient = with_gradient(apml, pred, target, path="dense", **options)
    merged, merged_gradient = with_gradient(apml, pred, target, path="sparse", neighbours=40, **options)
    torch.testing.assert_close(merged, copies, rtol=1e-7, atol=0)
    torch.testing.assert_close(merged_gradient, copies_gradient, rtol=0, atol=1e-8)


@pytest.mark.parametrize("path", ["dense", "blocked", "sparse"])
def test_warns_of_missed_marginals_once_for_a_line_that_is_run_often(path):
    pred, target = one_pair("clumped", 300, 300)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(3):
            apml(pred, target, path=path, max_rounds=3)
        apml(pred, target, path=path)
    assert [warning.filename for warning in caught] == [__file__]
    assert "misses its marginals" in str(caught[0].message)


def test_sparse_keeps_its_error_where_all_pairs_do_not_fit(monkeypatch):
    monkeypatch.setattr(apml_neighbours, "DENSE_PAIRS", 1000)
    points, generator = sphere(400)
    collapsed = 1e-3 * torch.randn(1, 400, 3, generator=generator)
    reached = []
    with pytest.warns(UserWarning, match="misses its marginals"):
        apml(collapsed, points[None], path="sparse", max_rounds=10, convergence=reached)
    assert reached[0].neighbours == 32 and reached[0].error > 0.02


def test_unequal_sizes_have_their_own_marginals():
    _, target = one_pair("iid", 50, 50)
    # Each point twice on one side: the same cloud, so no cost beyond the softmin's spread.
    assert apml(target.repeat_interleave(2, 1), target).item() == pytest.approx(apml(target, target).item(), abs=0.01)


def test_translated_clouds():
    _, target = one_pair("iid", 300, 300)
    shift = torch.tensor([3.0, 4.0, 0.0])
    assert apml(target + shift, target).item() == pytest.approx(5, rel=0.02)


def test_backward_keeps_no_matrix():
    pred, target = one_pair("mid", 300, 300)
    held = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: held.append(t.numel()) or t, lambda t: t):
        apml(pred.requires_grad_(), target).sum()
    assert max(held, default=0) <= 900


def test_options_that_do_not_go_together():
    points = torch.randn(1, 5, 3)
    with pytest.raises(ConfigError, match="'official' knows no weights"):
        apml(points, points, variant="official", pred_weights=torch.ones(1, 5))
    with pytest.raises(ConfigError, match="leave out path and detach_plan"):
        apml(points, points, variant="sparse_official", path="sparse")
    with pytest.raises(ConfigError, match="needs the dense path; got path='blocked'"):
        apml(points, points, path="blocked", detach_plan=False)
    with pytest.raises(ConfigError, match="variant must be one of 'default', 'official', 'sparse_official'; got 'x'"):
        apml(points, points, variant="x")


def test_importing_the_losses_loads_nothing_heavy():
    script = (
        "import sys, csi2pc.losses; "
        "print([m for m in ('scipy', 'matplotlib', 'h5py', 'lightning_fabric', 'jsonargparse', 'rich')"
        " if m in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
