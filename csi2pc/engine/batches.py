"""Which frames make up which step, on which device: the same whatever the number of devices, and from any step on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np


@dataclass(frozen=True)
class Plan:
    """The order of frames over a whole run.

    The global batch of a step depends on the seed and the step alone. Each of ``world`` processes takes every
    ``world``-th frame of it. Where a global batch has fewer frames than there are processes, a process without a frame
    computes the first one with weight zero, so that all of them take part in every step.

    Attributes:
        frames: frames in the training part.
        batch_size: frames of a global batch; the last one of an epoch holds the rest.
        epochs: passes over all frames.
        seed: seed of the order.
        rank, world: this process and how many there are.
    """

    frames: int
    batch_size: int
    epochs: int
    seed: int
    rank: int = 0
    world: int = 1

    @property
    def steps_per_epoch(self) -> int:
        """Global batches in one pass."""
        return -(-self.frames // self.batch_size)

    @property
    def steps(self) -> int:
        """Global batches in the whole run."""
        return self.steps_per_epoch * self.epochs

    def global_batch(self, step: int) -> np.ndarray:
        """Indices of the frames of one step, over all processes."""
        epoch, position = divmod(step, self.steps_per_epoch)
        order = _order(self.frames, self.seed, epoch)
        return order[position * self.batch_size : (position + 1) * self.batch_size]

    def shard(self, step: int) -> tuple[list[int], float]:
        """Indices of this process's frames, and the weight of each in the global mean times ``world``.

        The mean over processes of ``weight * sum(values of the shard)`` is the mean over the global batch, which is
        what averaging gradients over processes computes.
        """
        batch = self.global_batch(step)
        mine = batch[self.rank :: self.world].tolist()
        return (mine, self.world / len(batch)) if mine else ([int(batch[0])], 0.0)

    def shards_from(self, step: int) -> Iterator[list[int]]:
        """Indices of this process's frames for all steps from ``step`` on; a batch sampler for a data loader."""
        for later in range(step, self.steps):
            yield self.shard(later)[0]


@lru_cache(maxsize=2)
def _order(frames: int, seed: int, epoch: int) -> np.ndarray:
    return np.random.default_rng([seed, epoch]).permutation(frames)
