"""The status of a finding, by five rules in this order; docs/methods/verdict.md states and measures them."""

from __future__ import annotations

from typing import Literal

from whatworks.results import NotAvailable
from whatworks.verdict.asked import Asked, Better
from whatworks.verdict.measure import Measure

Status = Literal["fell", "rose", "no_change_that_matters", "inconclusive", "not_answered"]

STATUSES: dict[Status, tuple[str, str]] = {
    "fell": ("\u25bc", "Fell"),
    "rose": ("\u25b2", "Rose"),
    "no_change_that_matters": ("\u25a0", "No change that matters"),
    "inconclusive": ("?", "Inconclusive"),
    "not_answered": ("\u2013", "Not answered"),
}
"""A sign and a word for each status, so that none rests on colour."""


def status_of(found: Measure | NotAvailable, asked: Asked, *, failed: bool, refused: bool) -> Status:
    """The status of a finding.

    1. No estimate, or no interval: *not answered*.
    2. A check that the answer rests on failed: *not answered*.
    3. The whole interval lies closer to zero than the worthwhile change, told in the same unit: *no change
       that matters*.
    4. The interval excludes no change: *fell* or *rose*; *not answered* where a concern refuses to put it
       down to the intervention.
    5. Otherwise: *inconclusive*.
    """
    if isinstance(found, NotAvailable) or found.ends is None or failed:
        return "not_answered"
    low, high = found.ends
    # what matters is stated in percent or in a unit; held against a change told in the other it says nothing
    same = found.percent == (not asked.unit)
    if same and -asked.worthwhile < low and high < asked.worthwhile:
        return "no_change_that_matters"
    if low > 0 or high < 0:
        return "not_answered" if refused else "fell" if high < 0 else "rose"
    return "inconclusive"


def good(status: Status, better: Better) -> bool | None:
    """Whether the change is for the better; None where it is neither, or there is none to speak of."""
    if status not in ("fell", "rose") or better == "neither":
        return None
    return (status == "fell") == (better == "lower")
