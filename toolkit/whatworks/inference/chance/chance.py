"""What chance could have assigned: one protocol for permutations and for recorded rules, and their draws."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb, lgamma, log, prod
from typing import Final, Protocol

import numpy as np

from whatworks.arrays import Ints
from whatworks.inference import draws as random_draws
from whatworks.inference.errors.wild_refits import Share
from whatworks.shown.words import written

ENUMERATED: Final = 10_000
"""Up to this many assignments all are used, however few draws were asked for."""

IF_SO: Final = "exact if chance assigned treatment so"

_BLOCK: Final = 2**21

_COUNTED: Final = 20_000


class Chance(Protocol):
    """A rule by which chance assigns clusters (or cells of unit and period), each outcome equally likely."""

    @property
    def possible(self) -> int:
        """How many different assignments the rule permits, the actual one included."""

    @property
    def about(self) -> str:
        """What goes before `possible` where it is not exact: 'at least ' or 'about '; empty where it is."""

    @property
    def words(self) -> str:
        """What is dealt anew, as it goes on after 'Randomisation inference, '."""

    @property
    def claim(self) -> str:
        """What the p-value rests on."""

    def enumerable(self, limit: int) -> bool:
        """Whether all assignments can be gone through, `limit` being as many as one is willing to."""

    def every(self, step: int) -> Iterator[Ints]:
        """Every assignment, in blocks (at most `step`, G)."""

    def draw(self, bits: np.random.PCG64, draws: int) -> Ints:
        """(draws, G) assignments at random."""


@dataclass(frozen=True, slots=True, eq=False)
class Permuted:
    """Values dealt out anew between the clusters of a block.

    Attributes:
        start: (G,) actual values of the clusters: starts, or arms.
        blocks: clusters between which values are exchanged.
        named: whether anybody named the blocks.
    """

    start: Ints
    blocks: tuple[Ints, ...]
    named: bool

    @property
    def possible(self) -> int:
        """How many different assignments there are; for more than 20,000 clusters a power of ten near it."""
        return orders_of([self._counts(block) for block in self.blocks])

    @property
    def about(self) -> str:
        """Nothing: `possible` is exact."""
        return ""

    @property
    def words(self) -> str:
        """What is dealt anew."""
        blocks = f" within {len(self.blocks)} blocks" if self.named else ""
        return f"permuting treatment over {len(self.start)} clusters{blocks}"

    @property
    def claim(self) -> str:
        """What the p-value rests on."""
        return IF_SO

    def enumerable(self, limit: int) -> bool:
        """Whether there are at most `limit`."""
        return self.possible <= limit

    def every(self, step: int) -> Iterator[Ints]:
        """Every assignment, in blocks (at most `step`, G)."""
        parts = [np.unique(self.start[b])[arrangements(self._counts(b))] for b in self.blocks]
        yield from products(parts, self.blocks, step)

    def draw(self, bits: np.random.PCG64, draws: int) -> Ints:
        """(draws, G) assignments at random."""
        keys = random_draws.uniforms(bits, (draws, len(self.start)))
        dealt = np.empty(keys.shape, dtype=np.int64)
        for block in self.blocks:
            order = np.argsort(keys[:, block], axis=1, kind="stable")
            dealt[:, block] = self.start[block][order]
        return dealt

    def _counts(self, block: Ints) -> Ints:
        return np.unique(self.start[block], return_counts=True)[1].astype(np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Assignments:
    """The (B, N) assignments of units that chance could have made; all of them, or random ones.

    Attributes:
        chance: the rule, over G clusters.
        unit: (N,) cluster of each unit.
        draws, seed: of random assignments.
    """

    chance: Chance
    unit: Ints
    draws: int
    seed: int

    @property
    def possible(self) -> int:
        """How many different assignments the design permits, the actual one included."""
        return self.chance.possible

    @property
    def every(self) -> bool:
        """Whether all assignments are used."""
        return self.chance.enumerable(max(ENUMERATED, self.draws))

    @property
    def share(self) -> Share:
        """From counts of assignments to p-values; the actual one counts."""
        return Share(self.possible, 0, 1) if self.every else Share(self.draws, 1, 1)

    @property
    def how(self) -> str:
        """Which of the possible assignments are used."""
        return self.used_of("assignments")

    def used_of(self, plural: str) -> str:
        """Which of the possible assignments are used, in the word for several of them."""
        if self.every:
            return f"all {self.possible:,} {plural}"
        many = written(self.possible)
        about = self.chance.about if not many.startswith("about") else self.chance.about.replace("about ", "")
        return f"{self.draws:,} of {about}{many} {plural}, seed {self.seed}"

    def __iter__(self) -> Iterator[Ints]:
        step = max(1, _BLOCK // len(self.unit))
        own = np.array_equal(self.unit, np.arange(len(self.unit)))
        for dealt in self._dealt(step):
            yield dealt if own else dealt[:, self.unit]

    def _dealt(self, step: int) -> Iterator[Ints]:
        if self.every:
            yield from self.chance.every(step)
            return
        bits = np.random.PCG64(np.random.SeedSequence(self.seed))
        for low in range(0, self.draws, step):
            yield self.chance.draw(bits, min(step, self.draws - low))


def orders_of(blocks: Sequence[Ints] | Ints) -> int:
    """How many different orders several blocks allow together, each with kinds that occur so many times.

    For more than 20,000 places in all a power of ten near it, as exact counts of so many digits take seconds.
    """
    if sum(int(np.sum(counts)) for counts in blocks) <= _COUNTED:
        return prod(orders(counts) for counts in blocks)
    logs = [lgamma(np.sum(row) + 1) - sum(lgamma(n + 1) for n in row) for row in blocks]
    return int(10 ** round(sum(logs) / log(10)))


def orders(counts: Sequence[int] | Ints) -> int:
    """How many different orders there are of kinds that occur so many times."""
    total, left = 1, int(np.sum(counts))
    for size in np.asarray(counts).tolist():
        total, left = total * comb(left, size), left - size
    return total


def arrangements(counts: Ints) -> Ints:
    """(W, n) every different order of kinds 0, 1, … that occur so many times, n in all."""
    rows = np.full((1, int(counts.sum())), -1, dtype=np.int64)
    for kind, size in enumerate(counts.tolist()):
        if size == 0:
            continue
        free = np.nonzero(rows < 0)[1].reshape(len(rows), -1)
        chosen = np.array(list(combinations(range(free.shape[1]), size)), dtype=np.int64)
        places = free[:, chosen].reshape(-1, size)
        rows = np.repeat(rows, len(chosen), axis=0)
        np.put_along_axis(rows, places, kind, axis=1)
    return rows


def products(parts: Sequence[Ints], places: Sequence[Ints], step: int) -> Iterator[Ints]:
    """Every combination of one row of each part, put at its places, in blocks (at most `step`, G)."""
    total = prod(len(part) for part in parts)
    for low in range(0, total, step):
        index = np.arange(low, min(low + step, total), dtype=np.int64)
        rows = np.empty((len(index), sum(len(place) for place in places)), dtype=np.int64)
        for part, place in zip(reversed(parts), reversed(places), strict=True):
            index, digit = np.divmod(index, len(part))
            rows[:, place] = part[digit]
        yield rows
