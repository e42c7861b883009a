"""APML's kernel between near neighbours alone: the k nearest of every point, in both directions.

Points that coincide count as one place (:mod:`csi2pc.losses.copies`), and neighbours are different places. An entry
that is held has its exact value; what is left out is lost from the softmins' totals and from the plan. Where too little
is held for the plan to have its marginals at all, :func:`scale_on_neighbours` widens.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

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
from .copies import Places, merge_copies
from .scaling import CEILING, FLOOR, Scaling, scale

#: ``patience`` of :func:`csi2pc.losses.scaling.scale`, after which the neighbourhood is taken to be too narrow.
PATIENCE = 50

#: Neighbours at which the widening ends: small clouds then take all pairs, large ones keep the error they have.
MOST = 32


def scale_on_neighbours(
    x: Tensor, y: Tensor, a: Tensor, b: Tensor, *, p_min: float, neighbours: int, tolerance: float, max_rounds: int
) -> tuple[SparsePlan, Scaling, int]:
    """The converged plan on as many neighbours as it needs.

    Points that coincide are merged first. Where near neighbours cannot carry the masses, far pairs are added
    (:mod:`csi2pc.losses.apml_coarse`) and the number of neighbours doubles until the marginals are met within
    ``tolerance``. All pairs are taken as soon as a quarter of them would be held, or where MOST neighbours do not do
    for clouds of at most DENSE_PAIRS pairs. For larger clouds the plan of MOST neighbours is returned with the error it
    has.

    Returns:
        The plan, its scaling, and the number of neighbours (0: all pairs).
    """
    x, y = merge_copies(x, a), merge_copies(y, b)
    scaling, far, near, fits = None, None, None, len(x) * len(y) <= DENSE_PAIRS
    options = {"tolerance": tolerance, "max_rounds": max_rounds}
    while 4 * neighbours * (len(x) + len(y)) < len(x) * len(y):
        if near is None or near.k != neighbours:
            near = NearPairs(x.points, y.points, neighbours)
        kernel = NeighbourKernel(x, y, p_min, near, far)
        patience = PATIENCE if far is None else None
        scaling = scale(kernel, x.mass, y.mass, patience=patience, start=scaling, **options)
        widest = far is not None and neighbours >= MOST
        if scaling.error <= tolerance or (widest and not fits):
            return SparsePlan(kernel.plan(scaling.f, scaling.g), x, y), scaling, neighbours
        if widest:
            break
        if far is None:  # potentials of an impossible problem run away, so they are no start
            far, scaling = far_pairs(x.points, y.points, x.mass, y.mass, p_min), None
        else:
            neighbours *= 2
    matrix = MatrixKernel(x.points, y.points, p_min, keep=fits, copies=(x.copies, y.copies))
    scaling = scale(matrix, x.mass, y.mass, **options)
    return SparsePlan(matrix.plan(scaling.f, scaling.g), x, y), scaling, 0


@dataclass(frozen=True)
class SparsePlan:
    """A plan between the places of two clouds, told in terms of their points."""

    plan: NeighbourPlan | MatrixPlan
    x: Places
    y: Places

    def transport(self) -> tuple[Tensor, Tensor, Tensor]:
        """``sum(P C)`` and its gradients by the points of x and y."""
        loss, x_gradient, y_gradient = self.plan.transport()
        return loss, self.x.to_copies(x_gradient), self.y.to_copies(y_gradient)


class NearPairs:
    """The pairs of ``x (N, 3)``, ``y (M, 3)`` in which one is among the ``k`` nearest of the other.

    Attributes:
        row_cost, column_cost: ``(N, k)``, ``(M, k)``: distances to the k nearest.
        rows, columns: int64 ``(E,)``: which points a pair joins; each pair occurs once.
        cost: ``(E,)``, its distance.
    """

    def __init__(self, x: Tensor, y: Tensor, k: int) -> None:
        self.k = k
        to_y, to_x = nearest_points(x, y, k=k), nearest_points(y, x, k=k)  # (N, k), (M, k)
        self.row_cost, self.column_cost = _distances(x, y, to_y), _distances(y, x, to_x)
        self.rows, self.columns, self.cost = _joined(to_y, to_x, self.row_cost, self.column_cost)


class NeighbourKernel:
    """The entries of the kernel between near pairs of x and y, and the ``far`` pairs beside them.

    Attributes:
        rows, columns: int64 ``(E,)``: which points an entry joins; each pair occurs once.
        cost: ``(E,)``, its distance.
        log_kernel: ``(E,)``, the logarithm of its value.
    """

    def __init__(
        self, x: Places, y: Places, p_min: float, near: NearPairs, far: tuple[Tensor, Tensor] | None = None
    ) -> None:
        self.x, self.y = x.points, y.points
        self.rows, self.columns, self.cost = near.rows, near.columns, near.cost
        if far is not None:
            self._add(*far, near.row_cost.amax(1), near.column_cost.amax(1))
        row_second = _second(self.x, self.y, near.row_cost)
        column_second = _second(self.y, self.x, near.column_cost)
        row = _softmin(near.row_cost, row_second, self.cost, self.rows, self.columns, y.copies, p_min)
        column = _softmin(near.column_cost, column_second, self.cost, self.columns, self.rows, x.copies, p_min)
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
        """``sum(P C)`` and its gradients by the places x and y, as :meth:`MatrixPlan.transport`."""
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


def _second(x: Tensor, y: Tensor, near: Tensor) -> Tensor:
    """``(N,)``: smallest distance of each x to a y that is not tied with its smallest, given the k smallest ``near``.

    Where all k are tied, it is sought among all of y.
    """
    second = second_smallest(near, near.amin(1, keepdim=True), 1)
    tied = second.isinf().nonzero()[:, 0]
    for rows in tied.split(max(1, BLOCK_ENTRIES // len(y))):
        cost = pairwise_distances(x[rows], y)
        second[rows] = second_smallest(cost, cost.amin(1, keepdim=True), 1)
    return second


def _softmin(
    near: Tensor, second: Tensor, cost: Tensor, here: Tensor, there: Tensor, copies: Tensor, p_min: float
) -> Softmin:
    """The softmin of each point ``here`` over the points ``there``, of which there are so many ``copies``."""
    smallest = near.amin(1)
    rate = rate_of(smallest, second, copies.sum().item(), p_min)
    total = sums_at(here, copies[there] * boltzmann(cost, smallest[here], rate[here]), len(near))
    return Softmin(smallest, rate, total.log_())


def _log_softmin(cost: Tensor, softmin: Softmin, index: Tensor) -> Tensor:
    return (cost - softmin.nearest[index]).mul_(-softmin.rate[index]).sub_(softmin.log_total[index])
