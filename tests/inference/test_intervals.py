"""Intervals, smallest detectable effects and percent changes, by hand and from printed tables."""

from __future__ import annotations

import numpy as np
import pytest

from whatworks.inference import intervals, relative_change
from whatworks.inference.uncertainty import unknown
from whatworks.results import Estimate, NotAvailable

NORMAL = NotAvailable("normal")


def headline(value=-2.0, low=-3.0, high=-1.0, std_error=0.5):
    return Estimate("ATT", value, std_error, low, high, 0.95, 0.01, 11.0, "by hand", "crimes")


def test_printed_quantiles():
    # Student's t table: 2.201 for 11 degrees of freedom; 1.960 for the normal
    assert intervals.critical_value(0.95, df=11.0) == pytest.approx(2.200985, abs=1e-6)
    assert intervals.critical_value(0.95, df=NORMAL) == pytest.approx(1.959964, abs=1e-6)
    low, high = intervals.interval(np.array([1.0]), np.array([2.0]), df=11.0, level=0.95)
    assert (low[0], high[0]) == pytest.approx((1 - 2 * 2.200985, 1 + 2 * 2.200985), abs=1e-5)
    assert intervals.p_value(np.array([2.200985]), np.array([1.0]), df=11.0)[0] == pytest.approx(
        0.05, abs=1e-6
    )
    assert intervals.p_value(np.array([3.0]), np.array([0.5]), df=NORMAL, null=2.02)[0] == pytest.approx(
        0.05, abs=1e-4
    )
    assert np.isnan(intervals.p_value(np.array([1.0]), np.array([0.0]), df=11.0)[0])


def test_smallest_detectable_effect():
    # Bloom (1995): 2.8 standard errors at 80% power and 5% for many degrees of freedom
    assert intervals.smallest_detectable(1.0, NORMAL, 0.95) == pytest.approx(2.8016, abs=1e-4)
    assert intervals.smallest_detectable(2.0, 11.0, 0.95) == pytest.approx(
        2 * (2.200985 + 0.875530), abs=1e-5
    )
    gap = intervals.smallest_detectable(NotAvailable("one treated unit"), 11.0, 0.95)
    assert isinstance(gap, NotAvailable)
    assert "one treated unit" in gap.reason


def test_percent_change_by_hand():
    # observed 8, effect −2: without it 10, so −20%; ends −3 → 11 → −27.3% and −1 → 9 → −11.1%
    relative = relative_change(headline(), 8.0)
    assert (relative.value, relative.low, relative.high) == pytest.approx((-20.0, -300 / 11, -100 / 9))
    assert relative.std_error == pytest.approx(100 * 8 / 10**2 * 0.5)
    assert (relative.p_value, relative.scale, relative.level) == (0.01, "percent", 0.95)


def test_percent_change_without_a_counterfactual():
    assert "would not be positive" in relative_change(headline(9.0, 8.5, 9.5), 8.0).reason
    assert "high end" in relative_change(headline(7.0, 6.0, 8.0), 8.0).reason
    assert "above 0" in relative_change(headline(), 0.0).reason
    gap = NotAvailable("one treated unit")
    relative = relative_change(headline(low=gap, high=gap, std_error=gap), 8.0)
    assert relative.value == pytest.approx(-20.0)
    assert relative.low is gap
    assert relative_change(headline(value=gap), 8.0) is gap


def test_unknown_gives_the_reason_everywhere():
    found = unknown(np.array([1.0, 2.0]), "one treated unit", level=0.9)
    estimate = found.estimate(1, estimand="ATT", scale="crimes")
    assert estimate.value == 2.0
    for number in (estimate.std_error, estimate.low, estimate.high, estimate.p_value, estimate.df):
        assert number == NotAvailable("one treated unit")
