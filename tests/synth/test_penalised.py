"""Penalised synthetic control: enumeration, limits, geometry, choices of the penalty, refusals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.spatial import Delaunay
from slow_simplex import by_enumeration
from tests.synth.panels import factor_panel, panel_of, reference_panel

from whatworks import synth
from whatworks.errors import DesignError, OptionError
from whatworks.inference.synthetic.conformal import Conformal
from whatworks.inference.synthetic.jackknife_plus import JackknifePlus
from whatworks.synth.convex import convex
from whatworks.synth.penalised_fit import GRID, PenalisedFit, one_optimum, programme
from whatworks.synth.problems import Problems, each_as_treated


def problem(outcome: np.ndarray, pre: int | None = None) -> Problems:
    """The first row against all others, matched on the first `pre` periods (all by default)."""
    units, periods = outcome.shape
    first = np.arange(units) == 0
    before = np.arange(periods) < (periods if pre is None else pre)
    return Problems(outcome.astype(float), first[None].astype(float), ~first[None], before[None])


def slow(outcome: np.ndarray, penalty: float, pre: int | None = None) -> tuple[np.ndarray, float]:
    """Donor weights and objective for the first row, every support in turn."""
    apart = (outcome[1:] - outcome[0])[:, :pre].astype(float)
    gram = apart @ apart.T
    return by_enumeration(gram, -0.5 * penalty * np.diag(gram))


tables = st.integers(3, 6).flatmap(
    lambda units: st.integers(2, 4).flatmap(
        lambda periods: st.lists(
            st.lists(st.integers(-3, 3), min_size=periods, max_size=periods),
            min_size=units,
            max_size=units,
        ).map(np.array)
    )
)


@settings(max_examples=150)
@given(outcome=tables, penalty=st.sampled_from([1e-3, 0.1, 1.0, 30.0]))
def test_small_problems_with_ties_and_twins(outcome, penalty):
    """Never worse than the best over all supports, and the same weights wherever they are unique."""
    asked = problem(outcome)
    weights = PenalisedFit(penalty)(asked).weights
    gram, linear = programme(asked, np.array([penalty]))
    value = 0.5 * weights[0] @ gram[0] @ weights[0] - linear[0] @ weights[0]
    expected, best = slow(outcome, penalty)
    assert value <= best + 1e-8 * max(1.0, abs(best))
    assert weights[0, 1:].min() >= 0
    assert weights.sum() == pytest.approx(1)
    if one_optimum(asked, np.array([penalty]), weights)[0]:
        np.testing.assert_allclose(weights[0, 1:], expected, atol=1e-6)


@settings(max_examples=60)
@given(
    seed=st.integers(0, 10**6),
    penalty=st.sampled_from([1e-4, 0.03, 1.0]),
    size=st.sampled_from([0.01, 300.0]),
)
def test_more_donors_than_periods_have_one_optimum_whatever_their_order_and_unit(seed, penalty, size):
    rng = np.random.default_rng(seed)
    outcome = rng.normal(size=(13, 5))
    asked = problem(outcome, 3)
    weights = PenalisedFit(penalty)(asked).weights
    assert one_optimum(asked, np.array([penalty]), weights)[0]
    assert (weights > 1e-9).sum() <= 4
    order = np.r_[0, rng.permutation(np.arange(1, 13))]
    moved = PenalisedFit(penalty)(problem(size * outcome[order] + rng.normal(size=5), 3)).weights
    np.testing.assert_allclose(moved[0], weights[0, order], atol=1e-6)


def test_without_a_penalty_the_same_problem_has_many_optima():
    outcome = np.random.default_rng(4).normal(size=(13, 3))
    outcome[0] = outcome[1:].mean(axis=0)
    asked = problem(outcome)
    assert not one_optimum(asked, np.array([0.0]), convex(asked).weights)[0]


def test_twins_share_their_weight_evenly_and_the_result_says_so():
    outcome = factor_panel(units=25).outcome.copy()
    outcome[0, :20] = outcome[5, :20] + 0.01
    outcome[4, :20] = outcome[9, :20] = outcome[5, :20]
    result = synth.penalised(panel_of(outcome, [21] + [None] * 24), penalty=1.0)
    weights = result.detail.weights
    assert weights["u04"] == weights["u05"] == weights["u09"] == pytest.approx(1 / 3)
    assert not result.detail.method.unique
    assert any("Other weights do as well" in note for note in result.notes)
    lone = synth.penalised(factor_panel(units=25), penalty=1.0)
    assert lone.detail.method.unique
    assert not any("Other weights" in note for note in lone.notes)


def test_twins_before_the_start_only_where_a_placebo_matches_fewer_periods():
    outcome = factor_panel(units=8, periods=12, start=9).outcome.copy()
    outcome[3, :4] = outcome[5, :4]
    outcome[0, :8] = outcome[3, :8] + 0.01
    pre = np.arange(12) < np.array([[4], [8]])
    first = np.arange(8) == 0
    asked = Problems(outcome, np.tile(first, (2, 1)).astype(float), np.tile(~first, (2, 1)), pre)
    weights = PenalisedFit(1.0)(asked).weights
    assert weights[0, 3] == weights[0, 5] == pytest.approx(0.5)
    np.testing.assert_allclose(weights[1, 1:], slow(outcome, 1.0, 8)[0], atol=1e-8)
    assert weights[1, [3, 5]].max() > weights[1, [3, 5]].min() + 0.1


def test_an_endless_penalty_matches_with_the_nearest_donor():
    panel = factor_panel()
    nearest = ((panel.outcome[1:, :20] - panel.outcome[0, :20]) ** 2).sum(axis=1).argmin() + 1
    result = synth.penalised(panel, penalty=1e6, level=0.5)
    assert result.detail.weights[panel.units[nearest]] == pytest.approx(1, abs=1e-12)
    np.testing.assert_allclose(result.effects["estimate"], panel.outcome[0] - panel.outcome[nearest])


def test_a_vanishing_penalty_picks_the_nearest_of_the_best_fitting_weights():
    """Inside the hull every fit is exact; among those the one of smallest total squared distance remains."""
    rng = np.random.default_rng(8)
    outcome = rng.normal(size=(16, 4))
    outcome[0] = rng.dirichlet(np.ones(15)) @ outcome[1:]
    weights = PenalisedFit(1e-6)(problem(outcome)).weights[0, 1:]
    apart = outcome[1:] - outcome[0]
    exact = linprog(
        (apart**2).sum(axis=1),
        A_eq=np.vstack([apart.T, np.ones(15)]),
        b_eq=np.r_[np.zeros(4), 1.0],
    )
    np.testing.assert_allclose(weights, exact.x, atol=1e-4)


def test_donors_are_the_corners_of_the_delaunay_cell_around_the_treated_unit():
    """Source: Abadie & L'Hour (2021): inside the hull no donor outside that cell has weight."""
    for seed in range(5):
        outcome = np.random.default_rng(seed).uniform(size=(30, 2))
        outcome[0] = 0.5
        cells = Delaunay(outcome[1:])
        corners = set(cells.simplices[cells.find_simplex(outcome[0])].tolist())
        weights = PenalisedFit(1e-5)(problem(outcome)).weights[0, 1:]
        assert set(np.flatnonzero(weights > 1e-9)) <= corners


