"""Leave one out at every level, by hand."""

from __future__ import annotations

import exact
import numpy as np
import pytest

from whatworks import checks
from whatworks.panel import NEVER

FLAT = [0.0] * 6


def staggered():
    """Cohort 2013-03 gains 6, cohort 2013-05 gains 2 on each of two units; two units stay at 0."""
    early, late = [0, 0, 6, 6, 6, 6], [0, 0, 0, 0, 2, 2]
    return exact.panel([early, late, late, FLAT, FLAT], ["2013-03", "2013-05", "2013-05", None, None])


def test_leave_one_cohort_out_by_hand():
    found = checks.leave_one_out(staggered(), exact.estimator(margin=9), by="cohort")
    assert found.name == "Leave one cohort out"
    assert found.table.set_index("left out")["estimate"].to_dict() == {"2013-05": 6.0, "2013-03": 2.0}
    np.testing.assert_allclose(found.table["change"], [6 - 10 / 3, 2 - 10 / 3])
    np.testing.assert_allclose(found.table["change / std error"], found.table["change"] / 0.5)
    assert found.verdict == "not_informative"
    assert "2013-05 moves it most" in found.reason


def test_a_cohort_that_leaves_less_than_half_of_the_effect_is_a_concern():
    """Of 10/3 the others leave 6 and 2; with the late cohort at 1 the whole is 8/3: 1 is too little."""
    strong = checks.leave_one_out(staggered(), exact.estimator(margin=3), by="cohort")
    assert strong.verdict == "pass"
    assert strong.would_have_seen == pytest.approx(5 / 3)
    assert "kept less than half of the effect (beyond 1.67) would be a concern" in strong.reason
    panel = staggered()
    late = panel.with_outcome(np.where(panel.outcome == 2, 1.0, panel.outcome))
    weak = checks.leave_one_out(late, exact.estimator(margin=2.6), by="cohort")
    assert weak.verdict == "concern"
    assert "leans on 2013-03: without it less than half of the effect is left" in weak.reason


def test_leave_one_cohort_out_is_a_concern_when_one_carries_the_answer():
    found = checks.leave_one_out(staggered(), exact.estimator(margin=2), by="cohort")
    assert found.verdict == "concern"
    assert "leans on 2013-05" in found.reason


def test_units_that_start_after_the_window_are_no_cohort():
    panel = staggered()
    start = panel.start.copy()
    start[3] = panel.periods[-1] + 5
    found = checks.leave_one_out(panel.with_start(start), exact.estimator(margin=9), by="cohort")
    assert sorted(found.table["left out"]) == ["2013-03", "2013-05"]


def test_a_single_cohort_cannot_be_left_out():
    panel = staggered()
    one = panel.with_start(np.where(panel.start == NEVER, NEVER, panel.start[0]))
    found = checks.leave_one_out(one, exact.estimator(), by="cohort")
    assert found.verdict == "not_applicable"
    assert "all start together" in found.reason


@pytest.mark.parametrize("by", ["unit", "cluster", "cohort"])
def test_more_than_two_hundred_are_not_tried(by, monkeypatch):
    import sys

    monkeypatch.setattr(sys.modules["whatworks.checks.leave_one_out"], "MAX_REFITS", 1)
    found = checks.leave_one_out(staggered(), exact.estimator(), by=by)
    assert found.verdict == "not_applicable"
