"""Points that coincide exactly, taken as one point that weighs as much as all of them.

A plan treats copies alike, in proportion to their weights, so nothing is lost by merging them; and the neighbours of a
point are then different places, where they could else be copies of one.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Places:
    """The different places of a cloud of N points.

    Attributes:
        points: ``(P, 3)``, each place once.
        mass: ``(P,)``, the weight of all points there.
        copies: ``(P,)``, how many points are there, in the dtype of the points.
        index: int64 ``(N,)``, the place of each point; None: every point is a place of its own, in the same order.
        share: ``(N,)``, each point's share of the weight of its place; None: all of it.
    """

    points: Tensor
    mass: Tensor
    copies: Tensor
    index: Tensor | None = None
    share: Tensor | None = None

    def __len__(self) -> int:
        return len(self.points)

    def to_copies(self, gradient: Tensor) -> Tensor:
        """``(N, 3)``: what each point gets of the gradient ``(P, 3)`` by its place."""
        return gradient if self.index is None else gradient[self.index] * self.share[:, None]


def merge_copies(points: Tensor, mass: Tensor) -> Places:
    """The places of ``points (N, 3)`` that weigh ``mass (N,)``."""
    if not _may_have_copies(points):
        return Places(points, mass, torch.ones_like(mass))
    places, index, counts = torch.unique(points, dim=0, return_inverse=True, return_counts=True)
    total = mass.new_zeros(len(places)).index_add_(0, index, mass)
    return Places(places, total, counts.to(mass.dtype), index, mass / total[index])


def _may_have_copies(points: Tensor) -> bool:
    """False where no two points coincide. One sort of numbers is far cheaper than one of points."""
    direction = torch.tensor([1.0, 2**0.5, 3**0.5], dtype=torch.float64, device=points.device)
    along = (points.double() * direction).sum(1).sort().values
    return bool((along[1:] == along[:-1]).any())
