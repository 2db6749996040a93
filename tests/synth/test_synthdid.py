"""Synthetic difference-in-differences: stored numbers of R, a slow solver, invariances, refusals."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_numbers import entries
from slow_simplex import by_enumeration
from slow_synthdid import estimate, objective, problems
from tests.synth.panels import factor_panel, panel_of, reference_panel

from whatworks import Panel, did, synth
from whatworks.errors import DesignError, OptionError
from whatworks.inference import Jackknife
from whatworks.inference.synthetic.conformal import Conformal
from whatworks.inference.synthetic.placebo import Placebo
from whatworks.results import NotAvailable
from whatworks.synth.pool import pool_of
from whatworks.synth.problems import actual, each_as_treated
from whatworks.synth.synthdid_fit import Sample, Solved, SyntheticDid

BEFORE, AFTER = np.arange(45), np.arange(45, 60)


def stored(name: str) -> dict:
    """tests/reference/json/synth.json, R synthdid 0.0.9, whose search stops about 1e-3 early."""
    return entries("synth")[f"synthdid.{name}"]["results"]


def test_estimate_curve_and_settings_of_the_reference():
    """Source: synthdid 0.0.9, synthdid.sdid."""
    expected, result = stored("sdid"), synth.synthdid(reference_panel())
    own = result.detail.method
    assert own.noise == pytest.approx(expected["noise_level"], rel=1e-12)
    assert own.ridge == pytest.approx(expected["zeta_omega"], rel=1e-12)
    assert result.headline.value == pytest.approx(expected["estimate"], rel=1e-3)
    curve = result.effects["estimate"][45:]
    np.testing.assert_allclose(curve, expected["effect_curve"], atol=1e-3 * np.abs(curve).max())
    np.testing.assert_allclose(own.periods, list(expected["lambda"].values()), atol=1e-3)


def test_both_weight_objectives_are_no_worse_than_the_reference_s_and_equal_to_a_slow_solver_s():
    """Source: synthdid 0.0.9 from above; non-negative least squares and an exact solve at 1e-6."""
    expected, panel = stored("sdid"), reference_panel()
    result = synth.synthdid(panel)
    ours = result.detail.fits.weights[0, 1:], result.detail.method.periods.to_numpy()
    theirs = np.array(list(expected["omega"].values())), np.array(list(expected["lambda"].values()))
    slow = estimate(panel.outcome[1:], panel.outcome[0], BEFORE, AFTER)
    assert result.headline.value == pytest.approx(slow[0], rel=1e-6)
    both = problems(panel.outcome[1:], panel.outcome[0], BEFORE, AFTER)
    for problem, own, other, exact in zip(both, ours, theirs, slow[1:], strict=True):
        assert objective(*problem, own) <= objective(*problem, other)
        assert objective(*problem, own) == pytest.approx(objective(*problem, exact), rel=1e-8)
        np.testing.assert_allclose(own, exact, atol=1e-6)


@pytest.mark.parametrize(
    ("kind", "noise", "places", "spread"),
    [
        ("fresh", None, "placebo_fresh", "se_placebo_exhaustive_fresh"),
        ("warm", 1.70393753081994, "placebo_warm", "se_placebo_exhaustive_warm"),
    ],
)
def test_every_donor_as_treated_with_its_own_noise_level_and_with_the_first_one_s(
    kind, noise, places, spread
):
    """Source: synthdid 0.0.9; `fresh` estimates everything anew, `warm` keeps the ridge; divisor 32."""
    expected, pool = stored("sdid"), pool_of(reference_panel(), "here")
    fit = SyntheticDid(pool.post, noise=noise)
    found = fit(each_as_treated(pool, np.eye(33, dtype=bool)[1:])).gaps[:, pool.post].mean(axis=1)
    np.testing.assert_allclose(found, list(expected[places].values()), atol=2e-3)
    assert found.std() == pytest.approx(expected[spread], rel=1e-3)
    if kind == "fresh":
        result = synth.synthdid(reference_panel())
        assert result.headline.std_error == pytest.approx(found.std(), rel=1e-12)
        assert any("has p 0.0303" in note for note in result.notes)
        assert expected["p_rank_fresh"] == pytest.approx(1 / 33)


def test_equal_weights_are_the_difference_in_differences_and_no_time_weights_the_synthetic_control():
    """Source: synthdid 0.0.9, synthdid.did at 1e-12 and synthdid.sc; did.block and synth.classic."""
    panel = reference_panel()
    equal = synth.synthdid(panel, weights="equal").headline.value
    assert equal == pytest.approx(stored("did")["estimate"], rel=1e-12)
    assert equal == pytest.approx(did.block(panel).headline.value, rel=1e-12)
    classic, pool = synth.classic(panel), pool_of(panel, "here")
    one = np.zeros(1)
    given_ = Solved(classic.detail.fits.weights, np.zeros((1, 60)), one, one, np.empty((1, 0)))
    gaps = SyntheticDid(pool.post).kept(actual(pool), given_).gaps
    np.testing.assert_allclose(gaps, classic.detail.fits.gaps, atol=1e-12)
    assert gaps[0, pool.post].mean() == pytest.approx(stored("sc")["estimate"], rel=1e-2)


def test_several_treated_units_with_equal_weights_are_did_block():
    panel = factor_panel(units=12, treated=4, effect=1.0)
    found = synth.synthdid(panel, weights="equal").headline.value
    assert found == pytest.approx(did.block(panel).headline.value, rel=1e-12)


@pytest.mark.parametrize(("name", "rank"), [("sdid", 2 / 39), ("did", None)])
def test_california(reference_public, name, rank):
    """Source: synthdid 0.0.9, california_prop99: estimate, exhaustive placebos (ridge kept), rank p."""
    golden = json.loads((reference_public / "goldens" / "prop99__synthdid.json").read_text(encoding="utf-8"))
    expected = golden["results"][name]
    table = pd.read_csv(reference_public / "data" / "california_prop99.csv", sep=None, engine="python")
    table["start"] = np.where(table["State"] == "California", "1989", "")
    panel = Panel.from_frame(table, unit="State", period="Year", outcome="PacksPerCapita", start="start")
    result = synth.synthdid(panel, weights="both" if name == "sdid" else "equal")
    assert result.headline.value == pytest.approx(expected["estimate"], rel=1e-3)
    pool = result.detail.pool
    fit = SyntheticDid(pool.post, weights=result.detail.fit.weights, noise=result.detail.method.noise)
    sets = np.eye(39, dtype=bool)[pool.donors]
    found = fit(each_as_treated(pool, sets)).gaps[:, pool.post].mean(axis=1)
    np.testing.assert_allclose(
        found, list(expected["placebo_exhaustive"].values()), atol=0.01 * expected["se_placebo_exhaustive"]
    )
    assert found.std() == pytest.approx(expected["se_placebo_exhaustive"], rel=1e-3)
    if rank is not None:
        assert expected["p_placebo_rank_two_sided"] == pytest.approx(rank)
        assert any(f"has p {rank:.3g}" in note for note in result.notes)


@settings(max_examples=40)
@given(seed=st.integers(0, 10_000), units=st.integers(3, 6), early=st.integers(2, 6), late=st.integers(1, 4))
def test_weights_of_small_problems_equal_every_support_in_turn(seed, units, early, late):
    """Rounded outcomes make ties and twins; objectives to 1e-9 of their scale."""
    rng = np.random.default_rng(seed)
    outcome = np.round(rng.normal(size=(units, early + late)).cumsum(axis=1), 1)
    before, after = np.arange(early), np.arange(early, early + late)
    if np.diff(outcome[1:, before], axis=1).std() < 1e-9:
        return
    post = np.arange(early + late) >= early
    fit = SyntheticDid(post)
    pool = pool_of(panel_of(outcome, [early + 1] + [None] * (units - 1)), "here")
    solved = fit.solve(Sample(actual(pool), np.ones((1, units))))
    ours = solved.units[0, 1:], solved.periods[0, :early]
    for (rows, target, ridge), own in zip(
        problems(outcome[1:], outcome[0], before, after), ours, strict=True
    ):
        gram = rows.T @ rows + ridge * np.eye(len(own))
        best = by_enumeration(gram, rows.T @ target)[0]
        scale = objective(rows, target, ridge, np.zeros(len(own))) + np.abs(gram).max()
        assert own.min() >= 0
        assert own.sum() == pytest.approx(1, abs=1e-12)
        assert objective(rows, target, ridge, own) <= objective(rows, target, ridge, best) + 1e-9 * scale


def test_equally_good_time_weights_are_spread_most_evenly():
    """Two donors and four equal periods before: any λ fits, the paper's ridge asks for equal ones."""
    outcome = np.array([[1.0, 2.0, 1.0, 2.0, 5.0], [3.0, 3.0, 3.0, 3.0, 4.0], [0.0, 0.0, 0.0, 0.0, 2.0]])
    outcome[1:, :4] += 1e-3 * np.array([[1, -1, 1, -1], [1, -1, 1, -1]])
    pool = pool_of(panel_of(outcome, [5, None, None]), "here")
    solved = SyntheticDid(pool.post).solve(Sample(actual(pool), np.ones((1, 3))))
    np.testing.assert_allclose(solved.periods[0, :4], 0.25, atol=1e-4)


