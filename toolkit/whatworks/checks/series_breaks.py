"""Series breaks: does the window cross a recording change or a national shock?"""

from __future__ import annotations

import pandas as pd

from whatworks.data import breaks
from whatworks.errors import WhatworksError
from whatworks.panel import Panel
from whatworks.results import CheckResult

NAME = "Series breaks and shocks"

CRIME_COUNTS = {"all", "mps", "police_uk"}
"""What a count of recorded crime may come from; breaks of surveys and of stop and search do not touch it."""

NEAR = 2
"""A change of counting this many months from a start cannot be told from the treatment."""


def series_breaks(panel: Panel, *, offence: str = "") -> CheckResult:
    """Name every entry of the register of breaks that the panel's window crosses.

    A break that hits treated and comparison areas alike cancels in a difference-in-differences; one that
    does not, or that falls together with the start, cannot be told from the effect.

    Args:
        panel: the panel of the study; its periods must be months.
        offence: the offence counted; only breaks that affect it, or all offences, are listed. Empty: all.

    Returns:
        `pass` when none is crossed, `concern` when one is, `fail` when a change of recording begins within
        two months of a start of treatment.
    """
    if panel.period_kind != "month":
        return CheckResult(
            NAME, "not_applicable", "The register is kept by month, and these periods are not."
        )
    first, last = panel.period_labels[0], panel.period_labels[-1]
    try:
        every = breaks.crossing(first, last, offence or None)
    except WhatworksError as problem:
        return CheckResult(NAME, "not_applicable", problem.what)
    crossed = [item for item in every if CRIME_COUNTS & set(item.sources)]
    if not crossed:
        return CheckResult(
            NAME, "pass", f"The register knows no break between {first} and {last} for this outcome."
        )
    return _judge(panel, crossed)


def _judge(panel: Panel, crossed: list[breaks.Break]) -> CheckResult:
    table = pd.DataFrame(
        {
            "first month": [item.first_month for item in crossed],
            "last month": [item.last_month or "lasting" for item in crossed],
            "kind": [item.kind for item in crossed],
            "what": [_words(item) for item in crossed],
            "source": [item.source for item in crossed],
        }
    )
    close = [item for item in crossed if _changes_counting_at_a_start(item, panel)]
    if close:
        return CheckResult(
            NAME,
            "fail",
            f"Counting itself changed within two months of a start of treatment: {_words(close[0])} "
            f"({close[0].first_month}). Its effect and the treatment's cannot be told apart unless both "
            "groups were changed alike.",
            table,
            "the window ended before the change, or an outcome it does not touch were used",
        )
    listed = "; ".join(f"{_words(item)} ({item.first_month})" for item in crossed[:4])
    more = f" and {len(crossed) - 4} more" if len(crossed) > 4 else ""
    return CheckResult(
        NAME,
        "concern",
        f"The window crosses {len(crossed)} known break{'s' if len(crossed) > 1 else ''}: {listed}{more}. "
        "Each cancels only if it hit treated and comparison areas alike.",
        table,
        "the window left these months out and gave the same answer",
    )


def _changes_counting_at_a_start(item: breaks.Break, panel: Panel) -> bool:
    month = panel.number(item.first_month)
    near = any(abs(month - int(start)) <= NEAR for start in panel.cohorts)
    return item.kind in ("recording", "vocabulary") and near


def _words(item: breaks.Break) -> str:
    return item.what.rstrip(".")
