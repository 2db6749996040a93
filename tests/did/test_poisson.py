"""did.poisson: by hand, against dummies and fixest, its invariances, what it refuses."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_numbers import HERE, boroughs, entries

from whatworks import Panel, did, errors
from whatworks.inference import ClusterRobust, Default, WildCluster
from whatworks.inference.errors.influence import Analytical
from whatworks.inference.errors.score_wild import p_value_at
from whatworks.inference.fits import poisson_effects
from whatworks.results import NotAvailable

FIXEST = ClusterRobust(correction="fixest")


def frame(units=12, periods=6, treated=5, start=3, seed=0, ratio=0.7, clusters=6, mean=20.0):
    """Overdispersed counts; the first `treated` units start in period `start`."""
    rng = np.random.default_rng(seed)
    u, t = np.repeat(np.arange(units), periods), np.tile(np.arange(periods), units)
    people = 1000 + 100 * u + rng.integers(0, 50, size=len(u))
    expected = (
        mean * people / 1000 * (1 + u % 3) * (1 + 0.1 * t) * np.where((u < treated) & (t >= start), ratio, 1)
    )
    table = pd.DataFrame({"unit": [f"u{i:02d}" for i in u], "t": t, "people": people})
    table["y"] = rng.poisson(expected * rng.gamma(5, 1 / 5, size=len(u)))
    table["x"] = rng.normal(size=len(u)).round(3)
    table["w"] = 1.0 + u % 4
    table["start"] = np.where(u < treated, start, np.nan)
    table["cluster"] = [f"c{i % clusters}" for i in u]
    return table


def panel(table, exposure="people", cluster="cluster", **roles):
    return Panel.from_frame(
        table,
        unit="unit",
        period="t",
        outcome="y",
        start="start",
        exposure=exposure,
        cluster=cluster,
        **roles,
    )


def dummies(table, extra=()):
    """Outcome, offset, design (treatment, covariates, unit and period dummies) and weights, row by row."""
    kept = table.dropna(subset="y")
    d = ((kept["start"].notna()) & (kept["t"] >= kept["start"])).to_numpy(float)
    parts = [d[:, None], *(kept[name].to_numpy(float)[:, None] for name in extra)]
    parts += [pd.get_dummies(kept["unit"], dtype=float).to_numpy()]
    parts += [pd.get_dummies(kept["t"], dtype=float).to_numpy()[:, 1:]]
    return kept, kept["y"].to_numpy(float), np.log(kept["people"].to_numpy(float)), np.hstack(parts)


def slow(y, offset, X, w, steps=25):
    """Newton's method on all coefficients at once."""
    beta = np.linalg.lstsq(X, np.log(y + 0.5) - offset, rcond=None)[0]
    for _ in range(steps):
        mu = np.exp(offset + X @ beta)
        beta = beta + np.linalg.solve((X * (w * mu)[:, None]).T @ X, X.T @ (w * (y - mu)))
    return beta, np.exp(offset + X @ beta)


def test_four_totals_by_hand():
    # treated a, b: 10 + 30 → 12 + 18, so 40 → 30; others c, d: 20 + 30 → 25 + 15, so 50 → 40
    # (30/40) / (40/50) = 0.9375: a fall of 6.25%, whatever the split over units and periods
    values = {"a": (4, 6, 5, 7), "b": (10, 20, 11, 7), "c": (8, 12, 9, 16), "d": (19, 11, 10, 5)}
    rows = [(u, t, y, 3 if u in "ab" else None) for u, four in values.items() for t, y in enumerate(four, 1)]
    table = pd.DataFrame(rows, columns=["unit", "t", "y", "start"])
    result = did.poisson(panel(table, exposure=None, cluster=None), inference=ClusterRobust("CR0"))
    assert result.headline.value == pytest.approx(0.9375, rel=1e-12)
    assert result.headline.scale == "rate ratio"
    assert result.relative.value == pytest.approx(-6.25, rel=1e-11)
    assert result.detail.log_effect.value == pytest.approx(np.log(0.9375), rel=1e-11)
    assert result.headline.low == pytest.approx(np.exp(result.detail.log_effect.low))
    assert result.headline.std_error == pytest.approx(0.9375 * result.detail.log_effect.std_error)
    assert result.relative.high == pytest.approx(100 * (result.headline.high - 1))
    assert list(result.effects["term"]) == ["rate ratio", "log rate ratio"]
    assert any(
        "treated units 40 before and 30 after; comparison units 50 before and 40" in n for n in result.notes
    )
    assert 0 < result.design.mde < 1


