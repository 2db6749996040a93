"""From the design alone to the method that fits it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import toy

from whatworks import checks, did
from whatworks.did import suggest
from whatworks.errors import DesignError
from whatworks.inference import ClusterRobust
from whatworks.panel import NEVER


def staggered(never: int):
    panel = toy.panel(units=16)
    first = panel.start[0]
    start = np.array([first, first + 4] * 8)
    start[16 - never :] = NEVER
    return panel.with_start(start)


def quarterly(never: int):
    return replace(staggered(never), period_kind="quarter")


def test_one_start_gets_the_block_design_and_its_default():
    found = suggest(toy.panel())
    assert (found.method, found.options) == ("did.block", {})
    assert found.inference.startswith("WildCluster, the default with only 8 clusters")
    assert "8 treated units start in 2015-01 and 8 never do" in found.reasons[0]
    assert repr(did.block(toy.panel()).spec["inference"]).count("WildCluster") == 1


def test_several_starts_get_group_time_effects_and_the_comparison_that_is_there():
    assert suggest(quarterly(8)).options == {"comparison": "never"}
    few = suggest(quarterly(4))
    assert (few.method, few.options) == ("did.att_gt", {"comparison": "not_yet"})
    assert any("did.bacon" in check for check in few.checks)


def test_gaps_get_the_method_that_permits_them():
    panel = toy.panel()
    outcome = panel.outcome.copy()
    outcome[3, 5] = np.nan
    found = suggest(panel.with_outcome(outcome))
    assert found.method == "did.imputation"
    assert "1 cells are missing" in found.reasons[0]


def test_months_get_the_method_that_measures_from_all_of_them():
    """What finds a fall in 90% of panels is what is suggested, not the one that finds it in 36%."""
    monthly = staggered(8)
    assert monthly.period_kind == "month"
    found = suggest(monthly)
    assert (found.method, found.options) == ("did.imputation", {})
    assert any("90% of cases so, and in 36% by did.att_gt" in r for r in found.reasons)
    assert found.instead == {"did.att_gt": {"comparison": "never"}}
    assert suggest(staggered(4)).instead == {"did.att_gt": {"comparison": "not_yet"}}
    assert found.fits("did.att_gt")
    assert not found.fits("did.block")
    other = suggest(quarterly(8))
    assert other.method == "did.att_gt"
    assert not any("did.imputation" in r for r in other.reasons)


def test_counts_hear_of_the_rate_ratio():
    panel = toy.panel()
    counts = replace(panel, exposure=np.ones_like(panel.outcome))
    assert any("did.poisson gives a rate ratio" in reason for reason in suggest(counts).reasons)
    assert not any("rate ratio" in reason for reason in suggest(panel).reasons)


def test_counts_without_an_exposure_are_counts_too():
    panel = toy.panel()
    whole = panel.with_outcome(np.round(np.abs(panel.outcome)) + 2.0)
    found = suggest(whole)
    assert found.fits("did.poisson")
    assert "did.poisson gives a rate ratio" in found.reasons[-1]
    assert "the method above assumes that counts would have changed by the same amount" in found.reasons[-1]
    assert not suggest(whole.with_outcome(whole.outcome + 0.5)).fits("did.poisson")
    assert not suggest(whole.with_outcome(whole.outcome - 50.0)).fits("did.poisson")


@pytest.mark.parametrize("gap", [False, True])
def test_counts_with_several_starts_hear_of_the_rate_ratio_by_cohort(gap):
    """A single rate ratio for several starts would be the two-way regression again."""
    panel = staggered(8)
    outcome = panel.outcome.copy()
    if gap:
        outcome[3, 5] = np.nan
    found = suggest(replace(panel, outcome=outcome, exposure=np.ones_like(panel.outcome)))
    assert found.method == "did.imputation"
    assert found.fits('did.etwfe(model="poisson")')
    assert not found.fits("did.poisson")
    assert 'did.etwfe(model="poisson") gives a rate ratio' in found.reasons[-1]
    assert not any("did.poisson" in reason for reason in found.reasons)
    assert not any("rate ratio" in reason for reason in suggest(panel).reasons)


@pytest.mark.parametrize(
    "make", [toy.panel, lambda: staggered(8), lambda: replace(toy.panel(), cluster=None)]
)
def test_the_checks_owed_are_those_that_are_run(make):
    panel = make()
    method, by_month = did.twoway, partial(did.event_study, inference=ClusterRobust())
    ran = [
        check.name
        for check in checks.run(panel, partial(method, inference=ClusterRobust()), event_study=by_month)
    ]
    owed = [check.partition(":")[0] for check in suggest(panel).checks]
    beside = ["Honest bounds (did.honest)", *["Decomposition (did.bacon)"] * (len(panel.cohorts) > 1)]
    assert owed == [*ran, *beside]


def test_one_treated_unit_is_sent_to_synthetic_control():
    found = suggest(toy.panel().select([0, *range(8, 16)]))
    assert found.method == "synth.classic"
    assert "would have no error" in found.reasons[0]
    assert "1/9" in found.inference
    assert any("Leave one donor out" in check for check in found.checks)
    assert suggest(toy.panel().select([0, 1, *range(8, 16)])).method == "did.block"


def test_one_treated_cluster_hears_that_no_error_exists():
    found = suggest(toy.panel().select([0, 1, *range(8, 16)]))
    assert found.inference.startswith("No error exists: all 2 treated units lie in one cluster")


def test_it_never_looks_at_the_outcome():
    panel = toy.panel()
    assert suggest(panel) == suggest(panel.with_outcome(panel.outcome[::-1] * 7 - 100))


def test_a_short_run_up_is_said():
    assert any("little chance" in check for check in suggest(toy.panel().window("2014-06")).checks)


@pytest.mark.parametrize("start", [NEVER, None])
def test_designs_without_a_contrast_are_refused(start):
    panel = toy.panel()
    same = panel.with_start(np.full(16, panel.start[0] if start is None else start))
    with pytest.raises(DesignError, match=r"nobody is left|no unit starts"):
        suggest(same)


def test_what_is_shown_is_escaped():
    assert (
        "<script>"
        not in suggest(replace(toy.panel(), outcome_name="<script>"))._repr_mimebundle_()["text/html"]
    )
