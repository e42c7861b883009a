"""APML's kernel between all pairs: ``K = (R + S) / 2``, the mean of the row and the column softmin.

Everything is computed in row blocks small enough for a core's cache. With ``keep`` the distances and the latest plan
are kept as ``(N, M)`` matrices (the dense path); without, a block is formed when needed and forgotten (the blocked
path), so that memory grows with M and not with N M. The two do the same arithmetic in the same order.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ..ops.distances import pairwise_distances
from .gradient import transport_cost
from .scaling import CEILING, FLOOR

#: Above this many pairs no N x M matrix is kept unless asked for: 4096 x 4096 are two matrices of 64 MB.
DENSE_PAIRS = 1 << 24

#: Entries of a row block: 2^17 floats are 0.5 MB.
BLOCK_ENTRIES = 1 << 17


@dataclass(frozen=True)
class Softmin:
    """``R_ij = exp(-rate_i (C_ij - nearest_i) - log_total_i)`` for every row i; the same for columns.

    Attributes:
        nearest: smallest distance.
        rate: inverse temperature ``ln((M - 1) / (1 - p)) / gap``; 0 where all M distances are tied.
        log_total: logarithm of what makes the probabilities sum to 1.
    """

    nearest: Tensor
    rate: Tensor
    log_total: Tensor


def rate_of(nearest: Tensor, second: Tensor, count: float, p_min: float) -> Tensor:
    """Inverse temperature at which the nearest of ``count`` points gets a probability of at least ``p_min``."""
    return math.log(max(count - 1, 1) / (1 - p_min)) / (second - nearest)


def second_smallest(cost: Tensor, smallest: Tensor, dim: int) -> Tensor:
    """Smallest distance along ``dim`` that is not tied with the smallest, infinite where all are.

    Distances that differ by rounding alone are tied. They share the probability between them, since the gap is that
    to the first farther point.
    """
    tied = cost <= smallest * (1 + 8 * torch.finfo(cost.dtype).eps)
    return cost.masked_fill(tied, math.inf).amin(dim)


def boltzmann(cost: Tensor, nearest: Tensor, rate: Tensor) -> Tensor:
    """``exp(-rate (cost - nearest))``."""
    return (cost - nearest).mul_(-rate).clamp_(min=FLOOR).exp_()


class MatrixKernel:
    """The kernel between all pairs of ``x (N, 3)`` and ``y (M, 3)``.

    ``copies``, ``(N,)`` and ``(M,)``, say how many points each of x and of y stands for; None: itself alone.

    Attributes:
        blocks: the row blocks, as slices.
        row, column: the two softmins.
    """

    def __init__(
        self, x: Tensor, y: Tensor, p_min: float, *, keep: bool, copies: tuple[Tensor, Tensor] | None = None
    ) -> None:
        self.x, self.y, self.keep = x, y, keep
        self.x_copies, self.y_copies = copies or (torch.ones_like(x[:, 0]), torch.ones_like(y[:, 0]))
        height = max(1, BLOCK_ENTRIES // len(y))
        self.blocks = [slice(i, min(i + height, len(x))) for i in range(0, len(x), height)]
        if keep:
            self._cost = x.new_empty(len(x), len(y))
            self._latest_plan = x.new_empty(len(x), len(y))
            for rows in self.blocks:
                pairwise_distances(x[rows], y, out=self._cost[rows])
        self.row, nearest = self._row_softmin(p_min)
        self.column = self._column_softmin(p_min, nearest)

    def cost(self, rows: slice) -> Tensor:
        """Distances ``(rows, M)``."""
        return self._cost[rows] if self.keep else pairwise_distances(self.x[rows], self.y)

    def _row_softmin(self, p_min: float) -> tuple[Softmin, Tensor]:
        """The row softmin, and the smallest distance in each column, which the same pass gives."""
        nearest, rate, log_total = (self.x.new_empty(len(self.x)) for _ in range(3))
        column_nearest = self.y.new_full((len(self.y),), math.inf)
        count = self.y_copies.sum().item()
        for rows in self.blocks:
            cost = self.cost(rows)
            nearest[rows] = smallest = cost.amin(1)
            second = second_smallest(cost, smallest[:, None], 1)
            rate[rows] = rate_of(smallest, second, count, p_min)
            log_total[rows] = boltzmann(cost, smallest[:, None], rate[rows, None]).mv(self.y_copies).log_()
            torch.minimum(column_nearest, cost.amin(0), out=column_nearest)
        return Softmin(nearest, rate, log_total), column_nearest

    def _column_softmin(self, p_min: float, nearest: Tensor) -> Softmin:
        second, total = torch.full_like(nearest, math.inf), torch.zeros_like(nearest)
        for rows in self.blocks:
            torch.minimum(second, second_smallest(self.cost(rows), nearest, 0), out=second)
        rate = rate_of(nearest, second, self.x_copies.sum().item(), p_min)
        for rows in self.blocks:
            total.addmv_(boltzmann(self.cost(rows), nearest, rate).t(), self.x_copies[rows])
        return Softmin(nearest, rate, total.log_())

    def block(self, rows: slice, f: Tensor, g: Tensor, power: float = 1, out: Tensor | None = None) -> Tensor:
        """Rows of ``K^power exp(f + g)``, ``(rows, M)``, each softmin raised to the power by itself."""
        by_row, by_column = (
            exponents.clamp_(FLOOR, CEILING).exp_() for exponents in self._exponents(rows, f[rows, None], g, power)
        )
        return torch.add(by_row, by_column, out=by_row if out is None else out)

    def log_row_sums(self, g: Tensor, power: float) -> Tensor:
        zero = g.new_zeros(1)
        return torch.cat(
            [torch.logaddexp(*self._exponents(rows, zero, g, power)).logsumexp(1) for rows in self.blocks]
        )

    def log_column_sums(self, f: Tensor, power: float) -> Tensor:
        total = torch.full_like(self.column.nearest, -math.inf)
        for rows in self.blocks:
            block = torch.logaddexp(*self._exponents(rows, f[rows, None], torch.zeros_like(total), power))
            total = torch.logaddexp(total, block.logsumexp(0))
        return total

    def _exponents(self, rows: slice, f: Tensor, g: Tensor, power: float) -> tuple[Tensor, Tensor]:
        """Logarithms of the two halves of ``K^power exp(f + g)``: the scalings enter before anything can underflow."""
        row, column, cost = self.row, self.column, self.cost(rows)
        shift = f - math.log(2)
        by_row = (cost - row.nearest[rows, None]).mul_(-power * row.rate[rows, None])
        by_row.add_(shift - power * row.log_total[rows, None]).add_(g)
        by_column = (cost - column.nearest).mul_(-power * column.rate)
        return by_row, by_column.add_(g - power * column.log_total).add_(shift)

    def plan(self, f: Tensor, g: Tensor, power: float = 1) -> MatrixPlan:
        """``K^power exp(f + g)``; with ``keep`` it overwrites the plan before it."""
        return MatrixPlan(self, f, g, power)


class MatrixPlan:
    """``K^power exp(f + g)`` of a :class:`MatrixKernel`."""

    def __init__(self, kernel: MatrixKernel, f: Tensor, g: Tensor, power: float) -> None:
        self.kernel, self.f, self.g, self.power = kernel, f, g, power
        if kernel.keep:
            for rows in kernel.blocks:
                kernel.block(rows, f, g, power, out=self.matrix[rows])

    @property
    def matrix(self) -> Tensor:
        """``(N, M)``, only with the kernel's ``keep``; valid until the kernel's next plan, which overwrites it."""
        return self.kernel._latest_plan

    def _blocks(self) -> Iterator[tuple[slice, Tensor]]:
        if self.kernel.keep:
            yield slice(0, len(self.f)), self.matrix
        else:
            for rows in self.kernel.blocks:
                yield rows, self.kernel.block(rows, self.f, self.g, self.power)

    def row_sums(self, v: Tensor) -> Tensor:
        return torch.cat([block.mv(v) for _, block in self._blocks()])

    def column_sums(self, u: Tensor) -> Tensor:
        total = torch.zeros_like(self.g)
        for rows, block in self._blocks():
            total.addmv_(block.t(), u[rows])
        return total

    def transport(self) -> tuple[Tensor, Tensor, Tensor]:
        """``sum(P C)`` and its gradients by x ``(N, 3)`` and y ``(M, 3)`` for the plan as it stands."""
        kernel = self.kernel
        loss, x_gradient, y_gradient = torch.zeros_like(self.f[0]), torch.empty_like(kernel.x), 0
        for rows in kernel.blocks:
            plan = self.matrix[rows] if kernel.keep else kernel.block(rows, self.f, self.g, self.power)
            part, x_gradient[rows], y_part = transport_cost(kernel.x[rows], kernel.y, kernel.cost(rows), plan)
            loss, y_gradient = loss + part, y_gradient + y_part
        return loss, x_gradient, y_gradient
