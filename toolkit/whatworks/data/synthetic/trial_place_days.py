"""A crossover trial of place-days: twenty hot spots, each patrolled on half of ninety days."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from whatworks.arrays import Bools, Floats, Ints
from whatworks.data.synthetic import trial_parts as parts
from whatworks.data.synthetic.draws import normals, uniforms
from whatworks.data.synthetic.table import SyntheticLondon

NAME: Final = "place-days"
SPOTS, DAYS = 20, 90
PER_DAY: Final = 0.7
"""Expected incidents a day in a middling spot."""

DISPERSION: Final = 1.3
EFFECT: Final = -25.0
"""Percent of the expected incidents on a day on which the patrol was delivered."""

DELIVERED: Final = 0.95
"""Share of the days assigned to patrol on which it was delivered; on other days it never is."""

HARM: Final = (1, 1, 1, 2, 2, 5, 10, 20)
"""Harm points of an incident, each as likely as the next: few incidents make most of the harm."""

_WEEK: Final = (0.9, 0.85, 0.9, 0.95, 1.15, 1.3, 0.95)
_SPOT, _DAY, _DELIVERED, _MINUTES, _HIDDEN, _COUNT, _POINTS, _BEFORE = range(400, 408)


def place_days_list(*, seed: int = 2027) -> pd.DataFrame:
    """The list that is randomised: 20 hot spots with their incidents in the ninety days before.

    Columns: `spot`, `incidents_before`. Raises `OptionError` for a seed that cannot be.
    """
    expected = _level(seed) * DAYS
    hidden = parts.hidden_rates(expected, DISPERSION, seed, _BEFORE)
    before = parts.counts(expected * hidden, seed, _BEFORE + 10)
    labels = [f"Spot {place:02d}" for place in range(1, SPOTS + 1)]
    return pd.DataFrame({"spot": labels, "incidents_before": before})


def place_days(allocation: pd.DataFrame, *, seed: int = 2027) -> SyntheticLondon:
    """What the trial brought, for a schedule of its list: incidents and harm by spot and day.

    Args:
        allocation: table with `spot`, `period` (day 1 to 90), `arm` (`control` or `patrol`) and `washout`,
            as `rct.randomise` gives it for `place_days_list(seed=seed)` with a `Crossover` of 90 periods.
        seed: the seed of the list; a spot's day has the same luck in either arm.

    Returns:
        Columns `spot`, `day`, `arm`, `washout` (1 on days too soon after a change), `delivered` (0 or 1),
        `minutes` (of patrol by GPS), `incidents` and `harm` (points). Nothing carries over from day to day.

    Raises:
        TrialError: a schedule of another list.
        OptionError: a seed that cannot be.
    """
    spots = place_days_list(seed=seed)["spot"]
    grid = pd.DataFrame({"spot": np.repeat(spots, DAYS), "period": np.tile(np.arange(1, DAYS + 1), SPOTS)})
    held = parts.assigned(allocation, grid, ["spot", "period"], ["arm", "washout"])
    shape = (SPOTS, DAYS)
    patrol = (held["arm"] == "patrol").to_numpy().reshape(shape)
    delivered = patrol & (uniforms(seed, _DELIVERED, shape) < DELIVERED)
    base = _expected(seed)
    base = base * parts.hidden_rates(base, DISPERSION, seed, _HIDDEN)
    incidents = parts.counts(base * np.where(delivered, 1 + EFFECT / 100, 1.0), seed, _COUNT)
    frame = pd.DataFrame(
        {
            "spot": grid["spot"].to_numpy(),
            "day": grid["period"].to_numpy(),
            "arm": held["arm"],
            "washout": held["washout"].astype(np.int64),
            "delivered": delivered.ravel().astype(np.int64),
            "minutes": _minutes(patrol, delivered, seed).ravel(),
            "incidents": incidents.ravel(),
            "harm": _harm(incidents, seed).ravel(),
        }
    )
    offered = 1 + EFFECT / 100 * DELIVERED
    effects = {
        "delivered": {"percent": EFFECT, "rate_ratio": 1 + EFFECT / 100},
        "assigned": {"percent": round(100 * (offered - 1), 6), "rate_ratio": round(offered, 6)},
    }
    truth = parts.truth(NAME, frame, seed, dispersion=DISPERSION, outcome="incidents", effects=effects)
    return SyntheticLondon(frame, truth, f"{NAME}.csv", f"{NAME}-truth.json")


def _level(seed: int) -> Floats:
    """(20,) expected incidents of a spot and day, before day of the week and shared luck."""
    return np.asarray(PER_DAY * np.exp(0.35 * np.clip(normals(seed, _SPOT, (SPOTS,)), -2, 2)))


def _expected(seed: int) -> Floats:
    """(20, 90) expected incidents without patrol: a day of the week and a day's own luck for all spots."""
    shared = np.exp(0.12 * np.clip(normals(seed, _DAY, (DAYS,)), -2, 2))
    return np.asarray(_level(seed)[:, None] * shared * np.resize(_WEEK, DAYS))


def _minutes(patrol: Bools, delivered: Bools, seed: int) -> Ints:
    """(20, 90) minutes of patrol: about half an hour where delivered, officers passing through elsewhere."""
    score = np.clip(normals(seed, _MINUTES, patrol.shape), -2.5, 2.5)
    usual = np.where(patrol & ~delivered, 5.0, 2.0) + score
    return np.rint(np.where(delivered, 32 + 7 * score, np.maximum(usual, 0))).astype(np.int64)


def _harm(incidents: Ints, seed: int) -> Ints:
    """(20, 90) harm points: each incident of a spot and day draws its own."""
    most = int(incidents.max()) + 1
    points = np.array(HARM)[(uniforms(seed, _POINTS, (*incidents.shape, most)) * len(HARM)).astype(np.int64)]
    return np.asarray(np.where(np.arange(most) < incidents[..., None], points, 0).sum(axis=2))
