"""Alternative windows, by hand: effects that grow, early months that differ, conclusions of one window."""

from __future__ import annotations

from dataclasses import replace

import exact
import numpy as np
import pytest
from scipy.stats import norm

from whatworks import checks
from whatworks.checks.alternative_windows import windows

HALF = "with only the later half of the time before the first start"
SIX, TWELVE = "up to six months after the last start", "up to twelve months after the last start"
FIRST, LAST = "without the first quarter", "without the last quarter"


def growing():
    """16 months before (the first 4 at −8), then 1 for 6 months, 3 for 6 and 5 for 4: estimate 4.75."""
    path = [-8.0] * 4 + [0.0] * 12 + [1.0] * 6 + [3.0] * 6 + [5.0] * 4
    return exact.panel([path, [0.0] * 32], ["2014-05", None])


def test_every_window_by_hand():
    found = checks.alternative_windows(growing(), exact.estimator(margin=9))
    estimates = found.table.set_index("window")["estimate"].to_dict()
    # the first quarter is half of the time before the start here, so that window is listed once
    assert estimates == pytest.approx({HALF: 2.75, LAST: 1.5 + 2, SIX: 1 + 2, TWELVE: 2 + 2})
    assert found.table.loc[0, "window"] == HALF
    assert found.verdict == "not_informative"
    six = found.table.set_index("window").loc[SIX]
    assert six[["first", "last"]].tolist() == ["2013-01", "2014-10"]
    assert f"the one {HALF} (2013-09 to 2015-08) moves it most, by 4 standard errors" in found.reason


def test_an_estimate_outside_the_interval_is_a_concern():
    found = checks.alternative_windows(growing(), exact.estimator(margin=1.9))
    assert found.verdict == "concern"
    assert "rests on the months chosen" in found.reason
    assert checks.alternative_windows(growing(), exact.estimator(margin=2.0)).verdict == "not_informative"


def test_it_fails_when_the_sign_turns():
    panel = growing().with_outcome(growing().outcome - 3 * growing().treated)  # 4.75 − 3, and 2.75 − 3
    assert checks.alternative_windows(panel, exact.estimator(margin=1)).verdict == "fail"
    assert checks.alternative_windows(panel, exact.estimator(margin=3)).verdict == "not_informative"


def test_it_passes_only_where_half_of_the_effect_would_have_been_seen():
    """All windows agree; a difference of 2.8 errors of the wider interval would have been seen."""
    panel = exact.panel([[0.0] * 16 + [4.0] * 16, [0.0] * 32], ["2014-05", None])
    for margin, verdict in ((1.0, "pass"), (1.5, "not_informative")):
        found = checks.alternative_windows(panel, exact.estimator(margin=margin))
        assert found.verdict == verdict
        assert found.would_have_seen == pytest.approx(margin * (1 + norm.ppf(0.8) / norm.ppf(0.975)))


@pytest.mark.parametrize(("wide", "verdict"), [(2, "not_informative"), (3, "concern")])
def test_a_conclusion_that_most_windows_do_not_share_is_a_concern(wide, verdict):
    panel = growing()
    asked = iter([2.5, *[9.0] * wide, *[0.1] * (4 - wide)])  # the margin of the whole, then of the windows
    found = checks.alternative_windows(panel, lambda p: exact.estimator(margin=next(asked))(p))
    assert found.verdict == verdict
    assert f"The whole interval excludes no effect; {wide} of 4 shorter ones includes it" in found.reason


def test_windows_keep_two_periods_before_any_anticipation_and_one_after():
    panel = exact.panel([[0.0] * 12, [0.0] * 12], ["2013-05", None])
    assert list(windows(panel)) == [HALF, LAST, SIX]  # without the first quarter one of four would be left
    assert list(windows(panel, anticipation=1)) == [LAST, SIX]
    assert windows(panel)[HALF].tolist() == [False] * 2 + [True] * 10
    late = exact.panel([[0.0] * 8, [0.0] * 8], ["2013-08", None])
    assert list(windows(late)) == [HALF, FIRST]  # nothing may be taken off the end


def test_windows_of_quarters_and_of_bare_numbers():
    panel = exact.panel([[0.0] * 20, [0.0] * 20], ["2013-09", None])
    quarters = windows(replace(panel, period_kind="quarter"))
    assert quarters["up to half a year after the last start"].sum() == 10
    assert quarters["up to a year after the last start"].sum() == 12
    assert windows(replace(panel, period_kind="integer"))["up to 6 periods after the last start"].sum() == 14


def test_it_says_when_there_is_no_room_no_estimate_or_no_interval():
    short = exact.panel([[0, 0, 1], [0, 0, 0]], ["2013-03", None])
    found = checks.alternative_windows(short, exact.estimator())
    assert (found.verdict, "no room" in found.reason) == ("not_applicable", True)
    assert "no interval to judge" in checks.alternative_windows(growing(), exact.estimator(margin=0)).reason
    never = growing().with_start(np.full(2, growing().start[1]))
    assert windows(never) == {}
