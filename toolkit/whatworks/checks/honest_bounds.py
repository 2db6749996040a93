"""Honest bounds: would the finding survive trends that were not parallel?"""

from __future__ import annotations

import numpy as np

from whatworks.did.trends.departures import Departures
from whatworks.results import CheckResult, Estimate, NotAvailable

NAME = "Honest bounds"
AS_LARGE = 1.0
"""The customary mark: departures after the start as large as the largest step before it."""


def honest_bounds(found: Departures, headline: Estimate, *, mark: float = AS_LARGE) -> CheckResult:
    """Judge the bounds of `did.departures`: how large a departure from parallel trends undoes the finding.

    Args:
        found: bounds on the study's own event study.
        headline: the study's headline, which says whether there is a finding at all.
        mark: multiples of the largest departure before the start that a finding should survive.

    Returns:
        `pass` where the interval excludes no effect up to the mark, `concern` where it does not,
        `not_applicable` where the headline's interval holds no effect anyway or there are no bounds.
        The table holds the interval at each bound.
    """
    bounds = found.bounds
    if isinstance(bounds, NotAvailable):
        return CheckResult(NAME, "not_applicable", found.answer)
    reason = " ".join(text for text in (found.answer, found.basis, found.caveat) if text)
    table = bounds.table if (bounds.table["reason"] != "").any() else bounds.table.drop(columns="reason")
    if _holds_no_effect(headline):
        return CheckResult(
            NAME, "not_applicable", f"The interval of the headline includes no effect anyway. {reason}", table
        )
    survives = np.inf if isinstance(bounds.breakdown, NotAvailable) else bounds.breakdown
    if survives >= mark:
        return CheckResult(NAME, "pass", reason, table, f"the interval at M = {mark:g} included zero")
    return CheckResult(NAME, "concern", reason, table, f"the interval at M = {mark:g} excluded zero")


def _holds_no_effect(headline: Estimate) -> bool:
    low, high = headline.low, headline.high
    if isinstance(low, NotAvailable) or isinstance(high, NotAvailable):
        return False
    return low <= headline.null <= high
