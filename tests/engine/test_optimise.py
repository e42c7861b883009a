import pytest
import torch
from torch import nn

from csi2pc.config import OptimiserConfig
from csi2pc.engine.optimise import build_optimiser, learning_rate, load_optimiser_tensors, optimiser_tensors
from csi2pc.errors import CheckpointError


def test_learning_rate_rises_then_falls_to_a_hundredth():
    config = OptimiserConfig(learning_rate=1.0, warmup_steps=10)
    rates = [learning_rate(step, config=config, steps=100) for step in range(100)]
    assert rates[0] == pytest.approx(0.1) and max(rates) == rates[9] == rates[10] == 1.0
    assert all(a >= b for a, b in zip(rates[10:], rates[11:], strict=False))
    assert 0.01 <= rates[-1] < 0.02


def test_constant_schedule_stays():
    config = OptimiserConfig(learning_rate=0.5, warmup_steps=0, schedule="constant")
    assert {learning_rate(step, config=config, steps=10) for step in range(10)} == {0.5}


@pytest.mark.parametrize("name", ["adamw", "nadam"])
def test_state_put_back_goes_on_exactly(name):
    def run(steps, model, optimiser):
        for step in range(steps):
            optimiser.zero_grad()
            model(torch.full((4, 3), float(step + 1))).square().mean().backward()
            optimiser.step()

    config = OptimiserConfig(name=name, learning_rate=0.01)
    model = nn.Linear(3, 2)
    optimiser = build_optimiser(model, config)
    run(3, model, optimiser)
    copy = nn.Linear(3, 2)
    copy.load_state_dict(model.state_dict())
    other = build_optimiser(copy, config)
    load_optimiser_tensors(other, optimiser_tensors(optimiser))
    run(3, model, optimiser)
    run(3, copy, other)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), copy.parameters(), strict=True))


def test_state_of_another_model_is_refused():
    model = nn.Linear(3, 2)
    optimiser = build_optimiser(model, OptimiserConfig())
    model(torch.ones(1, 3)).sum().backward()
    optimiser.step()
    tensors = optimiser_tensors(optimiser)
    with pytest.raises(CheckpointError, match="optimiser state"):
        load_optimiser_tensors(build_optimiser(nn.Linear(4, 2), OptimiserConfig()), tensors)


def test_only_matrices_decay():
    model = nn.Sequential(nn.Linear(3, 3), nn.LayerNorm(3))
    decayed, kept = (group["params"] for group in build_optimiser(model, OptimiserConfig()).param_groups)
    assert [p.ndim for p in decayed] == [2] and {p.ndim for p in kept} == {1}
