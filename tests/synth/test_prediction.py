"""Prediction intervals: the localised programme against every face, errors by hand, coverage, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slow_localised import slow_smallest
from tests.synth.panels import factor_panel, panel_of, reference_panel

from whatworks import synth
from whatworks.errors import OptionError
from whatworks.inference import choose
from whatworks.inference.synthetic.prediction import PERFECT, PredictionIntervals
from whatworks.results import NotAvailable
from whatworks.synth.localised import extremes


@settings(max_examples=60, derandomize=True)
@given(
    seed=st.integers(0, 10_000),
    count=st.integers(2, 5),
    size=st.sampled_from([0.01, 0.3, 1.0, 5.0]),
    least=st.sampled_from([0.0, 0.1, 0.2]),
)
def test_extremes_against_every_face_of_the_simplex(seed, count, size, least):
    rng = np.random.default_rng(seed)
    donors = 5 + rng.normal(size=(count + int(rng.integers(1, 8)), count))
    weights = rng.dirichlet(np.full(count, 0.5))
    weights[weights < 0.05] = 0.0
    weights /= weights.sum()
    errors = size * rng.normal(size=(2, len(donors)))
    directions = 5 + rng.normal(size=(2, count))
    low, high = extremes(donors, weights, least=least, errors=errors, directions=directions)
    floor = min(least, weights.max())
    for s, error in enumerate(errors):
        for m, direction in enumerate(directions):
            expected = slow_smallest(donors, weights, floor, error, direction)
            assert expected - 1e-5 <= low[s, m] <= expected + 1e-8
            expected = -slow_smallest(donors, weights, floor, error, -direction)
            assert expected - 1e-8 <= high[s, m] <= expected + 1e-5


def test_two_donors_by_hand():
    # δ = d(1, -1) and Xδ = 2d: 4d² <= 4ud, so d lies between 0 and u, cut off where a weight ends
    donors, weights = np.array([[1.0, -1.0]]), np.array([0.7, 0.3])
    errors, direction = np.array([[0.2], [0.5], [-0.9]]), np.array([[1.0, 0.0]])
    low, high = extremes(donors, weights, least=0.1, errors=errors, directions=direction)
    np.testing.assert_allclose(low[:, 0], [0, 0, -0.7], atol=1e-5)
    np.testing.assert_allclose(high[:, 0], [0.2, 0.3, 0], atol=1e-5)
    # a weight below `least` is zero in truth and cannot fall
    low, high = extremes(donors, weights, least=0.4, errors=errors, directions=direction)
    np.testing.assert_allclose(low[:, 0], [0, 0, -0.7], atol=1e-5)
    np.testing.assert_allclose(high[:, 0], 0, atol=1e-5)


def test_more_donors_than_periods_twins_and_constants():
    rng = np.random.default_rng(3)
    donors = rng.normal(size=(4, 9))
    donors[:, 8], donors[:, 7] = donors[:, 0], 1.0
    weights = np.r_[0.5, 0.3, 0.2, np.zeros(6)]
    directions = rng.normal(size=(3, 9))
    low, high = extremes(donors, weights, least=0.0, errors=rng.normal(size=(20, 4)), directions=directions)
    spread = np.abs(directions - (directions @ weights)[:, None]).max(axis=1)
    assert (low <= 0).all()
    assert (high >= 0).all()
    assert (high - low <= 2 * spread * (1 + 1e-5)).all()
    # nothing limits the share of a twin, so its own direction reaches at least as far as the weight allows
    twin = np.zeros((1, 9))
    twin[0, [0, 8]] = 1.0, -1.0
    low, high = extremes(donors, weights, least=0.0, errors=np.zeros((1, 4)), directions=twin)
    assert low[0, 0] <= -1 + 1e-5


def test_errors_learnt_by_hand():
    gaps = np.array([1.0, 2.0, 4.0, 1.0, 0.0, 4.0])
    found = PredictionIntervals().learn(gaps, 3, size=1.0)
    apart = gaps - 2
    assert found.middle == 2
    assert found.scale == pytest.approx(np.sqrt((apart**2).sum() / (6 - 3)))
    assert found.carried == 0  # -4/14 and its correction is below zero
    slow = np.repeat([1.0, -1.0], 12)
    seen = (slow[1:] * slow[:-1]).sum() / 24
    found = PredictionIntervals().learn(slow, 1, size=1.0)
    assert found.carried == pytest.approx(min(seen + (1 + 3 * seen) / 24, 0.95))
    assert PredictionIntervals(dependence="none").learn(slow, 1, size=1.0).carried == 0
    matrix = found.carried ** np.abs(np.subtract.outer(np.arange(7), np.arange(7)))
    assert found.spread(7) == pytest.approx(found.scale * np.sqrt(matrix.mean()))
    assert found.spread(1) == pytest.approx(found.scale)


def test_simulated_errors_have_the_scale_and_correlation_learnt():
    found = PredictionIntervals().learn(np.repeat([1.0, -1.0, 1.0, -1.0], 5), 1, size=1.0)
    made = found.simulated(90_000, 4)
    assert found.carried > 0.5
    np.testing.assert_allclose(made.std(axis=0), found.scale, rtol=0.02)
    lagged = (made[:, 1:] * made[:, :-1]).mean(axis=0) / found.scale**2
    np.testing.assert_allclose(lagged, found.carried, atol=0.03)


def test_bounds_are_added_by_hand():
    rule = PredictionIntervals(dependence="none")
    gaps = np.array([1.0, -1.0] * 10) + 0.5
    learnt = rule.learn(gaps, 1, size=1.0)
    below, above = np.linspace(-2, 0, 199)[:, None], np.linspace(0, 1, 199)[:, None]
    found = rule.test(np.array([3.0]), learnt, below, above, np.array([4.0]), level=0.9)
    reach = np.sqrt(2 * np.log(2 / 0.05)) * learnt.scale / 2
    assert found.low[0] == pytest.approx(3 + np.quantile(below, 0.025) - 0.5 - reach)
    assert found.high[0] == pytest.approx(3 + np.quantile(above, 0.975) - 0.5 + reach)
    empirical = PredictionIntervals("location_scale", dependence="none")
    found = empirical.test(np.array([3.0]), learnt, below, above, np.array([1.0]), level=0.9)
    assert found.low[0] == pytest.approx(3 + np.quantile(below, 0.025) - np.quantile(gaps, 0.975))
    assert found.high[0] == pytest.approx(3 + np.quantile(above, 0.975) - np.quantile(gaps, 0.025))


def test_the_side_to_which_weights_can_err():
    """True weight 0 at the edge: the weight found can only be too large, so the effect too small or large."""
    rng = np.random.default_rng(5)
    wave = rng.normal(size=40).cumsum()
    outcome = np.stack([np.zeros(40), np.zeros(40), 4 + wave])
    outcome[0, :30] += 0.5 * rng.normal(size=30)
    outcome[1:] += 0.01 * rng.normal(size=(2, 40))
    outcome[2, 30:] = 100.0
    panel = panel_of(outcome + 50, [31, None, None])
    rule = PredictionIntervals(dependence="none", simulations=99)
    found = synth.classic(panel, inference=rule).headline
    # the donor at 150 may enter by too much only: the counterfactual is too high, the true gap larger
    above, below = found.high - found.value, found.value - found.low
    assert above > below


def test_the_mean_of_like_periods_has_the_weights_error_of_each():
    panel = factor_panel(units=8, periods=24, start=21, seed=6)
    outcome = panel.outcome.copy()
    outcome[:, 20:] = outcome[:, 20:21]
    rule = PredictionIntervals(simulations=99, dependence="none")
    result = synth.classic(panel_of(outcome, [21] + [None] * 7), inference=rule)
    learnt = rule.learn(result.detail.fits.gaps[0, :20], int((result.detail.weights > 0).sum()), size=50.0)
    reach = np.sqrt(2 * np.log(2 / 0.025)) * learnt.scale
    each, mean = result.effects.iloc[20], result.headline
    assert mean.high - mean.low < each["high"] - each["low"]
    assert mean.low + reach / 2 == pytest.approx(each["low"] + reach, abs=1e-5)
    assert mean.high - reach / 2 == pytest.approx(each["high"] - reach, abs=1e-5)


def test_an_effect_is_covered_and_zero_is_not():
    found = synth.classic(factor_panel(units=20, effect=6.0), inference=PredictionIntervals()).headline
    assert 0 < found.low < 6 < found.high
    assert isinstance(found.std_error, NotAvailable)
    assert isinstance(found.p_value, NotAvailable)
    assert "199 simulations" in found.inference
    assert "as asked for" in found.inference


def test_coverage_of_one_period_and_of_the_mean():
    """Errors as described: at 80%, the interval must hold the truth at least that often."""
    rng = np.random.default_rng(11)
    rule, held = PredictionIntervals(simulations=99), []
    for _ in range(60):
        common = rng.normal(size=(2, 32)).cumsum(axis=1)
        donors = 20 + rng.normal(size=(7, 2)) @ common + 0.3 * rng.normal(size=(7, 32))
        own = np.array([0.5, 0.3, 0.2, 0, 0, 0, 0]) @ donors + 0.5 * rng.normal(size=32)
        panel = panel_of(np.vstack([own, donors]), [31] + [None] * 7)
        result = synth.classic(panel, inference=rule, level=0.8)
        rows = result.effects.iloc[30:]
        held.append(
            [result.headline.low <= 0 <= result.headline.high, *((rows["low"] <= 0) & (rows["high"] >= 0))]
        )
    # below 80% by more than two Monte Carlo errors would be 0.70
    assert (np.mean(held, axis=0) >= 0.7).all()


def test_levels_periods_scale_and_order_do_not_matter():
    panel = factor_panel(units=8, periods=24, start=21, effect=2.0, seed=2)
    rule, starts = PredictionIntervals(simulations=99), [21] + [None] * 7
    plain = synth.classic(panel, inference=rule).effects.iloc[20:][["low", "high"]].to_numpy()
    wave = np.sin(np.arange(24.0))
    for outcome, size in ((panel.outcome + 30, 1), (panel.outcome + wave, 1), (panel.outcome * 5, 5)):
        moved = synth.classic(panel_of(outcome, starts), inference=rule).effects.iloc[20:]
        np.testing.assert_allclose(moved[["low", "high"]].to_numpy(), size * plain, atol=1e-4)
    order = np.r_[0, np.random.default_rng(1).permutation(np.arange(1, 8))]
    names = [panel.units[i] for i in order]
    same = synth.classic(panel_of(panel.outcome[order], starts, names), inference=rule).effects.iloc[20:]
    np.testing.assert_allclose(same[["low", "high"]].to_numpy(), plain, atol=1e-4)


def test_same_seed_same_interval_and_the_words_of_studies():
    rule = choose("prediction:errors=location_scale,dependence=none,simulations=99", seed=3)
    assert rule == PredictionIntervals("location_scale", "none", 99, 3)
    panel = reference_panel()
    first, second = (synth.classic(panel, inference=rule) for _ in range(2))
    assert first.headline == second.headline
    assert first.seed == 3
    assert "quantiles of the 45 gaps" in first.headline.inference
    assert "independent" in first.headline.inference


def test_a_perfect_fit_has_no_interval_and_says_why():
    panel = factor_panel(units=8, periods=20, start=16, seed=3)
    outcome = panel.outcome.copy()
    outcome[0] = 0.4 * outcome[2] + 0.6 * outcome[5]
    found = synth.classic(panel_of(outcome, [16] + [None] * 7), inference=PredictionIntervals()).headline
    assert isinstance(found.low, NotAvailable)
    assert found.low.reason == PERFECT


@pytest.mark.parametrize("method", [synth.penalised, synth.augmented, synth.interactive, synth.synthdid])
def test_methods_with_another_programme_are_refused_with_a_route(method):
    with pytest.raises(OptionError, match=r"(?s)match the outcome path alone.*Conformal\(\)"):
        method(factor_panel(), inference=PredictionIntervals())


@pytest.mark.parametrize(
    "options", [{"errors": "t"}, {"dependence": "hac"}, {"simulations": 9}, {"seed": -1}]
)
def test_choices_that_are_none(options):
    with pytest.raises(OptionError):
        PredictionIntervals(**options)
