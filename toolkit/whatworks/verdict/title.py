"""What the title of a figure may say of a change: no more than its interval."""

from __future__ import annotations

from typing import Literal

from whatworks.results import Estimate, NotAvailable
from whatworks.shown import words

Claim = Literal["", "fell", "rose"]
CLAIMS: tuple[Claim, ...] = ("", "fell", "rose")

UNCLEAR = "no clear change"
"""Of an interval that includes no change."""

_WAYS: dict[Claim, str] = {"fell": "lower", "rose": "higher"}


def direction(estimate: Estimate) -> Claim | None:
    """`fell` or `rose` where the whole interval lies on one side of no change, "" where it does not.

    None where there is no estimate or no interval.
    """
    if any(isinstance(number, NotAvailable) for number in (estimate.value, estimate.low, estimate.high)):
        return None
    return side(float(estimate.low), float(estimate.high), estimate.null)  # type: ignore[arg-type]


def side(low: float, high: float, null: float = 0.0) -> Claim:
    """`fell` or `rose` for an interval wholly below or above `null`, else ""."""
    return "fell" if high < null else "rose" if low > null else ""


def change_title(estimate: Estimate, subject: str, *, changed: str, unclear: str = "") -> tuple[str, Claim]:
    """Title and claim for an estimate of change; both empty where there is no interval.

    Args:
        estimate: the change.
        subject: what was measured, as it stands in a sentence.
        changed: ends the title where the interval leaves out no change: `Robbery lower <changed>`.
        unclear: ends it where the interval includes no change: `No clear change in robbery <unclear>`.
    """
    found = direction(estimate)
    if found is None:
        return "", ""
    about = words.spoken(subject) or "the outcome"
    if not found:
        return f"{words.capital(UNCLEAR)} in {about} {unclear}".rstrip(), ""
    return f"{words.capital(about)} {_WAYS[found]} {changed}", found
