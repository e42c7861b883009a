"""APML's kernel between near neighbours alone: the k nearest of every point, in both directions.

An entry that is held has its exact value; what is left out is lost from the softmins' totals and from the plan. Where
too little is held for the plan to have its marginals at all, :func:`scale_on_neighbours` widens.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ..ops.distances import pairwise_distances, safe_sqrt
from ..ops.neighbours import nearest as nearest_points
from .apml_coarse import far_pairs
from .apml_kernel import (
    BLOCK_ENTRIES,
    DENSE_PAIRS,
    MatrixKernel,
    MatrixPlan,
    Softmin,
    boltzmann,
    rate_of,
    second_smallest,
)
from .scaling import CEILING, FLOOR, Scaling, scale

#: Rounds within which the marginal error must fall by a tenth, or the neighbourhood is taken to be too narrow.
PATIENCE = 50

#: Neighbours at which the widening ends: small clouds then take all pairs, large ones keep the error they have.
MOST = 32


def scale_on_neighbours(
    x: Tensor, y: Tensor, a: Tensor, b: Tensor, *, p_min: float, neighbours: int, tolerance: float, max_rounds: int
) -> tuple[NeighbourPlan | MatrixPlan, Scaling, int]:
    """The converged plan on as many neighbours as it needs.

    Where near neighbours cannot carry the masses, far pairs are added (:mod:`csi2pc.losses.apml_coarse`) and the
    number of neighbours doubles until the marginals are met within ``tolerance``. It doubles as well where a point
    holds copies of one other alone, which would leave its mass no choice. All pairs are taken as soon as a quarter of
    them would be held, or where MOST neighbours do not do for clouds of at most DENSE_PAIRS pairs. For larger clouds
    the plan of MOST neighbours is returned with the error it has.

    Returns:
        The plan, its scaling, and the number of neighbours (0: all pairs).
    """
    scaling, far, fits = None, None, len(x) * len(y) <= DENSE_PAIRS
    while 4 * neighbours * (len(x) + len(y)) < len(x) * len(y):
        kernel = NeighbourKernel(x, y, p_min, neighbours, far)
        patience = PATIENCE if far is None else None
        scaling = scale(kernel, a, b, tolerance=tolerance, max_rounds=max_rounds, patience=patience, start=scaling)
        met = scaling.error <= tolerance
        widest = neighbours >= MOST and (met or far is not None)
        if (met and not kernel.crowded) or (widest and not fits):
            return kernel.plan(scaling.f, scaling.g), scaling, neighbours
        if widest:
            break
        if met or far is not None:
            neighbours *= 2
        else:
            far, scaling = far_pairs(x, y, a, b, p_min), None  # potentials of an impossible problem run away
    matrix = MatrixKernel(x, y, p_min, keep=fits)
    scaling = scale(matrix, a, b, tolerance=tolerance, max_rounds=max_rounds)
    return matrix.plan(scaling.f, scaling.g), scaling, 0


class NeighbourKernel:
    """The entries of the kernel between ``x (N, 3)``, ``y (M, 3)`` and their ``k`` nearest in the other cloud.

    Attributes:
        rows, columns: int64 ``(E,)``: which points an entry joins; each pair occurs once.
        cost: ``(E,)``, its distance.
        log_kernel: ``(E,)``, the logarithm of its value.
        crowded: whether the k nearest of some point are all equally far.
    """

    def __init__(self, x: Tensor, y: Tensor, p_min: float, k: int, far: tuple[Tensor, Tensor] | None = None) -> None:
        self.x, self.y = x, y
        to_y, to_x = nearest_points(x, y, k=k), nearest_points(y, x, k=k)  # (N, k), (M, k)
        row_cost, column_cost = _distances(x, y, to_y), _distances(y, x, to_x)
        self.rows, self.columns, self.cost = _joined(to_y, to_x, row_cost, column_cost)
        if far is not None:
            self._add(*far, row_cost.amax(1), column_cost.amax(1))
        row_second, row_crowded = _second(x, y, row_cost)
        column_second, column_crowded = _second(y, x, column_cost)
        self.crowded = row_crowded or column_crowded
        row = _softmin(row_cost, row_second, self.cost, self.rows, len(y), p_min)
        column = _softmin(column_cost, column_second, self.cost, self.columns, len(x), p_min)
        self.log_kernel = torch.logaddexp(
            _log_softmin(self.cost, row, self.rows), _log_softmin(self.cost, column, self.columns)
        ).sub_(math.log(2))

        self.by_row = SparseLayout(self.rows, self.columns, (len(x), len(y)))
        self.by_column = SparseLayout(self.columns, self.rows, (len(y), len(x)))

    def _add(self, i: Tensor, j: Tensor, row_reach: Tensor, column_reach: Tensor) -> None:
        """Add the pairs that lie beyond the neighbours of either end."""
        cost = safe_sqrt((self.x[i] - self.y[j]).square().sum(-1))
        beyond = (cost > row_reach[i]) & (cost > column_reach[j])
        self.rows = torch.cat([self.rows, i[beyond]])
        self.columns = torch.cat([self.columns, j[beyond]])
        self.cost = torch.cat([self.cost, cost[beyond]])

    def log_row_sums(self, g: Tensor, power: float) -> Tensor:
        return log_sums_at(self.rows, power * self.log_kernel + g[self.columns], len(self.x))

    def log_column_sums(self, f: Tensor, power: float) -> Tensor:
        return log_sums_at(self.columns, power * self.log_kernel + f[self.rows], len(self.y))

    def plan(self, f: Tensor, g: Tensor, power: float = 1) -> NeighbourPlan:
        return NeighbourPlan(self, f, g, power)


class NeighbourPlan:
    """``K^power exp(f + g)`` of a :class:`NeighbourKernel`."""

    def __init__(self, kernel: NeighbourKernel, f: Tensor, g: Tensor, power: float) -> None:
        self.kernel = kernel
        exponents = (power * kernel.log_kernel).add_(f[kernel.rows]).add_(g[kernel.columns])
        self.values = exponents.clamp_(FLOOR, CEILING).exp_()
        self.row_sums = kernel.by_row.product(self.values)
        self.column_sums = kernel.by_column.product(self.values)

    def transport(self) -> tuple[Tensor, Tensor, Tensor]:
        """``sum(P C)`` and its gradients by x and y, as :meth:`MatrixPlan.transport`."""
        kernel = self.kernel
        loss = torch.dot(self.values, kernel.cost)
        pull = (self.values / kernel.cost).masked_fill_(kernel.cost == 0, 0)
        pull = pull[:, None] * (kernel.x[kernel.rows] - kernel.y[kernel.columns])  # (E, 3)
        return loss, sums_at(kernel.rows, pull, len(kernel.x)), sums_at(kernel.columns, -pull, len(kernel.y))


class SparseLayout:
    """Where the entries of a sparse matrix stand, sorted by row once for all values they may take.

    Products are scipy's on the CPU, which every platform has, and torch's CSR elsewhere.
    """

    def __init__(self, rows: Tensor, columns: Tensor, shape: tuple[int, int]) -> None:
        self.order, self.shape = torch.argsort(rows, stable=True), shape
        counts = torch.bincount(rows, minlength=shape[0])
        self.starts = torch.cat([counts.new_zeros(1), counts.cumsum(0)]).int()
        self.columns = columns[self.order].int()

    def product(self, values: Tensor) -> Callable[[Tensor], Tensor]:
        """The function that multiplies the matrix with these values by a vector."""
        values = values[self.order]
        if values.device.type != "cpu":
            return torch.sparse_csr_tensor(self.starts, self.columns, values, self.shape).mv
        from scipy.sparse import csr_matrix

        matrix = csr_matrix((values.numpy(), self.columns.numpy(), self.starts.numpy()), self.shape)
        return lambda vector: torch.from_numpy(matrix @ vector.numpy())


def sums_at(index: Tensor, values: Tensor, count: int) -> Tensor:
    """``(count, ...)``: sums of the ``values (E, ...)`` that share an index."""
    return values.new_zeros(count, *values.shape[1:]).index_add_(0, index, values)


def log_sums_at(index: Tensor, values: Tensor, count: int) -> Tensor:
    """``(count,)``: logarithms of the sums of ``exp(values)`` that share an index."""
    largest = values.new_full((count,), -math.inf).scatter_reduce_(0, index, values, "amax")
    return largest + sums_at(index, (values - largest[index]).exp_(), count).log_()


def _distances(x: Tensor, y: Tensor, index: Tensor) -> Tensor:
    return safe_sqrt((x[:, None] - y[index]).square().sum(-1))


def _joined(to_y: Tensor, to_x: Tensor, row_cost: Tensor, column_cost: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Pairs found from either side, once each: those found from x, then those found from y that x did not find."""
    at_x = torch.arange(len(to_y), device=to_y.device).repeat_interleave(to_y.shape[1])
    at_y = torch.arange(len(to_x), device=to_x.device).repeat_interleave(to_x.shape[1])
    i, cost = to_x.flatten(), column_cost.flatten()
    farthest = row_cost.amax(1)[i]  # x found everything nearer than this, and some of what is just as far
    new = cost > farthest
    level = (cost == farthest).nonzero()[:, 0]
    new[level] = (to_y[i[level]] != at_y[level, None]).all(1)
    return torch.cat([at_x, i[new]]), torch.cat([to_y.flatten(), at_y[new]]), torch.cat([row_cost.flatten(), cost[new]])


def _second(x: Tensor, y: Tensor, near: Tensor) -> tuple[Tensor, bool]:
    """``(N,)``: smallest distance of each x to a y that is not tied with its smallest, given the k smallest ``near``.

    Where all k are tied, it is sought among all of y. Whether that was so anywhere is the second result.
    """
    second = second_smallest(near, near.amin(1, keepdim=True), 1)
    tied = second.isinf().nonzero()[:, 0]
    for rows in tied.split(max(1, BLOCK_ENTRIES // len(y))):
        cost = pairwise_distances(x[rows], y)
        second[rows] = second_smallest(cost, cost.amin(1, keepdim=True), 1)
    return second, len(tied) > 0


def _softmin(near: Tensor, second: Tensor, cost: Tensor, index: Tensor, count: int, p_min: float) -> Softmin:
    smallest = near.amin(1)
    rate = rate_of(smallest, second, count, p_min)
    total = sums_at(index, boltzmann(cost, smallest[index], rate[index]), len(near))
    return Softmin(smallest, rate, total.log_())


def _log_softmin(cost: Tensor, softmin: Softmin, index: Tensor) -> Tensor:
    return (cost - softmin.nearest[index]).mul_(-softmin.rate[index]).sub_(softmin.log_total[index])
