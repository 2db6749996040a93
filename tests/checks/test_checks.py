"""Each check finds what it is for, and stays quiet where there is nothing to find."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import toy

from whatworks import checks
from whatworks.errors import OptionError
from whatworks.panel import NEVER


def test_placebo_in_time_passes_on_parallel_trends_and_sees_a_drift():
    calm = checks.placebo_in_time(toy.panel(), toy.estimate)
    assert calm.verdict == "pass"
    assert list(calm.table["pretended start"]) == ["2013-09", "2014-01", "2014-05"]
    drifting = checks.placebo_in_time(toy.panel(drift=0.1), toy.estimate)
    assert drifting.verdict == "concern"
    assert "before anything happened" in drifting.reason


def test_placebo_in_time_never_looks_at_a_treated_month():
    quiet, loud = toy.panel(effect=0.0), toy.panel(effect=-50.0)
    a, b = (checks.placebo_in_time(p, toy.estimate) for p in (quiet, loud))
    np.testing.assert_array_equal(a.table["estimate"], b.table["estimate"])
    seen = []

    def spy(panel):
        seen.append(panel.period_labels[-1])
        return toy.estimate(panel)

    checks.placebo_in_time(toy.panel(), spy, anticipation=3)
    assert seen[-1] == "2015-12", "the study's own estimate, for what is to be supported"
    assert set(seen[:-1]) == {"2014-09"}


def test_placebo_in_time_keeps_the_pattern_of_a_staggered_design():
    panel = toy.panel()
    start = panel.start.copy()
    start[:4] += 2
    seen = []

    def spy(p):
        seen.append(sorted(set(p.start[p.start != NEVER] - p.periods[0])))
        return toy.estimate(p)

    checks.placebo_in_time(panel.with_start(start), spy)
    assert seen[:-1] == [[8, 10], [12, 14], [16, 18]]


def test_placebo_in_time_adjusts_for_trying_three_dates():
    table = checks.placebo_in_time(toy.panel(seed=3), toy.estimate).table
    assert (table["adjusted p"] >= table["p_value"]).all()
    assert (table["adjusted p"] > table["p_value"]).any()


def test_placebo_in_time_says_when_it_cannot():
    panel = toy.panel()
    short = checks.placebo_in_time(panel.window("2014-09"), toy.estimate)
    assert short.verdict == "not_applicable"
    assert "Only 4 untreated periods" in short.reason
    nobody = panel.with_start(np.full(panel.n_units, NEVER))
    assert checks.placebo_in_time(nobody, toy.estimate).verdict == "not_applicable"
    one = panel.select([0, *range(8, 16)])
    alone = checks.placebo_in_time(one, toy.estimate)
    assert alone.verdict == "not_applicable"
    assert "one unit on a side" in alone.reason


def test_leave_one_out_passes_when_no_unit_carries_the_answer():
    found = checks.leave_one_out(toy.panel(), toy.estimate)
    assert found.verdict == "pass"
    assert len(found.table) == 16
    assert found.table["change"].abs().is_monotonic_decreasing


def test_leave_one_out_finds_the_unit_that_carries_it():
    panel = toy.panel(effect=0.0, seed=5)
    outcome = panel.outcome.copy()
    outcome[2, 24:] -= 40.0
    found = checks.leave_one_out(panel.with_outcome(outcome), toy.estimate)
    assert found.table.loc[0, "left out"] == "u02"
    assert "u02 moves it most" in found.reason
    assert found.verdict != "fail"


@pytest.mark.parametrize(("low", "high"), [(-99.0, -6.0), (-7.1, -0.5)])
def test_leave_one_out_is_a_concern_when_an_estimate_leaves_the_interval(low, high):
    panel = toy.panel(effect=-2.0)
    outcome = panel.outcome.copy()
    outcome[2, 24:] -= 40.0
    panel = panel.with_outcome(outcome)
    whole = toy.estimate(panel)
    sure = replace(whole, headline=replace(whole.headline, low=low, high=high))
    found = checks.leave_one_out(panel, lambda p: sure if p.n_units == 16 else toy.estimate(p))
    assert found.verdict == "concern"
    assert f"leans on {'u02' if high == -6.0 else 'u'}" in found.reason


def test_leave_one_out_fails_when_the_sign_turns():
    panel = toy.panel()
    whole = toy.estimate(panel)
    turned = replace(whole, headline=replace(whole.headline, value=+1.0))
    found = checks.leave_one_out(panel, lambda p: whole if p.n_units == 16 else turned)
    assert found.verdict == "fail"
    assert "sign itself" in found.reason


def test_leave_one_cluster_out_leaves_whole_clusters_out():
    seen = []

    def spy(p):
        seen.append(p.n_units)
        return toy.estimate(p)

    found = checks.leave_one_out(toy.panel(), spy, by="cluster")
    assert seen == [16, *[14] * 8]
    assert sorted(found.table["left out"]) == [f"c{i}" for i in range(8)]
    bare = replace(toy.panel(), cluster=None, cluster_labels=())
    assert checks.leave_one_out(bare, toy.estimate, by="cluster").verdict == "not_applicable"
    with pytest.raises(OptionError, match="by='area'"):
        checks.leave_one_out(toy.panel(), toy.estimate, by="area")


def test_leave_one_out_reports_the_unit_without_which_there_is_no_estimate():
    panel = toy.panel().select([0, *range(8, 16)])
    found = checks.leave_one_out(panel, toy.estimate)
    assert found.verdict == "concern"
    assert "Without u00 there is no estimate at all" in found.reason


@pytest.mark.parametrize(
    ("rows", "verdict", "words"),
    [
        (range(16), "concern", "fewer than 40"),
        ([0, 1, *range(8, 16)], "fail", "no standard error is valid"),
        ([0, 1, 2, 3, *range(8, 16)], "concern", "3 or fewer on one side"),
    ],
)
def test_few_clusters(rows, verdict, words):
    found = checks.few_clusters(toy.panel().select(list(rows)))
    assert (found.verdict, words in found.reason) == (verdict, True), found.reason


def test_many_clusters_pass():
    panel = toy.panel(units=100, months=26)
    bare = replace(panel, cluster=None, cluster_labels=())
    assert checks.few_clusters(bare).verdict == "pass"
    lopsided = bare.select([*range(10), *range(50, 100)])
    assert "fewer than 20 on one side" in checks.few_clusters(lopsided).reason


def test_a_staggered_design_needs_no_untreated_clusters():
    panel = toy.panel()
    start = np.where(np.arange(16) < 8, panel.start[0], panel.start[0] + 4)
    assert checks.few_clusters(panel.with_start(start)).verdict == "concern"


def test_pretrends_read_the_joint_test_of_the_event_study():
    from whatworks import did

    calm = checks.pretrends(toy.panel(), did.event_study)
    assert calm.verdict == "pass"
    assert "does not prove" in calm.reason
    assert len(calm.table) == 23
    assert checks.pretrends(toy.panel(drift=0.2), did.event_study).verdict == "concern"
    assert (checks.pretrends(toy.panel(), did.event_study, anticipation=6).table["event_time"] < -6).all()
    without = checks.pretrends(toy.panel(), lambda p: replace(did.event_study(p), detail=None))
    assert without.verdict == "not_applicable"


def test_the_battery_survives_a_method_that_cannot():
    from whatworks import did

    one = toy.panel().select([0, *range(8, 16)])
    verdicts = {c.name: c.verdict for c in checks.run(one, did.block, event_study=did.event_study)}
    assert verdicts["Pre-trends"] == "not_applicable"
    assert verdicts["Enough clusters"] == "fail"


def test_leave_one_out_of_a_rate_ratio_turns_at_one_not_at_zero():
    panel = toy.panel()
    whole = toy.estimate(panel)
    ratio = replace(whole.headline, value=0.8, low=0.7, high=0.9, scale="rate ratio")
    turned = replace(whole, headline=replace(ratio, value=1.1))
    found = checks.leave_one_out(
        panel, lambda p: replace(whole, headline=ratio) if p.n_units == 16 else turned
    )
    assert found.verdict == "fail"
