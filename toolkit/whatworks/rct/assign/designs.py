"""How chance assigns arms: at once, within blocks, within matched pairs, over days, or in steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from whatworks import columns, trial_rules
from whatworks.arrays import Floats, Ints
from whatworks.errors import NUMBER, DesignError, OptionError, TrialError, check_whole, first_few
from whatworks.rct.assign import matching
from whatworks.rct.assign.layout import Layout, shares

WHERE = "rct.randomise"


def names(given: str | Sequence[str]) -> tuple[str, ...]:
    """One column or several, as a tuple."""
    return (given,) if isinstance(given, str) else tuple(given)


@dataclass(frozen=True, slots=True)
class Complete:
    """Fixed numbers to each arm out of all units (or clusters).

    Attributes:
        sizes: how many go to each arm, control first; None for equal shares.
    """

    sizes: tuple[int, ...] | None = None

    @property
    def uses(self) -> tuple[str, ...]:
        """Columns of the list that the draw depends on."""
        return ()

    def words(self, listed: Listed, layout: Layout) -> str:
        """What was done, for the record."""
        return f"Complete randomisation of {listed.clusters} {listed.word}s"

    def layout(self, listed: Listed, arms: int) -> Layout:
        """One block of all clusters.

        Raises:
            DesignError: fewer clusters than arms, which would leave an arm empty.
            OptionError: sizes that do not add up.
        """
        total = listed.clusters
        if total < arms:
            raise DesignError(
                f"{total} {listed.word}{'' if total == 1 else 's'} for {arms} arms would leave an arm "
                "without any",
                where=WHERE,
                remedy=f"List at least {arms} {listed.word}s (two an arm or more, if an error is to be "
                "estimated), or name fewer arms.",
            )
        block = np.zeros(total, dtype=np.int64)
        if self.sizes is None:
            return Layout(listed.cluster, block, shares(np.array([total]), arms))
        if len(self.sizes) != arms or sum(self.sizes) != total or min(self.sizes) < 1:
            raise OptionError(
                f"sizes={self.sizes!r} do not share {total} {listed.word}s among {arms} arms",
                where=WHERE,
                remedy=f"Give {arms} numbers of at least 1 that sum to {total}, control first.",
            )
        return Layout(listed.cluster, block, np.array([self.sizes], dtype=np.int64))


@dataclass(frozen=True, slots=True)
class Blocked:
    """Equal shares to each arm within blocks of units that are alike.

    Attributes:
        by: columns whose combinations make the blocks.
    """

    by: str | tuple[str, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "by", names(self.by))

    @property
    def uses(self) -> tuple[str, ...]:
        """Columns of the list that the draw depends on."""
        return names(self.by)

    def words(self, listed: Listed, layout: Layout) -> str:
        """What was done, for the record."""
        return f"Randomisation of {listed.clusters} {listed.word}s within {len(layout.counts)} blocks"

    def layout(self, listed: Listed, arms: int) -> Layout:
        """A block for each combination; raises `DesignError` where a block is smaller than the arms."""
        text = listed.per_cluster(self.uses)
        labels, block = np.unique(text, return_inverse=True)
        sizes = np.bincount(block)
        small = [str(labels[b]) for b in np.flatnonzero(sizes < arms)]
        if small:
            raise DesignError(
                f"{len(small)} blocks hold fewer {listed.word}s than there are arms: {first_few(small)}",
                where=WHERE,
                remedy="Block on fewer columns, or join small blocks beforehand.",
            )
        return Layout(listed.cluster, block.astype(np.int64), shares(sizes, arms))


@dataclass(frozen=True, slots=True)
class Pairs:
    """One of each pair to each of two arms, the pairs matched on baseline as closely as can be.

    Attributes:
        on: numeric baseline columns; cluster means where clusters are assigned.
    """

    on: str | tuple[str, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "on", names(self.on))

    @property
    def uses(self) -> tuple[str, ...]:
        """Columns of the list that the draw depends on."""
        return names(self.on)

    def words(self, listed: Listed, layout: Layout) -> str:
        """What was done, for the record."""
        return (
            f"Randomisation within {len(layout.counts)} pairs of {listed.word}s, matched with the least "
            "total Mahalanobis distance"
        )

    def layout(self, listed: Listed, arms: int) -> Layout:
        """A block of two for each pair; raises `DesignError` for an odd number or more than two arms."""
        if arms != 2:
            raise DesignError(
                f"pairs serve two arms, not {arms}", where=WHERE, remedy="Use Blocked(by=...) for more arms."
            )
        block = matching.pairs(matching.mahalanobis(listed.means(self.uses)))
        return Layout(listed.cluster, block, np.ones((len(block) // 2, 2), dtype=np.int64))


@dataclass(frozen=True, slots=True)
class SteppedWedge:
    """Everybody starts untreated and everybody ends treated; chance decides who crosses when.

    The "arms" are the steps: step s begins treatment in period `first + s · every`.

    Attributes:
        steps: how many steps.
        first: number of the period in which the first step begins, the trial's own first period being 1;
            the periods before it are all untreated.
        every: periods from one step to the next.
    """

    steps: int
    first: int = 2
    every: int = 1

    def __post_init__(self) -> None:
        for name, least in (("steps", 2), ("first", 1), ("every", 1)):
            remedy = "A stepped wedge has two steps or more; first=2 leaves one period before them."
            value = getattr(self, name)
            check_whole(name, value, least=least, where="SteppedWedge", remedy=remedy, kind=NUMBER)

    @property
    def uses(self) -> tuple[str, ...]:
        """Columns of the list that the draw depends on."""
        return ()

    @property
    def starts(self) -> tuple[str, ...]:
        """The period in which each step begins."""
        return tuple(str(self.first + step * self.every) for step in range(self.steps))

    def words(self, listed: Listed, layout: Layout) -> str:
        """What was done, for the record."""
        return f"Stepped wedge, {listed.clusters} {listed.word}s dealt to {self.steps} starting periods"

    def layout(self, listed: Listed, arms: int) -> Layout:
        """One block of all clusters dealt to the steps; raises `DesignError` where a step stays empty."""
        if listed.clusters < self.steps:
            raise DesignError(
                f"{listed.clusters} {listed.word}s cannot fill {self.steps} steps",
                where=WHERE,
                remedy="Use fewer steps.",
            )
        block = np.zeros(listed.clusters, dtype=np.int64)
        return Layout(listed.cluster, block, shares(np.array([listed.clusters]), self.steps))


@dataclass(frozen=True, slots=True)
class Balance:
    """A rule that an allocation must keep before it is taken: arms alike on baseline.

    Allocations are drawn until one has a distance between the arms' baseline means (Mahalanobis, the largest
    over pairs of arms) among the smallest `accept` share of what chance gives.

    Attributes:
        on: numeric baseline columns; cluster means where clusters are assigned.
        accept: share of allocations that pass.
        tried: random allocations from which the cutoff is found.

    Source: Morgan & Rubin (2012), Annals of Statistics 40(2).
    """

    on: str | tuple[str, ...]
    accept: float = 0.1
    tried: int = field(default=10_000)

    def __post_init__(self) -> None:
        object.__setattr__(self, "on", names(self.on))
        if not 0 < self.accept < 1:
            raise OptionError(
                f"accept={self.accept!r} is not a share between 0 and 1",
                where="Balance",
                remedy="0.1 keeps the best tenth; below 0.001 so few are left that a test has no power.",
            )
        if isinstance(self.tried, bool) or self.tried < 1000:
            raise OptionError(
                f"tried={self.tried!r} is fewer than 1,000", where="Balance", remedy="Give 10,000."
            )


@dataclass(frozen=True, slots=True, eq=False)
class Listed:
    """The list of units before chance has spoken.

    Attributes:
        frame: one row a unit, sorted by its label.
        units: labels in that order.
        cluster: (N,) cluster of each unit; each its own where units are assigned singly.
        cluster_labels: G labels.
        word: `unit` or `cluster`, what is assigned.
    """

    frame: pd.DataFrame
    units: tuple[str, ...]
    cluster: Ints
    cluster_labels: tuple[str, ...]
    word: str

    def __repr__(self) -> str:
        """Sizes only: the list may be one of people."""
        return f"Listed({len(self.units)} units, {self.clusters} to assign as a {self.word} each)"

    @property
    def clusters(self) -> int:
        """How many clusters are dealt."""
        return len(self.cluster_labels)

    def per_cluster(self, wanted: Sequence[str]) -> npt.NDArray[np.str_]:
        """(G,) values of columns joined as text; raises `DesignError` where they vary within a cluster."""
        columns.require(self.frame, [("block", name) for name in wanted], TrialError)
        for name in wanted:
            trial_rules.refuse_doubtful(self.frame[name], name, "block")
        text = self.frame[list(wanted)].astype(str).agg(" · ".join, axis=1).to_numpy(dtype=str)
        first = np.unique(self.cluster, return_index=True)[1]
        split = np.flatnonzero(text != text[first][self.cluster])
        if split.size:
            raise DesignError(
                f"the block varies within a cluster: {first_few(self.units[i] for i in split[:5])}",
                where=WHERE,
                remedy="A cluster lies in one block: block on what the whole cluster shares.",
            )
        return np.asarray(text[first])

    def means(self, wanted: Sequence[str]) -> Floats:
        """(K, G) cluster means of numeric columns; raises `TrialError` for what is no number."""
        columns.require(self.frame, [("baseline", name) for name in wanted], TrialError)
        size = np.bincount(self.cluster)
        rows = []
        for name in wanted:
            values = columns.numbers(self.frame, name, "baseline", TrialError)
            bad = np.flatnonzero(np.isnan(values))
            if bad.size:
                raise TrialError(
                    f"{bad.size} units have no {name!r}: {first_few(self.units[i] for i in bad[:5])}",
                    where=WHERE,
                    remedy="Baseline is a number for every unit: mend the source or use another column.",
                )
            rows.append(np.bincount(self.cluster, weights=values) / size)
        return np.stack(rows)


AtOnce = Complete | Blocked | Pairs | SteppedWedge
"""Designs that deal each cluster one arm, or one step, once and for all."""