def test_weights_of_the_whole_table_by_enumeration_and_gaps():
    panel = factor_panel(units=9, effect=2.0)
    result = synth.penalised(panel, penalty=0.2, anticipation=2, level=0.5)
    weights = slow(panel.outcome, 0.2, 18)[0]
    np.testing.assert_allclose(result.detail.fits.weights[0, 1:], weights, atol=1e-8)
    gap = panel.outcome[0] - weights @ panel.outcome[1:]
    np.testing.assert_allclose(result.effects["estimate"], gap, atol=1e-8)
    own = result.detail.method
    distance = np.sqrt(((panel.outcome[1:, :18] - panel.outcome[0, :18]) ** 2).mean(axis=1))
    assert own.discrepancy == pytest.approx(weights @ distance)
    assert own.discrepancy < own.free_discrepancy
    assert own.free_rmspe <= result.detail.rmspe
    assert own.donors == (weights > 1e-9).sum()


def test_penalty_by_holdout():
    """Each λ by enumeration on the first half of the time before the start, judged on the second."""
    panel = factor_panel(units=8)
    errors = []
    for penalty in GRID:
        weights = slow(panel.outcome, penalty, 10)[0]
        errors.append(((panel.outcome[0] - weights @ panel.outcome[1:])[10:20] ** 2).mean())
    own = synth.penalised(panel, level=0.5).detail.method
    np.testing.assert_allclose(own.grid["error"], errors, rtol=1e-5)
    assert own.penalty == GRID[np.argmin(errors)]


