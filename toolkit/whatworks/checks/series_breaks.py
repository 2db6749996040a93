"""Series breaks: does the window cross a change of counting, or a shock to crime itself?"""

from __future__ import annotations

from typing import Final

import pandas as pd

from whatworks import periods
from whatworks.data import breaks
from whatworks.data.recording import UNSAID, Recording
from whatworks.panel import Panel
from whatworks.results import CheckResult, NotAvailable

NAME = "Series breaks and shocks"

NEAR: Final = 2
"""A change of counting this many months from a start cannot be told from the treatment."""

_MONTHS: Final = {"month": 1, "quarter": 3}


def series_breaks(
    panel: Panel, *, offence: str = "", recording: Recording | NotAvailable = UNSAID
) -> CheckResult:
    """Name every entry of the register of breaks that belongs to this series and lies in the panel's window.

    A change of counting belongs to a series and its forces; a shock or policy to a place and a time. One that
    hits treated and comparison areas alike cancels in a difference-in-differences; one that does not, or that
    falls together with the start, cannot be told from the effect.

    Args:
        panel: the panel of the study; its periods must be months or quarters.
        offence: the offence counted; only breaks that affect it, or all offences, are listed. Empty: all.
        recording: whose recording the outcome is (`study.read` knows it as `source.recording`), or why the
            register cannot know.

    Returns:
        `pass` when none is crossed; `concern` when a change of counting begins within two months of a start
        of treatment; `not_informative` when others are crossed, which cancel in a comparison that they reach
        alike and of which nothing here shows whether they did; `not_applicable` where it is not said whose
        recording this is or the data are made up. In sentence and table changes of counting come first, the
        gravest first: near a start, changes of recording before changes of labels, lasting ones, the force's.
    """
    if panel.period_kind not in _MONTHS:
        return CheckResult(
            NAME, "not_applicable", "The register is kept by month, and these periods are not."
        )
    if isinstance(recording, NotAvailable):
        return CheckResult(
            NAME,
            "not_applicable",
            f"No break is charged and none is ruled out: {recording.reason}.",
            would_change_if="recorded_by said the series, the force and the level"
            if recording == UNSAID
            else "",
        )
    first, last = _first(panel, panel.periods[0]), _last(panel, panel.periods[-1])
    crossed = breaks.crossing(_label(first), _label(last), offence, recording=recording)
    if not crossed:
        reason = (
            f"The register knows no break between {_label(first)} and {_label(last)} for this outcome in "
            f"{recording.words}."
        )
        return CheckResult(NAME, "pass", reason)
    return _judge(panel, sorted(crossed, key=lambda item: _gravity(item, panel)))


def _judge(panel: Panel, crossed: list[breaks.Break]) -> CheckResult:
    counting = [item for item in crossed if item.changes_counting]
    shocks = [item for item in crossed if not item.changes_counting]
    table = pd.DataFrame(
        {
            "first month": [item.first_month for item in crossed],
            "last month": [item.last_month or "lasting" for item in crossed],
            "kind": [item.kind for item in crossed],
            "whose": [item.whose for item in crossed],
            "what": [item.what.rstrip(".") for item in crossed],
            "source": [item.source for item in crossed],
        }
    )
    moved = f" Shocks and policies there and then, whatever the series: {_named(shocks)}." if shocks else ""
    close = [item for item in counting if _distance(item, panel) <= NEAR]
    if close:
        rest = [item for item in counting if item not in close]
        also = f" Counting changed elsewhere in the window, too: {_named(rest)}." if rest else ""
        return CheckResult(
            NAME,
            "concern",
            f"Counting itself changed within two months of a start of treatment: {_named(close)}. Its effect "
            f"and the treatment's cannot be told apart unless both groups were changed alike.{also}{moved}",
            table,
            "the window ended before the change, or an outcome it does not touch were used",
        )
    changed = f"Counting changed inside the window: {_named(counting)}." if counting else ""
    return CheckResult(
        NAME,
        "not_informative",
        f"{changed}{moved} Each cancels only if it hit treated and comparison areas alike.".strip(),
        table,
        "the window left these months out and gave the same answer",
    )


def _named(items: list[breaks.Break]) -> str:
    return "; ".join(f"{item.name} ({item.span})" for item in items)


def _gravity(item: breaks.Break, panel: Panel) -> tuple[bool, bool, bool, bool, bool, str]:
    """The place of an entry in the order of a sentence: the smaller, the earlier."""
    if not item.changes_counting:
        return True, item.kind == "policy", False, False, False, item.first_month
    return (
        False,
        _distance(item, panel) > NEAR,
        item.kind == "vocabulary",
        item.last_month is not None,
        item.everywhere,
        item.first_month,
    )


def _distance(item: breaks.Break, panel: Panel) -> int:
    """Months from the nearest start to the first month of a break; 0 inside the starting period."""
    month = periods.number(item.first_month, "month", where="breaks")
    starts = [(_first(panel, start), _last(panel, start)) for start in panel.cohorts]
    return min((max(low - month, month - high, 0) for low, high in starts), default=NEAR + 1)


def _first(panel: Panel, period: int) -> int:
    return int(period) * _MONTHS[panel.period_kind]


def _last(panel: Panel, period: int) -> int:
    return (int(period) + 1) * _MONTHS[panel.period_kind] - 1


def _label(month: int) -> str:
    return periods.label(month, "month")
