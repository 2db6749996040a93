"""Influential periods: does the answer rest on the riots, the lockdowns, or any single month?"""

from __future__ import annotations

from functools import partial
from typing import Final

import numpy as np
import pandas as pd

from whatworks.arrays import Bools
from whatworks.checks import readings, refits
from whatworks.checks.leave_one_out import MAX_REFITS
from whatworks.checks.movement import Movement, measure
from whatworks.data import breaks
from whatworks.data.recording import UNSAID, Recording
from whatworks.panel import Panel
from whatworks.results import CheckResult, NotAvailable

NAME = "Influential periods"

SHOWN: Final = 10
"""Beside the known shocks the table lists so many single periods, those that move the estimate most."""

SINGLE = "single period"


def influential_periods(
    panel: Panel,
    estimate: refits.Estimator,
    *,
    offence: str = "",
    recording: Recording | NotAvailable = UNSAID,
) -> CheckResult:
    """Estimate again without each known shock, and without every single period in turn.

    Shocks are the entries of that kind in the register of breaks that belong to the place, touch what is
    counted and meet the window: in London the riots of August 2011, the lockdowns, the disorder of 2024.
    A shock that hit treated and comparison areas alike cancels; leaving its months out shows whether it did.

    Args:
        panel: the panel of the study; shocks are known by month only.
        estimate: the study's own estimator; of the refits only the estimates are read.
        offence: the offence counted; shocks that do not touch it are left alone. Empty: all.
        recording: whose recording it is; without it no shock is known, and single periods only are tried.

    Returns:
        `pass` if every estimate keeps half of the effect and stays inside the interval of the study's own,
        `concern` if one does not or no longer exists, `fail` if one turns the sign of an estimate whose
        interval excludes no effect, `not_informative` where that interval includes none and no estimate
        leaves it. The table has shocks and ten single periods. Above 200 periods only shocks are tried.
    """
    estimate = refits.thrifty(estimate, panel)
    whole = readings.attempt(panel, estimate)
    if isinstance(whole, NotAvailable):
        return CheckResult(NAME, "not_applicable", f"There is no estimate: {whole.reason}.")
    cases = _shocks(panel, offence, recording) + _singles(panel)
    if not cases:
        reason = (
            f"The window meets no known shock, and with {panel.n_periods} {panel.period_word}s no single one "
            "carries the answer."
        )
        return CheckResult(NAME, "not_applicable", reason)
    table = pd.DataFrame(
        [
            refits.row(
                {"left out": which, "what": what}, estimate, partial(refits.without_periods, panel, drop)
            )
            for which, what, drop in cases
        ]
    )
    moved = measure(whole.headline, table)
    if isinstance(moved, NotAvailable):
        return CheckResult(
            NAME, "not_applicable", f"Without any one of its periods {moved.reason}.", table.head(SHOWN)
        )
    return _judge(panel.period_word, moved)


def _shocks(panel: Panel, offence: str, recording: Recording | NotAvailable) -> list[tuple[str, str, Bools]]:
    if panel.period_kind != "month" or isinstance(recording, NotAvailable):
        return []
    labels = np.asarray(panel.period_labels)
    found = []
    for item in breaks.crossing(labels[0], labels[-1], offence, recording=recording):
        if item.kind == "shock":
            inside = (labels >= item.first_month) & (labels <= (item.last_month or labels[-1]))
            if inside.any():
                found.append((item.span, item.id.replace("-", " "), inside))
    return found


def _singles(panel: Panel) -> list[tuple[str, str, Bools]]:
    if panel.n_periods > MAX_REFITS:
        return []
    eye = np.eye(panel.n_periods, dtype=bool)
    return [(label, SINGLE, drop) for label, drop in zip(panel.period_labels, eye, strict=True)]


def _judge(period: str, moved: Movement) -> CheckResult:
    table, top = _listed(moved.table), moved.top
    shocks = moved.table["what"] != SINGLE
    single = moved.found[moved.found["what"] == SINGLE]
    told = [
        f"without {_named(row)} the estimate is {row['estimate']:.3g}"
        for _, row in moved.found[moved.found["what"] != SINGLE].iterrows()
    ]
    if len(single):
        told.append(
            f"of {int((~shocks).sum())} single {period}s {single['left out'].iloc[0]} moves it most, to "
            f"{single['estimate'].iloc[0]:.3g}{moved.errors(single.iloc[0])}"
        )
    spread = f"With every {period} it is {moved.value:.3g}; {'; '.join(told)}."
    if len(moved.lost):
        spread += (
            f" Without {_named(moved.lost.iloc[0])} there is no estimate at all: "
            f"{moved.lost['reason'].iloc[0]}."
        )
    if not moved.judged:
        reason = f"{spread} There is no interval to judge that by."
        return CheckResult(NAME, "concern", reason, table, "there were an interval")
    if len(moved.turned):
        on = _named(moved.turned.iloc[0])
        reason = f"{spread} The sign itself rests on {on}, though the interval excludes no effect."
        return CheckResult(NAME, "fail", reason, table, "leaving these months out kept the sign")
    if len(moved.far) or len(moved.lost):
        on = _named((moved.far if len(moved.far) else moved.lost).iloc[0])
        return CheckResult(
            NAME,
            "concern",
            f"{spread} The answer leans on {on}.",
            table,
            f"the estimate without {on} kept half of the effect and stayed inside the interval",
        )
    return moved.passed(
        NAME,
        f"{spread} All stay inside the interval.",
        table,
        f"leaving out {_named(top)}, or any other {period} or shock, halved the effect or moved the estimate "
        "out of its interval",
    )


def _listed(table: pd.DataFrame) -> pd.DataFrame:
    """The shocks, the most influential single periods, and those without which there is no estimate."""
    single = table["what"] == SINGLE
    rank = single.cumsum()
    return table[~single | (rank <= SHOWN) | table["estimate"].isna()].reset_index(drop=True)


def _named(row: pd.Series) -> str:
    return str(row["left out"]) if row["what"] == SINGLE else f"{row['left out']} ({row['what']})"
