"""What chance may do: which clusters are dealt which arms, block by block."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import factorial, prod

import numpy as np
import numpy.typing as npt

from whatworks.inference import draws as random_draws

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


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
        """How many different allocations there are."""
        return prod(factorial(int(row.sum())) // prod(factorial(int(n)) for n in row) for row in self.counts)

    def deal(self, keys: Floats) -> Ints:
        """(D, G) arms from (D, G) random keys: in each block the smallest keys get the first arm."""
        arms = np.empty(keys.shape, dtype=np.int64)
        for code, row in enumerate(self.counts):
            here = np.flatnonzero(self.block == code)
            order = np.argsort(keys[:, here], axis=1, kind="stable")
            np.put_along_axis(
                dealt := np.empty(order.shape, dtype=np.int64),
                order,
                np.repeat(np.arange(len(row)), row)[None, :],
                axis=1,
            )
            arms[:, here] = dealt
        return arms

    def draw(self, bits: np.random.PCG64, draws: int) -> Ints:
        """(draws, G) allocations at random."""
        return self.deal(random_draws.uniforms(bits, (draws, self.clusters)))

    def every(self) -> Iterator[Ints]:
        """Every allocation (G,), block by block in a fixed order."""
        parts = [list(_orders(row)) for row in self.counts]
        places = [np.flatnonzero(self.block == code) for code in range(len(self.counts))]
        for chosen in product(*parts):
            arms = np.empty(self.clusters, dtype=np.int64)
            for place, part in zip(places, chosen, strict=True):
                arms[place] = part
            yield arms


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


def _orders(counts: Ints) -> Iterator[Ints]:
    """Every different order of arms that occur so many times, in lexical order."""
    total = int(counts.sum())
    if total == 0:
        yield np.empty(0, dtype=np.int64)
        return
    for arm in np.flatnonzero(counts):
        rest = counts.copy()
        rest[arm] -= 1
        for tail in _orders(rest):
            yield np.concatenate([[arm], tail])
