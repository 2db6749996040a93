"""Did chance lose these outcomes? Losses of everyone who was allocated, compared by arm."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import pandas as pd

from whatworks.errors import WhatworksError
from whatworks.inference.chance.randomisation import RandomisationInference
from whatworks.rct.assign import listed
from whatworks.rct.assign.allocation import Allocation
from whatworks.rct.balance import balance
from whatworks.rct.losses.flow import Design
from whatworks.rct.over_time.crossover import crossover
from whatworks.rct.over_time.stepped_wedge import stepped_wedge
from whatworks.trial import Trial

ROWS: Final = "rows lost"


def differs(
    trial: Trial, design: Design, allocation: Allocation | None, inference: RandomisationInference | None
) -> tuple[float, str] | None:
    """The p-value that losses differ by arm only by chance, and its test; None where there is none.

    Rows lost are counted by unit (taken together by cluster) and tested as a baseline variable would be. In
    a crossover or stepped wedge every unit is in both arms, so a loss is analysed as the outcome is.
    """
    try:
        lost = _lost(trial, allocation)
        if design == "parallel":
            return _dealt(_by_unit(lost), allocation, inference)
        found = crossover(lost) if design == "crossover" else stepped_wedge(lost, effect="constant")
        p_value = found.headline.p_value
    except WhatworksError:
        return None
    return (p_value, f"{design} analysis of losses") if isinstance(p_value, float) else None


def _dealt(
    units: Trial, allocation: Allocation | None, inference: RandomisationInference | None
) -> tuple[float, str] | None:
    rows = replace(units, baseline=units.outcome[None], baseline_names=(ROWS,))
    # a record read from JSON has lost its rule: arms are then dealt within the blocks it names
    known = allocation if allocation is not None and allocation.rule is not None else None
    found = balance(rows, allocation=known, inference=inference)
    return (found.p_value, "randomisation test") if isinstance(found.p_value, float) else None


def _by_unit(lost: Trial) -> Trial:
    """One row a unit, its outcome the rows it lost."""
    first = np.unique(lost.unit, return_index=True)[1]
    rows = np.asarray(np.bincount(lost.unit, lost.outcome), dtype=np.float64)
    return replace(lost.select(first), outcome=rows, period=None)


def _lost(trial: Trial, allocation: Allocation | None) -> Trial:
    """Every row that was allocated, with 1 as its outcome where it was lost and 0 where not."""
    own = replace(trial.with_outcome((~trial.observed).astype(np.float64), name=ROWS), exposure=None)
    if allocation is None:
        return own
    frame, keys = allocation.table, listed.lines(trial, allocation)
    if trial.period is not None:
        number = listed.numbered(trial)
        if not allocation.scheduled:
            each, place = np.unique(number, return_inverse=True)
            keys = keys * len(each) + place
            frame = frame.merge(pd.DataFrame({"period": each}), how="cross")
    lost = np.ones(len(frame))
    lost[keys] = own.outcome
    frame = frame.assign(**{ROWS: lost})
    if "washout" in frame:
        frame = frame[~frame["washout"].astype(bool)]
    if "start" in frame:
        begun = frame["period"] >= frame["start"].astype(np.int64)
        frame["arm"] = np.where(begun, trial.arms[1], trial.arms[0])
    return Trial.from_frame(
        frame[frame["arm"].isin(trial.arms)],
        unit=allocation.unit,
        arm="arm",
        outcome=ROWS,
        control=trial.arms[0],
        treatments=trial.arms[1:],
        cluster=allocation.cluster,
        block="block" if "block" in frame else None,
        period=None if trial.period is None else "period",
    )
