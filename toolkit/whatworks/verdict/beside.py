"""Answers beside the main one, in plain words; nothing tested them, so they carry no word of change."""

from __future__ import annotations

from whatworks.results import NotAvailable, Result, Secondary
from whatworks.shown import words
from whatworks.verdict.arms import assigned
from whatworks.verdict.asked import Asked
from whatworks.verdict.measure import Measure, measure
from whatworks.verdict.sentences import without_value


def secondary(item: Secondary) -> str:
    """One secondary outcome: its estimate, interval and adjusted p-value; no check was made of it."""
    about = f"Secondary outcome, {words.spoken(item.outcome)}"
    found = measure(item.estimate, item.relative)
    if isinstance(found, NotAvailable):
        return f"{about}: no estimate. {words.sentence(found.reason)}"
    adjusted = f"{words.p_phrase(item.p_adjusted)} after adjustment: {item.adjustment.rstrip('.')}"
    return f"{about}: {_estimated(found)} ({adjusted}). The checks were made of the primary outcome only."


def beside(result: Result, *, subject: str, unit: str = "") -> str:
    """A further analysis of the same outcome: the effect on those who took it up, bounds on losses."""
    asked = Asked(subject, "neither", 1.0, unit)
    found = measure(result.headline, result.relative, unit=unit)
    if isinstance(found, NotAvailable):
        return without_value(result.headline, found, asked)
    return f"{words.capital(asked.about)}{assigned(result)}: {_estimated(found)}."


def _estimated(found: Measure) -> str:
    value = f"estimated at {found.change(found.value)}{found.measured}"
    if found.ends is None:
        return f"{value}, without a margin of error"
    low, high = found.ends
    return f"{value}, {words.level(found.level)} interval {found.change(low)} to {found.change(high)}"
