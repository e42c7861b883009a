"""Run a model over windows of CSI; points come out in metres, always."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..errors import ConfigError
from ..models.csi2pc import CSI2PC


def checked_device(name: str) -> torch.device:
    """The device of that name, after a value was moved there and back.

    Args:
        name: for example ``"cpu"``, ``"cuda"``, ``"cuda:1"`` or ``"mps"``.

    Raises:
        ConfigError: there is no such device here, or this torch was not built for it.
    """
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).cpu()
    except (RuntimeError, AssertionError, ImportError) as error:  # which of them depends on how torch was built
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ConfigError(
            f"device {name!r} is not available; torch says: {reason:.120}; use cpu, or a torch built for that device"
        ) from error
    return device


def predict_points(model: CSI2PC, features: Tensor, valid: Tensor) -> Tensor:
    """Clouds ``(B, N, 3)``, float32 metres, for ``(B, A, S, C, T)`` features on the model's device."""
    dtype = next(model.parameters()).dtype
    return model(features.to(dtype), valid)["points"].float()


@torch.inference_mode()
def predict_clouds(
    model: CSI2PC, features: np.ndarray, valid: np.ndarray, *, batch_size: int = 64, device: str | torch.device = "cpu"
) -> np.ndarray:
    """Clouds for any number of windows.

    Args:
        model: the network, in evaluation mode and on ``device``.
        features: float32 ``(K, A, S, C, T)``.
        valid: bool ``(K, A, S, T)``.
        batch_size: windows computed at once.
        device: where to compute.

    Returns:
        float32 ``(K, N, 3)`` metres.
    """
    clouds = [np.zeros((0, model.config.points, 3), np.float32)]
    for start in range(0, len(features), batch_size):
        rows = slice(start, start + batch_size)
        x, y = (torch.from_numpy(values[rows]).to(device) for values in (features, valid))
        clouds.append(predict_points(model, x, y).cpu().numpy())
    return np.concatenate(clouds)
