"""The noise that a trial has to see through: numbers, shares or counts, and what units have in common."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np

from whatworks.arrays import Floats
from whatworks.errors import OptionError
from whatworks.errors import choose as choose_option
from whatworks.rct.one_row.answer import is_number

Direction = Literal["fall", "rise"]
DIRECTIONS: Final = ("fall", "rise")
BOTH_ARMS = tuple[Floats, Floats]

_LARGEST_RISE: Final = 50.0
"""A count that grows fifty-one-fold is the largest rise looked for."""


@dataclass(frozen=True, slots=True)
class Normal:
    """A numeric outcome compared by its mean; effects are in its own unit.

    Attributes:
        sd: standard deviation of one observation (a person, or a unit in one period), between clusters and
            within them, before any adjustment.
        icc: share of that variance that lies between clusters.
        cac: correlation of a cluster's own deviation from one period to another (cluster autocorrelation).
        autocorrelation: of one place's noise from one period to the next.
        r_squared: share of the variance that blocks or baseline explain.
        scale: the unit in words, such as `points`.
    """

    sd: float
    icc: float = 0.0
    cac: float = 1.0
    autocorrelation: float = 0.0
    r_squared: float = 0.0
    scale: str = ""

    def __post_init__(self) -> None:
        above("sd", self.sd, where="Normal")
        _common(self, "Normal")
        within("icc", self.icc, 0, 1, where="Normal")

    @property
    def limits(self) -> tuple[float, float]:
        """Effects that are possible at all."""
        return -math.inf, math.inf

    def gap(self, effect: Floats) -> Floats:
        """The effect on the scale of the analysis."""
        return np.asarray(effect, dtype=float)

    def within(self, effect: Floats) -> BOTH_ARMS:
        """Variance of one observation about its cluster, in the control and the treatment arm."""
        value = np.full_like(self.gap(effect), self.sd**2 * (1 - self.icc) * (1 - self.r_squared))
        return value, value

    def between(self, effect: Floats) -> BOTH_ARMS:
        """Variance of clusters about the mean of their arm."""
        value = np.full_like(self.gap(effect), self.sd**2 * self.icc * (1 - self.r_squared))
        return value, value

    def phrase(self, effect: float) -> str:
        """The effect in words."""
        return f"a difference of {plain(abs(effect))}{f' {self.scale}' if self.scale else ''}"

    def assumed(self) -> str:
        """What the answer takes for granted about the noise."""
        return f"a standard deviation of {plain(self.sd)}{_shared_words(self)}"

    def what_if(self) -> list[tuple[str, Noise]]:
        """The same noise, another in one respect at a time."""
        worse = [(f"standard deviation {plain(1.25 * self.sd)}", replace(self, sd=1.25 * self.sd))]
        return [*worse, *_worse_shared(self)]


@dataclass(frozen=True, slots=True)
class Share:
    """A yes-or-no outcome compared by its share; effects are differences of shares (−0.05: five points less).

    Attributes:
        p: the share in the control arm.
        icc, cac, autocorrelation, r_squared: as for `Normal`.
        direction: whether a `fall` or a `rise` is looked for.
    """

    p: float
    icc: float = 0.0
    cac: float = 1.0
    autocorrelation: float = 0.0
    r_squared: float = 0.0
    direction: Direction = "fall"

    def __post_init__(self) -> None:
        if not is_number(self.p) or not 0 < self.p < 1:
            raise OptionError(
                f"p={self.p!r} is not a share between 0 and 1",
                where="Share",
                remedy="Give the share in the control arm, such as 0.3 for 30%.",
            )
        _common(self, "Share")
        within("icc", self.icc, 0, 1, where="Share")
        choose_option("direction", self.direction, DIRECTIONS, where="Share")

    @property
    def limits(self) -> tuple[float, float]:
        """Effects that are possible at all."""
        return -self.p, 1 - self.p

    def gap(self, effect: Floats) -> Floats:
        """The effect on the scale of the analysis: a difference of shares."""
        return np.asarray(effect, dtype=float)

    def _arms(self, effect: Floats) -> BOTH_ARMS:
        treated = self.p + self.gap(effect)
        left = 1 - self.r_squared
        return np.full_like(treated, self.p * (1 - self.p) * left), treated * (1 - treated) * left

    def within(self, effect: Floats) -> BOTH_ARMS:
        """Variance of one observation about its cluster, in the control and the treatment arm."""
        control, treated = self._arms(effect)
        return control * (1 - self.icc), treated * (1 - self.icc)

    def between(self, effect: Floats) -> BOTH_ARMS:
        """Variance of clusters about the mean of their arm."""
        control, treated = self._arms(effect)
        return control * self.icc, np.asarray(treated * self.icc)

    def phrase(self, effect: float) -> str:
        """The effect in words."""
        points = f"{plain(100 * abs(effect))} percentage points"
        ends = f"from {plain(100 * self.p)}% to {plain(100 * (self.p + effect))}%"
        return f"a {'fall' if effect < 0 else 'rise'} of {points} ({ends})"

    def assumed(self) -> str:
        """What the answer takes for granted about the noise."""
        return f"a share of {plain(100 * self.p)}% in the control arm{_shared_words(self)}"

    def what_if(self) -> list[tuple[str, Noise]]:
        """The same noise, another in one respect at a time."""
        nearer = self.p + (0.5 - self.p) / 4
        first = [] if self.p == 0.5 else [(f"control arm at {plain(100 * nearer)}%", replace(self, p=nearer))]
        return [*first, *_worse_shared(self)]


@dataclass(frozen=True, slots=True)
class Counts:
    """A count compared as a rate ratio; effects are relative changes (−0.2: 20% fewer).

    Attributes:
        rate: expected count of one observation (a unit in one period) in the control arm.
        overdispersion: φ, variance over mean of a unit's count about its own level.
        between_cv: coefficient of variation of the true rates from unit to unit (or cluster to cluster);
            drops out where each place is its own control.
        cac, autocorrelation, r_squared: as for `Normal`.
        direction: whether a `fall` or a `rise` is looked for.

    Source: Hayes & Bennett (1999), International Journal of Epidemiology 28(2), equation 2, for `between_cv`.
    """

    rate: float
    overdispersion: float = 1.0
    between_cv: float = 0.0
    cac: float = 1.0
    autocorrelation: float = 0.0
    r_squared: float = 0.0
    direction: Direction = "fall"

    def __post_init__(self) -> None:
        above("rate", self.rate, where="Counts")
        above("overdispersion", self.overdispersion, where="Counts")
        within("between_cv", self.between_cv, 0, math.inf, where="Counts")
        _common(self, "Counts")
        choose_option("direction", self.direction, DIRECTIONS, where="Counts")

    @property
    def limits(self) -> tuple[float, float]:
        """Effects that are possible at all; no ratio can be taken of none."""
        return -1.0, _LARGEST_RISE

    def gap(self, effect: Floats) -> Floats:
        """The effect on the scale of the analysis: the log of the rate ratio."""
        return np.asarray(np.log1p(np.asarray(effect, dtype=float)))

    def within(self, effect: Floats) -> BOTH_ARMS:
        """Variance of one observation about its unit, relative to its level: φ over the expected count."""
        ratio = 1 + np.asarray(effect, dtype=float)
        control = np.full_like(ratio, self.overdispersion / self.rate * (1 - self.r_squared))
        return control, np.asarray(control / ratio)

    def between(self, effect: Floats) -> BOTH_ARMS:
        """Variance of units about the mean of their arm, relative to its level."""
        value = np.full_like(self.gap(effect), self.between_cv**2 * (1 - self.r_squared))
        return value, value

    def phrase(self, effect: float) -> str:
        """The effect in words."""
        return f"a {'fall' if effect < 0 else 'rise'} of {plain(100 * abs(effect), 2)}%"

    def assumed(self) -> str:
        """What the answer takes for granted about the noise."""
        cv = f", rates that differ between units by a factor {plain(self.between_cv)} of their mean (CV)"
        return (
            f"{plain(self.rate)} per unit and period, overdispersion φ of {plain(self.overdispersion)}"
            f"{cv if self.between_cv else ''}{_shared_words(self)}"
        )

    def what_if(self) -> list[tuple[str, Noise]]:
        """The same noise, another in one respect at a time."""
        more = self.overdispersion + 1
        worse = [
            (f"φ of {plain(more)}", replace(self, overdispersion=more)),
            (f"a rate of {plain(0.75 * self.rate)}", replace(self, rate=0.75 * self.rate)),
        ]
        if self.between_cv:
            worse.append(
                (f"CV of {plain(1.5 * self.between_cv)}", replace(self, between_cv=1.5 * self.between_cv))
            )
        return [*worse, *_worse_shared(self)]


Noise = Normal | Share | Counts
"""What `rct.power` takes for noise."""

Variance = Callable[[Floats], Floats]
"""Variance of the estimate, on the scale of the analysis, at each of several effects."""


def plain(value: float, significant: int = 3) -> str:
    """A number to a few significant digits, as people write it."""
    if not value:
        return "0"
    decimals = significant - 1 - math.floor(math.log10(abs(value)))
    text = f"{round(value, decimals):,.{max(decimals, 0)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def above(name: str, value: object, *, where: str) -> None:
    """Raise `OptionError` unless the value is a number above 0."""
    if not is_number(value) or not value > 0:
        raise OptionError(f"{name}={value!r} is not a number above 0", where=where, remedy=_ASK)


def within(name: str, value: object, low: float, high: float, *, where: str) -> None:
    """Raise `OptionError` unless the value is a number from low to high, both included."""
    if not is_number(value) or not low <= value <= high:
        bounds = f"of at least {low:g}" if high == math.inf else f"from {low:g} to {high:g}"
        raise OptionError(f"{name}={value!r} is not a number {bounds}", where=where, remedy=_ASK)


_ASK: Final = "rct.noise(past) estimates it from past data."


def _common(noise: Normal | Share | Counts, where: str) -> None:
    within("cac", noise.cac, 0, 1, where=where)
    for name, low in (("autocorrelation", -1), ("r_squared", 0)):
        value = getattr(noise, name)
        within(name, value, low, 1, where=where)
        if abs(value) == 1:
            raise OptionError(f"{name}={value!r} leaves no noise at all", where=where, remedy=_ASK)


def _shared_words(noise: Normal | Share | Counts) -> str:
    said = (
        [] if isinstance(noise, Counts) or not noise.icc else [f"an intraclass correlation of {noise.icc:g}"]
    )
    said += [f"a cluster autocorrelation of {noise.cac:g}"] if noise.cac < 1 else []
    said += [f"an autocorrelation of {noise.autocorrelation:g}"] if noise.autocorrelation else []
    said += [f"{100 * noise.r_squared:g}% of the variance explained"] if noise.r_squared else []
    return "".join(f", {words}" for words in said)


def _worse_shared(noise: Noise) -> list[tuple[str, Noise]]:
    """What blocks, clusters and time leave, another value each."""
    worse: list[tuple[str, Noise]] = []
    if not isinstance(noise, Counts) and noise.icc:
        icc = min(1.5 * noise.icc, 1.0)
        worse.append((f"intraclass correlation {plain(icc)}", replace(noise, icc=icc)))
    if noise.cac < 1:
        worse.append(
            (f"cluster autocorrelation {plain(0.9 * noise.cac)}", replace(noise, cac=0.9 * noise.cac))
        )
    if -0.9 < noise.autocorrelation < 0.9:
        more = noise.autocorrelation + 0.1
        worse.append((f"autocorrelation {plain(more)}", replace(noise, autocorrelation=more)))
    if noise.r_squared:
        worse.append(("nothing explained by blocks or baseline", replace(noise, r_squared=0.0)))
    return worse
