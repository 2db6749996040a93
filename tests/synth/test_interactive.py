"""Interactive fixed effects: stored numbers of gsynth, a slow refit, invariances, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from reference_numbers import entries
from tests.synth.panels import factor_panel, panel_of, reference_panel

from whatworks import synth
from whatworks.errors import DesignError, OptionError
from whatworks.inference.synthetic.conformal import Conformal
from whatworks.inference.synthetic.jackknife_plus import JackknifePlus


def by_hand(outcome, pre, count):
    """Counterfactual of row 0: means, singular vectors and least squares, one step a line."""
    donors = outcome[1:]
    apart = donors - donors.mean(axis=1, keepdims=True) - donors.mean(axis=0) + donors.mean()
    factors = np.linalg.svd(apart)[2][:count]
    design = np.column_stack([np.ones(outcome.shape[1]), *factors])
    left = outcome[0] - donors.mean(axis=0)
    loadings = np.linalg.lstsq(design[pre], left[pre], rcond=None)[0]
    return donors.mean(axis=0) + design @ loadings


@pytest.mark.parametrize(("name", "factors"), [("cv", None), ("r2", 2), ("r3", 3)])
def test_path_and_average_effect(name, factors):
    """Source: gsynth 1.2.1, two-way effects (its iterations stop at 1e-8)."""
    expected = entries("synth")[f"gsynth.ife.{name}"]["results"]
    result = synth.interactive(reference_panel(), factors=factors)
    np.testing.assert_allclose(result.effects["estimate"], expected["att_by_period"], atol=1e-8)
    np.testing.assert_allclose(result.detail.fits.counterfactual[0], expected["counterfactual"], atol=1e-8)
    assert result.headline.value == pytest.approx(expected["att_avg"], rel=1e-8)
    assert result.detail.method.count == expected["r_used"]


def test_prediction_errors_of_every_number_of_factors():
    """Source: gsynth 1.2.1, leave-one-pre-period-out of the treated unit."""
    stored = entries("synth")["gsynth.ife.cv"]["results"]["mspe_cv"]
    column = stored["cols"].index("MSPE")
    errors = synth.interactive(reference_panel()).detail.method.errors
    np.testing.assert_allclose(errors, [row[column] for row in stored["values"]], rtol=1e-8)


def test_left_out_periods_are_predicted_by_refits():
    panel = factor_panel(units=9, periods=16, start=12)
    errors = synth.interactive(panel, most=3, level=0.5).detail.method.errors
    for count in range(4):
        missed = []
        for out in range(11):
            keep = np.array([t for t in range(11) if t != out])
            missed.append(panel.outcome[0, out] - by_hand(panel.outcome, keep, count)[out])
        assert errors[count] == pytest.approx(np.mean(np.square(missed)), rel=1e-8)


def test_no_factors_is_difference_in_differences():
    panel = factor_panel(units=24, effect=2.0)
    mean = panel.outcome[0] - panel.outcome[1:].mean(axis=0)
    expected = mean[20:].mean() - mean[:20].mean()
    assert synth.interactive(panel, factors=0).headline.value == pytest.approx(expected, abs=1e-10)


def test_every_placebo_is_the_method_without_the_treated_unit():
    panel = factor_panel(units=10, periods=24, start=16)
    space = synth.interactive(panel, factors=2, level=0.8).detail.space
    for row, chosen in enumerate(space.sets):
        unit = int(np.flatnonzero(chosen)[0])
        rest = [i for i in range(1, 10) if i != unit]
        outcome = panel.outcome[[unit, *rest]]
        made = by_hand(outcome, np.arange(15), 2)
        np.testing.assert_allclose(space.gaps[row + 1], outcome[0] - made, atol=1e-9)


def test_two_factors_and_no_noise_are_found_exactly():
    rng = np.random.default_rng(2)
    outcome = (
        rng.normal(size=(12, 1)) + rng.normal(size=30) + rng.normal(size=(12, 2)) @ rng.normal(size=(2, 30))
    )
    outcome[0, 20:] += 3
    result = synth.interactive(panel_of(outcome + 50, [21] + [None] * 11))
    assert result.headline.value == pytest.approx(3, abs=1e-8)
    assert result.detail.rmspe == pytest.approx(0, abs=1e-8)


def test_levels_period_effects_and_scale():
    panel = factor_panel(units=24, effect=2.0, seed=2)
    starts = [21] + [None] * 23
    plain = synth.interactive(panel)
    levels, wave = np.linspace(-20, 20, 24)[:, None], np.sin(np.arange(30.0))
    for outcome, size in ((panel.outcome + levels, 1), (panel.outcome + wave, 1), (panel.outcome * 5, 5)):
        moved = synth.interactive(panel_of(outcome, starts))
        np.testing.assert_allclose(moved.effects["estimate"], size * plain.effects["estimate"], atol=1e-8)
        assert moved.headline.p_value == plain.headline.p_value
    order = np.r_[0, np.random.default_rng(1).permutation(np.arange(1, 24))]
    names = [panel.units[i] for i in order]
    same = synth.interactive(panel_of(panel.outcome[order], starts, names))
    assert same.headline.value == pytest.approx(plain.headline.value, abs=1e-10)


@pytest.mark.parametrize("rule", [Conformal(), JackknifePlus()])
def test_other_inference_finds_a_large_effect(rule):
    found = synth.interactive(factor_panel(units=20, effect=6.0), factors=2, inference=rule).headline
    assert 4 < found.low < found.high < 8


def test_there_are_no_donor_weights_and_the_choice_is_told():
    result = synth.interactive(factor_panel(units=24, effect=2.0))
    assert not len(result.detail.weights)
    assert any("common factors of up to 5" in note for note in result.notes)
    assert result.spec["factors"] == "cross-validated"


def test_few_donors_or_periods_bound_the_number_of_factors():
    panel = factor_panel(units=6, periods=12, start=6)
    assert synth.interactive(panel, level=0.5).spec["most"] == 2
    with pytest.raises(OptionError, match="more than the 2 that 5 donors and 5 periods"):
        synth.interactive(panel, factors=3)


@pytest.mark.parametrize("options", [{"factors": -1}, {"factors": 1.5}, {"most": True}, {"factors": "two"}])
def test_numbers_of_factors_that_are_none(options):
    with pytest.raises(OptionError, match="is not a number of factors"):
        synth.interactive(factor_panel(), **options)


def test_constant_and_twin_donors_are_taken_and_bad_panels_refused():
    panel = factor_panel(units=24, effect=2.0)
    outcome = panel.outcome.copy()
    outcome[5], outcome[6] = 40.0, outcome[7]
    starts = [21] + [None] * 23
    assert np.isfinite(synth.interactive(panel_of(outcome, starts)).headline.value)
    flat = np.repeat(np.arange(1.0, 13.0)[:, None], 20, axis=1)
    assert synth.interactive(panel_of(flat, [11] + [None] * 11)).headline.value == pytest.approx(0)
    for bad in ([21, 23] + [None] * 22, [2] + [None] * 23, [None] * 24):
        with pytest.raises(DesignError):
            synth.interactive(panel_of(panel.outcome, bad))
    outcome[0] = 0
    with pytest.raises(DesignError, match="zero throughout"):
        synth.interactive(panel_of(outcome, starts))
