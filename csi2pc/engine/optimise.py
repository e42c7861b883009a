"""Optimiser, learning rate, and the optimiser's state as plain named tensors."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from ..config import OptimiserConfig
from ..errors import CheckpointError

#: The cosine schedule ends at this share of the peak learning rate.
FINAL_SHARE = 0.01


def build_optimiser(model: nn.Module, config: OptimiserConfig) -> torch.optim.Optimizer:
    """AdamW or NAdam with weight decay on matrices only, not on biases, norms, embeddings and queries."""
    kept, decayed = [], []
    for name, parameter in model.named_parameters():
        plain = parameter.ndim < 2 or "embedding" in name or name == "queries"
        (kept if plain else decayed).append(parameter)
    groups = [{"params": decayed, "weight_decay": config.weight_decay}, {"params": kept, "weight_decay": 0.0}]
    if config.name == "nadam":
        return torch.optim.NAdam(groups, lr=config.learning_rate, decoupled_weight_decay=True)
    return torch.optim.AdamW(groups, lr=config.learning_rate)


def learning_rate(step: int, *, config: OptimiserConfig, steps: int) -> float:
    """Learning rate of one step (from 0) of a run of ``steps``: linear warm-up, then cosine or constant."""
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    if config.schedule == "constant":
        return config.learning_rate
    done = (step - config.warmup_steps) / max(1, steps - config.warmup_steps)
    share = FINAL_SHARE + (1 - FINAL_SHARE) * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
    return config.learning_rate * share


def optimiser_tensors(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimiser's state, ``"<number of parameter>.<quantity>"`` to tensor."""
    state = optimiser.state_dict()["state"]
    return {f"{number}.{key}": torch.as_tensor(value) for number, of in state.items() for key, value in of.items()}


def load_optimiser_tensors(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Put back what :func:`optimiser_tensors` gave.

    Raises:
        CheckpointError: the tensors belong to another model or optimiser.
    """
    if not tensors:  # saved before the first step that the gradient scaler did not leave out
        return
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        number, _, key = name.partition(".")
        state.setdefault(int(number), {})[key] = value.clone()
    parameters = [p for group in optimiser.param_groups for p in group["params"]]
    fits = set(state) == set(range(len(parameters))) and all(
        value.ndim == 0 or value.shape == parameters[number].shape
        for number, of in state.items()
        for value in of.values()
    )
    if not fits:
        raise CheckpointError(
            f"the checkpoint's optimiser state is for {len(state)} parameters of other shapes; this run has "
            f"{len(parameters)}. Resume with the configuration that the run was started with"
        )
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
