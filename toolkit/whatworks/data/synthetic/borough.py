"""One treated borough in a synthetic London where trends part: the data that synthetic control runs on."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from typing import Any, Final

import numpy as np
import pandas as pd

from whatworks import periods
from whatworks.arrays import Floats
from whatworks.data.synthetic.city import london
from whatworks.data.synthetic.counts import Noise, Simulated, simulate_counts
from whatworks.data.synthetic.draws import is_number, normals, uniforms
from whatworks.data.synthetic.offences import expected_counts
from whatworks.data.synthetic.table import SyntheticLondon
from whatworks.errors import OptionError

GENERATOR: Final = 1
TABLE_FILE, TRUTH_FILE = "borough.csv", "borough-truth.json"
FIRST, MONTHS, START = "2013-01", 72, 48
TREATED, UNTOUCHED = "burglary", "vehicle_crime"
PULL: Final = 0.15
"""How far a common force moves a borough with a pull of one at its height, as a share of its rate."""

_CHOICE, _PULL, _COUNTS = 70, 71, 200
_NOTICE = (
    "Every count and the intervention here are invented. Borough names, codes and rounded populations are "
    "real labels; nothing describes a real event."
)


def one_borough(*, seed: int = 2021, percent: float = -20.0) -> SyntheticLondon:
    """Make a synthetic London in which one borough is treated and boroughs drift apart.

    Two common forces, a slow wave and a bend in the middle of the window, pull every borough's rate of
    burglary and of vehicle crime up or down, each borough by its own amount: trends are not parallel, but a
    weighted average of boroughs pulled alike can follow any one of them. The treated borough is drawn from
    the sixteen whose untreated level of burglary lies in the middle; from the 49th month on its expected
    burglaries change by `percent`. Vehicle crime is touched by nothing.

    Args:
        seed: a whole number; the same seed gives the same bytes on every platform.
        percent: true effect on burglary in every treated month.

    Raises:
        OptionError: a seed or a percentage that is not what it should be.
    """
    if not is_number(percent) or not -100 < percent <= 1000:
        raise OptionError(
            f"percent={percent!r} is not a percent change above -100, up to 1000",
            where="one_borough",
            remedy="Give a percentage: -20 takes a fifth off the expected count, 0 changes nothing.",
        )
    first = periods.number(FIRST, "month", where="one_borough")
    expected = {
        name: expected_counts(name, seed=seed, first=first, months=MONTHS) * _pulled(seed)
        for name in (TREATED, UNTOUCHED)
    }
    treated = _drawn(expected[TREATED], seed)
    ratio = np.ones(expected[TREATED].shape)
    ratio[treated, START:] = 1 + percent / 100
    drawn = {
        name: simulate_counts(
            mean,
            seed=int(np.random.SeedSequence([int(seed), _COUNTS + i]).generate_state(1)[0]),
            rate_ratio=ratio if name == TREATED else 1.0,
        )
        for i, (name, mean) in enumerate(expected.items())
    }
    frame = _frame(drawn, treated, first)
    return SyntheticLondon(
        frame, _truth(frame, drawn[TREATED], treated, seed, percent, first), TABLE_FILE, TRUTH_FILE
    )


def _pulled(seed: int) -> Floats:
    """(32, months) what the two common forces make of a borough's rate, 1 where they do nothing."""
    pull = np.clip(normals(seed, _PULL, (2, len(london().codes))), -1.8, 1.8)
    elapsed = np.arange(MONTHS) / (MONTHS - 1)
    wave = np.sin(2 * np.pi * elapsed * 1.5)
    bend = 2 * np.abs(elapsed - 0.5) - 0.5
    return np.asarray(1 + PULL * (pull[0][:, None] * wave + pull[1][:, None] * bend))


def _drawn(expected: Floats, seed: int) -> int:
    """The treated borough, one of the sixteen whose level lies in the middle."""
    level = expected.mean(axis=1) / london().population
    middle = np.sort(np.argsort(level, kind="stable")[8:24])
    return int(middle[int(uniforms(seed, _CHOICE, (1,))[0] * len(middle))])


def _frame(drawn: dict[str, Simulated], treated: int, first: int) -> pd.DataFrame:
    city = london()
    labels = [periods.label(first + month, "month") for month in range(MONTHS)]
    start = [labels[START] if place == treated else None for place in range(len(city.codes))]
    columns: dict[str, Any] = {
        "area_code": np.repeat(city.codes, MONTHS),
        "area_name": np.repeat(city.names, MONTHS),
        "month": np.tile(labels, len(city.codes)),
        "population": np.repeat(city.population, MONTHS),
    }
    columns |= {name: panel.counts[0].ravel() for name, panel in drawn.items()}
    columns["start"] = pd.Series(start, dtype="str").repeat(MONTHS).to_numpy()
    return pd.DataFrame(columns)


def _truth(
    frame: pd.DataFrame, drawn: Simulated, treated: int, seed: int, percent: float, first: int
) -> dict[str, Any]:
    city = london()
    after = slice(START, None)
    with_, without = drawn.treated[0][treated, after], drawn.untreated[0][treated, after]
    per_1000 = 1000 / city.population[treated]
    table = frame.to_csv(index=False, lineterminator="\n").encode("utf-8")
    return {
        "schema": "whatworks.synthetic/1",
        "notice": _NOTICE,
        "seed": int(seed),
        "generator": GENERATOR,
        "table": {"file": TABLE_FILE, "rows": len(frame), "sha256": hashlib.sha256(table).hexdigest()},
        "parameters": {"percent": float(percent), "pull": PULL, "noise": asdict(Noise())},
        "treated": city.names[treated],
        "start": periods.label(first + START, "month"),
        "outcome": TREATED,
        "untouched": [UNTOUCHED],
        "effect": {
            "per_1000": round(float((with_ - without).mean() * per_1000), 6),
            "percent": round(100 * float((with_ - without).sum() / without.sum()), 6),
            "untreated_rate": round(float(without.mean() * per_1000), 6),
        },
    }
