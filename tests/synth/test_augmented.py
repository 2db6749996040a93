"""Ridge augmentation: stored numbers of augsynth, a slow way by hand, invariances, refusals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from reference_numbers import entries
from slow_simplex import by_enumeration
from tests.synth.panels import factor_panel, panel_of, reference_panel

from whatworks import Panel, synth
from whatworks.errors import DesignError, OptionError
from whatworks.inference.synthetic.conformal import Conformal
from whatworks.inference.synthetic.jackknife_plus import JackknifePlus
from whatworks.inference.uncertainty import Uncertainty
from whatworks.results import NotAvailable
from whatworks.synth.problems import each_as_treated


class OnlyP(Conformal):
    """P-values without the search for the interval."""

    def test(self, refit, periods, value, after, *, scale, level):
        terms = np.arange(len(value))
        residuals = refit(terms, np.zeros(len(value)))
        p = [self.p_values(residuals[k : k + 1, periods[k]], after[k, periods[k]])[0] for k in terms]
        gap = np.full(len(value), np.nan)
        why = ("not asked for",) * len(value)
        return Uncertainty(
            value, gap, gap, gap, np.array(p), why, level, NotAvailable("no"), "p-values alone"
        )


class Quantiles(JackknifePlus):
    """Keeps what augsynth takes interpolated quantiles of."""

    def test(self, value, without, errors, *, level):
        low, high = (without - errors[:, None], without + errors[:, None])
        found.update(low=np.quantile(low, 0.025, axis=0), high=np.quantile(high, 0.975, axis=0))
        return super().test(value, without, errors, level=level)


found: dict[str, np.ndarray] = {}

PLAIN = pytest.mark.parametrize(
    ("name", "unit_effects"), [("augsynth.ridge", False), ("augsynth.ridge_fixedeff", True)]
)


@PLAIN
def test_weights_gaps_and_penalty(name, unit_effects):
    """Source: augsynth 0.2.0 (its solver stops at 1e-7), λ by cross-validation with one standard error."""
    expected = entries("synth")[name]["results"]
    result = synth.augmented(reference_panel(), unit_effects=unit_effects)
    ours, own = result.detail.weights, result.detail.method
    for unit, weight in expected["weights"].items():
        assert ours[unit] == pytest.approx(weight, abs=1e-6)
    assert result.headline.value == pytest.approx(expected["att_post_mean"], abs=1e-6)
    np.testing.assert_allclose(result.effects["estimate"], list(expected["att_by_t"].values()), atol=1e-6)
    assert own.penalty == pytest.approx(expected["lambda"], rel=1e-9)
    np.testing.assert_allclose(own.grid["penalty"], expected["lambda_grid"], rtol=1e-9)


@PLAIN
def test_held_out_errors(name, unit_effects):
    """augsynth leaves each period out but the last; over those the errors agree."""
    expected = entries("synth")[name]["results"]
    squares = synth.augmented(reference_panel(), unit_effects=unit_effects).detail.method.held_out[:-1]
    assert len(squares) == 44
    np.testing.assert_allclose(squares.mean(axis=0), expected["lambda_cv_error"], atol=1e-6)
    error = squares.std(axis=0, ddof=1) / np.sqrt(44)
    np.testing.assert_allclose(error, expected["lambda_cv_se"], atol=1e-6)


@PLAIN
def test_conformal_and_jackknife_plus_at_its_penalty(name, unit_effects):
    """Source: augsynth, which keeps λ in every refit; block p-values exact, bounds to its solver's 1e-3."""
    expected = entries("synth")[name]["results"]

    def ask(inference):
        return synth.augmented(
            reference_panel(), unit_effects=unit_effects, penalty=expected["lambda"], inference=inference
        )

    tested, block = ask(OnlyP(statistic="absolute")), expected["conformal_block"]
    after = tested.effects["event_time"] >= 0
    np.testing.assert_allclose(tested.effects.loc[after, "p_value"], block["by_t"]["p_val"], atol=1e-12)
    assert tested.headline.p_value == pytest.approx(block["average"]["p_val"], abs=1e-12)
    ask(Quantiles())
    bounds = expected["jackknife_plus"]
    for side in ("low", "high"):
        by_period = bounds["by_t"]["lower_bound" if side == "low" else "upper_bound"]
        average = bounds["average"]["lower_bound" if side == "low" else "upper_bound"]
        np.testing.assert_allclose(found[side], [average, *by_period], atol=2e-5)