def moved(outcome: np.ndarray, **choices) -> np.ndarray:
    starts = [21] * 2 + [None] * (len(outcome) - 2)
    return synth.synthdid(panel_of(outcome, starts), **choices).effects["estimate"].to_numpy()


def test_a_unit_effect_a_common_trend_or_another_scale_moves_nothing_else():
    outcome = factor_panel(units=14, treated=2, effect=2.0, seed=2).outcome
    plain = moved(outcome)
    level = np.random.default_rng(3).normal(size=(14, 1)) * 20
    np.testing.assert_allclose(moved(outcome + level), plain, atol=1e-8)
    np.testing.assert_allclose(moved(outcome + 0.7 * np.arange(30)), plain, atol=1e-8)
    np.testing.assert_allclose(moved(outcome * 5), 5 * plain, atol=1e-7)


def test_a_period_effect_moves_nothing_but_the_noise_level():
    """The noise level is that of all first differences, so a period effect reaches ζ and nothing else."""
    panel = factor_panel(units=14, seed=2)
    wave = panel.outcome + 3 * np.sin(np.arange(30.0) ** 2)
    for choice in ("periods", "equal"):
        here = synth.synthdid(panel, weights=choice).effects["estimate"]
        there = synth.synthdid(panel_of(wave, [21] + [None] * 13), weights=choice).effects["estimate"]
        np.testing.assert_allclose(there, here, atol=1e-8)
    pools = [pool_of(panel_of(y, [21] + [None] * 13), "here") for y in (panel.outcome, wave)]
    one, other = (SyntheticDid(p.post, noise=0.8)(actual(p)).gaps for p in pools)
    np.testing.assert_allclose(other, one, atol=1e-8)


