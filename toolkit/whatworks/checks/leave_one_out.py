"""Leave one out: does the answer rest on a single unit, a single cluster, or a single cohort?"""

from __future__ import annotations

from functools import partial
from typing import Literal

import numpy as np
import pandas as pd

from whatworks.arrays import Ints
from whatworks.checks import readings, refits
from whatworks.checks.movement import Movement, measure
from whatworks.errors import choose
from whatworks.panel import Panel
from whatworks.results import CheckResult, NotAvailable

Level = Literal["unit", "cluster", "cohort"]

MAX_REFITS = 200
"""With more units than this, no single one can carry the answer, and refitting for each is waste."""


def leave_one_out(panel: Panel, estimate: refits.Estimator, *, by: Level = "unit") -> CheckResult:
    """Estimate again without each unit (or each cluster, or each cohort) in turn.

    Args:
        panel: the panel of the study.
        estimate: the study's own estimator; of the refits only the estimates are read, so where it takes an
            `inference` by name they are made with errors in closed form.
        by: what is left out, one `unit`, one whole `cluster`, or one `cohort`: the units that share a start.

    Returns:
        `pass` if every estimate keeps half of the effect and stays inside the interval of the whole panel,
        `concern` if one does not, `fail` if one turns the sign of an estimate whose interval excludes zero;
        `not_informative` where that interval includes zero and no estimate leaves it: there is no effect to
        support. The table is sorted by influence. `not_applicable` without clusters, with a single
        cohort, or with more than 200 of them.

    Raises:
        OptionError: `by` is none of these.
    """
    choose("by", by, ("unit", "cluster", "cohort"), where="leave_one_out")
    name = f"Leave one {by} out"
    groups = _groups(panel, by)
    if isinstance(groups, NotAvailable):
        return CheckResult(name, "not_applicable", groups.reason)
    codes, labels = groups
    estimate = refits.thrifty(estimate, panel)
    whole = readings.attempt(panel, estimate)
    if isinstance(whole, NotAvailable):
        return CheckResult(name, "not_applicable", f"There is no estimate: {whole.reason}.")
    rows = [
        refits.row({"left out": label}, estimate, partial(panel.select, codes != code))
        for code, label in enumerate(labels)
    ]
    table = pd.DataFrame(rows)
    moved = measure(whole.headline, table)
    if isinstance(moved, NotAvailable):
        return CheckResult(name, "not_applicable", f"No estimate is left without one {by}.", table)
    return judge(name, by, moved)


def _groups(panel: Panel, by: Level) -> tuple[Ints, tuple[str, ...]] | NotAvailable:
    """(N,) codes of what is left out together, −1 for units that never are, and a label for each code."""
    if by == "cohort":
        cohorts = panel.cohorts
        if len(cohorts) < 2:
            return NotAvailable("The treated units all start together; without them nobody is treated.")
        place = np.searchsorted(cohorts, panel.start)
        codes = np.where(np.isin(panel.start, cohorts), place, -1).astype(np.int64)
        labels = tuple(panel.label(int(g)) for g in cohorts)
    elif by == "cluster":
        if panel.cluster is None:
            return NotAvailable("The panel names no clusters.")
        codes, labels = panel.cluster, panel.cluster_labels
    else:
        codes, labels = np.arange(panel.n_units, dtype=np.int64), panel.units
    if len(labels) > MAX_REFITS:
        return NotAvailable(f"There are {len(labels):,} {by}s; no single one carries the answer.")
    return codes, labels


def judge(name: str, by: str, moved: Movement) -> CheckResult:
    """The verdict on estimates that each lack one unit, cluster, cohort or block."""
    table = moved.table
    spread = f"Leaving out one {by} at a time gives {moved.range}; {moved.top['left out']} moves it most."
    if len(moved.lost):
        spread += f" Without {moved.lost['left out'].iloc[0]} there is no estimate at all."
    if not moved.judged:
        reason = f"{spread} There is no interval to judge that by."
        return CheckResult(name, "concern", reason, table, "there were an interval")
    if len(moved.turned):
        reason = f"{spread} The sign itself rests on one {by}, though the interval excludes no effect."
        return CheckResult(name, "fail", reason, table, f"no single {by} could turn the sign")
    if len(moved.far) or len(moved.lost):
        reason = f"{spread} {_leaning(moved, by)}"
        change = "every estimate kept half of the effect and stayed inside the interval"
        return CheckResult(name, "concern", reason, table, change)
    return moved.passed(
        name,
        f"{spread} All stay inside the interval of the whole.",
        table,
        f"leaving out one {by} halved the effect or moved the estimate out of its interval",
    )


def _leaning(moved: Movement, by: str) -> str:
    if len(moved.halved):
        on = moved.halved["left out"].iloc[0]
        return f"The answer leans on {on}: without it less than half of the effect is left."
    on = moved.outside["left out"].iloc[0] if len(moved.outside) else f"one {by}"
    return f"The answer leans on {on}."