@pytest.mark.parametrize(
    ("covariates", "weight", "gaps"), [((), None, 0), (("x",), "w", 0), (("x",), "w", 9)]
)
def test_regression_with_dummies(covariates, weight, gaps):
    table = frame(seed=3)
    table["y"] = table["y"].astype(float)
    table.loc[np.random.default_rng(1).choice(len(table), gaps, replace=False), "y"] = np.nan
    kept, y, offset, X = dummies(table, covariates)
    w = kept[weight].to_numpy() if weight else np.ones(len(y))
    beta, mu = slow(y, offset, X, w)
    ours = did.poisson(
        panel(table, covariates=covariates, weight=weight, allow_missing=True), inference=ClusterRobust("CR0")
    )
    assert ours.detail.log_effect.value == pytest.approx(beta[0], rel=1e-10)
    np.testing.assert_allclose(ours.detail.fit.coefficients, beta[: 1 + len(covariates)], rtol=1e-9)
    scores = pd.DataFrame(X * (w * (y - mu))[:, None]).groupby(kept["cluster"].to_numpy()).sum().to_numpy()
    bread = np.linalg.inv((X * (w * mu)[:, None]).T @ X)
    error = np.sqrt((bread @ scores.T @ scores @ bread)[0, 0])
    assert ours.detail.log_effect.std_error == pytest.approx(error, rel=1e-9)
    phi = (w * (y - mu) ** 2 / mu).sum() / (len(y) - X.shape[1])
    assert ours.detail.dispersion == pytest.approx(phi, rel=1e-9)
    assert gaps == 0 or any(f"{gaps} missing cells" in note for note in ours.notes)


def test_more_periods_than_units():
    table = frame(units=6, periods=20, treated=3, start=11, clusters=6)
    _, y, offset, X = dummies(table)
    assert did.poisson(panel(table)).detail.log_effect.value == pytest.approx(
        slow(y, offset, X, np.ones(len(y)))[0][0], rel=1e-10
    )


@pytest.mark.parametrize(("cluster", "vcov"), [(None, "cluster_unit"), ("bcu", "cluster_bcu")])
@pytest.mark.parametrize("key", ["poisson.count", "poisson.count.missing"])
def test_fixest(cluster, vcov, key):
    missing = key.endswith("missing")
    table = pd.read_csv(HERE / "data" / "boroughs_missing.csv", encoding="utf-8") if missing else boroughs()
    stored = entries("fixest")[key]["results"]
    ours = Panel.from_frame(
        table,
        unit="borough",
        period="t",
        outcome="count",
        start="start",
        cluster=cluster,
        exposure="population",
        allow_missing=missing,
    )
    for kind, theirs in ((FIXEST, stored[f"{vcov}.default"]), (ClusterRobust("CR0"), stored[f"{vcov}.raw"])):
        found = did.poisson(ours, inference=kind).detail
        assert found.log_effect.value == pytest.approx(theirs["estimate"][0], rel=1e-6)
        assert found.log_effect.std_error == pytest.approx(theirs["se"][0], rel=1e-6)
        assert found.fit.sizes[0] == theirs["nobs"]
        if kind is FIXEST:  # a maximum-likelihood fit, which fixest refers to the normal
            assert isinstance(found.log_effect.df, NotAvailable)
            assert found.log_effect.p_value == pytest.approx(theirs["p"][0], rel=1e-5)
        else:
            assert found.log_effect.df == pytest.approx(11 if cluster else 31)


def test_fixest_with_a_covariate(reference_public):
    table = pd.read_csv(reference_public / "data" / "base_did_counts.csv")
    table["start"] = np.where(table["treat"] == 1, 6, np.nan)
    stored = json.loads(
        (reference_public / "goldens" / "base_did_counts__fixest_fepois.json").read_text("utf-8")
    )
    theirs = stored["results"]["did"]["cluster_id"]
    ours = did.poisson(
        Panel.from_frame(table, unit="id", period="period", outcome="cnt", start="start", covariates=["x1"]),
        inference=FIXEST,
    ).detail
    np.testing.assert_allclose(ours.fit.coefficients, theirs["estimate"][::-1], rtol=1e-6)
    found = FIXEST.from_regression(ours.regression, np.eye(2))
    # stored at the package's default tolerances, under which its errors are 2e-6 and 3e-6 from convergence
    np.testing.assert_allclose(found.std_error, theirs["se"][::-1], rtol=4e-6)
    _, y, offset, X = dummies(
        table.drop(columns="y").rename(columns={"id": "unit", "period": "t", "cnt": "y"}).assign(people=1),
        ["x1"],
    )
    _, mu = slow(y, offset, X, np.ones(len(y)))
    scores = pd.DataFrame(X * (y - mu)[:, None]).groupby(table["id"].to_numpy()).sum().to_numpy()
    half = scores @ np.linalg.inv((X * mu[:, None]).T @ X)[:, :2]
    converged = np.sqrt((half**2).sum(axis=0) * 108 / 107 * 1079 / (1080 - 12))
    np.testing.assert_allclose(found.std_error, converged, rtol=1e-9)


