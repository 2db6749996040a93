"""The two interventions put into synthetic London: who is treated, from when, and how much it does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np

from whatworks.arrays import Floats, Ints
from whatworks.data.synthetic.city import london
from whatworks.data.synthetic.draws import is_number, uniforms
from whatworks.errors import OptionError, check_whole

UNTREATED: Final = -1
_HOTSPOTS, _STAGGERED = 60, 61
_TREATED_UNITS, _TREATED_BOROUGHS, _SHORTLIST = 6, range(14, 17), 20
_COHORT_TWELFTHS, _UNITS_PER_COHORT = (5, 6, 7, 8), 2


@dataclass(frozen=True, slots=True)
class KnownEffects:
    """The true effects, as percent changes of the expected count.

    Attributes:
        hotspots: effect on robbery in every treated month.
        staggered_first: effect on burglary in the first treated month of a borough.
        staggered_full: effect on burglary once it has grown to the full, in equal monthly steps.
        months_to_full: event time at which the full effect is reached, at least 1.

    Raises:
        OptionError: a percentage outside −100 (excluded) to 1000, or not a number.
    """

    hotspots: float = -12.0
    staggered_first: float = -4.0
    staggered_full: float = -16.0
    months_to_full: int = 12

    def __post_init__(self) -> None:
        for name in ("hotspots", "staggered_first", "staggered_full"):
            value = getattr(self, name)
            if not is_number(value) or not -100 < value <= 1000:
                raise OptionError(
                    f"{name}={value!r} is not a percent change above -100, up to 1000",
                    where="KnownEffects",
                    remedy="Give a percentage: -12 takes 12% off the expected count, 0 changes nothing.",
                )
        check_whole(
            "months_to_full",
            self.months_to_full,
            least=1,
            where="KnownEffects",
            remedy="Give the number of months after the first in which the effect reaches its full size.",
        )


NO_EFFECT: Final = KnownEffects(hotspots=0.0, staggered_first=0.0, staggered_full=0.0)


def hotspot_starts(robbery_level: Floats, *, seed: int, months: int) -> Ints:
    """(32,) first treated month (0 is the first of the window) of the one-date design; -1 is never treated.

    Six of the twelve command units with 14 to 16 boroughs between them, drawn from the 20 such sets whose
    boroughs' average untreated rate is nearest to that of the others, so that a comparison of rates and a
    comparison of rate ratios both have the same thing to find.
    """
    units = np.array(london().bcu)
    ranked = []
    for chosen in combinations(london().command_units, _TREATED_UNITS):
        inside = np.isin(units, chosen)
        if int(inside.sum()) in _TREATED_BOROUGHS:
            gap = robbery_level[inside].mean() / robbery_level[~inside].mean()
            ranked.append((round(abs(float(np.log(gap))), 9), chosen))
    shortlist = sorted(ranked)[:_SHORTLIST]
    _, chosen = shortlist[int(uniforms(seed, _HOTSPOTS, (1,))[0] * len(shortlist))]
    return np.where(np.isin(units, chosen), months // 2, UNTREATED).astype(np.int64)


def staggered_starts(*, seed: int, months: int) -> Ints:
    """(32,) first treated month of the staggered design: four cohorts of two command units, four never."""
    order = np.argsort(uniforms(seed, _STAGGERED, (len(london().command_units),)))
    start_of = dict.fromkeys(london().command_units, UNTREATED)
    for place, twelfth in enumerate(np.repeat(_COHORT_TWELFTHS, _UNITS_PER_COHORT)):
        start_of[london().command_units[int(order[place])]] = months * int(twelfth) // 12
    return np.array([start_of[unit] for unit in london().bcu], dtype=np.int64)


def event_times(starts: Ints, months: int) -> Ints:
    """(32, months) months since the start, 0 in the first treated one; far below 0 where never treated."""
    elapsed = np.arange(months) - starts[:, np.newaxis]
    return np.where(starts[:, np.newaxis] == UNTREATED, -(10**6), elapsed).astype(np.int64)


def rate_ratios(starts: Mapping[str, Ints], effects: KnownEffects, months: int) -> dict[str, Floats]:
    """The (32, months) multiplier of the expected count under each design; exactly 1 where untreated."""
    treated = event_times(starts["hotspots"], months) >= 0
    elapsed = event_times(starts["staggered"], months)
    grown = np.clip(elapsed / effects.months_to_full, 0, 1)
    percent = effects.staggered_first + grown * (effects.staggered_full - effects.staggered_first)
    return {
        "hotspots": np.where(treated, 1 + effects.hotspots / 100, 1.0),
        "staggered": np.where(elapsed >= 0, 1 + percent / 100, 1.0),
    }
