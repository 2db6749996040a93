"""A stepped-wedge trial: twelve command units that all begin, in an order drawn by chance."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from whatworks.arrays import Bools, Floats
from whatworks.data.synthetic import trial_parts as parts
from whatworks.data.synthetic.city import london
from whatworks.data.synthetic.draws import normals
from whatworks.data.synthetic.table import SyntheticLondon
from whatworks.errors import TrialError

NAME: Final = "stepped-wedge"
PERIODS = 8
PER_1000: Final = 0.9
"""Expected robberies per 1,000 residents and period in a middling borough."""

DISPERSION: Final = 2.5
EFFECTS: Final = (-6.0, -9.0, -12.0, -15.0, -15.0, -15.0)
"""Percent of the expected count in the first period of treatment, the second, and so on."""

_BOROUGH, _UNIT, _SHARED, _MOVED, _HIDDEN, _COUNT = range(500, 506)


def stepped_wedge_list() -> pd.DataFrame:
    """The list that is randomised: 32 boroughs in 12 command units, which are assigned as a whole.

    Columns: `borough`, `bcu`, `population`.
    """
    city = london()
    columns = {"borough": city.names, "bcu": city.bcu, "population": city.population}
    return pd.DataFrame(columns).sort_values("borough", kind="stable", ignore_index=True)


def stepped_wedge(allocation: pd.DataFrame, *, seed: int = 2028) -> SyntheticLondon:
    """What the trial brought, for an order of its command units: robberies by borough and period.

    Args:
        allocation: table with `borough` and `start` (first treated period, 1 to 8), as `rct.randomise` gives
            it for `stepped_wedge_list()` with a `SteppedWedge`, the command unit as cluster.
        seed: boroughs have the same luck whatever the order.

    Returns:
        Columns `borough`, `bcu`, `period` (1 to 8), `population`, `start`, `arm` (`before` or `programme`)
        and `robbery`. The effect grows with the time since the start; all boroughs share the movement
        of the periods, and those of one command unit share some more.

    Raises:
        TrialError: an allocation of another list, or one that begins outside the periods.
        OptionError: a seed that cannot be.
    """
    listed = stepped_wedge_list()
    held = parts.assigned(allocation, listed, ["borough"], ["start"])["start"]
    start = held.astype(np.int64).to_numpy()
    if start.min() < 1 or start.max() > PERIODS:
        raise TrialError(
            f"the allocation begins in periods {start.min()} to {start.max()}",
            where="stepped_wedge",
            remedy=f"Let every command unit begin in one of the periods 1 to {PERIODS}.",
        )
    elapsed = np.arange(1, PERIODS + 1) - start[:, None]
    effect = np.array((0.0, *EFFECTS))[np.clip(elapsed + 1, 0, len(EFFECTS))]
    base = _expected(listed, seed)
    base = base * parts.hidden_rates(base, DISPERSION, seed, _HIDDEN)
    robbery = parts.counts(base * (1 + effect / 100), seed, _COUNT)
    frame = pd.DataFrame(
        {
            **{name: np.repeat(listed[name].to_numpy(), PERIODS) for name in ("borough", "bcu")},
            "period": np.tile(np.arange(1, PERIODS + 1), len(listed)),
            "population": np.repeat(listed["population"].to_numpy(), PERIODS),
            "start": np.repeat(start, PERIODS),
            "arm": np.where(elapsed.ravel() >= 0, "programme", "before"),
            "robbery": robbery.ravel(),
        }
    )
    overall = _overall(base, effect, elapsed >= 0, listed["population"].to_numpy()[:, None] / 1000)
    by_exposure = [{"exposure_time": i + 1, "percent": value} for i, value in enumerate(EFFECTS)]
    effects = {
        "overall": overall,
        "by_exposure_time": by_exposure,
        "average_over_exposure_times": round(float(np.mean(EFFECTS)), 6),
    }
    truth = parts.truth(NAME, frame, seed, outcome="robbery", exposure="population", effects=effects)
    return SyntheticLondon(frame, truth, f"{NAME}.csv", f"{NAME}-truth.json")


def _overall(base: Floats, effect: Floats, on: Bools, thousands: Floats) -> dict[str, float]:
    """The average effect over the treated boroughs and periods, in percent and per 1,000 residents."""
    change = base * effect / 100
    return {
        "percent": parts.percent((base + change)[on], base[on]),
        "per_1000": round(float((change / thousands)[on].mean()), 6),
    }


def _expected(listed: pd.DataFrame, seed: int) -> Floats:
    """(32, 8) expected robberies without the programme, boroughs in the order of the list."""
    units, unit = np.unique(listed["bcu"].to_numpy(dtype=str), return_inverse=True)
    level = 0.3 * np.clip(normals(seed, _BOROUGH, (len(listed),)), -2, 2)
    level = level + 0.15 * np.clip(normals(seed, _UNIT, (len(units),)), -2, 2)[unit]
    shared = 0.06 * np.clip(normals(seed, _SHARED, (PERIODS,)), -2, 2) - 0.01 * np.arange(PERIODS)
    moved = 0.03 * np.clip(normals(seed, _MOVED, (len(units), PERIODS)), -2, 2)[unit]
    rate = PER_1000 * np.exp(level[:, None] + shared + moved)
    return np.asarray(rate * listed["population"].to_numpy()[:, None] / 1000)