COVARIATES = ("lngdpcapita", "revstatecapita", "revlocalcapita", "avgwklywagecapita", "estabscapita",
              "emplvlcapita")  # fmt: skip


@pytest.fixture(scope="module")
def kansas(reference_public):
    """The panel, and augsynth's numbers."""
    import json

    data = pd.read_csv(reference_public / "data" / "kansas.csv.gz")
    data["number"] = (4 * data["year_qtr"]).round().astype(int)
    data["start"] = np.where(data["fips"] == 20, str(4 * 2012 + 1), "")
    data[list(COVARIATES[1:4])] = np.log(data[list(COVARIATES[1:4])])
    before = data[data["number"] < 4 * 2012 + 1].groupby("fips")[list(COVARIATES)].mean()
    data = data.drop(columns=list(COVARIATES)).assign(y=data["lngdpcapita"]).join(before, on="fips")
    panel = Panel.from_frame(
        data, unit="fips", period="number", outcome="y", start="start", covariates=COVARIATES
    )
    text = (reference_public / "goldens" / "kansas__augsynth.json").read_text(encoding="utf-8")
    return panel, json.loads(text)["results"]


@pytest.mark.parametrize(
    ("name", "choices"),
    [
        ("scm", {"penalty": 1e12}),
        ("ridge", {}),
        ("ridge_cov", {"penalty": 0.01286076921415, "covariates": COVARIATES, "balance": "joint"}),
    ],
)
def test_kansas(kansas, name, choices):
    """Source: augsynth 0.2.0 on the Kansas tax cuts; an endless penalty is no augmentation."""
    panel, expected = kansas[0], kansas[1][name]
    if "covariates" not in choices:
        panel = replace(panel, covariates=panel.covariates[:0], covariate_names=())
    result = synth.augmented(panel, inference=OnlyP("random", statistic="absolute", draws=3999), **choices)
    assert result.headline.value == pytest.approx(expected["jackknife+"]["average_att"]["Estimate"], abs=1e-6)
    assert result.headline.p_value == pytest.approx(expected["conformal"]["average_att"]["p_val"], abs=0.03)
    weights, penalty = result.detail.weights, result.detail.method.penalty
    for unit, weight in expected["weights"].items():
        assert weights[unit] == pytest.approx(weight, abs=1e-5)
    if name == "ridge":
        assert penalty == pytest.approx(expected["lambda"], rel=1e-9)
    synth.augmented(panel, inference=Quantiles(), **{**choices, "penalty": penalty})
    average = expected["jackknife+"]["average_att"]
    assert found["low"][0] == pytest.approx(float(average["lower_bound"]), abs=1e-4)
    assert found["high"][0] == pytest.approx(float(average["upper_bound"]), abs=1e-4)


def covariate_panel(units=7, periods=12, start=9, seed=3, count=2) -> Panel:
    rng = np.random.default_rng(seed)
    outcome = rng.normal(size=(units, periods)).cumsum(axis=1) + 20
    names = [f"z{k}" for k in range(count)]
    frame = pd.DataFrame(
        {
            "unit": np.repeat([f"u{i}" for i in range(units)], periods),
            "t": np.tile(np.arange(1, periods + 1), units),
            "y": outcome.ravel(),
            "start": np.repeat([str(start)] + [""] * (units - 1), periods),
        }
    )
    for name in names:
        frame[name] = np.repeat(3 * rng.normal(size=units), periods)
    return Panel.from_frame(
        frame, unit="unit", period="t", outcome="y", start="start", covariates=tuple(names)
    )


