"""What each offence looks like without any treatment: level, season, trend."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np

from whatworks.arrays import Floats
from whatworks.data.synthetic.city import london
from whatworks.data.synthetic.draws import normals
from whatworks.errors import choose

_DEPRIVATION, _LEVEL, _SHOCK = 10, 20, 40
_MONTH_SHOCK = 0.03


@dataclass(frozen=True, slots=True)
class Offence:
    """The shape of one offence across boroughs and months.

    Attributes:
        rate: offences per 1,000 residents and month in a middling borough.
        spread: standard deviation of log levels between boroughs.
        deprivation: correlation of that level with the invented deprivation score.
        swing: height of the yearly wave as a share of `rate`.
        peak: calendar month in which the wave is highest.
        slope: change over the whole window as a share of `rate`.
        dip: how far the middle of the window lies below a straight line, as a share of `rate`.

    Rates, swings and trends are rounded from recorded crime in 32 boroughs, 2012–18 (about 70 robberies, 205
    burglaries, 435 offences of violence and 240 vehicle offences per borough and month).
    """

    rate: float
    spread: float
    deprivation: float
    swing: float
    peak: int
    slope: float
    dip: float


OFFENCES: Final[Mapping[str, Offence]] = MappingProxyType(
    {
        "robbery": Offence(0.27, 0.35, 0.6, 0.06, 11, 0.10, 0.12),
        "burglary": Offence(0.76, 0.22, 0.3, 0.11, 12, -0.12, 0.10),
        "violence": Offence(1.60, 0.22, 0.6, 0.09, 7, 0.30, 0.00),
        "vehicle_crime": Offence(0.90, 0.28, 0.2, 0.04, 11, 0.15, 0.12),
    }
)


def deprivation_scores(seed: int) -> Floats:
    """(32,) invented deprivation scores, mean about 24 and spread about 7, to one decimal."""
    return np.round(24 + 7 * _clipped(seed, _DEPRIVATION), 1)


def expected_counts(offence: str, *, seed: int, first: int, months: int) -> Floats:
    """(32, months) untreated expected counts of one offence.

    A borough's rate per 1,000 residents is its own level plus season, trend and a shock of the month that all
    boroughs share: trends are exactly parallel in rates per 1,000 (on the log scale only where levels agree).
    `first` is the number of the first month as in `whatworks.periods` (year × 12 + month − 1).

    Raises:
        OptionError: an offence that is not one of `OFFENCES`.
    """
    name = choose("offence", offence, OFFENCES, where="synthetic London")
    profile = OFFENCES[name]
    place = list(OFFENCES).index(name)
    link = profile.deprivation
    own = np.sqrt(1 - link**2) * _clipped(seed, _LEVEL + place) + link * _clipped(seed, _DEPRIVATION)
    level = profile.rate * np.exp(profile.spread * own - profile.spread**2 / 2)
    elapsed = np.arange(months) / max(months - 1, 1)
    season = profile.swing * np.cos(2 * np.pi * ((first + np.arange(months)) % 12 + 1 - profile.peak) / 12)
    trend = profile.slope * elapsed - profile.dip * 4 * elapsed * (1 - elapsed)
    shock = _MONTH_SHOCK * np.clip(normals(seed, _SHOCK + place, (months,)), -2, 2)
    rates = level[:, np.newaxis] + profile.rate * (season + trend + shock)
    return np.asarray(rates * london().population[:, np.newaxis] / 1000)


def _clipped(seed: int, stream: int) -> Floats:
    """One normal score a borough, cut at ±1.8 so that no invented borough comes near a rate of zero."""
    return np.clip(normals(seed, stream, (len(london().codes),)), -1.8, 1.8)
