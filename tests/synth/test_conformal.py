"""Conformal and jackknife+ inference: stored numbers of augsynth, exact small cases, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from reference_numbers import entries
from tests.synth.panels import factor_panel, panel_of, reference_panel

from whatworks import synth
from whatworks.errors import OptionError
from whatworks.inference.synthetic.conformal import Conformal
from whatworks.inference.synthetic.jackknife_plus import JackknifePlus
from whatworks.results import NotAvailable


def stored(kind: str) -> dict:
    """tests/reference/json/synth.json, augsynth 0.2.0 without augmentation."""
    return entries("synth")["augsynth.scm"]["results"][kind]


def test_p_values_of_each_period_and_of_all_together_by_shifts():
    """Source: augsynth, inf_type conformal, type block (deterministic): multiples of 1/46 and of 1/60."""
    expected = stored("conformal_block")
    result = synth.classic(reference_panel(), inference=Conformal(statistic="absolute"))
    after = result.effects["event_time"] >= 0
    np.testing.assert_allclose(result.effects.loc[after, "p_value"], expected["by_t"]["p_val"], atol=1e-12)
    assert result.headline.p_value == pytest.approx(expected["average"]["p_val"], abs=1e-12)


def test_p_value_by_random_permutations():
    """Source: augsynth, type iid, 1,000 draws, two seeds: 0.311 and its like; error of each up to 0.015."""
    result = synth.classic(reference_panel(), inference=Conformal("random", statistic="absolute", draws=9999))
    theirs = stored("conformal_iid_seed1")["average"]["p_val"]
    error = np.sqrt(theirs * (1 - theirs) * (1 / 1000 + 1 / 9999))
    assert abs(result.headline.p_value - theirs) < 3 * error


def test_jackknife_plus_without_each_period():
    """Source: augsynth, jackknife+: interpolated quantiles at 2.5% of the same gaps and held-out errors."""
    seen = {}

    class Spy(JackknifePlus):
        def test(self, value, without, errors, *, level):
            seen.update(without=without, errors=errors)
            return super().test(value, without, errors, level=level)

    result = synth.classic(reference_panel(), inference=Spy())
    below, above = (seen["without"] + sign * seen["errors"][:, None] for sign in (-1, 1))
    expected = stored("jackknife_plus")
    low = [expected["average"]["lower_bound"], *expected["by_t"]["lower_bound"]]
    high = [expected["average"]["upper_bound"], *expected["by_t"]["upper_bound"]]
    np.testing.assert_allclose(np.quantile(below, 0.025, axis=0), low, atol=2e-5)
    np.testing.assert_allclose(np.quantile(above, 0.975, axis=0), high, atol=2e-5)
    # n = 45 at 95%: floor(0.05 x 46) = 2nd smallest and 2nd largest
    assert result.headline.low == pytest.approx(np.sort(below[:, 0])[1], abs=1e-12)
    assert result.headline.high == pytest.approx(np.sort(above[:, 0])[-2], abs=1e-12)


@pytest.mark.parametrize("rule", [Conformal(), Conformal("random", draws=199)])
def test_the_interval_ends_where_the_test_begins_to_reject(rule):
    panel = factor_panel(units=6, periods=60, start=58, effect=3.0, seed=4)
    found = synth.classic(panel, inference=rule).headline
    for edge, inward in ((found.low, 1e-3), (found.high, -1e-3)):
        for step, rejected in ((inward, False), (-inward, True)):
            outcome = panel.outcome.copy()
            outcome[0, 57:] -= edge + step
            moved = panel_of(outcome, [58] + [None] * 5)
            assert (synth.classic(moved, inference=rule).headline.p_value <= 0.05) == rejected


def test_residuals_that_stand_out_have_the_smallest_possible_p_value():
    after = np.array([False] * 18 + [True] * 2)
    residuals = np.array([[1.0, -1.0] * 9 + [5.0, 5.0]])
    assert Conformal().p_values(residuals, after)[0] == pytest.approx(1 / 20)
    # shifts by one put one large residual after the start, none else reaches 3
    assert Conformal().p_values(np.array([[1.0] * 19 + [5.0]]), after)[0] == pytest.approx(2 / 20)
    assert Conformal().p_values(np.ones((1, 20)), after)[0] == 1.0


def test_too_few_periods_have_no_interval_and_say_how_many_it_takes():
    panel = factor_panel(units=25, periods=20, start=11, seed=2)
    found = synth.classic(panel, inference=JackknifePlus()).headline
    assert isinstance(found.low, NotAvailable)
    assert "needs 19 periods before the start, and there are 10" in found.low.reason
    assert isinstance(synth.classic(panel, inference=JackknifePlus(), level=0.9).headline.low, float)
    gone = synth.classic(factor_panel(units=25, periods=12, start=12), inference=Conformal()).headline
    assert isinstance(gone.high, NotAvailable)


def test_an_object_that_does_not_fit_is_named():
    from whatworks.inference import WildCluster

    with pytest.raises(OptionError, match="WildCluster"):
        synth.classic(factor_panel(), inference=WildCluster())