@pytest.mark.parametrize(
    ("rows", "columns", "sign"),
    [
        (slice(0, 2), slice(20, 30), 1),
        (slice(2, 14), slice(20, 30), -1),
        (slice(0, 2), slice(0, 20), -1),
        (slice(2, 14), slice(0, 20), 1),
    ],
)
def test_shifting_one_of_the_four_blocks_shifts_the_effect_by_exactly_that(rows, columns, sign):
    outcome = factor_panel(units=14, treated=2, effect=2.0, seed=2).outcome.copy()
    before = synth.synthdid(panel_of(outcome, [21] * 2 + [None] * 12)).headline.value
    outcome[rows, columns] += 4.0
    after = synth.synthdid(panel_of(outcome, [21] * 2 + [None] * 12)).headline.value
    assert after - before == pytest.approx(4.0 * sign, abs=1e-8)


def test_order_of_donors_never_matters():
    panel = factor_panel(units=14, effect=2.0, seed=2)
    order = np.r_[0, np.random.default_rng(1).permutation(np.arange(1, 14))]
    names = [panel.units[i] for i in order]
    assert synth.synthdid(panel_of(panel.outcome[order], [21] + [None] * 13, names)).headline == (
        synth.synthdid(panel).headline
    )


def test_anticipation_takes_periods_out_of_both_weights():
    panel, starts = factor_panel(effect=2.0), [21] + [None] * 11
    outcome = panel.outcome.copy()
    outcome[:, 18:20] += np.random.default_rng(1).normal(size=(12, 2)) * 50
    kept = synth.synthdid(panel, anticipation=2)
    assert synth.synthdid(panel_of(outcome, starts), anticipation=2).headline.value == pytest.approx(
        kept.headline.value
    )
    assert len(kept.detail.method.periods) == 18
    assert synth.synthdid(panel_of(outcome, starts)).headline.value != pytest.approx(kept.headline.value)


