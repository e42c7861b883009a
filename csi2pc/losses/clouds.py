"""What every loss does before its own mathematics: check the clouds, drop what is masked, go through the batch.

A loss is written for one pair of clouds, ``x (N, 3)`` and ``y (M, 3)`` with weights ``a (N,)`` and ``b (M,)`` that
sum to 1; :func:`per_cloud` turns it into a loss on a ragged batch. Going cloud by cloud makes three laws true by
construction: a batch equals its clouds one by one, a masked point is as if it were not there, and the memory needed
is that of one pair, whose matrix also stays in the cache of a CPU.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ..errors import ConfigError, DataError, ShapeError

PairLoss = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]

#: Metres. Squares of such distances, also over the square of the least blur, stay far within float32.
LARGEST = 1e9


def per_cloud(
    pair_loss: PairLoss,
    pred: Tensor,
    target: Tensor,
    pred_mask: Tensor | None = None,
    target_mask: Tensor | None = None,
    *,
    pred_weights: Tensor | None = None,
    target_weights: Tensor | None = None,
) -> Tensor:
    """Evaluate ``pair_loss(x, y, a, b)`` on every pair of a ragged batch.

    Half precision is computed in float32, with autocast off, since distances of millimetres between coordinates of
    metres do not survive float16; float64 stays float64.

    Args:
        pair_loss: the loss of one pair: ``x (N, 3)``, ``y (M, 3)``, ``a (N,)``, ``b (M,)`` to a scalar.
        pred, target: ``(B, N, 3)`` and ``(B, M, 3)``, metres, floating point; where not masked, finite and at most
            1e9 in size.
        pred_mask, target_mask: bool ``(B, N)`` and ``(B, M)``, True where a point is real; None: all are.
        pred_weights, target_weights: non-negative ``(B, N)`` and ``(B, M)``; they are made to sum to 1 in every
            cloud. A point of weight 0, or of a share of the sum that underflows in the dtype of the result, is as if it
            were not there. None: all points weigh the same.

    Returns:
        ``(B,)``, float32 (float64 for float64 input).

    Raises:
        ShapeError: a shape, dtype or device does not fit.
        DataError: a cloud without points, a coordinate that is not finite or too large, or a weight that is not finite
            or negative.
    """
    check_clouds(pred, target)
    dtype = torch.promote_types(torch.promote_types(pred.dtype, target.dtype), torch.float32)
    pred_keep, pred_shares = _shares(pred, pred_mask, pred_weights, dtype, "pred")
    target_keep, target_shares = _shares(target, target_mask, target_weights, dtype, "target")
    with torch.autocast(pred.device.type, enabled=False):
        losses = []
        for i in range(len(pred)):
            x, a = _compact(pred[i], pred_keep, pred_shares, i, dtype, "pred")
            y, b = _compact(target[i], target_keep, target_shares, i, dtype, "target")
            losses.append(pair_loss(x, y, a, b))
        return torch.stack(losses)


def check_clouds(pred: Tensor, target: Tensor) -> None:
    """Refuse what is no pair of batches of clouds.

    Raises:
        ShapeError: wrong shape, dtype or device, or an empty batch.
        DataError: clouds without points.
    """
    for name, points in (("pred", pred), ("target", target)):
        if not isinstance(points, Tensor):
            raise ShapeError(f"{name} must be a torch tensor (batch, points, 3); got {type(points).__name__}")
        if points.ndim != 3 or points.shape[-1] != 3:
            raise ShapeError(f"{name} must be (batch, points, 3); got {tuple(points.shape)}")
        if not points.is_floating_point():
            raise ShapeError(f"{name} must be floating point metres; got {points.dtype}: convert with .float()")
        if len(points) == 0:
            raise ShapeError(f"{name} must hold at least one cloud; got {tuple(points.shape)}")
        if points.shape[1] == 0:
            raise DataError(f"every cloud needs at least one point; cloud 0 of {name} has none: leave such clouds out")
    if len(pred) != len(target):
        raise ShapeError(f"pred and target must hold as many clouds as each other; got {len(pred)} and {len(target)}")
    if pred.device != target.device:
        raise ShapeError(f"pred and target must be on one device; got {pred.device} and {target.device}")


def check_choice(name: str, value: object, allowed: tuple[object, ...]) -> None:
    """Refuse a value that is not one of ``allowed``.

    Raises:
        ConfigError: naming the allowed values.
    """
    if value not in allowed:
        raise ConfigError(f"{name} must be one of {', '.join(map(repr, allowed))}; got {value!r}")


def check_range(name: str, value: float, low: float, high: float = float("inf"), *, ends: str = "()") -> None:
    """Refuse what is no number between ``low`` and ``high``; ``ends`` are the brackets of the interval, as in "[)".

    Raises:
        ConfigError: naming the interval.
    """
    inside = isinstance(value, (int, float)) and (
        low < value < high or (ends[0] == "[" and value == low) or (ends[1] == "]" and value == high)
    )
    if not inside:
        raise ConfigError(f"{name} must be a number in {ends[0]}{low:g}, {high:g}{ends[1]}; got {value!r}")


def check_integer(name: str, value: int, low: int) -> None:
    """Refuse what is no integer of at least ``low``.

    Raises:
        ConfigError: naming the least value.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < low:
        raise ConfigError(f"{name} must be an integer of at least {low}; got {value!r}")


