"""Drop anticipation, by hand: a dip right before the start, and what it does to the baseline."""

from __future__ import annotations

from functools import partial

import exact
import numpy as np
import pytest

from whatworks import checks, did
from whatworks.errors import OptionError

FLAT = [0.0] * 8


def test_a_dip_before_the_start_by_hand():
    # before the start in month 6: 0 0 0 0 −5, mean −1; after it 2: the estimate is 3, without the dip 2
    panel = exact.panel([[0, 0, 0, 0, -5, 2, 2, 2], FLAT], ["2013-06", None])
    found = checks.drop_anticipation(panel, exact.estimator(margin=1.5))
    assert found.table.sort_values("left out before the start")["estimate"].tolist() == [2.0, 2.0, 2.0]
    np.testing.assert_allclose(found.table["change"], -1.0)
    assert found.verdict == "pass"
    assert "2 to 2 around 3, by 2 standard errors at most" in found.reason
    narrow = checks.drop_anticipation(panel, exact.estimator(margin=0.5))
    assert narrow.verdict == "concern"
    assert "unlike the time before" in narrow.reason


def test_it_fails_when_the_sign_turns():
    panel = exact.panel([[0, 0, 0, 0, -20, -1, -1, -1], FLAT], ["2013-06", None])
    found = checks.drop_anticipation(panel, exact.estimator(margin=1))
    assert found.table["estimate"].tolist() == [-1.0] * 3
    assert found.verdict == "fail"


def test_every_start_of_a_staggered_design_loses_its_own_months():
    # cohorts 2013-04 and 2013-07: one month before each goes, for all units
    seen = []

    def spy(p):
        seen.append(p.period_labels)
        return exact.estimator(margin=9)(p)

    panel = exact.panel([FLAT, FLAT, FLAT], ["2013-04", "2013-07", None])
    checks.drop_anticipation(panel, spy, up_to=1)
    assert seen[-1] == ("2013-01", "2013-02", "2013-04", "2013-05", "2013-07", "2013-08")


def test_months_that_the_study_leaves_to_anticipation_go_as_well():
    seen = []

    def spy(p):
        seen.append(p.period_labels)
        return exact.estimator(margin=9)(p)

    panel = exact.panel([FLAT, FLAT], ["2013-06", None])
    found = checks.drop_anticipation(panel, spy, anticipation=1)
    assert seen[1:] == [
        ("2013-01", "2013-02", "2013-03", "2013-06", "2013-07", "2013-08"),
        ("2013-01", "2013-02", "2013-06", "2013-07", "2013-08"),
    ]
    assert len(found.table) == 2  # a third would leave one month before


def test_an_estimator_that_knows_anticipation_is_given_more_of_it():
    rng = np.random.default_rng(5)
    starts = ["2013-06", "2013-06", "2013-07", "2013-07", None, None, None]
    panel = exact.panel(rng.normal(size=(7, 8)).tolist(), starts)
    found = checks.drop_anticipation(panel, partial(did.att_gt, comparison="never"), anticipation=1, up_to=2)
    by_hand = {k: did.att_gt(panel, anticipation=1 + k).headline.value for k in (1, 2)}
    assert found.table.set_index("left out before the start")["estimate"].to_dict() == pytest.approx(by_hand)


def test_it_says_when_there_is_no_room_or_nothing_to_judge_by():
    short = exact.panel([[0, 0, 1, 1], [0, 0, 0, 0]], ["2013-03", None])
    assert checks.drop_anticipation(short, exact.estimator()).verdict == "not_applicable"
    panel = exact.panel([FLAT, FLAT], ["2013-06", None])
    assert "no interval to judge" in checks.drop_anticipation(panel, exact.estimator(margin=0)).reason
    with pytest.raises(OptionError, match="up_to=0"):
        checks.drop_anticipation(panel, exact.estimator(), up_to=0)
    nobody = exact.panel([FLAT, FLAT], [None, None])
    assert "nobody to compare with" in checks.drop_anticipation(nobody, exact.estimator()).reason
