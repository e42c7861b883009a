"""Where mass has to travel far, near neighbours cannot carry it: which far pairs can, told by a coarse plan.

Both clouds are cut into cells, the cells' means are matched by APML, and every pair of cells that exchanges mass
lends some of its pairs of points. They only widen the choice: each gets its exact kernel value afterwards.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .apml_kernel import MatrixKernel
from .scaling import scale

#: Cells a cloud is cut into: their plan costs what a pair of clouds of this size costs.
CELLS = 512

#: Far pairs per point: enough for a plan with the marginals to exist, with some choice.
PAIRS_PER_POINT = 4

#: Golden section. Its multiples, modulo 1, fill an interval evenly however many of them are taken.
GOLDEN = (math.sqrt(5) - 1) / 2


def far_pairs(x: Tensor, y: Tensor, a: Tensor, b: Tensor, p_min: float) -> tuple[Tensor, Tensor]:
    """Indices into ``x (N, 3)`` and ``y (M, 3)`` of pairs along which a coarse plan moves the masses a to b."""
    x_order, x_mean, x_mass = _cells(x, a)
    y_order, y_mean, y_mass = _cells(y, b)
    kernel = MatrixKernel(x_mean, y_mean, p_min, keep=True)
    scaling = scale(kernel, x_mass, y_mass, tolerance=0.02, max_rounds=200)
    coarse = kernel.plan(scaling.f, scaling.g).matrix.double()
    # Masses as lengths: x and y lie on lines of length 1, cell after cell, and each pair of cells is a piece of both.
    x_start = _starts(coarse.flatten()).view(coarse.shape)
    y_start = _starts(coarse.t().flatten()).view(coarse.t().shape).t()
    count = PAIRS_PER_POINT * (len(x) + len(y))
    position = (torch.arange(count, device=x.device, dtype=torch.float64) + 0.5) / count
    pair = torch.searchsorted(x_start.flatten(), position, right=True) - 1
    # Inside a piece the order is that of a permutation with large strides, so that copies of a pair differ.
    within = (position - x_start.flatten()[pair]) * GOLDEN * count % 1 * coarse.flatten()[pair]
    i = torch.searchsorted(a[x_order].double().cumsum(0), position).clamp_(max=len(x) - 1)
    j = torch.searchsorted(b[y_order].double().cumsum(0), y_start.flatten()[pair] + within).clamp_(max=len(y) - 1)
    # Matched in Morton order, point after point, the masses come out exactly: so at least one plan exists.
    x_end, y_end = a[x_order].double().cumsum(0), b[y_order].double().cumsum(0)
    ends = torch.cat([x_end, y_end]).sort().values
    middle = (ends + torch.cat([ends.new_zeros(1), ends[:-1]])) / 2
    i = torch.cat([i, torch.searchsorted(x_end, middle).clamp_(max=len(x) - 1)])
    j = torch.cat([j, torch.searchsorted(y_end, middle).clamp_(max=len(y) - 1)])
    key = torch.unique(x_order[i] * len(y) + y_order[j])
    return key // len(y), key % len(y)


def _cells(points: Tensor, mass: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Points in Morton order cut into CELLS equal runs: the order, and the cells' means and masses."""
    low, high = points.amin(0), points.amax(0)
    grid = ((points - low) / (high - low).amax().clamp(min=1e-30) * 1023).long()  # ten bits a coordinate
    code = torch.zeros_like(grid[:, 0])
    for bit in range(10):
        for axis in range(3):
            code |= (grid[:, axis] >> bit & 1) << (3 * bit + axis)
    order = torch.argsort(code, stable=True)
    count = min(CELLS, len(points))
    cell = torch.empty_like(order)
    cell[order] = torch.arange(len(points), device=points.device) * count // len(points)
    cell_mass = mass.new_zeros(count).index_add_(0, cell, mass)
    mean = points.new_zeros(count, 3).index_add_(0, cell, points * mass[:, None]) / cell_mass[:, None]
    return order, mean, cell_mass


def _starts(lengths: Tensor) -> Tensor:
    """Where each of the consecutive pieces of a line of length 1 begins."""
    ends = lengths.cumsum(0)
    return (ends - lengths) / ends[-1]