def _shares(
    points: Tensor, mask: Tensor | None, weights: Tensor | None, dtype: torch.dtype, name: str
) -> tuple[Tensor | None, Tensor | None]:
    """Which points count, bool (B, N), and their weights (B, N), which sum to 1; None: all of them, all the same."""
    shape = points.shape[:2]
    if mask is not None and (mask.shape != shape or mask.dtype != torch.bool):
        raise ShapeError(f"{name}_mask must be bool {tuple(shape)}; got {mask.dtype} {tuple(mask.shape)}")
    if weights is None:
        return mask, None
    if weights.shape != shape or not weights.is_floating_point():
        received = f"{weights.dtype} {tuple(weights.shape)}"
        raise ShapeError(f"{name}_weights must be floating point {tuple(shape)}; got {received}")
    weights = weights.detach().double()
    if mask is not None:
        weights = weights.masked_fill(~mask, 0)
    if not bool((torch.isfinite(weights) & (weights >= 0)).all()):
        raise DataError(f"{name}_weights must be finite and not negative where the mask is True")
    largest = weights.amax(1, keepdim=True)
    weights = weights / torch.where(largest > 0, largest, 1)  # else the sum could overflow
    shares = (weights / weights.sum(1, keepdim=True).clamp(min=1)).to(dtype)
    return shares >= torch.finfo(dtype).tiny, shares


def _compact(
    points: Tensor, keep: Tensor | None, shares: Tensor | None, index: int, dtype: torch.dtype, name: str
) -> tuple[Tensor, Tensor]:
    """The points of one cloud that count, and their weights, which sum to 1."""
    mass = None if shares is None else shares[index]
    if keep is not None and not bool(keep[index].all()):
        points = points[keep[index]]
        mass = None if mass is None else mass[keep[index]]
    if len(points) == 0:
        raise DataError(f"every cloud needs at least one point; cloud {index} of {name} has none after its mask")
    reach = points.detach().abs().max().item()
    if not math.isfinite(reach):
        raise DataError(f"points must be finite; cloud {index} of {name} holds NaN or infinity where its mask is True")
    if reach > LARGEST:
        raise DataError(
            f"coordinates must be metres of at most {LARGEST:g}; cloud {index} of {name} reaches {reach:g}: "
            "convert its unit, or mask the points that have gone astray"
        )
    return points.to(dtype), points.new_full((len(points),), 1 / len(points), dtype=dtype) if mass is None else mass
