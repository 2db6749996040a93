"""did.imputation against a dense oracle, under changes that must not matter, and its refusals."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.did.dense import cell_weights, dummies, least_squares, summed_squares
from tests.did.staggered import staggered

from whatworks.did import block
from whatworks.did.imputation import ImputationDetail, imputation
from whatworks.did.linear import leads
from whatworks.did.linear.imputed import average, coefficients, impute, targets
from whatworks.did.linear.scores import null_scores, stacked_scores
from whatworks.errors import DesignError, OptionError
from whatworks.inference import ClusterRobust, WildCluster
from whatworks.inference.errors.influence import Analytical
from whatworks.inference.fits import two_way_effects
from whatworks.panel import Panel
from whatworks.results import NotAvailable

Floats = npt.NDArray[np.float64]
STARTS: list[int | None] = [4, 4, 4, 6, 6, 6, 6, 8, 8, 8, None, None, None, None, None]
CLUSTERS = [0, 1, 2, 0, 1, 2, 3, 4, 4, 5, 5, 6, 6, 7, 7]


def rich(seed: int = 5, *, gaps: bool = True, covariate: bool = True, weighted: bool = True) -> Panel:
    """A staggered panel with gaps, weights, clusters and a covariate."""
    panel = staggered(STARTS, periods=9, seed=seed, cluster=CLUSTERS, effect=1.0)
    draw = np.random.default_rng(seed + 1)
    outcome = panel.outcome.copy()
    if gaps:
        outcome[draw.random(outcome.shape) < 0.12] = np.nan
    changes: dict[str, object] = {"outcome": outcome}
    if covariate:
        changes |= {"covariates": draw.standard_normal((1, *outcome.shape)), "covariate_names": ("x",)}
    if weighted:
        changes["weight"] = draw.uniform(0.5, 3, len(STARTS))
    return replace(panel, **changes)


def oracle(panel: Panel) -> tuple[float, float]:
    """Overall effect and conservative error from one dummy per unit and period and one weight per cell."""
    Z, w, y = dummies(panel), cell_weights(panel), panel.outcome.ravel()
    there, treated = np.isfinite(y), panel.treated.ravel()
    U, D = there & ~treated, there & treated
    tau = np.where(D, y - Z @ least_squares(Z[U], y[U], w[U]), 0.0)
    w1 = np.where(D, w, 0.0) / w[D].sum()
    v = w1.copy()
    v[U] = -w[U] * (Z[U] @ np.linalg.pinv((Z[U] * w[U, None]).T @ Z[U], rcond=1e-11) @ (Z.T @ w1))
    error = np.where(U, y - Z @ least_squares(Z[U], y[U], w[U]), 0.0)
    start, period = np.repeat(panel.start, panel.n_periods), np.tile(panel.periods, panel.n_units)
    for g, t in product(np.unique(start), panel.periods):
        here = D & (start == g) & (period == t)
        if here.any():
            error[here] = tau[here] - (v[here] ** 2 @ tau[here]) / (v[here] ** 2).sum()
    return float(w1 @ tau), summed_squares(v * error, panel)


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("covariate", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_matches_a_dense_oracle(gaps: bool, covariate: bool, weighted: bool) -> None:
    panel = rich(gaps=gaps, covariate=covariate, weighted=weighted)
    value, error = oracle(panel)
    result = imputation(panel, inference=Analytical(), by="overall")
    assert result.headline.value == pytest.approx(value, rel=1e-9)
    assert result.headline.std_error == pytest.approx(error, rel=1e-9)


def test_every_average_is_its_coefficients_times_the_outcome() -> None:
    panel = rich()
    found = impute(panel, 0, "test")
    masks = found.sample.cohorts[None, :, None] == found.sample.cohorts[:-1, None, None]
    which = targets(
        found, np.broadcast_to(masks, (3, 4, 9)) & (panel.periods >= found.sample.cohorts[:, None])
    )
    effects = average(found, which, found.gap)
    for a, effect in zip(coefficients(found, which), effects, strict=True):
        assert (a * found.sample.outcome).sum() == pytest.approx(effect, rel=1e-10)
        np.testing.assert_allclose(a.sum(axis=0), 0, atol=1e-12)
        np.testing.assert_allclose(a.sum(axis=1), 0, atol=1e-12)
        np.testing.assert_allclose((a * panel.covariates[0]).sum(), 0, atol=1e-12)


def test_scores_are_those_of_a_dense_fit_with_the_effect_imposed() -> None:
    panel = rich()
    found = impute(panel, 0, "test")
    aim = found.cells
    mask = np.ones((1, 4, 9), dtype=bool)
    a = coefficients(found, targets(found, mask))[0]
    score, slope = null_scores(found.sample, a, aim)
    Z, w, y = dummies(panel), cell_weights(panel), np.nan_to_num(panel.outcome).ravel()
    used = (found.sample.untouched | aim).ravel()
    codes = np.repeat(CLUSTERS, 9)
    for got, column in ((score, y), (slope, aim.ravel().astype(float))):
        residual = np.where(used, column - Z @ least_squares(Z[used], column[used], w[used]), 0.0)
        expected = np.bincount(codes, a.ravel() * residual)
        np.testing.assert_allclose(got, expected, rtol=1e-8, atol=1e-10)
    assert slope.sum() == pytest.approx(1)


def test_units_folded_by_cluster_and_start_give_the_same_scores() -> None:
    panel = rich(gaps=False, covariate=False)
    found = impute(panel, 0, "test")
    a = coefficients(found, targets(found, np.ones((1, 4, 9), dtype=bool)))
    whole = null_scores(found.sample, a[0], found.cells)
    folded = stacked_scores(found.sample, a, [found.cells])
    np.testing.assert_allclose(folded[0][:, 0], whole[0], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(folded[1][:, 0], whole[1], rtol=1e-9, atol=1e-12)


def test_pretrend_regression_matches_dummies() -> None:
    panel = rich()
    result = imputation(panel, leads=2, inference=Analytical())
    Z, w, y = dummies(panel), cell_weights(panel), panel.outcome.ravel()
    distance = (panel.periods[None, :] - panel.start[:, None]).ravel()
    U = np.isfinite(y) & ~panel.treated.ravel()
    X = np.column_stack([distance == -2, distance == -1, Z]).astype(float)
    slopes = least_squares(X[U], y[U], w[U])[:2]
    shown = result.effects.set_index("event_time")["estimate"]
    np.testing.assert_allclose(shown.loc[[-2, -1]], slopes, rtol=1e-9)
    assert result.detail.pretrend.n_tested == 2


def test_one_start_and_no_gaps_is_the_block_estimate() -> None:
    panel = staggered([5] * 6 + [None] * 7, effect=2.0)
    assert imputation(panel).headline.value == pytest.approx(block(panel).headline.value, rel=1e-12)


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), scale=st.floats(0.01, 100), shift=st.integers(-50, 50))
def test_unit_and_period_shifts_scale_and_order_do_not_matter(seed: int, scale: float, shift: int) -> None:
    panel = rich(seed)
    draw = np.random.default_rng(seed)
    base = imputation(panel, inference=Analytical())
    level = draw.standard_normal((15, 1)) * 10 + draw.standard_normal((1, 9)) * 10
    order = draw.permutation(15)
    moved = replace(
        panel,
        outcome=scale * (panel.outcome + level),
        periods=panel.periods + shift,
        start=np.where(panel.never_treated, panel.start, panel.start + shift),
    ).select(order)
    other = imputation(moved, inference=Analytical())
    for name in ("estimate", "std_error"):
        np.testing.assert_allclose(
            other.effects[name], scale * base.effects[name], rtol=1e-6, atol=1e-9 * scale
        )
    assert other.headline.value == pytest.approx(scale * base.headline.value, rel=1e-7, abs=1e-9 * scale)


def test_a_unit_twice_is_a_unit_of_twice_the_weight() -> None:
    panel = rich(weighted=False)
    twice = panel.select([*range(15), 3])
    twice = replace(twice, units=(*twice.units[:-1], "again"))
    weight = np.ones(15)
    weight[3] = 2
    heavy = imputation(replace(panel, weight=weight), inference=WildCluster())
    assert imputation(twice, inference=WildCluster()).headline.value == pytest.approx(
        heavy.headline.value, rel=1e-10
    )


def test_cells_that_cannot_be_imputed_are_listed() -> None:
    panel = staggered([4, 4, 6, 6, 8, 8], periods=9, effect=1.0)
    result = imputation(panel)
    detail = result.detail
    assert isinstance(detail, ImputationDetail)
    assert set(detail.lost["period"]) == {"8", "9"}
    assert len(detail.lost) == 12
    assert any("12 treated cells cannot be imputed" in note for note in result.notes)
    assert "u000 8" in " ".join(result.notes)
    assert 4 not in set(result.effects["event_time"])


def test_a_unit_without_untreated_cell_is_listed() -> None:
    panel = rich(covariate=False)
    outcome = panel.outcome.copy()
    outcome[0, :3] = np.nan
    outcome[0, 3:] = 5.0
    result = imputation(panel.with_outcome(outcome))
    assert set(result.detail.lost["unit"]) == {"u000"}


def test_parts_that_no_unit_links_are_not_compared() -> None:
    panel = staggered([6, 6, None, None, None, None], periods=8)
    outcome = panel.outcome.copy()
    outcome[:2, 5:] += 100
    outcome[2:, :5] = np.nan
    with pytest.raises(DesignError, match="no treated cell can be imputed"):
        imputation(panel.with_outcome(outcome))


def test_anticipation_moves_cells_out_of_the_fit() -> None:
    panel = staggered([5] * 5 + [7] * 5 + [None] * 6, seed=8)
    early = panel.outcome + 3.0 * (panel.periods == panel.start[:, None] - 1)
    base = imputation(panel, anticipation=1)
    other = imputation(panel.with_outcome(early), anticipation=1)
    assert other.headline.value == pytest.approx(base.headline.value, rel=1e-10)
    before = (
        other.effects.set_index("event_time")["estimate"] - base.effects.set_index("event_time")["estimate"]
    )
    assert before[-1] == pytest.approx(3.0)
    assert imputation(panel.with_outcome(early)).headline.value != pytest.approx(
        base.headline.value, rel=1e-3
    )


def test_cohort_rows_and_horizons() -> None:
    panel = rich(gaps=False, covariate=False, weighted=False)
    cohorts = imputation(panel, by="cohort").effects.set_index("cohort")["estimate"]
    total = imputation(panel).headline.value
    assert total == pytest.approx((cohorts["4"] * 18 + cohorts["6"] * 16 + cohorts["8"] * 6) / 40)
    first = imputation(panel, horizons=(0, 0))
    shown = first.effects.set_index("event_time")["estimate"]
    assert first.headline.value == pytest.approx(shown[0])
    assert shown.index.max() == 0


def test_default_is_wild_with_few_clusters_and_holds_the_estimate() -> None:
    result = imputation(rich())
    assert "Wild cluster bootstrap over 8 clusters" in result.headline.inference
    low, high = result.headline.low, result.headline.high
    assert not isinstance(low, NotAvailable)
    assert low < result.headline.value < high


def test_one_treated_unit_has_an_estimate_and_no_error() -> None:
    result = imputation(staggered([5] + [None] * 8))
    assert isinstance(result.headline.std_error, NotAvailable)
    assert "synthetic control" in str(result.headline.low)
    assert isinstance(result.detail.pretrend, NotAvailable)
    assert "comparison unit" in str(imputation(staggered([5] * 8 + [None])).headline.std_error)


def test_lone_cohorts_have_no_conservative_error() -> None:
    panel = staggered([4, 5, 6, 7, 8] + [None] * 45)
    result = imputation(panel, inference=Analytical())
    assert "single unit" in str(result.headline.std_error)
    assert not isinstance(imputation(panel).headline.low, NotAvailable)


def test_refusals() -> None:
    panel = staggered([5] * 4 + [None] * 4)
    with pytest.raises(DesignError, match="no unit starts"):
        imputation(staggered([None] * 6))
    with pytest.raises(DesignError, match="no treated cell can be imputed"):
        imputation(staggered([5] * 6))
    with pytest.raises(OptionError, match="does not apply"):
        imputation(panel, inference=ClusterRobust())
    for bad in ({"by": "unit"}, {"horizons": (3, 1)}, {"leads": -1}, {"anticipation": 1.5}, {"level": 95}):
        with pytest.raises(OptionError):
            imputation(panel, **bad)
    with pytest.raises(DesignError, match="inside the event times"):
        imputation(panel, horizons=(90, 91))
    flat = replace(panel, covariates=np.ones((1, 8, 10)), covariate_names=("flat",))
    with pytest.raises(DesignError, match="flat"):
        imputation(flat)


@pytest.mark.parametrize("anticipation", [0, 1])
def test_leads_of_units_alike_are_those_of_all_units_one_by_one(anticipation: int) -> None:
    panel = rich(gaps=False, covariate=False)
    # a start after the window, which anticipation cuts short
    start = np.where(panel.start == panel.start.max(), panel.periods[-1] + 1, panel.start)
    panel = replace(panel, start=np.where(np.arange(len(start)) % 2 == 0, start, panel.start))
    data = impute(panel, anticipation, "test").sample
    folds = leads.folds_of(data)
    assert folds is not None
    assert len(folds.first) < len(data.weight)
    np.testing.assert_array_equal(data.untouched, data.untouched[folds.first][folds.group])
    design = np.random.default_rng(0).standard_normal((2, len(folds.first), panel.n_periods))
    options = {
        "names": ("a", "b"),
        "weight": data.weight,
        "cluster": data.cluster,
        "observed": data.untouched,
        "where": "test",
    }
    short = two_way_effects.fit_by_group(data.outcome, design, folds.group, **options)
    long = two_way_effects.fit(data.outcome, design[:, folds.group], **options)
    for name in ("coefficients", "bread", "scores", "residual_norm", "n_obs", "n_nested", "n_crossing"):
        np.testing.assert_allclose(getattr(short, name), getattr(long, name), rtol=1e-10, atol=1e-12)
    for name in ("gram", "cross", "carry"):
        np.testing.assert_allclose(
            getattr(short.moments(), name), getattr(long.moments(), name), rtol=1e-10, atol=1e-12
        )


def test_a_covariate_without_a_value_where_the_outcome_is_missing_moves_nothing() -> None:
    panel = rich()
    blank = np.where(np.isnan(panel.outcome), np.nan, panel.covariates)
    found, same = imputation(replace(panel, covariates=blank)), imputation(panel)
    np.testing.assert_allclose(found.effects["estimate"], same.effects["estimate"], rtol=1e-12)
    assert found.headline.std_error == pytest.approx(same.headline.std_error, rel=1e-12)
