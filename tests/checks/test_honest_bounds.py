"""checks.honest_bounds: the verdict follows the breakdown value and the headline."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from whatworks import checks
from whatworks.did import Departures, Honest
from whatworks.results import RATE_RATIO, Estimate, NotAvailable

NONE = NotAvailable("not needed here")


def headline(low: float, high: float, scale: str = "crimes") -> Estimate:
    return Estimate("effect", (low + high) / 2, 0.1, low, high, 0.95, 0.01, NONE, "by hand", scale)


def found(breakdown: float | NotAvailable) -> Departures:
    table = pd.DataFrame({"m": [0.0, 1.0], "low": [-2.0, -4.0], "high": [-1.0, 1.0], "reason": ["", ""]})
    bounds = Honest(
        "relative_magnitudes", "m", "conditional", table, -1.5, 0.2, -2.0, -1.0, breakdown, {0: 1.0},
        (-2, 0), 0.95, "crimes", 1, (), "",
    )  # fmt: skip
    return Departures(bounds, NONE, 12, None, "The answer.", "The basis.", "The caveat.", "The drift.")


@pytest.mark.parametrize(
    ("breakdown", "verdict"),
    [
        (0.55, "concern"),
        (1.0, "pass"),
        (1.4, "pass"),
        (NotAvailable("none up to 2"), "pass"),
        (0.0, "concern"),
    ],
)
def test_the_verdict_follows_the_breakdown_value(breakdown, verdict: str) -> None:
    check = checks.honest_bounds(found(breakdown), headline(-2, -1))
    assert check.name == "Honest bounds"
    assert check.verdict == verdict
    assert check.reason == "The answer. The basis. The caveat."
    assert check.would_change_if.startswith("the interval at M = 1")
    assert list(check.table) == ["m", "low", "high"]


def test_the_mark_can_be_moved() -> None:
    assert checks.honest_bounds(found(0.55), headline(-2, -1), mark=0.5).verdict == "pass"


def test_no_finding_no_verdict() -> None:
    check = checks.honest_bounds(found(0.55), headline(-2, 1))
    assert check.verdict == "not_applicable"
    assert check.reason.startswith("The interval of the headline includes no effect anyway. The answer.")
    assert checks.honest_bounds(found(0.55), headline(0.8, 0.9, RATE_RATIO)).verdict == "concern"
    assert checks.honest_bounds(found(0.55), headline(0.8, 1.1, RATE_RATIO)).verdict == "not_applicable"


def test_a_headline_without_an_interval_still_has_bounds() -> None:
    bare = replace(headline(-2, -1), low=NONE, high=NONE)
    assert checks.honest_bounds(found(0.55), bare).verdict == "concern"


def test_without_bounds_the_reason_stands() -> None:
    missing = Departures(NONE, NONE, 1, None, "It cannot be said here: too few clusters.", "", "", "")
    check = checks.honest_bounds(missing, headline(-2, -1))
    assert check.verdict == "not_applicable"
    assert check.reason == "It cannot be said here: too few clusters."
    assert check.table.empty
