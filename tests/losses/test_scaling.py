from __future__ import annotations

import pytest
import torch

from csi2pc.losses.scaling import _newton_step, scale
from csi2pc.losses.sinkhorn import GibbsKernel


def problem(n: int, m: int, spread: float, seed: int = 0) -> tuple:
    generator = torch.Generator().manual_seed(seed)
    log_kernel = -spread * torch.rand(n, m, generator=generator, dtype=torch.float64)
    a, b = (torch.rand(k, generator=generator, dtype=torch.float64) + 0.1 for k in (n, m))
    return log_kernel, a / a.sum(), b / b.sum()


@pytest.mark.parametrize("n, m", [(1, 1), (1, 7), (7, 1), (20, 30)])
@pytest.mark.parametrize("spread", [0.1, 10, 1000, 1e5])
def test_reaches_its_marginals(n, m, spread):
    log_kernel, a, b = problem(n, m, spread)
    scaling = scale(GibbsKernel(log_kernel), a, b, tolerance=1e-3, max_rounds=100_000)
    plan = (log_kernel + scaling.f[:, None] + scaling.g).exp()
    error = max((plan.sum(1) / a - 1).abs().max(), (plan.sum(0) / b - 1).abs().max())
    assert scaling.error <= 1e-3
    assert error == pytest.approx(scaling.error, abs=1e-4)


def test_agrees_with_plain_iteration_on_logarithms():
    log_kernel, a, b = problem(12, 15, 8)
    f, g = torch.zeros_like(a), torch.zeros_like(b)
    for _ in range(2000):
        f = a.log() - (log_kernel + g).logsumexp(1)
        g = b.log() - (log_kernel + f[:, None]).logsumexp(0)
    scaling = scale(GibbsKernel(log_kernel), a, b, tolerance=1e-9, max_rounds=5000)
    plain, fast = ((log_kernel + u[:, None] + v).exp() for u, v in ((f, g), (scaling.f, scaling.g)))
    torch.testing.assert_close(fast, plain, rtol=1e-6, atol=1e-12)


def test_stops_at_the_cap_and_tells_the_error():
    log_kernel, a, b = problem(20, 30, 1000)
    scaling = scale(GibbsKernel(log_kernel), a, b, tolerance=1e-12, max_rounds=7)
    assert scaling.rounds <= 8
    assert scaling.error > 1e-12


def test_patience_gives_up_on_an_impossible_problem():
    log_kernel = torch.full((2, 2), -1e9, dtype=torch.float64).fill_diagonal_(0.0)
    a, b = torch.tensor([0.9, 0.1], dtype=torch.float64), torch.tensor([0.1, 0.9], dtype=torch.float64)
    scaling = scale(GibbsKernel(log_kernel), a, b, tolerance=0.01, max_rounds=10_000, patience=20)
    assert scaling.rounds < 2000


def test_float32_does_not_overflow_on_a_steep_kernel():
    log_kernel, a, b = (t.float() for t in problem(50, 50, 3000))
    scaling = scale(GibbsKernel(log_kernel), a, b, tolerance=0.02, max_rounds=2000)
    plan = (log_kernel + scaling.f[:, None] + scaling.g).exp()
    assert plan.isfinite().all() and plan.sum() == pytest.approx(1, abs=0.05)


def test_carries_mass_far_in_few_rounds():
    """Along a chain whose links reach one step, mass goes from one end to the other: rounds alone take a thousand."""
    n = 100
    position = torch.arange(n, dtype=torch.float64)
    apart = (position[:, None] - position).abs()
    log_kernel = torch.where(apart <= 1, -2 * apart, -1e3)
    a = 1 + 0.02 * (position / n - 0.5)
    b = a.flip(0)
    scaling = scale(GibbsKernel(log_kernel), a / a.sum(), b / b.sum(), tolerance=1e-3, max_rounds=100_000)
    assert scaling.error <= 1e-3 and scaling.rounds < 500


@pytest.mark.parametrize("spread", [1, 30, 300])
def test_a_newton_step_raises_the_dual_objective(spread):
    log_kernel, a, b = problem(30, 40, spread)
    g = torch.zeros_like(b)
    f = a.log() - (log_kernel + g).logsumexp(1)
    plan = GibbsKernel(log_kernel).plan(f, g)
    u, v, error, _ = _newton_step(plan, torch.ones_like(a), torch.ones_like(b), a, b, 40)
    scaled = u[:, None] * plan.matrix * v
    torch.testing.assert_close(scaled.sum(1), a)
    assert error == pytest.approx((scaled.sum(0) / b - 1).abs().max().item())
    assert a.dot(u.log()) + b.dot(v.log()) > 0
