"""Many small areas of which some were chosen for treatment: the data that calibration weights run on."""

from __future__ import annotations

import hashlib
from typing import Any, Final

import numpy as np
import pandas as pd

from whatworks import periods
from whatworks.arrays import Bools, Floats, Ints
from whatworks.data.synthetic.city import london
from whatworks.data.synthetic.draws import normals, poisson_quantile, uniforms
from whatworks.data.synthetic.table import SyntheticLondon

GENERATOR: Final = 1
TABLE_FILE, TRUTH_FILE = "areas.csv", "areas-truth.json"
PER_BOROUGH, QUARTERS, START, TREATED = 10, 16, 12, 40
FIRST = "2016Q1"
RATES: Final = {"violence": 12.0, "burglary": 6.0, "criminal_damage": 8.0}
"""Expected counts a quarter in a middling area."""

EFFECTS: Final = {"violence": -20.0, "burglary": -20.0, "criminal_damage": 0.0}
"""Percent of the expected count, in every treated quarter."""

_CONSTANT, _CHOICE, _LEVEL, _DRIFT, _COUNT = 80, 81, 82, 90, 100
_NOTICE = "Every area, count, score and intervention here is invented; borough names are real labels."


def small_areas(*, seed: int = 2022) -> SyntheticLondon:
    """Make 320 small areas by 16 quarters, 40 of them treated from the 13th, with known effects.

    Deprived areas have more crime and are more often chosen, so the treated differ from the others in level
    and make-up. Counts are Poisson around an area's level, a season and a slow drift of its own.

    Args:
        seed: a whole number; the same seed gives the same bytes on every platform.

    Raises:
        OptionError: a seed that is no whole number of at least 0.
    """
    areas = len(london().codes) * PER_BOROUGH
    score = normals(seed, _CONSTANT, (3, areas))
    deprivation = np.round(24 + 7 * np.clip(score[0], -2.5, 2.5), 1)
    renting = np.round(np.clip(35 + 9 * (0.5 * score[0] + score[1]), 2, 95), 1)
    population = (160 + 15 * np.round(np.clip(score[2], -2, 2) * 2)).astype(np.int64) * 10
    chosen = np.argsort(-(score[0] + normals(seed, _CHOICE, (areas,))), kind="stable")[:TREATED]
    treated = np.zeros(areas, dtype=bool)
    treated[chosen] = True
    counts, truth = {}, {}
    for place, (name, rate) in enumerate(RATES.items()):
        base = _expected(rate, score[0], population, seed, place)
        ratio = np.ones(base.shape)
        ratio[treated, START:] += EFFECTS[name] / 100
        counts[name] = poisson_quantile(
            uniforms(seed, _COUNT + place, base.shape), np.round(base * ratio, 9)
        ).reshape(base.shape)
        change = (base * (ratio - 1))[treated, START:]
        truth[name] = {"per_area": round(float(change.mean()), 6) + 0, "percent": EFFECTS[name]}
    frame = _frame(
        counts, treated, {"population": population, "renting": renting, "deprivation": deprivation}
    )
    return SyntheticLondon(frame, _truth(frame, truth, seed), TABLE_FILE, TRUTH_FILE)


def _expected(rate: float, deprived: Floats, population: Ints, seed: int, place: int) -> Floats:
    areas = len(deprived)
    level = np.exp(0.25 * deprived + 0.3 * np.clip(normals(seed, _LEVEL + place, (areas,)), -2, 2))
    season = 0.08 * np.cos(2 * np.pi * (np.arange(QUARTERS) - 2) / 4)
    drift = 0.05 * np.clip(normals(seed, _DRIFT + place, (areas, 1)), -2, 2)
    elapsed = np.arange(QUARTERS) / (QUARTERS - 1)
    return np.asarray(rate * (population / 1600 * level)[:, None] * (1 + season) * (1 + drift * elapsed))


def _frame(counts: dict[str, Any], treated: Bools, constants: dict[str, Any]) -> pd.DataFrame:
    first = periods.number(FIRST, "quarter", where="small_areas")
    labels = [periods.label(first + quarter, "quarter") for quarter in range(QUARTERS)]
    city = london()
    names = [f"{name} {place:02d}" for name in city.names for place in range(1, PER_BOROUGH + 1)]
    start = [labels[START] if one else None for one in treated]
    columns: dict[str, Any] = {
        "area": np.repeat(names, QUARTERS),
        "borough": np.repeat(city.names, PER_BOROUGH * QUARTERS),
        "quarter": np.tile(labels, len(names)),
    }
    columns |= {name: np.repeat(values, QUARTERS) for name, values in constants.items()}
    columns |= {name: values.ravel() for name, values in counts.items()}
    columns["start"] = pd.Series(start, dtype="str").repeat(QUARTERS).to_numpy()
    return pd.DataFrame(columns)


def _truth(frame: pd.DataFrame, effects: dict[str, Any], seed: int) -> dict[str, Any]:
    table = frame.to_csv(index=False, lineterminator="\n").encode("utf-8")
    return {
        "schema": "whatworks.synthetic/1",
        "notice": _NOTICE,
        "seed": int(seed),
        "generator": GENERATOR,
        "table": {"file": TABLE_FILE, "rows": len(frame), "sha256": hashlib.sha256(table).hexdigest()},
        "start": str(frame["start"].dropna().iloc[0]),
        "treated_areas": int(frame.dropna(subset="start")["area"].nunique()),
        "effects": effects,
    }
