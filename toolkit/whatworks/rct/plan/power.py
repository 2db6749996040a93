"""What a trial could find, before it is run: smallest effect, power and size in closed form."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd

from whatworks.arrays import Floats
from whatworks.errors import OptionError, WhatworksError
from whatworks.inference.draws import check_level
from whatworks.inference.intervals import critical_value
from whatworks.rct.one_row.answer import is_number
from whatworks.rct.plan.designs import WHERE, Lost, Parallel, smallest_p
from whatworks.rct.plan.designs_over_time import PlaceDays, Planned, Wedge, check_planned
from whatworks.rct.plan.noise import Counts, Noise, Normal, Share, plain, within
from whatworks.rct.plan.result import Power, allocation_words, how_often, too_few
from whatworks.results import NotAvailable, Number

_SIZES: Final = (0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0)
_POINTS: Final = 41
_STEPS: Final = 200
_LARGEST: Final = 2**20
"""No trial is larger than a million units."""


def power(
    design: Planned,
    noise: Noise,
    *,
    effect: float | None = None,
    take_up: float = 1.0,
    lost: float | tuple[float, float] = 0.0,
    level: float = 0.95,
    power: float = 0.8,
) -> Power:
    """What a planned trial could find: the smallest effect, the power for one, and the size it would take.

    Args:
        design: `Parallel`, `Paired`, `Clusters`, `PlaceDays` or `Wedge`.
        noise: `Normal`, `Share` or `Counts`; `rct.noise` estimates it from past data.
        effect: the effect of the treatment on those who get it, in the unit of the noise (−0.2 is 20% fewer
            for `Counts`, 20 points less for `Share`). Its sign is the direction looked in.
        take_up: difference between the arms in the share that gets the treatment; 1 where everybody does.
        lost: share without an outcome, of both arms or (control, treatment).
        level: 0.95 for a two-sided test at 5%.
        power: the probability of finding the effect that counts as enough.

    Returns:
        `Power`, whose `sentence` says it.

    Raises:
        OptionError: a design or number that cannot be, an effect of 0 or of −100% and beyond, a power that is
            not above the chance of a false alarm.

    Source: noncentral t, as in Cohen (1988) and Bloom (1995); the designs name theirs.
    """
    plan = _Plan(check_planned(design), _noise(noise), *_checked(effect, take_up, lost, level, power, noise))
    return _found(plan)


@dataclass(frozen=True, slots=True)
class _Finder:
    """Power of one design under one noise, as a function of the effect."""

    chance: Callable[[Floats], Floats]
    direction: int
    limit: float
    wanted: float

    def at(self, effect: float) -> float:
        """Power at an effect: no less than at any smaller one.

        The Wald test of a ratio loses its power again as a fall nears 100%, since no log can be taken of
        nothing; no trial is the weaker for a stronger effect.
        """
        return float(self.chance(np.linspace(effect / _STEPS, effect, _STEPS)).max())

    def smallest(self) -> Number:
        """The smallest effect found with the probability wanted."""
        from scipy.optimize import brentq

        top = self._top()
        tried = self.direction * (top * np.linspace(0, 1, _STEPS + 1)[1:] ** 2)
        power = self.chance(tried)
        at = int(np.argmax(power >= self.wanted))
        if power[at] < self.wanted:
            best = how_often(float(power.max()))
            return NotAvailable(f"no effect that is possible would be found so often (at best {best})")
        low = 0.0 if at == 0 else float(tried[at - 1])
        return float(
            brentq(
                lambda d: float(self.chance(np.array([d]))[0]) - self.wanted,
                low,
                float(tried[at]),
                xtol=1e-12,
            )
        )

    def _top(self) -> float:
        if math.isfinite(self.limit):
            return self.limit * (1 - 1e-9)
        top = 1e-6
        while float(self.chance(np.array([self.direction * top]))[0]) < max(self.wanted, 0.999):
            top *= 2
        return top

    def curve(self, mde: Number, effect: float | None) -> pd.DataFrame:
        """effect, power: from none to twice the smallest, or as far as can be."""
        reach = [abs(x) for x in (mde, effect) if isinstance(x, float | int)]
        top = min(2 * max(reach), self._top()) if reach else self._top()
        effects = self.direction * np.linspace(0, top, _POINTS)
        power = np.maximum.accumulate(self.chance(effects))
        return pd.DataFrame({"effect": effects + 0.0, "power": power})


@dataclass(frozen=True, slots=True)
class _Plan:
    design: Planned
    noise: Noise
    effect: float | None
    take_up: float
    lost: Lost
    level: float
    wanted: float

    @property
    def direction(self) -> int:
        if self.effect is not None:
            return 1 if self.effect > 0 else -1
        return 1 if isinstance(self.noise, Normal) or self.noise.direction == "rise" else -1

    def finder(self, design: Planned, noise: Noise) -> _Finder:
        variance, df = design.errors(noise, self.lost)
        critical = critical_value(self.level, df=df)

        def chance(effects: Floats) -> Floats:
            diluted = effects * self.take_up
            with np.errstate(divide="ignore", invalid="ignore"):
                shift = np.abs(noise.gap(diluted)) / np.sqrt(variance(diluted))
            return rejected(np.nan_to_num(shift, nan=0.0), critical, df)

        limit = noise.limits[1] if self.direction > 0 else -noise.limits[0]
        return _Finder(chance, self.direction, limit, self.wanted)

    def asked(self, find: _Finder) -> tuple[Number, Number, Number]:
        """The effect asked about, its power, and the size that would find it."""
        if self.effect is None:
            none = NotAvailable("no effect was asked about")
            return none, none, none
        return self.effect, find.at(self.effect), self._needed(self.effect)

    def _needed(self, effect: float) -> Number:
        """The least count by doubling and halving; power rises with it but for rounding of arms."""

        def enough(count: int) -> bool:
            return self.finder(self.design.scaled(count), self.noise).at(effect) >= self.wanted

        high = self.design.count
        most = 64 * high if isinstance(self.design, PlaceDays) else _LARGEST
        try:
            while not enough(high):
                high *= 2
                if high > most:
                    return NotAvailable(f"not even {most:,} {self.design.counted} would do")
            low = 1
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (low, middle) if _tried(enough, middle) else (middle, high)
        except WhatworksError as problem:
            return NotAvailable(problem.what)
        return self.design.scaled(high).count

    def sizes(self) -> pd.DataFrame:
        """The count and the mde it brings, at multiples of the plan."""
        counts = sorted({max(2, round(self.design.count * factor)) for factor in _SIZES})
        rows = []
        for count in counts:
            try:
                scaled = self.design.scaled(count)
                found = self.finder(scaled, self.noise).smallest()
            except WhatworksError as problem:
                found = NotAvailable(problem.what)
            else:
                count = scaled.count
            rows.append((count, *_or_reason(found)))
        frame = pd.DataFrame(rows, columns=[self.design.counted, "mde", "reason"])
        return frame.drop_duplicates(self.design.counted, ignore_index=True)

    def what_if(self) -> pd.DataFrame:
        """The mde when one assumption at a time is another."""
        cases = [("as assumed", self.noise), *self.noise.what_if()]
        rows = [(words, *_or_reason(self.finder(self.design, worse).smallest())) for words, worse in cases]
        # an assumption that plays no part in this design is left out
        told = [rows[0], *(row for row in rows[1:] if row[1:] != rows[0][1:])]
        return pd.DataFrame(told, columns=["assumption", "mde", "reason"])

    def sentence(self, find: _Finder, mde: Number, found: Number, needed: Number) -> str:
        often = how_often(self.wanted)
        if isinstance(mde, NotAvailable):
            best = float(find.curve(mde, None)["power"].max())
            said = f"{self.design.words()} no effect could be found {often} (at best {how_often(best)})."
        else:
            said = f"{self.design.words()} you would detect {self.noise.phrase(mde)} or more {often}."
        if self.effect is None or isinstance(found, NotAvailable):
            return said
        asked = self.noise.phrase(self.effect)
        said += f" {asked[0].upper()}{asked[1:]} would be found {how_often(found)}"
        if isinstance(needed, NotAvailable) or found >= self.wanted:
            return f"{said}."
        return f"{said}; {often} takes {needed:,.0f} {self.design.counted}."

    @property
    def _counted(self) -> bool:
        """Whether the number of allocations is known, and no lower bound."""
        return not isinstance(self.design, PlaceDays) or self.design.schedule.counted(self.design.places)

    def _chance(self, smallest: float) -> list[str]:
        """How much chance could do, and whether that is too little for a test."""
        said = f"Chance could make {'' if self._counted else 'at least '}"
        said += f"{allocation_words(self.design.allocations)} allocations"
        if not self._counted:
            return [f"{said}."]
        warning = too_few(self.design.allocations, smallest, self.level)
        return [f"{said}{_least_p(smallest)}.", *filter(None, [warning])]

    def _if_constant(self, design: Wedge) -> str:
        """How much of the noise is the price of letting the effect vary with the time since the start."""
        said = (
            f"The effect is the average over {len(design.regressors)} periods since the start, as "
            "rct.stepped_wedge has it by default"
        )
        mde = self.finder(replace(design, effect="constant"), self.noise).smallest()
        if isinstance(mde, NotAvailable):
            return f"{said}."
        return (
            f'{said}. If it can be trusted to be the same from the first period on (effect="constant"), '
            f"{self.noise.phrase(mde)} would be found {how_often(self.wanted)}."
        )

    def notes(self, mde: Number, smallest: float) -> tuple[str, ...]:
        """Assumptions, what they hide, and warnings."""
        said = [
            f"Assumes {self.noise.assumed()}; two-sided t test at {plain(100 * (1 - self.level))}%.",
            *self._chance(smallest),
        ]
        if self.take_up < 1 and not isinstance(mde, NotAvailable):
            said.append(
                f"Take-up is {plain(100 * self.take_up)} points higher in the treatment arm: over all "
                f"who are assigned, that is {self.noise.phrase(mde * self.take_up)}."
            )
        if max(self.lost) > 0:
            said.append(
                f"{plain(100 * self.lost[0])}% of the control arm and {plain(100 * self.lost[1])}% of the "
                "treatment arm are taken to be lost at random; loss that is not can bias what is found."
            )
        if isinstance(self.noise, Counts) and isinstance(self.design, Parallel) and not self.noise.between_cv:
            said.append("Units are taken to share one rate (between_cv = 0); they hardly ever do.")
        if isinstance(self.design, Wedge) and self.design.effect == "exposure_time":
            said.append(self._if_constant(self.design))
        if isinstance(self.design, Wedge) and self.design.cluster_effects == "random":
            said.append(
                "The mixed model also compares clusters with each other; a two-way regression does not."
            )
        return tuple(said)


def _found(plan: _Plan) -> Power:
    find = plan.finder(plan.design, plan.noise)
    mde = find.smallest()
    asked, found, needed = plan.asked(find)
    smallest = smallest_p(plan.design.allocations, plan.design.mirrored)
    percent = not isinstance(plan.noise, Normal)
    return Power(
        mde=mde,
        effect=asked,
        power=found,
        needed=needed,
        count=plan.design.count,
        counted=plan.design.counted,
        wanted=plan.wanted,
        level=plan.level,
        curve=find.curve(mde, plan.effect),
        sizes=plan.sizes(),
        what_if=plan.what_if(),
        allocations=plan.design.allocations,
        smallest_p=smallest,
        false_positives=NotAvailable("the formula takes the test to be exact"),
        sentence=plan.sentence(find, mde, found, needed),
        notes=plan.notes(mde, smallest),
        method="formula",
        label=_label(plan.noise, plan.direction),
        percent=percent,
    )


def rejected(shift: Floats, critical: float, df: float) -> Floats:
    """Probability that |t| exceeds the critical value, t being off by `shift` standard errors."""
    from scipy import special

    high = np.minimum(shift, 40.0)  # beyond, the tail of the noncentral t is lost to rounding, and is 1
    if df > 1e5:
        return np.asarray(special.ndtr(high - critical) + special.ndtr(-high - critical))
    upper = 1 - special.nctdtr(df, high, critical)
    return np.asarray(np.where(high == 40.0, 1.0, upper + special.nctdtr(df, high, -critical)))


def _least_p(smallest: float) -> str:
    """What the number of allocations means for a randomisation test, where it is any bound."""
    if smallest < 1e-4:
        return ", more than any randomisation test needs"
    return f", so a randomisation test can give no p-value below {plain(smallest, 2)}"


def _tried(enough: Callable[[int], bool], count: int) -> bool:
    try:
        return enough(count)
    except WhatworksError:
        return False


def _or_reason(found: Number) -> tuple[float, str]:
    return (math.nan, found.reason) if isinstance(found, NotAvailable) else (found, "")


def _noise(noise: object) -> Noise:
    if not isinstance(noise, Normal | Share | Counts):
        raise OptionError(
            f"{type(noise).__name__} is no noise",
            where=WHERE,
            remedy="Give Normal(sd), Share(p) or Counts(rate, overdispersion); rct.noise(past) has them.",
        )
    return noise


def _checked(
    effect: float | None,
    take_up: float,
    lost: float | tuple[float, float],
    level: float,
    power: float,
    noise: Noise,
) -> tuple[float | None, float, Lost, float, float]:
    check_level(level)
    within("take_up", take_up, 0, 1, where=WHERE)
    both = lost if isinstance(lost, tuple) else (lost, lost)
    for share in both:
        within("lost", share, 0, 1, where=WHERE)
    if take_up == 0 or max(both) == 1 or len(both) != 2:
        raise OptionError(
            f"take_up={take_up!r} with lost={lost!r} leaves nothing to find",
            where=WHERE,
            remedy="Give a take_up above 0, and below 1 one share lost or one for each of two arms.",
        )
    if not is_number(power) or not 1 - level < power < 1:
        raise OptionError(
            f"power={power!r} does not lie between {plain(1 - level)}, the chance of a false alarm, and 1",
            where=WHERE,
            remedy="0.8 is usual: the effect is found four times in five.",
        )
    if effect is not None:
        _check_effect(effect, noise)
    return effect, float(take_up), (float(both[0]), float(both[1])), level, power


def _check_effect(effect: object, noise: Noise) -> None:
    low, high = noise.limits
    if not is_number(effect) or effect == 0 or not low < effect < high:
        bounds = "" if isinstance(noise, Normal) else f" between {low:g} and {high:g}"
        raise OptionError(
            f"effect={effect!r} is not an effect other than 0{bounds}",
            where=WHERE,
            remedy="Give −0.2 for 20% fewer (counts) or 20 points less (shares).",
        )


def _label(noise: Noise, direction: int) -> str:
    if isinstance(noise, Normal):
        return f"Difference{f' ({noise.scale})' if noise.scale else ''}"
    word = "Fall" if direction < 0 else "Rise"
    return f"{word} in percentage points" if isinstance(noise, Share) else f"{word} in percent"