def slow_score_p(table, theta, extra=(), weight=None):
    """The score bootstrap from its definition: every sign vector, one step in the model with all dummies."""
    kept, y, offset, X = dummies(table, extra)
    d, rest = X[:, 0], X[:, 1:]
    w = kept[weight].to_numpy() if weight else np.ones(len(y))
    _, mu = slow(y, offset + theta * d, rest, w)
    codes = pd.factorize(kept["cluster"], sort=True)[0]
    groups = codes.max() + 1
    bread = np.linalg.inv((X * (w * mu)[:, None]).T @ X)
    statistics = []
    for number in range(2**groups):
        signs = 1.0 - 2.0 * ((number >> np.arange(groups)) & 1)
        working = signs[codes] * (y - mu) / mu
        step = bread @ (X.T @ (w * mu * working))
        left = w * mu * (working - X @ step)
        scores = np.stack([(X[codes == g] * left[codes == g][:, None]).sum(axis=0) for g in range(groups)])
        statistics.append(abs(step[0]) / np.sqrt(((scores @ bread[0]) ** 2).sum()))
    return float(np.mean(np.array(statistics) >= statistics[0] * (1 - 1e-9)))


@pytest.mark.parametrize(("covariates", "weight", "gaps"), [((), None, 0), (("x",), "w", 7)])
def test_score_bootstrap_from_its_definition(covariates, weight, gaps):
    table = frame(seed=5, ratio=0.85).astype({"y": float})
    table.loc[np.random.default_rng(2).choice(len(table), gaps, replace=False), "y"] = np.nan
    used = panel(table, covariates=covariates, weight=weight, allow_missing=True)
    result = did.poisson(used, inference=WildCluster())
    assert result.headline.p_value == pytest.approx(slow_score_p(table, 0.0, covariates, weight), abs=1e-12)
    assert (
        "Wild score bootstrap over 6 clusters (null imposed, all 64 sign vectors)"
        in result.headline.inference
    )
    for end, outwards in ((result.detail.log_effect.low, -1), (result.detail.log_effect.high, 1)):
        if not isinstance(end, NotAvailable):
            assert slow_score_p(table, end - outwards * 1e-6, covariates, weight) > 0.05
            assert slow_score_p(table, end + outwards * 1e-6, covariates, weight) <= 0.05


def test_score_bootstrap_interval_inverts_the_test():
    table = frame(units=24, treated=10, clusters=12, seed=6, mean=60)
    used = panel(table)
    result = did.poisson(used, inference=WildCluster())
    detail, wild = result.detail, WildCluster()
    effect = used.treated.astype(float)[None]

    def p(theta):
        held = poisson_effects.hold(detail.fit, effect, theta)
        return p_value_at(wild, poisson_effects.regression(held, used.cluster))

    for end, outwards in ((detail.log_effect.low, -1), (detail.log_effect.high, 1)):
        assert p(end - outwards * 1e-8) > 0.05 >= p(end + outwards * 1e-8)
    assert p(0.0) == result.headline.p_value
    assert p(detail.log_effect.value) > 0.99


def test_free_null_and_draws():
    used = panel(frame(units=24, treated=10, clusters=12, seed=6))
    free = did.poisson(used, inference=WildCluster(null="free"))
    assert "null not imposed" in free.headline.inference
    log = free.detail.log_effect
    assert log.high - log.value == pytest.approx(log.value - log.low)
    drawn = did.poisson(
        panel(frame(units=24, treated=10, clusters=24)), inference=WildCluster(draws=199, seed=4)
    )
    assert drawn.seed == 4
    assert did.poisson(used).seed is None


