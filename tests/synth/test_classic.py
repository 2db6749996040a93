"""Outcome-only synthetic control: stored numbers of an exact solver, invariances, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from reference_numbers import entries
from tests.synth.panels import factor_panel, panel_of, reference_panel

from whatworks import synth
from whatworks.errors import DesignError, OptionError
from whatworks.inference.synthetic.placebo import Placebo
from whatworks.results import NotAvailable


def stored(name: str) -> dict:
    """tests/reference/json/synth.json, R quadprog on the simplex."""
    return entries("synth")[f"simplex_sc.{name}"]["results"]


def test_weights_gaps_and_average_of_the_outcome_only_fit():
    """Source: quadprog 1.5.8, simplex_sc.outcome_only (unique optimum; 1e-6)."""
    expected, result = stored("outcome_only"), synth.classic(reference_panel())
    ours = result.detail.weights
    for name, weight in expected["weights"].items():
        assert ours[name] == pytest.approx(weight, abs=1e-6)
    assert result.headline.value == pytest.approx(expected["att_post_mean"], rel=1e-7)
    assert result.detail.rmspe == pytest.approx(expected["pre_rmspe"], rel=1e-7)
    np.testing.assert_allclose(result.effects["estimate"], expected["gap"], atol=1e-6)


@pytest.mark.parametrize(
    ("name", "as_donor"),
    [("placebos.treated_not_in_donor_pool", False), ("placebos.treated_in_donor_pool", True)],
)
def test_placebos_in_space_by_rmspe_ratio(name, as_donor):
    """Source: quadprog 1.5.8, every unit in turn; ranks count the treated unit itself."""
    expected = stored(name)
    result = synth.classic(reference_panel(), inference=Placebo("rmspe_ratio", treated_as_donor=as_donor))
    rank = result.detail.space.rank
    np.testing.assert_allclose(rank.before, expected["pre_rmspe"], rtol=1e-7)
    np.testing.assert_allclose(rank.after, expected["post_rmspe"], rtol=1e-7)
    np.testing.assert_allclose(rank.ratio, expected["ratio_rmspe"], rtol=1e-7)
    assert result.headline.p_value == pytest.approx(expected["p_value"], abs=1e-15)
    trimmed = Placebo("rmspe_ratio", worst_fit=2, treated_as_donor=as_donor)
    assert synth.classic(reference_panel(), inference=trimmed).headline.p_value == pytest.approx(
        expected["p_value_pre_rmspe_at_most_2x"], abs=1e-15
    )


def test_smallest_p_value_is_stated():
    assert "smallest possible p 0.0303" in synth.classic(reference_panel()).headline.inference


@pytest.mark.parametrize("statistic", ["average", "rmspe_ratio"])
@pytest.mark.parametrize("end", ["low", "high"])
def test_the_interval_ends_where_the_test_begins_to_reject(statistic, end):
    """Taking off an effect just inside the interval is not rejected, just outside it is."""
    panel = factor_panel(units=25, effect=3.0, seed=4)
    rule = Placebo(statistic)
    edge = getattr(synth.classic(panel, inference=rule).headline, end)
    inward = 1e-6 if end == "low" else -1e-6
    for step, rejected in ((inward, False), (-inward, True)):
        outcome = panel.outcome.copy()
        outcome[0, 20:] -= edge + step
        p_value = synth.classic(panel_of(outcome, [21] + [None] * 24), inference=rule).headline.p_value
        assert (p_value <= 0.05) == rejected


def test_one_sided_tests_look_one_way_only():
    panel = factor_panel(units=25, effect=4.0, seed=4)
    rise = synth.classic(panel, inference=Placebo(side="rise")).headline
    fall = synth.classic(panel, inference=Placebo(side="fall")).headline
    assert rise.p_value == pytest.approx(1 / 25)
    assert fall.p_value == 1.0
    assert isinstance(rise.high, NotAvailable)
    assert rise.low > 0
    assert isinstance(fall.low, NotAvailable)


def test_with_fewer_than_nineteen_placebos_there_is_no_95_percent_interval():
    found = synth.classic(factor_panel(units=12, effect=3.0)).headline
    assert isinstance(found.low, NotAvailable)
    assert "11 placebos the smallest p-value is 0.0833" in found.low.reason
    assert synth.classic(factor_panel(units=12, effect=3.0), level=0.9).headline.low > 0


def test_adding_a_constant_or_a_period_effect_or_scaling_moves_nothing_else():
    panel = factor_panel(units=14, effect=2.0, seed=2)
    starts = [21] + [None] * 13
    plain = synth.classic(panel, level=0.9)
    wave = np.sin(np.arange(30.0))
    for outcome, size in ((panel.outcome + 7, 1.0), (panel.outcome + wave, 1.0), (panel.outcome * 5, 5.0)):
        moved = synth.classic(panel_of(outcome, starts), level=0.9)
        np.testing.assert_allclose(moved.effects["estimate"], size * plain.effects["estimate"], atol=1e-8)
        assert moved.headline.p_value == plain.headline.p_value
        assert moved.headline.low == pytest.approx(size * plain.headline.low, rel=1e-8)


def test_order_of_donors_never_matters():
    panel = factor_panel(units=14, effect=2.0, seed=2)
    order = np.r_[0, np.random.default_rng(1).permutation(np.arange(1, 14))]
    names = [panel.units[i] for i in order]
    moved = synth.classic(panel_of(panel.outcome[order], [21] + [None] * 13, names), level=0.9)
    plain = synth.classic(panel, level=0.9)
    assert moved.headline == plain.headline
    assert moved.input_hash == plain.input_hash


def test_several_treated_units_are_their_mean_and_stand_in_sets():
    panel = factor_panel(units=10, treated=2, effect=2.0)
    result = synth.classic(panel, level=0.9)
    assert result.detail.space.sets.sum(axis=1).tolist() == [2] * 28
    mean = np.vstack([panel.outcome[:2].mean(axis=0), panel.outcome[2:]])
    alone = synth.classic(panel_of(mean, [21] + [None] * 8))
    assert result.headline.value == pytest.approx(alone.headline.value, abs=1e-10)
    assert any("taken as their mean" in note for note in result.notes)


def test_anticipation_takes_periods_out_of_the_fit_but_not_into_the_effect():
    panel = factor_panel(effect=2.0)
    moved = panel.outcome.copy()
    moved[0, 18:20] += 100.0
    starts = [21] + [None] * 11
    kept = synth.classic(panel, anticipation=2).headline.value
    assert synth.classic(panel_of(moved, starts), anticipation=2).headline.value == pytest.approx(kept)
    assert synth.classic(panel_of(moved, starts)).headline.value != pytest.approx(kept)


def test_a_donor_treated_later_is_staggered_and_refused():
    panel = panel_of(factor_panel().outcome, [21, 25] + [None] * 10)
    with pytest.raises(DesignError, match="2 dates"):
        synth.classic(panel)


def test_one_donor_too_early_a_start_gaps_and_zeros_are_refused():
    outcome = factor_panel().outcome.copy()
    with pytest.raises(DesignError, match="holds 1 unit"):
        synth.classic(panel_of(outcome[:2], [21, None]))
    with pytest.raises(DesignError, match="1 periods before"):
        synth.classic(panel_of(outcome, [2] + [None] * 11))
    with pytest.raises(DesignError, match="no unit starts"):
        synth.classic(panel_of(outcome, [None] * 12))
    with pytest.raises(DesignError, match="zero throughout"):
        synth.classic(panel_of(np.vstack([0 * outcome[:1], outcome[1:]]), [21] + [None] * 11))
    outcome[0, 3] = np.nan
    with pytest.raises(DesignError, match="u00 4"):
        synth.classic(panel_of(outcome, [21] + [None] * 11))


def test_donors_are_chosen_by_name():
    panel = factor_panel()
    some = synth.classic(panel, donors=["u03", "u04", "u05"], level=0.5)
    assert set(some.detail.weights.index) == {"u03", "u04", "u05"}
    with pytest.raises(OptionError, match="no unit"):
        synth.classic(panel, donors=["u03", "u99"])
    with pytest.raises(OptionError, match="itself treated"):
        synth.classic(panel, donors=["u00", "u03"])


def test_a_gap_in_a_unit_outside_the_pool_never_matters():
    outcome = factor_panel().outcome.copy()
    plain = synth.classic(factor_panel(), donors=[f"u{i:02d}" for i in range(1, 11)], level=0.9)
    outcome[11, 4] = np.nan
    panel = panel_of(outcome, [21] + [None] * 11)
    holed = synth.classic(panel, donors=[f"u{i:02d}" for i in range(1, 11)], level=0.9)
    assert holed.headline == plain.headline
    assert holed.effects["estimate"].tolist() == plain.effects["estimate"].tolist()


def test_constant_donors_and_twins_are_no_obstacle():
    outcome = factor_panel(units=25).outcome.copy()
    outcome[3] = 50.0
    outcome[4] = outcome[5]
    result = synth.classic(panel_of(outcome, [21] + [None] * 24))
    assert result.detail.weights.sum() == pytest.approx(1)
    assert 0 < result.headline.p_value <= 1


def test_detectable_effect_is_found_by_four_placebos_in_five():
    """Every placebo given the effect in turn, both ways: four in five then pass the cutoff."""
    result = synth.classic(factor_panel(units=41, seed=9))
    space, size = result.detail.space, result.design.mde
    others = space.gaps[1:]
    before = np.sqrt((others[:, :20] ** 2).mean(axis=1))
    cutoff = np.sort(np.abs(others[:, 20:].mean(axis=1)) / before)[::-1][1]
    for change, share in ((0.0, True), (-1e-9, False)):
        found = [
            np.abs(others[:, 20:].mean(axis=1) + sign * (size + change)) / before >= cutoff * (1 - 1e-12)
            for sign in (1, -1)
        ]
        assert (np.mean(found) >= 0.8) == share
