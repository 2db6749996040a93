"""The rule by which chance assigned arms, ready to be put to work again by a randomisation test."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from whatworks.arrays import Bools, Floats, Ints
from whatworks.errors import DesignError, EstimationError
from whatworks.inference.chance.chance import IF_SO, products
from whatworks.rct.assign import balance_rule
from whatworks.rct.assign.layout import Layout
from whatworks.rct.assign.rota import Rota
from whatworks.rct.assign.schedule import Crossover

TRIED: Final = 1000
"""Allocations tried for each one wanted, before a balance rule is called too narrow to draw from."""

_CHUNK: Final = 2000


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """What chance could have done, for tests that put it to work again (`inference.chance.chance.Chance`).

    An assignment has a place for each cluster of the list, in the order of its label, or for each unit and
    period of a schedule, unit by unit.

    Attributes:
        layout: clusters and blocks, where arms were dealt once and for all; None for a schedule.
        crossover: the schedule's rule; None otherwise.
        units: how many units.
        baseline: (K, G) what had to be balanced, and `cutoff` the largest distance let through.
        admissible: how many allocations the balance rule lets through; None without one.
        algorithm: the rule in words, as the record has it; empty where nobody recorded one.
    """

    layout: Layout | None
    crossover: Crossover | Rota | None
    units: int
    baseline: Floats | None = None
    cutoff: float = np.inf
    admissible: int | None = None
    algorithm: str = field(default="")

    @property
    def possible(self) -> int:
        """How many allocations the rule permits; from a share of random ones where there are very many."""
        if self.admissible is not None:
            return self.admissible
        if self.crossover is not None:
            return self.crossover.possible(self.units)
        return 1 if self.layout is None else self.layout.possible

    @property
    def counted(self) -> bool:
        """Whether `possible` is exact; otherwise at least so many, or about so many under a balance rule."""
        if self.baseline is not None:
            return self.enumerable(0)
        return self.crossover is None or self.crossover.counted(self.units)

    @property
    def about(self) -> str:
        """What goes before `possible` where it is not exact."""
        if self.counted:
            return ""
        return "about " if self.baseline is not None else "at least "

    @property
    def words(self) -> str:
        """What is dealt anew."""
        if self.algorithm:
            return f"assigning anew by the recorded rule: {self.algorithm.rstrip('.')}"
        layout = self._dealt()
        what = "clusters" if layout.clusters < len(layout.cluster) else "units"
        blocks = f" within {len(layout.counts)} blocks" if len(layout.counts) > 1 else ""
        return f"dealing the arms anew to {layout.clusters} {what}{blocks}, as many to each arm as there were"

    @property
    def claim(self) -> str:
        """What the p-value rests on."""
        return "exact, this being how treatment was assigned" if self.algorithm else IF_SO

    def enumerable(self, limit: int) -> bool:
        """Whether all allocations can be gone through; with a balance rule, all that had to be judged.

        A rota's schedules are not equally likely, so that going through them would tell nothing.
        """
        if self.baseline is not None:
            return self._dealt().possible <= balance_rule.ENUMERATED
        return not isinstance(self.crossover, Rota) and self.possible <= limit

    def every(self, step: int) -> Iterator[Ints]:
        """Every allocation, in blocks (at most `step`, G)."""
        if isinstance(self.crossover, Crossover):
            one = self.crossover.every()
            places = np.arange(self.units * one.shape[1]).reshape(self.units, -1)
            yield from products([one] * self.units, list(places), step)
            return
        for arms in self._dealt().every(step):
            yield arms[self.admits(arms)]

    def draw(self, bits: np.random.PCG64, draws: int) -> Ints:
        """(draws, G) allocations at random; those that break the balance rule are drawn again.

        Raises:
            EstimationError: a balance rule that lets through too few of those drawn.
        """
        if self.crossover is not None:
            return self.crossover.draw(bits, self.units, draws).reshape(draws, -1)
        layout = self._dealt()
        if self.baseline is None:
            return layout.draw(bits, draws)
        found: list[Ints] = []
        kept = tried = 0
        while kept < draws:
            if tried > TRIED * draws + 10 * _CHUNK:
                raise EstimationError(
                    f"{kept:,} of {tried:,} random allocations kept the balance rule, too few for "
                    f"{draws:,} draws",
                    where="RandomisationInference under the recorded rule",
                    remedy="Ask for fewer draws; a rule that accepts a larger share is for the next trial.",
                )
            arms = layout.draw(bits, _CHUNK)
            found.append(arms[self.admits(arms)])
            kept, tried = kept + len(found[-1]), tried + _CHUNK
        return np.concatenate(found)[:draws]

    def admits(self, arms: Ints) -> Bools:
        """(D,) whether the balance rule lets allocations (D, G) through."""
        if self.baseline is None:
            return np.ones(len(arms), dtype=bool)
        return balance_rule.within(arms, self.baseline, self.cutoff)

    def among(self, arm: Ints, kept: Bools) -> Rule:
        """The rule given which clusters (G,) got one of some arms, for comparing those arms alone.

        Args:
            arm: (G,) actual arms, `kept` (G,) whether it is one of those compared.

        Raises:
            DesignError: a schedule or a balance rule, which say nothing about such a part.
        """
        if self.crossover is not None or self.baseline is not None:
            raise DesignError(
                "some arms of the record are left out, and a schedule or balance rule ties them to the rest",
                where="RandomisationInference under the recorded rule",
                remedy="Analyse the trial with all its arms, or ask for another inference.",
            )
        layout = self._dealt()
        within = kept[layout.cluster]
        again = np.cumsum(kept) - 1
        counts = np.zeros_like(layout.counts)
        np.add.at(counts, (layout.block[kept], arm[kept]), 1)
        part = Layout(again[layout.cluster[within]], layout.block[kept], counts)
        return replace(self, layout=part, units=int(within.sum()))

    def _dealt(self) -> Layout:
        if self.layout is None:
            raise DesignError("the record holds no rule to draw from", where="Rule")
        return self.layout