def test_default_is_the_score_bootstrap_with_few_clusters_and_cluster_robust_with_many():
    few = did.poisson(panel(frame()), inference=Default(draws=199)).headline
    assert "the default with only 6 clusters" in few.inference
    many = did.poisson(panel(frame(units=60, treated=30, start=3), cluster=None)).headline
    assert many.inference.startswith("Cluster-robust")
    assert many.df == 59


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.integers(2, 50), st.floats(0.01, 100))
def test_invariances(seed, factor, exposed):
    table = frame(seed=seed, units=8, treated=3, periods=5)
    rng = np.random.default_rng(seed)
    before = did.poisson(panel(table, covariates=("x",)), inference=ClusterRobust())
    moved = table.sample(frac=1, random_state=seed)
    # another unit of exposure, for all, for one unit and for one period; a covariate's other origin and unit
    unit, period = f"u{rng.integers(8):02d}", rng.integers(5)
    moved["people"] = moved["people"] * exposed * np.where(moved["unit"] == unit, factor, 1)
    moved["people"] = moved["people"] * np.where(moved["t"] == period, factor, 1)
    moved["x"] = 3 * moved["x"] + 7
    after = did.poisson(panel(moved, covariates=("x",)), inference=ClusterRobust())
    for ours, theirs in ((before.headline, after.headline), (before.relative, after.relative)):
        for name in ("value", "std_error", "low", "high", "p_value"):
            assert getattr(ours, name) == pytest.approx(getattr(theirs, name), rel=1e-7, abs=1e-9)
    assert before.detail.dispersion == pytest.approx(after.detail.dispersion, rel=1e-7)


@settings(max_examples=15)
@given(st.integers(0, 10**6), st.integers(2, 20))
def test_counts_scaled(seed, factor):
    table = frame(seed=seed, units=8, treated=3, periods=5)
    before = did.poisson(panel(table), inference=ClusterRobust()).detail
    after = did.poisson(panel(table.assign(y=factor * table["y"])), inference=ClusterRobust()).detail
    assert after.log_effect.value == pytest.approx(before.log_effect.value, rel=1e-8, abs=1e-10)
    assert after.log_effect.std_error == pytest.approx(before.log_effect.std_error, rel=1e-8)
    assert after.dispersion == pytest.approx(factor * before.dispersion, rel=1e-8)
    # counts of a treated unit all multiplied after the start: the effect moves, and only by that factor
    lifted = table["y"] * np.where(table["start"].notna() & (table["t"] >= 3), factor, 1)
    lifted = did.poisson(panel(table.assign(y=lifted, people=1000)), inference=ClusterRobust()).detail
    plain = did.poisson(panel(table.assign(people=1000)), inference=ClusterRobust()).detail
    assert lifted.log_effect.value == pytest.approx(plain.log_effect.value + np.log(factor), rel=1e-8)


def test_a_unit_twice_is_a_unit_of_weight_two():
    table = frame(seed=2).assign(w=1.0)
    first = table["unit"] == "u00"
    twice = pd.concat([table, table[first].assign(unit="u00 again")])
    once = table.assign(w=np.where(first, 2.0, 1.0))
    one = did.poisson(panel(twice), inference=ClusterRobust()).detail.log_effect
    two = did.poisson(panel(once, weight="w"), inference=ClusterRobust()).detail.log_effect
    assert (one.value, one.std_error) == pytest.approx((two.value, two.std_error), rel=1e-9)


def test_silent_units_and_periods_are_left_out_and_named():
    table = frame(seed=7)
    table.loc[table["unit"].isin(["u03", "u11"]) | (table["t"] == 1), "y"] = 0
    result = did.poisson(panel(table), inference=ClusterRobust())
    kept = table[~table["unit"].isin(["u03", "u11"]) & (table["t"] != 1)]
    again = did.poisson(panel(kept), inference=ClusterRobust())
    assert result.headline.value == pytest.approx(again.headline.value, rel=1e-10)
    assert result.headline.std_error == pytest.approx(again.headline.std_error, rel=1e-10)
    assert result.detail.silent_units == ("u03", "u11")
    assert any("2 of 12 units count 0 in every period" in n and "u03, u11" in n for n in result.notes)
    assert any("1 periods in which no unit counts anything" in note for note in result.notes)
    assert result.spec["left_out"] == ["u03", "u11"]
    assert result.design.n_units == 10


def test_cells_that_effects_alone_fit_as_zero():
    # nobody but u11 is observed in period 5 and u11 counts nothing elsewhere: its other cells tell nothing
    table = frame(seed=8).astype({"y": float})
    table.loc[(table["t"] == 5) & (table["unit"] != "u11"), "y"] = np.nan
    table.loc[(table["unit"] == "u11") & (table["t"] != 5), "y"] = 0.0
    result = did.poisson(panel(table, allow_missing=True), inference=ClusterRobust())
    kept = table[(table["unit"] != "u11") & (table["t"] != 5)]
    again = did.poisson(panel(kept), inference=ClusterRobust())
    assert result.headline.value == pytest.approx(again.headline.value, rel=1e-8)
    assert any("5 cells of 0 that unit and period effects fit" in note for note in result.notes)


