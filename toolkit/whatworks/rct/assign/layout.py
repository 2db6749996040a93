"""What chance may do: which clusters are dealt which arms, block by block."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from whatworks.arrays import Floats, Ints
from whatworks.inference import draws as random_draws
from whatworks.inference.chance.chance import arrangements, orders_of, products


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """G clusters in blocks; in each block a fixed number of them goes to each of A arms.

    Attributes:
        cluster: (N,) the cluster of each unit, 0..G-1; each unit its own where units were assigned singly.
        block: (G,) block of each cluster, 0..B-1.
        counts: (B, A) how many clusters of a block go to each arm.
    """

    cluster: Ints
    block: Ints
    counts: Ints

    @property
    def clusters(self) -> int:
        """How many clusters are dealt."""
        return len(self.block)

    @property
    def possible(self) -> int:
        """How many different allocations there are; for more than 20,000 clusters a power of ten near it."""
        return orders_of(self.counts)

    def deal(self, keys: Floats) -> Ints:
        """(D, G) arms from (D, G) random keys: in each block the smallest keys get the first arm."""
        arms = np.zeros(keys.shape, dtype=np.int64)
        for row, here in self._alike():
            cuts = np.cumsum(row)[:-1]
            cuts = cuts[cuts < here.shape[1]]
            # one block holds all clusters in order: a view spares a copy
            own = keys[:, None] if len(self.counts) == 1 else keys[:, here]
            # past the last of an arm's keys lies the first of the next arm's: no need to sort them
            first = np.partition(own, np.unique(cuts), axis=2)[:, :, cuts] if len(cuts) else own[:, :, :0]
            for j in range(len(cuts)):
                dealt = own >= first[:, :, [j]]
                if len(self.counts) == 1:
                    arms += dealt[:, 0]
                else:
                    arms[:, here] += dealt
        return arms

    def draw(self, bits: np.random.PCG64, draws: int) -> Ints:
        """(draws, G) allocations at random."""
        return self.deal(random_draws.uniforms(bits, (draws, self.clusters)))

    def every(self, step: int = 1000) -> Iterator[Ints]:
        """Every allocation, block by block in a fixed order, in arrays (at most `step`, G)."""
        places = [np.flatnonzero(self.block == code) for code in range(len(self.counts))]
        yield from products([arrangements(row) for row in self.counts], places, step)

    def _alike(self) -> Iterator[tuple[Ints, Ints]]:
        """Blocks with the same numbers to each arm: those numbers, and the clusters (blocks, size)."""
        kinds, kind = np.unique(self.counts, axis=0, return_inverse=True)
        order = np.argsort(self.block, kind="stable")
        ends = np.cumsum(self.counts.sum(axis=1))
        for code, row in enumerate(kinds):
            size = int(row.sum())
            blocks = np.flatnonzero(kind.ravel() == code)
            yield row, order[ends[blocks][:, None] - size + np.arange(size)]


def shares(sizes: Ints, arms: int) -> Ints:
    """(B, A) equal shares of blocks of B sizes; what is left over goes to the arms in turn.

    The turn runs on from block to block, so that over all blocks no arm is ahead by more than one.
    """
    counts = np.repeat((sizes // arms)[:, None], arms, axis=1)
    turn = 0
    for row, left in zip(counts, (sizes % arms).tolist(), strict=True):
        for _ in range(left):
            # the last arm first: an odd unit out is treated rather than not
            row[arms - 1 - turn % arms] += 1
            turn += 1
    return counts
