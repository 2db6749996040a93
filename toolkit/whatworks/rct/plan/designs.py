"""Trials that have not been run yet: how many units, clusters, places and days, and what chance may do."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Final, Self

import numpy as np

from whatworks.arrays import Floats
from whatworks.errors import NUMBER, OptionError, check_whole
from whatworks.rct.assign.layout import Layout, shares
from whatworks.rct.plan.noise import Noise, Variance, plain, within

Lost = tuple[float, float]

WHERE: Final = "rct.power"


@dataclass(frozen=True, slots=True)
class _TwoArms:
    """What is dealt to two arms once and for all, within blocks or not."""

    control: int
    treatment: int
    blocks: int = field(default=1, kw_only=True)
    word: str = field(default="unit", kw_only=True)

    @property
    def count(self) -> int:
        """Units, or clusters, in all."""
        return self.control + self.treatment

    @property
    def counted(self) -> str:
        """What `count` counts."""
        return f"{self.word}s"

    @property
    def allocations(self) -> int:
        """How many allocations chance could make."""
        return _layout(self.control, self.treatment, self.blocks).possible

    @property
    def mirrored(self) -> bool:
        """Whether every allocation has a mirror image."""
        return self.control == self.treatment and self.count % (2 * self.blocks) == 0

    def scaled(self, count: int) -> Self:
        """The same trial with another number of them, arms in proportion."""
        control = _share_of(count, self.control, self.count)
        return replace(self, control=control, treatment=max(count - control, 2))


@dataclass(frozen=True, slots=True)
class Parallel(_TwoArms):
    """Units, one by one, to two arms, once and for all.

    Attributes:
        control, treatment: units in either arm.
        periods: over how many periods each is observed; counts add up, other noise averages out.
        blocks: blocks within which they are assigned; what blocks explain is `r_squared` of the noise.
        word: what a unit is.
    """

    periods: int = 1

    def __post_init__(self) -> None:
        check_numbers(self, "Parallel", control=2, treatment=2, periods=1, blocks=1)
        _blocks(self.control, self.treatment, self.blocks, "Parallel")

    def errors(self, noise: Noise, lost: Lost) -> tuple[Variance, float]:
        """Variance of the estimate at each effect, and degrees of freedom."""
        arms = np.array([self.control, self.treatment]) * (1 - np.array(lost))
        time = _time_factor(noise.autocorrelation, self.periods) / self.periods

        def variance(effect: Floats) -> Floats:
            inside, between = noise.within(effect), noise.between(effect)
            return sum(
                ((v * time + b) / n for v, b, n in zip(inside, between, arms, strict=True)), np.zeros(1)
            )

        return variance, _df(self.control, self.treatment, self.blocks, lost)

    def words(self) -> str:
        """The design at the beginning of a sentence."""
        time = f" over {self.periods} periods" if self.periods > 1 else ""
        if self.control == self.treatment:
            return f"With {self.control:,} {self.word}s in each arm{time}"
        return f"With {self.treatment:,} treated and {self.control:,} control {self.word}s{time}"


@dataclass(frozen=True, slots=True)
class Paired:
    """One of each matched pair to each arm.

    Attributes:
        pairs: how many pairs.
        correlation: of the two outcomes of a pair.
        periods: over how many periods each unit is observed.
        word: what a unit is.
    """

    pairs: int
    correlation: float = 0.0
    periods: int = 1
    word: str = "unit"

    def __post_init__(self) -> None:
        check_numbers(self, "Paired", pairs=2, periods=1)
        within("correlation", self.correlation, -1, 1, where="Paired")
        if abs(self.correlation) == 1:
            raise OptionError("correlation of 1 leaves no noise", where="Paired", remedy="Give, say, 0.5.")

    @property
    def count(self) -> int:
        """Pairs in all."""
        return self.pairs

    @property
    def counted(self) -> str:
        """What `count` counts."""
        return "pairs"

    @property
    def allocations(self) -> int:
        """How many allocations chance could make."""
        return int(2**self.pairs)

    @property
    def mirrored(self) -> bool:
        """Whether every allocation has a mirror image."""
        return True

    def scaled(self, count: int) -> Paired:
        """The same trial with another number of pairs."""
        return replace(self, pairs=max(count, 2))

    def errors(self, noise: Noise, lost: Lost) -> tuple[Variance, float]:
        """Variance of the estimate at each effect, and degrees of freedom; a pair that loses one is lost."""
        left = self.pairs * (1 - lost[0]) * (1 - lost[1])
        time = _time_factor(noise.autocorrelation, self.periods) / self.periods

        def variance(effect: Floats) -> Floats:
            (v0, v1), (b0, b1) = noise.within(effect), noise.between(effect)
            control, treated = v0 * time + b0, v1 * time + b1
            return (control + treated - 2 * self.correlation * np.sqrt(control * treated)) / left

        return variance, _positive_df(left - 1)

    def words(self) -> str:
        """The design at the beginning of a sentence."""
        time = f" over {self.periods} periods" if self.periods > 1 else ""
        return f"With {self.pairs:,} pairs of {self.word}s{time}"


@dataclass(frozen=True, slots=True)
class Clusters(_TwoArms):
    """Whole clusters of people (or of places) to two arms.

    Attributes:
        control, treatment: clusters in either arm.
        size: members of a cluster, on average.
        size_cv: coefficient of variation of the sizes.
        blocks: blocks within which clusters are assigned.
        word: what a cluster is.

    Source: Eldridge, Ashby & Kerry (2006), International Journal of Epidemiology 35(5), equation 3.
    """

    size: float
    size_cv: float = 0.0
    word: str = field(default="cluster", kw_only=True)

    def __post_init__(self) -> None:
        check_numbers(self, "Clusters", control=2, treatment=2, blocks=1)
        within("size", self.size, 1, math.inf, where="Clusters")
        within("size_cv", self.size_cv, 0, math.inf, where="Clusters")
        _blocks(self.control, self.treatment, self.blocks, "Clusters")

    def errors(self, noise: Noise, lost: Lost) -> tuple[Variance, float]:
        """Variance of the estimate at each effect, and degrees of freedom; members are lost, not clusters.

        With equal sizes m the variance of an arm of g clusters is (within/m + between)/g, which is σ²/(gm)
        times 1 + (m − 1)·ICC; unequal sizes turn between into (1 + CV²)·between.
        """
        clusters = (self.control, self.treatment)
        sizes = [self.size * (1 - share) for share in lost]
        uneven = 1 + self.size_cv**2

        def variance(effect: Floats) -> Floats:
            arms = zip(noise.within(effect), noise.between(effect), clusters, sizes, strict=True)
            return sum(((v / m + uneven * b) / g for v, b, g, m in arms), np.zeros(1))

        return variance, _df(self.control, self.treatment, self.blocks, (0.0, 0.0))

    def words(self) -> str:
        """The design at the beginning of a sentence."""
        size = f"of about {plain(self.size)}" if self.size_cv else f"of {plain(self.size)}"
        if self.control == self.treatment:
            return f"With {self.control:,} {self.word}s {size} in each arm"
        return f"With {self.treatment:,} treated and {self.control:,} control {self.word}s {size}"


def smallest_p(allocations: int, mirrored: bool) -> float:
    """The smallest two-sided p-value that so many allocations permit."""
    return min(1.0, (2 if mirrored else 1) / allocations)


def check_numbers(design: object, where: str, **least: int) -> None:
    """Raise `OptionError` unless each named attribute is a whole number of at least so much."""
    for name, floor in least.items():
        remedy = "An error is learned from two or more of a kind." if floor > 1 else "Count it."
        check_whole(name, getattr(design, name), least=floor, where=where, remedy=remedy, kind=NUMBER)


def _blocks(control: int, treatment: int, blocks: int, where: str) -> None:
    if blocks > min(control, treatment):
        raise OptionError(
            f"{blocks} blocks cannot each hold both arms of {control} and {treatment}",
            where=where,
            remedy="Use fewer blocks; two units a block are Paired(pairs=...).",
        )


def _layout(control: int, treatment: int, blocks: int) -> Layout:
    """Blocks as equal as can be, each with its share of either arm."""
    none = np.empty(0, dtype=np.int64)
    each = [shares(np.array([n]), blocks)[0] for n in (control, treatment)]
    return Layout(none, none, np.stack(each, axis=1))


def _share_of(count: int, part: int, whole: int) -> int:
    return max(2, round(count * part / whole))


def _time_factor(correlation: float, periods: int) -> float:
    """How much more the mean over periods varies for their correlation ρ^|s−t|."""
    lags = np.arange(1, periods)
    return float(1 + 2 * ((1 - lags / periods) * correlation**lags).sum())


def _df(control: int, treatment: int, blocks: int, lost: Lost) -> float:
    """Units less two a block, as block differences have it; blocks less one where they hold a lone unit."""
    counts = _layout(control, treatment, blocks).counts
    lone = counts.min(axis=1) < 2
    left = counts @ (1 - np.array(lost))
    paired = float(lone.sum()) * (1 - lost[0]) * (1 - lost[1]) - 1 if lone.any() else 0.0
    return _positive_df(float(left[~lone].sum()) - 2 * float((~lone).sum()) + paired)


def _positive_df(df: float) -> float:
    if df < 1:
        raise OptionError(
            f"{df:.3g} degrees of freedom are left",
            where=WHERE,
            remedy="Plan more units than blocks and arms, or count on fewer losses.",
        )
    return df