def by_hand(panel, pre, balance, unit_effects, grid=None):
    """(λ, errors, base, weights) for the first unit, every fit made anew; simplex by enumeration."""
    outcome = panel.outcome
    z = panel.covariates[:, :, 0].T
    x = outcome[:, pre]
    if unit_effects:
        x = x - x.mean(axis=1, keepdims=True)
    x, z = x - x[1:].mean(axis=0), z - z[1:].mean(axis=0)
    count = x.shape[1]
    if balance == "joint" and z.shape[1]:
        x = np.hstack([x, z / z[1:].std(axis=0, ddof=1) * x[1:].std(ddof=1)])
    elif z.shape[1]:
        x = x - z @ np.linalg.lstsq(z[1:], x[1:], rcond=None)[0]

    def fit(columns):
        donors, target = x[1:, columns], x[0, columns]
        apart = donors - target
        base = by_enumeration(apart @ apart.T, np.zeros(len(donors)))[0]
        inner = donors.T @ donors

        def ridge(penalty):
            far = target - donors.T @ base
            return base + donors @ np.linalg.solve(inner + penalty * np.eye(len(inner)), far)

        return base, ridge

    if grid is None:
        grid = np.linalg.svd(x[1:], compute_uv=False)[0] ** 2 * 1e-8 ** (np.arange(21) / 20)
    squares = np.empty((count, len(grid)))
    for t in range(count):
        ridge = fit([s for s in range(x.shape[1]) if s != t])[1]
        squares[t] = [(x[0, t] - x[1:, t] @ ridge(penalty)) ** 2 for penalty in grid]
    mean, error = squares.mean(axis=0), squares.std(axis=0, ddof=1) / np.sqrt(count)
    best = mean.argmin()
    penalty = grid[mean <= mean[best] + error[best]].max()
    base, ridge = fit(list(range(x.shape[1])))
    weights = ridge(penalty)
    if balance == "residual" and z.shape[1]:
        weights = weights + z[1:] @ np.linalg.solve(z[1:].T @ z[1:], z[0] - z[1:].T @ weights)
    return penalty, (mean, error, grid[best]), base, weights


@pytest.mark.parametrize("unit_effects", [False, True])
@pytest.mark.parametrize(("balance", "count"), [("residual", 0), ("residual", 2), ("joint", 3)])
def test_the_slow_way_by_hand(balance, count, unit_effects):
    panel = covariate_panel(count=count)
    pre = np.asarray(panel.periods < 8)
    penalty, (mean, error, smallest), base, weights = by_hand(panel, pre, balance, unit_effects)
    choices = {
        "covariates": panel.covariate_names,
        "balance": balance,
        "unit_effects": unit_effects,
        "anticipation": 1,
        "level": 0.5,
    }
    result = synth.augmented(panel, **choices)
    own = result.detail.method
    assert own.penalty == pytest.approx(penalty, rel=1e-8)
    np.testing.assert_allclose(own.grid["error"], mean, rtol=1e-7)
    np.testing.assert_allclose(own.grid["std_error"], error, rtol=1e-7)
    np.testing.assert_allclose(own.base, base, atol=1e-8)
    np.testing.assert_allclose(result.detail.fits.weights[0, 1:], weights, atol=1e-8)
    levels = panel.outcome[:, pre].mean(axis=1) * unit_effects
    gap = panel.outcome[0] - levels[0] - weights @ (panel.outcome[1:] - levels[1:, None])
    np.testing.assert_allclose(result.effects["estimate"], gap, atol=1e-8)
    least = synth.augmented(panel, penalty="smallest_error", **choices).detail.method
    assert least.penalty == pytest.approx(smallest, rel=1e-8)


