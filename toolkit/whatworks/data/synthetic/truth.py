"""What a perfect study of synthetic London would have found."""

from __future__ import annotations

from typing import Any

import numpy as np

from whatworks import periods
from whatworks.arrays import Bools, Ints
from whatworks.data.synthetic.city import london
from whatworks.data.synthetic.counts import Simulated
from whatworks.data.synthetic.designs import UNTREATED, event_times


def true_effects(drawn: Simulated, starts: Ints, *, first: int) -> dict[str, Any]:
    """The average effect on the treated in the panel as it was drawn, overall and in parts.

    `drawn` holds one panel (R = 1), `starts` the (32,) first treated months, `first` the number of the first
    month. The effect in a borough and month is the mean of its count with the treatment less the mean
    without, both given its hidden rate, per 1,000 residents; each average gives every treated
    borough-month the same weight. `percent` sets it against the average rate without the treatment.
    """
    months = drawn.counts.shape[2]
    elapsed = event_times(starts, months)
    treated = elapsed >= 0
    cohort = np.broadcast_to(starts[:, np.newaxis] + first, treated.shape)
    month = np.broadcast_to(np.arange(months) + first, treated.shape)
    by_cohort, by_event = _by(drawn, treated, cohort), _by(drawn, treated, elapsed)
    sizes = [int((starts + first == start).sum()) for start in by_cohort]
    return {
        "overall": _shown(_average(drawn, treated)),
        "overall_by_cohort": _shown(_pool(by_cohort, sizes)),
        "overall_by_event_time": _shown(_pool(by_event, [1] * len(by_event))),
        "by_cohort": [
            {"cohort": periods.label(key, "month"), **_shown(row)} for key, row in by_cohort.items()
        ],
        "by_event_time": [{"event_time": key, **_shown(row)} for key, row in by_event.items()],
        "by_period": [
            {"period": periods.label(key, "month"), **_shown(row)}
            for key, row in _by(drawn, treated, month).items()
        ],
    }


def assignment(starts: Ints, *, first: int) -> dict[str, Any]:
    """Who starts when: command units of each cohort, those never treated, and how many are treated."""
    units = np.array(london().bcu)
    cohorts = {
        periods.label(int(start) + first, "month"): sorted(set(units[starts == start].tolist()))
        for start in np.unique(starts[starts != UNTREATED])
    }
    return {
        "treated_boroughs": int((starts != UNTREATED).sum()),
        "treated_command_units": sum(map(len, cohorts.values())),
        "cohorts": cohorts,
        "never_treated": sorted(set(units[starts == UNTREATED].tolist())),
    }


def _average(drawn: Simulated, cells: Bools) -> dict[str, float]:
    per_1000 = 1000 / np.broadcast_to(london().population[:, np.newaxis], cells.shape)[cells]
    without, treated = drawn.untreated[0][cells], drawn.treated[0][cells]
    return {
        "per_1000": float(np.mean((treated - without) * per_1000)),
        "untreated_rate": float(np.mean(without * per_1000)),
        "crimes": float(np.sum(treated - without)),
        "borough_months": int(cells.sum()),
    }


def _by(drawn: Simulated, treated: Bools, key: Ints) -> dict[int, dict[str, float]]:
    return {int(value): _average(drawn, treated & (key == value)) for value in np.unique(key[treated])}


def _pool(rows: dict[int, dict[str, float]], weights: list[int]) -> dict[str, float]:
    return {
        name: float(np.average([row[name] for row in rows.values()], weights=weights))
        for name in ("per_1000", "untreated_rate")
    }


def _shown(row: dict[str, float]) -> dict[str, float]:
    """The row rounded so far that the last bits in which maths libraries differ never show."""
    percent = {"percent": 100 * row["per_1000"] / row["untreated_rate"]}
    decimals = {"crimes": 1, "borough_months": None}
    # + 0 turns a negative zero into zero
    return {name: round(value, decimals.get(name, 6)) + 0 for name, value in (row | percent).items()}