def test_penalty_by_leaving_donors_out():
    """Each donor in turn against the others, judged after the start; the treated unit has no say."""
    panel = factor_panel(units=8, seed=5)
    errors = np.zeros(len(GRID))
    for i in range(1, 8):
        order = [i] + [j for j in range(1, 8) if j != i]
        for k, penalty in enumerate(GRID):
            weights = slow(panel.outcome[order], penalty, 20)[0]
            gaps = panel.outcome[i] - weights @ panel.outcome[order[1:]]
            errors[k] += (gaps[20:] ** 2).mean() / 7
    own = synth.penalised(panel, penalty="leave_one_out", level=0.5).detail.method
    np.testing.assert_allclose(own.grid["error"], errors, rtol=1e-5)
    assert own.penalty == GRID[np.argmin(errors)]
    other = panel.outcome.copy()
    other[0] += 3 * np.arange(30)
    again = synth.penalised(
        panel_of(other, [21] + [None] * 7), penalty="leave_one_out", level=0.5
    ).detail.method
    np.testing.assert_allclose(again.grid["error"], own.grid["error"])


@pytest.mark.parametrize("penalty", ["holdout", "leave_one_out", 0.3])
def test_each_problem_of_a_batch_is_solved_as_if_alone(penalty):
    """Placebos choose their own penalty, and none reaches into another."""
    panel = factor_panel(units=9, seed=6)
    result = synth.penalised(panel, penalty=penalty, level=0.5)
    fit, pool = result.detail.fit, result.detail.pool
    asked = each_as_treated(pool, np.eye(9, dtype=bool)[1:])
    asked = replace(asked, shift=np.outer(np.arange(8.0), np.arange(30) > 17))
    asked.pre[5:] = True
    asked.pre[7, 3] = False
    together = fit(asked)
    for b in range(8):
        alone = fit(
            Problems(
                asked.outcome,
                asked.members[b : b + 1],
                asked.allowed[b : b + 1],
                asked.pre[b : b + 1],
                asked.shift[b : b + 1],
            )
        )
        np.testing.assert_allclose(together.gaps[b], alone.gaps[0], atol=1e-8)
        np.testing.assert_allclose(together.weights[b], alone.weights[0], atol=1e-8)
    if isinstance(penalty, str):
        assert len(set(fit.solve(asked)[0])) > 1


@pytest.mark.parametrize("inference", [None, Conformal(draws=99), JackknifePlus()])
def test_every_way_to_be_sure_applies(inference):
    result = synth.penalised(factor_panel(units=25, effect=3.0), inference=inference, penalty=0.1)
    assert result.headline.value == pytest.approx(3, abs=1)
    assert result.detail.weights.sum() == pytest.approx(1)


def test_adding_a_constant_or_a_period_effect_or_scaling_moves_nothing_else():
    panel = factor_panel(units=14, effect=2.0, seed=2)
    starts = [21] + [None] * 13
    plain = synth.penalised(panel, level=0.9)
    wave = np.sin(np.arange(30.0))
    for outcome, size in ((panel.outcome + 7, 1.0), (panel.outcome + wave, 1.0), (panel.outcome * 5, 5.0)):
        moved = synth.penalised(panel_of(outcome, starts), level=0.9)
        np.testing.assert_allclose(moved.effects["estimate"], size * plain.effects["estimate"], atol=1e-6)
        assert moved.detail.method.penalty == plain.detail.method.penalty
        assert moved.headline.p_value == plain.headline.p_value


def test_near_the_plain_fit_on_the_reference_panel():
    """The outcome-only optimum there is unique, so a vanishing penalty must reach it."""
    plain = synth.classic(reference_panel())
    near = synth.penalised(reference_panel(), penalty=1e-8)
    np.testing.assert_allclose(near.effects["estimate"], plain.effects["estimate"], atol=1e-5)


@pytest.mark.parametrize("wrong", [0, -1.0, 1e-9, float("nan"), float("inf"), True, None])
def test_penalties_that_are_none(wrong):
    with pytest.raises(OptionError, match="at least 1e-08"):
        synth.penalised(factor_panel(), penalty=wrong)


def test_designs_and_choices_that_are_refused():
    outcome = factor_panel().outcome
    with pytest.raises(OptionError, match="Did you mean 'holdout'"):
        synth.penalised(factor_panel(), penalty="hold_out")
    with pytest.raises(DesignError, match="2 periods before the start to choose"):
        synth.penalised(panel_of(outcome, [3] + [None] * 11))
    with pytest.raises(DesignError, match="with 2 donors, leaving one out"):
        synth.penalised(panel_of(outcome[:3], [21, None, None]), penalty="leave_one_out")
    with pytest.raises(DesignError, match="holds 1 unit"):
        synth.penalised(panel_of(outcome[:2], [21, None]))
    with pytest.raises(DesignError, match="zero throughout"):
        synth.penalised(panel_of(np.vstack([0 * outcome[:1], outcome[1:]]), [21] + [None] * 11))
    with pytest.raises(DesignError, match="2 dates"):
        synth.penalised(panel_of(outcome, [21, 25] + [None] * 10))
    with pytest.raises(OptionError, match="itself treated"):
        synth.penalised(factor_panel(), donors=["u00", "u03"])