def test_what_extrapolation_and_augmentation_amount_to():
    result = synth.augmented(covariate_panel(count=0), penalty=0.5, level=0.5)
    own, weights = result.detail.method, result.detail.fits.weights[0, 1:]
    assert own.negative == pytest.approx(-weights[weights < 0].sum())
    assert own.negative > 0.01
    assert own.moved == pytest.approx(0.5 * np.abs(weights - own.base).sum())
    assert own.share == pytest.approx(1 - own.base_estimate / result.headline.value)
    plain = synth.classic(covariate_panel(count=0), level=0.5)
    assert own.base_estimate == pytest.approx(plain.headline.value)
    assert own.base_rmspe == pytest.approx(plain.detail.rmspe)
    assert result.detail.rmspe < own.base_rmspe
    assert any("negative weights sum to" in note for note in result.notes)


def test_regressed_out_covariates_are_balanced_exactly_joint_ones_within_reach():
    panel = covariate_panel(count=2)
    for balance, exact in (("residual", True), ("joint", False)):
        table = synth.augmented(
            panel, covariates=["z0", "z1"], balance=balance, penalty=20.0, level=0.5
        ).detail.method.covariates
        assert np.allclose(table["augmented"], table["treated"], atol=1e-9) == exact


def test_each_problem_of_a_batch_is_solved_as_if_alone():
    """Placebos choose their own penalty, and none reaches into another."""
    panel = covariate_panel(units=9, count=2)
    result = synth.augmented(panel, covariates=["z0", "z1"], level=0.5)
    fit, pool = result.detail.fit, result.detail.pool
    sets = np.eye(9, dtype=bool)[1:]
    problems = replace(each_as_treated(pool, sets), shift=np.outer(np.arange(8.0), np.arange(12) > 7))
    together = fit(problems)
    penalties = fit.solve(problems).penalty
    assert len(set(penalties)) > 1
    for b in range(8):
        alone = fit(
            replace(
                problems,
                members=problems.members[b : b + 1],
                allowed=problems.allowed[b : b + 1],
                pre=problems.pre[b : b + 1],
                shift=problems.shift[b : b + 1],
            )
        )
        np.testing.assert_allclose(together.gaps[b], alone.gaps[0], atol=1e-9)
        np.testing.assert_allclose(together.weights[b], alone.weights[0], atol=1e-9)


def test_weights_sum_to_one_and_stay_off_the_treated():
    result = synth.augmented(factor_panel(), level=0.5)
    space = result.detail.fit(each_as_treated(result.detail.pool, np.eye(12, dtype=bool)[1:]))
    np.testing.assert_allclose(space.weights.sum(axis=1), 1, atol=1e-10)
    assert not np.diag(space.weights[:, 1:]).any()
    assert not space.weights[:, 0].any()


def test_an_endless_penalty_is_the_plain_fit_and_a_tiny_one_reproduces_the_path():
    panel = factor_panel(units=30, periods=16, start=13)
    plain = synth.classic(panel)
    far = synth.augmented(panel, penalty=1e14)
    np.testing.assert_allclose(far.effects["estimate"], plain.effects["estimate"], atol=1e-9)
    near = synth.augmented(panel, penalty=1e-9)
    assert near.detail.rmspe < 1e-9


@pytest.mark.parametrize("unit_effects", [False, True])
def test_adding_a_constant_or_a_period_effect_or_scaling_moves_nothing_else(unit_effects):
    panel = factor_panel(units=14, effect=2.0, seed=2)
    starts = [21] + [None] * 13
    plain = synth.augmented(panel, unit_effects=unit_effects, level=0.9)
    wave = np.sin(np.arange(30.0))
    for outcome, size in ((panel.outcome + 7, 1.0), (panel.outcome + wave, 1.0), (panel.outcome * 5, 5.0)):
        moved = synth.augmented(panel_of(outcome, starts), unit_effects=unit_effects, level=0.9)
        np.testing.assert_allclose(moved.effects["estimate"], size * plain.effects["estimate"], atol=1e-7)
        assert moved.detail.method.penalty == pytest.approx(size**2 * plain.detail.method.penalty, rel=1e-8)
        assert moved.headline.p_value == plain.headline.p_value