def covariate_panel(slope: float = 2.0, extra: np.ndarray | None = None) -> Panel:
    base = factor_panel(units=14, effect=2.0, seed=5)
    x = np.random.default_rng(8).normal(size=(14, 30)) if extra is None else extra
    frame = base.to_frame()
    frame["x"] = x.ravel()
    frame["outcome"] = (base.outcome + slope * x).ravel()
    frame["start"] = np.repeat(["21"] + [""] * 13, 30)
    return Panel.from_frame(
        frame, unit="unit", period="period", outcome="outcome", start="start", covariates=["x"]
    )


def test_covariates_are_projected_from_the_donors_alone():
    """The slope is least squares on donors with unit and period effects; the effect that of what is left."""
    panel = covariate_panel()
    result = synth.synthdid(panel, adjust="projected")
    y, x = panel.outcome[1:], panel.covariates[0, 1:]
    two_way = [v - v.mean(0) - v.mean(1, keepdims=True) + v.mean() for v in (y, x)]
    slope = (two_way[0] * two_way[1]).sum() / (two_way[1] ** 2).sum()
    assert result.detail.method.slopes["x"] == pytest.approx(slope, rel=1e-10)
    left = panel_of(panel.outcome - slope * panel.covariates[0], [21] + [None] * 13)
    assert result.headline.value == pytest.approx(synth.synthdid(left).headline.value, abs=1e-9)
    other = synth.synthdid(covariate_panel(slope=7.0), adjust="projected")
    assert other.headline.value == pytest.approx(result.headline.value, abs=1e-8)
    assert other.headline.std_error == pytest.approx(result.headline.std_error, abs=1e-8)


def test_covariates_that_say_nothing_are_refused():
    with pytest.raises(OptionError, match="no covariates"):
        synth.synthdid(factor_panel(), adjust="projected")
    constant = np.repeat(np.arange(14.0)[:, None], 30, axis=1)
    with pytest.raises(DesignError, match="explain all of x"):
        synth.synthdid(covariate_panel(extra=constant), adjust="projected")


def test_few_periods_few_donors_and_outcomes_without_noise():
    outcome = factor_panel(units=8).outcome.copy()
    assert synth.synthdid(panel_of(outcome[:, :3], [3] + [None] * 7)).headline.std_error > 0
    with pytest.raises(DesignError, match="1 periods before"):
        synth.synthdid(panel_of(outcome, [2] + [None] * 7))
    with pytest.raises(DesignError, match="holds 1 unit"):
        synth.synthdid(panel_of(outcome[:2], [21, None]))
    with pytest.raises(DesignError, match=r"Conformal\(\)"):
        synth.synthdid(panel_of(outcome[:3], [21, None, None]))
    still = outcome.copy()
    still[1:, :20] = np.arange(7.0)[:, None] + 0.5 * np.arange(20)
    with pytest.raises(DesignError, match="all donors change by the same amount"):
        synth.synthdid(panel_of(still, [21] + [None] * 7))
    with pytest.raises(DesignError, match="zero throughout"):
        synth.synthdid(panel_of(np.vstack([0 * outcome[:1], outcome[1:]]), [21] + [None] * 7))
    outcome[0, 3] = np.nan
    with pytest.raises(DesignError, match="u00 4"):
        synth.synthdid(panel_of(outcome, [21] + [None] * 7))


def test_constant_and_duplicate_donors_are_no_obstacle():
    outcome = factor_panel(units=12).outcome.copy()
    outcome[3] = 50.0
    outcome[4] = outcome[5]
    result = synth.synthdid(panel_of(outcome, [21] + [None] * 11))
    weights = result.detail.weights
    assert weights.sum() == pytest.approx(1)
    assert weights["u04"] == pytest.approx(weights["u05"], abs=1e-9)
    assert result.headline.std_error > 0


def test_choices_that_do_not_exist():
    for choice in ({"weights": "half"}, {"adjust": "yes"}, {"donors": ["nobody"]}, {"level": 95}):
        with pytest.raises(OptionError):
            synth.synthdid(factor_panel(), **choice)


def test_other_inference_asks_the_same_fit():
    panel = factor_panel(units=25, effect=4.0, seed=4)
    assert synth.synthdid(panel, inference=Placebo()).headline.p_value <= 2 / 25
    assert synth.synthdid(panel, inference=Conformal()).headline.p_value < 0.2
    assert isinstance(synth.synthdid(panel, inference=Placebo()).headline.std_error, NotAvailable)
    with pytest.raises(OptionError, match=r"Jackknife\(\) and UnitBootstrap\(\) with synth.synthdid"):
        synth.classic(panel, inference=Jackknife())
