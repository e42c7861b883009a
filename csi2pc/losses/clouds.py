"""What every loss does before its own mathematics: check the clouds, drop what is masked, go through the batch.

A loss is written for one pair of clouds, ``x (N, 3)`` and ``y (M, 3)`` with weights ``a (N,)`` and ``b (M,)`` that
sum to 1; :func:`per_cloud` turns it into a loss on a ragged batch. Going cloud by cloud makes three laws true by
construction: a batch equals its clouds one by one, a masked point is as if it were not there, and the memory needed
is that of one pair, whose matrix also stays in the cache of a CPU.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..errors import ConfigError, DataError, ShapeError

PairLoss = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


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
        pred, target: ``(B, N, 3)`` and ``(B, M, 3)``, metres, floating point, finite where not masked.
        pred_mask, target_mask: bool ``(B, N)`` and ``(B, M)``, True where a point is real; None: all are.
        pred_weights, target_weights: non-negative ``(B, N)`` and ``(B, M)``; they are made to sum to 1 in every
            cloud. A point of weight 0 is as if it were not there. None: all points weigh the same.

    Returns:
        ``(B,)``, float32 (float64 for float64 input).

    Raises:
        ShapeError: a shape, dtype or device does not fit.
        DataError: a cloud without points, or a coordinate or weight that is not finite or negative.
    """
    check_clouds(pred, target)
    pred_keep = _kept(pred, pred_mask, pred_weights, "pred")
    target_keep = _kept(target, target_mask, target_weights, "target")
    dtype = torch.promote_types(torch.promote_types(pred.dtype, target.dtype), torch.float32)
    with torch.autocast(pred.device.type, enabled=False):
        losses = []
        for i in range(len(pred)):
            x, a = _compact(pred[i], pred_keep, pred_weights, i, dtype, "pred")
            y, b = _compact(target[i], target_keep, target_weights, i, dtype, "target")
            losses.append(pair_loss(x, y, a, b))
        return torch.stack(losses)


def check_clouds(pred: Tensor, target: Tensor) -> None:
    """Refuse what is no pair of batches of clouds.

    Raises:
        ShapeError: wrong shape, dtype or device, or an empty batch.
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
    if len(pred) != len(target):
        raise ShapeError(f"pred and target must hold as many clouds as each other; got {len(pred)} and {len(target)}")
    if pred.device != target.device:
        raise ShapeError(f"pred and target must be on one device; got {pred.device} and {target.device}")


def check_choice(name: str, value: object, allowed: tuple[str, ...]) -> None:
    """Refuse a value that is not one of ``allowed``.

    Raises:
        ConfigError: naming the allowed values.
    """
    if value not in allowed:
        raise ConfigError(f"{name} must be one of {', '.join(map(repr, allowed))}; got {value!r}")


def check_range(name: str, value: float, low: float, high: float = float("inf"), *, closed: bool = False) -> None:
    """Refuse a number outside the open interval ``(low, high)``, or ``[low, high)`` where ``closed``.

    Raises:
        ConfigError: naming the interval.
    """
    inside = isinstance(value, (int, float)) and (low < value < high or (closed and value == low))
    if not inside:
        raise ConfigError(f"{name} must be a number in {'[' if closed else '('}{low:g}, {high:g}); got {value!r}")


def _kept(points: Tensor, mask: Tensor | None, weights: Tensor | None, name: str) -> Tensor | None:
    """Bool (B, N) of the points that count, or None where all do."""
    shape = points.shape[:2]
    if mask is not None and (mask.shape != shape or mask.dtype != torch.bool):
        raise ShapeError(f"{name}_mask must be bool {tuple(shape)}; got {mask.dtype} {tuple(mask.shape)}")
    if weights is None:
        return mask
    if weights.shape != shape or not weights.is_floating_point():
        received = f"{weights.dtype} {tuple(weights.shape)}"
        raise ShapeError(f"{name}_weights must be floating point {tuple(shape)}; got {received}")
    weights = weights.detach()
    if mask is not None:
        weights = weights.masked_fill(~mask, 0)
    if not bool((torch.isfinite(weights) & (weights >= 0)).all()):
        raise DataError(f"{name}_weights must be finite and not negative where the mask is True")
    return weights > 0


def _compact(
    points: Tensor, keep: Tensor | None, weights: Tensor | None, index: int, dtype: torch.dtype, name: str
) -> tuple[Tensor, Tensor]:
    """The points of one cloud that count, and their weights, which sum to 1."""
    if keep is not None and not bool(keep[index].all()):
        points = points[keep[index]]
        weights = None if weights is None else weights[index][keep[index]]
    elif weights is not None:
        weights = weights[index]
    if len(points) == 0:
        raise DataError(f"every cloud needs at least one point; cloud {index} of {name} has none after its mask")
    if not bool(torch.isfinite(points.detach()).all()):
        raise DataError(f"points must be finite; cloud {index} of {name} holds NaN or infinity where its mask is True")
    if weights is None:
        return points.to(dtype), points.new_full((len(points),), 1 / len(points), dtype=dtype)
    weights = weights.detach().to(dtype)
    return points.to(dtype), weights / weights.sum()