@pytest.mark.parametrize(("when", "runs"), [("after", "runs off to 0"), ("before", "runs off to infinity")])
def test_separation_by_the_treatment(when, runs):
    table = frame(seed=1)
    mine = table["start"].notna() & ((table["t"] >= 3) if when == "after" else (table["t"] < 3))
    table.loc[mine, "y"] = 0
    with pytest.raises(errors.DesignError, match=runs) as caught:
        did.poisson(panel(table))
    assert "did.block" in caught.value.remedy
    if when == "after":
        assert "every treated unit counts 0 in every treated period" in str(caught.value)


def test_separation_by_a_covariate():
    table = frame(seed=1)
    table["x"] = 0.0
    spot = (table["unit"].isin(["u01", "u07"])) & (table["t"].isin([1, 4]))
    table.loc[spot, "x"] = 1.0
    table.loc[spot, "y"] = 0
    with pytest.raises(errors.DesignError, match="covariate 'x'"):
        did.poisson(panel(table, covariates=("x",)))


def test_a_treated_unit_with_zeros_after_the_start_is_no_separation():
    table = frame(seed=1)
    table.loc[(table["unit"] == "u01") & (table["t"] >= 3), "y"] = 0
    assert 0 < did.poisson(panel(table), inference=ClusterRobust()).headline.value < 1


def test_refusals():
    table = frame()
    with pytest.raises(errors.DesignError, match="outcomes are negative"):
        did.poisson(panel(table.assign(y=table["y"] - 30.5), exposure=None))
    with pytest.raises(errors.DesignError, match="every treated unit counts 0 in every period"):
        did.poisson(panel(table.assign(y=table["y"].where(table["start"].isna(), 0))))
    with pytest.raises(errors.DesignError, match="no unit starts treatment"):
        did.poisson(panel(table.assign(start=np.nan)))
    with pytest.raises(errors.DesignError, match="no comparison unit is left"):
        did.poisson(panel(table.assign(start=3)))
    with pytest.raises(errors.DesignError, match="one cluster in all"):
        did.poisson(panel(table.assign(cluster="all")))
    with pytest.raises(errors.DesignError, match="explain all of covariate 'w'"):
        did.poisson(panel(table, covariates=("w",)))
    with pytest.raises(errors.OptionError, match="does not apply to a regression"):
        did.poisson(panel(table), inference=Analytical())
    with pytest.raises(errors.OptionError, match="between 0 and 1"):
        did.poisson(panel(table), level=95)


def test_one_treated_unit_has_an_estimate_and_no_error():
    result = did.poisson(panel(frame(treated=1), cluster=None))
    assert isinstance(result.headline.value, float)
    for name in ("std_error", "low", "high", "p_value"):
        assert isinstance(getattr(result.headline, name), NotAvailable)
    assert isinstance(result.relative.low, NotAvailable)
    assert isinstance(result.design.mde, NotAvailable)


def test_staggered_starts_are_warned_against():
    table = frame(seed=4)
    table.loc[table["unit"] == "u00", "start"] = 5
    notes = did.poisson(panel(table)).notes
    assert any("already treated" in note and "did.att_gt" in note for note in notes)
    assert not any("Totals" in note for note in notes)


def test_json_round_trip():
    result = did.poisson(panel(frame()))
    assert type(result).from_json(result.to_json()).headline == result.headline


def test_the_fit_of_totals_is_the_maximum_itself_where_exposure_does_not_change():
    rng = np.random.default_rng(8)
    group = np.array([0, 1, 2, 0, 1, 2, 0, 0, 1])
    shared = rng.normal(size=(1, 3, 6))
    exposure = np.repeat(rng.uniform(0.5, 4, size=(9, 1)), 6, axis=1)
    mass = np.repeat(rng.uniform(0.5, 2, size=(9, 1)), 6, axis=1)
    counts = 1.0 + rng.poisson(5 * exposure)
    cells = poisson_effects.Cells(counts, np.log(exposure), mass)
    fit = poisson_effects.fit(cells, shared[:, group], ("x",))
    start = poisson_effects.start_from_totals(cells, shared[:, group], group, ("x",))
    np.testing.assert_allclose(start, fit.predictor, atol=1e-9)
    again = poisson_effects.fit(cells, shared[:, group], ("x",), start=start)
    np.testing.assert_allclose(again.coefficients, fit.coefficients, rtol=1e-10)
    mass[0, 0] = 0.0
    assert poisson_effects.start_from_totals(cells, shared[:, group], group, ("x",)) is None
