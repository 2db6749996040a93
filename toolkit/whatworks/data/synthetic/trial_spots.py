"""A trial of hot spots: sixty of them in twelve wards, patrolled or not for ninety days."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from whatworks.arrays import Floats
from whatworks.data.synthetic import trial_parts as parts
from whatworks.data.synthetic.draws import normals, uniforms
from whatworks.data.synthetic.table import SyntheticLondon

NAME: Final = "hotspots"
WARDS, PER_WARD, DAYS, BANDS = 12, 5, 90, 5
DISPERSION: Final = 2.0
RATES: Final = {"crimes": 30.0, "disorder": 40.0, "nearby": 25.0}
"""Expected counts in ninety days in a middling spot; `nearby` are crimes in the streets around it."""

EFFECTS: Final = {"crimes": -20.0, "disorder": -15.0, "nearby": 0.0}
"""Percent of the expected count in the arm that is patrolled."""

_WARD, _SPOT, _DAYS, _BEFORE, _HIDDEN, _COUNT = 300, 301, 302, 310, 320, 330


def hotspots_list(*, seed: int = 2023) -> pd.DataFrame:
    """The list that is randomised: 60 hot spots with their ward, crimes in the ninety days before, and band.

    Columns: `spot`, `ward`, `crimes_before`, `band` (five bands of twelve spots by crimes before, 1 the
    fewest). Raises `OptionError` for a seed that is no whole number of at least 0.
    """
    expected = _expected(seed)["crimes"]
    before = parts.counts(
        expected * parts.hidden_rates(expected, DISPERSION, seed, _BEFORE), seed, _BEFORE + 1
    )
    rank = np.argsort(np.argsort(before, kind="stable"), kind="stable")
    return pd.DataFrame(
        {
            "spot": [f"Spot {place:02d}" for place in range(1, WARDS * PER_WARD + 1)],
            "ward": np.repeat([f"Ward {ward:02d}" for ward in range(1, WARDS + 1)], PER_WARD),
            "crimes_before": before,
            "band": rank * BANDS // (WARDS * PER_WARD) + 1,
        }
    )


def hotspots(allocation: pd.DataFrame, *, seed: int = 2023) -> SyntheticLondon:
    """What the trial brought, for an allocation of its list: counts of three outcomes with known effects.

    Args:
        allocation: table with `spot` and `arm` (`control` or `patrol`), as `rct.randomise` gives it for
            `hotspots_list(seed=seed)`, spots or whole wards.
        seed: the seed of the list. A spot has the same luck in either arm, so that another allocation gives
            what would have happened under it.

    Returns:
        Columns `spot`, `ward`, `band`, `crimes_before`, `arm`, `days` (counted, 84 to 90) and the counts
        `crimes`, `disorder`, `nearby`: variance about twice the mean given the spot's expected count.

    Raises:
        TrialError: an allocation of another list.
        OptionError: a seed that cannot be.
    """
    listed = hotspots_list(seed=seed)
    arm = parts.assigned(allocation, listed, ["spot"], ["arm"])["arm"]
    days = DAYS - np.floor(7 * uniforms(seed, _DAYS, (len(listed),)) ** 3).astype(np.int64)
    frame = listed.assign(arm=arm, days=days)
    treated = (arm == "patrol").to_numpy()
    for place, (name, expected) in enumerate(_expected(seed).items()):
        base = expected * days / DAYS
        base = base * parts.hidden_rates(base, DISPERSION, seed, _HIDDEN + place)
        ratio = np.where(treated, 1 + EFFECTS[name] / 100, 1.0)
        frame[name] = parts.counts(base * ratio, seed, _COUNT + place)
    effects = {name: {"percent": value, "rate_ratio": 1 + value / 100} for name, value in EFFECTS.items()}
    truth = parts.truth(NAME, frame, seed, dispersion=DISPERSION, exposure="days", effects=effects)
    return SyntheticLondon(frame, truth, f"{NAME}.csv", f"{NAME}-truth.json")


def _expected(seed: int) -> dict[str, Floats]:
    """(60,) expected counts in ninety days of each outcome: wards differ, and spots within them more."""
    ward = np.repeat(normals(seed, _WARD, (WARDS,)), PER_WARD)
    spot = np.clip(normals(seed, _SPOT, (len(RATES), WARDS * PER_WARD)), -2, 2)
    shared = 0.15 * np.clip(ward, -2, 2) + 0.3 * spot[0]
    return {name: rate * np.exp(shared + 0.1 * spot[i]) for i, (name, rate) in enumerate(RATES.items())}
