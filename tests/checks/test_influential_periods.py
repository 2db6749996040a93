"""Influential periods, by hand: the riots of August 2011, the lockdowns, and any single month."""

from __future__ import annotations

from dataclasses import replace

import exact

from whatworks import checks
from whatworks.data.recording import INVENTED, Recording

FLAT = [0.0] * 12
LONDON = Recording("mps_tables", ("metropolitan",), "borough")


def riots(height: float):
    """2011-01 to 2011-12, start in July; the effect is −2, and the riots hit the treated by `height`."""
    path = [0.0] * 6 + [-2.0] * 6
    path[7] += height
    return exact.panel([path, FLAT], ["2011-07", None], first="2011-01")


def test_the_riots_are_left_out_and_named():
    found = checks.influential_periods(riots(6.0), exact.estimator(margin=0.5), recording=LONDON)
    by_name = found.table.set_index("what")["estimate"]
    assert by_name["riots 2011"] == -2.0
    assert found.verdict == "concern"
    assert "The answer leans on 2011-08 (riots 2011)" in found.reason
    assert "2011-08 moves it most, to -2" in found.reason


def test_months_that_carry_nothing_pass():
    found = checks.influential_periods(riots(0.0), exact.estimator(margin=0.5), recording=LONDON)
    assert found.verdict == "pass"
    assert (found.table["estimate"] == -2.0).all()
    assert len(found.table) == 1 + 10  # the riots and the ten most influential of twelve months


def test_it_fails_when_one_month_turns_the_sign():
    found = checks.influential_periods(
        riots(24.0), exact.estimator(margin=1.0), recording=LONDON
    )  # (−12 + 24) / 6 = 2
    assert found.verdict == "fail"
    assert "sign itself rests on 2011-08" in found.reason


def test_the_lockdowns_are_left_out_as_wholes():
    path = [0.0] * 12 + [3.0] * 12
    panel = exact.panel([path, [0.0] * 24], ["2020-01", None], first="2019-01")
    seen = []

    def spy(p):
        seen.append(p.period_labels)
        return exact.estimator(margin=9)(p)

    found = checks.influential_periods(panel, spy, recording=LONDON)
    assert {"lockdown 1", "covid restrictions"} <= set(found.table["what"])
    whole = [labels for labels in seen if len(labels) == 14]
    assert whole == [(*(f"2019-{m:02d}" for m in range(1, 13)), "2020-01", "2020-02")]


def test_a_shock_that_covers_the_whole_time_after_the_start_is_a_concern():
    panel = exact.panel([[0.0] * 12 + [3.0] * 6, [0.0] * 18], ["2020-04", None], first="2019-04")
    found = checks.influential_periods(panel, exact.estimator(margin=9), recording=LONDON)
    assert found.verdict == "concern"
    assert "leans on 2020-03 to 2021-07 (covid restrictions)" in found.reason
    assert "nobody to compare with" in found.reason


def test_shocks_that_do_not_touch_the_offence_or_the_calendar_are_left_alone():
    integers = replace(riots(6.0), period_kind="integer")
    found = checks.influential_periods(integers, exact.estimator(margin=9), recording=LONDON)
    assert set(found.table["what"]) == {"single period"}
    assert "no interval to judge" in checks.influential_periods(riots(0), exact.estimator(margin=0)).reason


def test_shocks_of_another_place_and_of_made_up_data_are_left_alone():
    leeds = Recording("force_records", ("west-yorkshire",), "ward")
    for given in ({}, {"recording": INVENTED}, {"recording": leeds}):
        found = checks.influential_periods(riots(6.0), exact.estimator(margin=0.5), **given)
        assert set(found.table["what"]) == {"single period"}
        assert found.verdict == "concern"  # the month itself still carries the answer


def test_a_panel_of_two_periods_has_none_to_spare():
    panel = exact.panel([[0, 1], [0, 0]], ["2013-02", None])
    assert checks.influential_periods(panel, exact.estimator()).verdict == "not_applicable"
