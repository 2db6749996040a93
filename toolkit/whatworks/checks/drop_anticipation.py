"""Drop anticipation: is the last time before the start a fair baseline?"""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd

from whatworks.checks import readings, refits
from whatworks.checks.movement import Movement, measure
from whatworks.errors import check_whole
from whatworks.panel import Panel
from whatworks.results import CheckResult, NotAvailable

NAME = "Drop anticipation"

MIN_BEFORE = 2
"""Fewer periods than this before those left out are no baseline."""


def drop_anticipation(
    panel: Panel, estimate: refits.Estimator, *, up_to: int = 3, anticipation: int = 0
) -> CheckResult:
    """Estimate again without the one, two, three … periods right before the start.

    An intervention that was announced, prepared or copied early changes those periods, and with them the
    baseline. An estimator that takes `anticipation` by name is given so many more periods of it; for any
    other the periods before every start are left out of the panel, for all units.

    Args:
        panel: the panel of the study.
        estimate: the study's own estimator; of the refits only the estimates are read.
        up_to: most periods left out.
        anticipation: periods before the start that the study leaves to anticipation already; those left out
            come before them.

    Returns:
        `pass` if every estimate keeps half of the effect and stays inside the interval of the study's own,
        `concern` if one does not, `fail` if one turns the sign of an estimate whose interval excludes no
        effect, `not_informative` where that interval includes no effect and no estimate leaves it.
        `not_applicable` where two periods would not be left before those left out.

    Raises:
        OptionError: `up_to` is not a whole number of at least 1.
    """
    up_to = check_whole(
        "up_to",
        up_to,
        least=1,
        where="drop_anticipation",
        remedy="Give the number of periods before the start that may be left out.",
    )
    estimate = refits.thrifty(estimate, panel)
    whole = readings.attempt(panel, estimate)
    if isinstance(whole, NotAvailable):
        return CheckResult(NAME, "not_applicable", f"There is no estimate: {whole.reason}.")
    before = int((panel.periods < panel.cohorts[0] - anticipation).sum())
    most = min(up_to, before - MIN_BEFORE)
    if most < 1:
        reason = (
            f"Only {before} {panel.period_word}s come before the first start; with one left out there would "
            f"not be {MIN_BEFORE} to compare with."
        )
        return CheckResult(NAME, "not_applicable", reason, would_change_if="the data began earlier")
    table = pd.DataFrame([_row(panel, estimate, k, anticipation) for k in range(1, most + 1)])
    moved = measure(whole.headline, table)
    if isinstance(moved, NotAvailable):
        return CheckResult(NAME, "not_applicable", f"No estimate is left: {moved.reason}.", table)
    return _judge(panel.period_word, moved)


def _row(panel: Panel, estimate: refits.Estimator, k: int, anticipation: int) -> dict[str, object]:
    what: dict[str, object] = {"left out before the start": k}
    if refits.accepts(estimate, "anticipation"):
        return refits.row(what, partial(estimate, anticipation=anticipation + k), lambda: panel)
    drop = np.zeros(panel.n_periods, dtype=bool)
    for start in panel.cohorts:
        drop |= (panel.periods < start) & (panel.periods >= start - anticipation - k)
    return refits.row(what, estimate, partial(refits.without_periods, panel, drop))


def _judge(period: str, moved: Movement) -> CheckResult:
    most, top = len(moved.table), moved.top
    which = f"the last {period}" if most == 1 else f"the last 1 to {most} {period}s"
    spread = f"Leaving out {which} before the start gives {moved.range}{moved.errors(top)} at most."
    if len(moved.lost):
        spread += (
            f" With {moved.lost['left out before the start'].iloc[0]} left out there is no estimate: "
            f"{moved.lost['reason'].iloc[0]}."
        )
    if not moved.judged:
        return moved.unjudged(NAME, spread)
    if len(moved.turned):
        reason = (
            f"{spread} The sign turns, though the interval excludes no effect: the answer rests on the last "
            f"{period}s before the start."
        )
        return CheckResult(NAME, "fail", reason, moved.table, "no such estimate turned the sign")
    if len(moved.far):
        what = "lies outside the interval" if len(moved.outside) else "is less than half of the effect"
        reason = (
            f"{spread} That {what}: the {period}s right before the start were unlike the time before, "
            "whether by early effects or by chance."
        )
        change = "every estimate kept half of the effect and stayed inside the interval"
        return CheckResult(NAME, "concern", reason, moved.table, change)
    return moved.passed(
        NAME,
        f"{spread} All stay inside the interval.",
        moved.table,
        f"leaving out the last {period}s before the start halved the effect or moved the estimate out of its "
        "interval",
    )
