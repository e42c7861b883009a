"""Rigid transforms: ``q = R p + t``. Nothing else moves points between sensor frames in this project."""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import ShapeError


def check_rotation(rotation: Tensor, *, tolerance: float = 1e-4) -> Tensor:
    """Return ``rotation`` if it is one, that is orthonormal with determinant +1.

    Args:
        rotation: ``(..., 3, 3)``, floating point.
        tolerance: largest departure of any entry of ``R R^T`` from the identity. 1e-4 lets matrices pass that were
            written with five decimals, and bends a point 10 m away by 1 mm at most.

    Raises:
        ShapeError: not 3 x 3, not orthonormal, or a mirror (determinant -1).
    """
    if rotation.shape[-2:] != (3, 3) or not rotation.is_floating_point():
        raise ShapeError(f"a rotation must be floating point (..., 3, 3); got {rotation.dtype} {tuple(rotation.shape)}")
    identity = torch.eye(3, dtype=rotation.dtype, device=rotation.device)
    departure = (rotation @ rotation.mT - identity).abs().max().item()
    if not departure <= tolerance:  # also refuses NaN
        raise ShapeError(
            f"a rotation must be orthonormal (R R^T = 1 within {tolerance}); got a departure of {departure:.3g} "
            f"in {rotation.tolist()}. Scale and shear belong elsewhere: orthonormalise the matrix first"
        )
    if (torch.linalg.det(rotation) < 0).any():
        raise ShapeError(
            f"a rotation must keep handedness (determinant +1); got a mirror, determinant -1, in "
            f"{rotation.tolist()}. Change the sign of one row"
        )
    return rotation


def apply(points: Tensor, rotation: Tensor, translation: Tensor) -> Tensor:
    """Move points: ``q = R p + t``.

    Args:
        points: ``(N, 3)`` or ``(B, N, 3)``, metres.
        rotation: ``(3, 3)``, or ``(B, 3, 3)`` with one rotation a cloud.
        translation: ``(3,)`` or ``(B, 3)``, metres.

    Returns:
        The moved points, in the shape of ``points``. Padding rows move too: the mask says which rows are real.

    Raises:
        ShapeError: shapes that do not fit together.
    """
    if points.shape[-1:] != (3,) or points.ndim not in (2, 3):
        raise ShapeError(f"points must be (N, 3) or (B, N, 3); got {tuple(points.shape)}")
    if rotation.shape[-2:] != (3, 3) or translation.shape[-1:] != (3,):
        raise ShapeError(
            f"rotation must be (3, 3) or (B, 3, 3) and translation (3,) or (B, 3); "
            f"got {tuple(rotation.shape)} and {tuple(translation.shape)}"
        )
    batches = {t.shape[0] for t, single in ((rotation, 2), (translation, 1)) if t.ndim > single}
    if batches and (points.ndim != 3 or batches != {points.shape[0]}):
        raise ShapeError(
            f"one transform a cloud needs points (B, N, 3) with the same B; got points {tuple(points.shape)}, "
            f"rotation {tuple(rotation.shape)}, translation {tuple(translation.shape)}"
        )
    return points @ rotation.mT + (translation.unsqueeze(-2) if translation.ndim > 1 else translation)


def invert(rotation: Tensor, translation: Tensor) -> tuple[Tensor, Tensor]:
    """The transform that undoes ``(rotation, translation)``: ``(R^T, -R^T t)``, shapes kept."""
    inverse = rotation.mT
    return inverse, -(inverse @ translation.unsqueeze(-1)).squeeze(-1)
