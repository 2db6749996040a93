"""A check passes only where it could have failed."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest
import toy
from scipy import stats

from whatworks import checks, did
from whatworks.checks.informative import least_seen, supported
from whatworks.results import RATE_RATIO, CheckResult, Estimate, NotAvailable

PASSED = CheckResult("A check", "pass", "Nothing shows.")
NONE = NotAvailable("none")


def test_the_smallest_departure_is_seen_four_times_in_five() -> None:
    """By simulation: normal estimates around it, three tries, the p-value of the one that is looked at."""
    rng = np.random.default_rng(4)
    for tries in (1, 3):
        seen = least_seen(-1.96, 1.96, 0.95, tries=tries)
        drawn = rng.normal(seen, 1.0, 200_000)
        p = 2 * stats.norm.sf(np.abs(drawn))
        assert (p < 0.05 / tries).mean() == pytest.approx(0.8, abs=0.004)


@pytest.mark.parametrize(
    ("seen", "effect", "verdict"),
    [(1.0, 2.0, "pass"), (1.0, -2.0, "pass"), (1.01, 2.0, "not_informative"), (1.0, 0.0, "not_informative")],
)
def test_half_of_the_effect_must_be_seen(seen: float, effect: float, verdict: str) -> None:
    found = supported(PASSED, seen, effect)
    assert found.verdict == verdict
    assert found.would_have_seen == seen
    assert "would have seen a departure of" in found.reason


def test_a_concern_stays_one_and_a_gap_changes_nothing() -> None:
    concern = replace(PASSED, verdict="concern")
    assert supported(concern, 9.0, 2.0).verdict == "concern"
    assert supported(PASSED, float("nan"), 2.0) == PASSED


def test_a_rate_ratio_is_told_as_one() -> None:
    ratio = Estimate("r", 0.5, NONE, NONE, NONE, 0.95, NONE, NONE, "n", RATE_RATIO)
    assert supported(PASSED, float(np.log(1.2)), float(np.log(0.5)), like=ratio).would_have_seen == (
        pytest.approx(1.2)
    )


def test_a_placebo_in_time_of_a_small_effect_supports_nothing() -> None:
    strong = checks.placebo_in_time(toy.panel(effect=-2.0), toy.estimate)
    weak = checks.placebo_in_time(toy.panel(effect=-0.3), toy.estimate)
    assert (strong.verdict, weak.verdict) == ("pass", "not_informative")
    assert strong.would_have_seen == weak.would_have_seen


def test_pre_trends_too_noisy_to_see_a_trend_support_nothing() -> None:
    strong, weak = (checks.pretrends(toy.panel(effect=e), did.event_study) for e in (-4.0, -0.2))
    assert (strong.verdict, weak.verdict) == ("pass", "not_informative")
    assert strong.would_have_seen == pytest.approx(weak.would_have_seen)
    assert 0.1 < strong.would_have_seen < 2.0


def test_pre_trends_whose_power_is_not_known_support_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["whatworks.checks.pretrends"], "BLOCKS", (1,))
    found = checks.pretrends(toy.panel(effect=-4.0), did.event_study)
    assert found.verdict == "not_informative"
    assert "supports nothing" in found.reason
    assert isinstance(found.would_have_seen, NotAvailable)