def test_with_unit_effects_the_level_of_a_unit_does_not_matter():
    panel = factor_panel(units=14, effect=2.0, seed=2)
    levels = np.linspace(-9, 9, 14)[:, None]
    moved = synth.augmented(
        panel_of(panel.outcome + levels, [21] + [None] * 13), unit_effects=True, level=0.9
    )
    plain = synth.augmented(panel, unit_effects=True, level=0.9)
    np.testing.assert_allclose(moved.effects["estimate"], plain.effects["estimate"], atol=1e-8)


def test_order_of_donors_never_matters():
    panel = factor_panel(units=14, effect=2.0, seed=2)
    order = np.r_[0, np.random.default_rng(1).permutation(np.arange(1, 14))]
    moved = synth.augmented(panel_of(panel.outcome[order], [21] + [None] * 13), level=0.9)
    plain = synth.augmented(panel, level=0.9)
    np.testing.assert_allclose(moved.effects["estimate"], plain.effects["estimate"], atol=1e-8)


def test_constant_donors_twins_and_donors_alike_are_no_obstacle():
    outcome = factor_panel(units=25).outcome.copy()
    outcome[3], outcome[4] = 50.0, outcome[5]
    result = synth.augmented(panel_of(outcome, [21] + [None] * 24))
    assert result.detail.weights.sum() == pytest.approx(1)
    outcome[1:, :20] = 48.0
    alike = synth.augmented(panel_of(outcome, [21] + [None] * 24)).detail.method
    assert alike.moved == 0
    assert alike.negative == 0


@pytest.mark.parametrize("wrong", [0, -1.0, float("nan"), float("inf"), True, None, [1.0]])
def test_penalties_that_are_none(wrong):
    with pytest.raises(OptionError, match="not a number above 0"):
        synth.augmented(factor_panel(), penalty=wrong)


def test_choices_that_are_none_are_named():
    panel = covariate_panel()
    with pytest.raises(OptionError, match="Did you mean 'one_se'"):
        synth.augmented(panel, penalty="one_see")
    with pytest.raises(OptionError, match="balance='exact'"):
        synth.augmented(panel, balance="exact")
    with pytest.raises(OptionError, match="unit_effects=1"):
        synth.augmented(panel, unit_effects=1)
    with pytest.raises(OptionError, match="no covariate 'z9'"):
        synth.augmented(panel, covariates=["z9"])
    with pytest.raises(OptionError, match="twice"):
        synth.augmented(panel, covariates=["z0", "z0"])
    with pytest.raises(OptionError, match="does not lie in the time before"):
        synth.augmented(panel, covariates={"z0": (5, 9)})


def test_designs_that_cannot_be_augmented_are_refused():
    outcome = factor_panel().outcome
    with pytest.raises(DesignError, match="2 periods before the start to choose"):
        synth.augmented(panel_of(outcome, [3] + [None] * 11))
    assert synth.augmented(panel_of(outcome, [3] + [None] * 11), penalty=1.0, level=0.5).headline.value
    with pytest.raises(DesignError, match="holds 1 unit"):
        synth.augmented(panel_of(outcome[:2], [21, None]))
    with pytest.raises(DesignError, match="zero throughout"):
        synth.augmented(panel_of(np.vstack([0 * outcome[:1], outcome[1:]]), [21] + [None] * 11))
    with pytest.raises(DesignError, match="2 dates"):
        synth.augmented(panel_of(outcome, [21, 25] + [None] * 10))


def test_covariates_that_donors_do_not_tell_apart_are_refused():
    with pytest.raises(DesignError, match="3 covariates cannot be told apart among 3 donors"):
        synth.augmented(covariate_panel(units=4, count=3), covariates=["z0", "z1", "z2"])
    panel = covariate_panel()
    flat = replace(panel, covariates=np.where([[[True]], [[False]]], 2.0, panel.covariates))
    with pytest.raises(DesignError, match="z0 is the same for every donor"):
        synth.augmented(flat, covariates=["z0", "z1"])
