"""CR2 and CR3 against clubSandwich 0.6.0 and refits in R (tests/reference), and against dummies."""

from __future__ import annotations

import numpy as np
import pytest
from reference_numbers import borough_panel, entries, fit_twfe
from slow_regression import Slow

from whatworks import errors
from whatworks.inference import ClusterRobust, WildCluster
from whatworks.inference.fits import two_way_effects
from whatworks.inference.fits.regression import Regression
from whatworks.inference.fits.rows import Rows, by_cluster

ONE = np.eye(1)


def pooled(cluster):
    """lm(y_bcu ~ Db + ever_bcu + factor(t)): period effects without unit effects."""
    panel = borough_panel("y_bcu", "start_bcu", cluster)
    D, y = panel.treated.astype(float), panel.outcome
    design = np.stack([D, np.broadcast_to((D.any(axis=1))[:, None], D.shape).astype(float)])
    X, y = (v - v.mean(axis=-2, keepdims=True) for v in (design, y))
    bread = np.linalg.inv(np.einsum("knt,lnt->kl", X, X))
    beta = bread @ np.einsum("knt,nt->k", X, y)
    residual = y - np.tensordot(beta, X, axes=1)
    codes = np.arange(panel.n_units) if panel.cluster is None else panel.cluster
    rows = Rows(X, residual, np.ones(panel.n_units), codes, np.ones(D.shape, bool), unit_effects=False)
    scores = by_cluster(np.einsum("knt,nt->nk", X, residual), codes)
    return Regression(beta, bread, scores, 1.0, D.size, 0, D.shape[1], lambda: None, lambda: rows)


def panels():
    for outcome, start in (("y_bcu", "start_bcu"), ("y", "start")):
        for cluster in ("bcu", None):
            yield f"{outcome}.{cluster or 'borough'}", borough_panel(outcome, start, cluster)
    for cluster in ("bcu", None):
        name = f"y_bcu.weights_population.{cluster or 'borough'}"
        yield name, borough_panel("y_bcu", "start_bcu", cluster, "population")


FITS = {name: fit_twfe(panel) for name, panel in panels()} | {
    "y_bcu.pooled.bcu": pooled("bcu"),
    "y_bcu.pooled.borough": pooled(None),
}


@pytest.mark.parametrize("name", FITS)
def test_cr2_and_its_degrees_of_freedom(name):
    theirs = entries("fewclusters")[f"clubSandwich.{name}.CR2"]["results"]
    fit = FITS[name]
    found = ClusterRobust("CR2").from_regression(fit, np.eye(len(fit.coefficients))[:1])
    assert found.value[0] == pytest.approx(theirs["estimate"], rel=1e-7)
    assert found.std_error[0] == pytest.approx(theirs["se"], rel=1e-7)
    assert found.df[0] == pytest.approx(theirs["df_satterthwaite"], rel=1e-7)
    assert found.p_value[0] == pytest.approx(theirs["p_satterthwaite"], rel=1e-6)
    estimate = found.estimate(0, estimand="e", scale="s")
    assert estimate.df == found.df[0]


@pytest.mark.parametrize("cluster", ["bcu", "borough"])
def test_cr3_where_clubsandwich_can_form_it(cluster):
    theirs = entries("fewclusters")[f"clubSandwich.y_bcu.pooled.{cluster}.CR3"]["results"]
    found = ClusterRobust("CR3").from_regression(FITS[f"y_bcu.pooled.{cluster}"], np.eye(2)[:1])
    assert found.std_error[0] == pytest.approx(theirs["se"], rel=1e-7)
    assert found.p_value[0] == pytest.approx(theirs["p_naive_t_Gm1"], rel=1e-7)


@pytest.mark.parametrize("name", ["y_bcu.bcu", "y.bcu", "y_bcu.borough", "y.borough"])
def test_cr3_from_delete_one_refits(name):
    theirs = entries("fewclusters")[f"jackknife.{name}"]["results"]
    cr3 = ClusterRobust("CR3").from_regression(FITS[name], ONE)
    assert cr3.std_error[0] == pytest.approx(theirs["se_CR3_sum_of_squares"], rel=1e-7)


def small(seed=3, gaps=False):
    rng = np.random.default_rng(seed)
    y, X = rng.normal(size=(14, 5)), rng.normal(size=(2, 14, 5))
    weight, cluster = rng.uniform(0.5, 2, size=14), np.arange(14) // 3
    observed = np.ones(y.shape, bool)
    if gaps:
        observed[[0, 0, 4, 9, 13], [0, 3, 2, 4, 1]] = False
    return y, X, weight, cluster, observed


def slow(y, X, cluster, weight, observed):
    """Dummies on the rows that exist."""
    whole = Slow(y, X, cluster, weight)
    keep = observed.ravel()
    whole.X, whole.y, whole.rows, whole.root = (
        whole.X[keep],
        whole.y[keep],
        whole.rows[keep],
        whole.root[keep],
    )
    whole.inverse = np.linalg.pinv(whole.X.T @ whole.X)
    return whole


@pytest.mark.parametrize("gaps", [False, True])
def test_every_kind_against_dummies(gaps):
    y, X, weight, cluster, observed = small(gaps=gaps)
    fit = two_way_effects.fit(y, X, names="ab", weight=weight, cluster=cluster, observed=observed)
    ours = slow(y, X, cluster, weight, observed)
    np.testing.assert_allclose(fit.coefficients, ours.coefficients(ours.y)[:2], rtol=1e-9)
    contrast = np.array([1.0, -2.0])
    expected = ours.covariance(ours.y)[:2, :2]
    assert ClusterRobust("CR0").from_regression(fit, contrast[None]).std_error[0] == pytest.approx(
        np.sqrt(contrast @ expected @ contrast), rel=1e-9
    )
    without = []
    for g in range(5):
        keep = observed & (cluster != g)[:, None]
        left = slow(y, X, cluster, weight, keep)
        without.append(contrast @ left.coefficients(left.y)[:2])
    squares = ((np.array(without) - contrast @ fit.coefficients) ** 2).sum()
    assert ClusterRobust("CR3").from_regression(fit, contrast[None]).std_error[0] == pytest.approx(
        np.sqrt(squares), rel=1e-9
    )
    error, df = by_hand_cr2(ours, weight, observed, contrast)
    found = ClusterRobust("CR2").from_regression(fit, contrast[None])
    assert found.std_error[0] == pytest.approx(error, rel=1e-8)
    assert found.df[0] == pytest.approx(df, rel=1e-8)


def by_hand_cr2(ours, weight, observed, contrast):
    """The matrices of Pustejovsky & Tipton written out in full."""
    root = ours.root[:, None]
    X, w = ours.X / root, ours.root**2
    M = np.linalg.pinv(X.T @ (w[:, None] * X))
    away = np.eye(len(X)) - X @ M @ (X * w[:, None]).T
    residual = (ours.y - ours.X @ ours.coefficients(ours.y)) / ours.root
    a = M @ np.concatenate([contrast, np.zeros(X.shape[1] - 2)])
    spread, P = [], []
    for g in ours.clusters:
        mine = ours.rows == g
        values, vectors = np.linalg.eigh(away[mine] @ away[mine].T)
        A = (vectors * np.where(values > 1e-9, np.maximum(values, 1e-9) ** -0.5, 0)) @ vectors.T
        u = A @ (w[mine] * (X[mine] @ a))
        spread.append(u @ residual[mine])
        P.append(u @ away[mine])
    P = np.array(P) @ np.array(P).T
    return np.sqrt(np.sum(np.square(spread))), np.trace(P) ** 2 / np.trace(P @ P)


def test_scale_of_a_regressor_does_not_matter():
    y, X, weight, cluster, _ = small()
    for kind in ("CR2", "CR3"):
        big = two_way_effects.fit(
            y, X * np.array([1e6, 1])[:, None, None], names="ab", weight=weight, cluster=cluster
        )
        plain = two_way_effects.fit(y, X, names="ab", weight=weight, cluster=cluster)
        ratio = [ClusterRobust(kind).from_regression(f, np.eye(2)).std_error for f in (plain, big)]
        np.testing.assert_allclose(ratio[0], ratio[1] * [1e6, 1], rtol=1e-9)


def test_any_cluster_codes_will_do():
    y, X, weight, cluster, _ = small()
    odd = [
        two_way_effects.fit(y, X, names="ab", weight=weight, cluster=c) for c in (cluster, 10 * cluster + 3)
    ]
    for kind in ("CR2", "CR3"):
        one, other = (ClusterRobust(kind).from_regression(f, np.eye(2)).std_error for f in odd)
        np.testing.assert_array_equal(one, other)


def test_one_treated_cluster_leaves_no_refit_without_it():
    D = ((np.arange(9)[:, None] < 2) & (np.arange(6) >= 3))[None].astype(float)
    y = np.random.default_rng(0).normal(size=(9, 6))
    fit = two_way_effects.fit(
        y, np.concatenate([D, y[None] ** 2]), names=("D", "z"), cluster=np.arange(9) // 2
    )
    found = ClusterRobust("CR3").from_regression(fit, np.eye(2))
    assert np.isnan([found.std_error[0], found.low[0], found.p_value[0]]).all()
    assert "leaving out a single cluster" in found.reason[0]
    assert np.isfinite(found.std_error[1])
    assert found.reason[1] == ""


def test_a_method_with_sums_only_is_refused():
    fit = FITS["y.bcu"]
    bare = Regression(
        fit.coefficients, fit.bread, fit.scores, fit.residual_norm, fit.n_obs, fit.n_nested, 48, fit.moments
    )
    with pytest.raises(errors.OptionError, match="has sums within clusters only"):
        ClusterRobust("CR2").from_regression(bare, ONE)
    with pytest.raises(errors.OptionError, match="would be ignored"):
        ClusterRobust("CR3", correction="fixest")


def test_wild_bootstrap_of_a_panel_with_gaps_against_dummies():
    y, X, weight, cluster, observed = small(gaps=True)
    fit = two_way_effects.fit(y, X, names="ab", weight=weight, cluster=cluster, observed=observed)
    ours = slow(y, X, cluster, weight, observed)
    expected, _ = ours.wild_p(np.array([1.0, 0.0]))
    assert WildCluster().from_regression(fit, np.eye(2)[:1]).p_value[0] == pytest.approx(expected, abs=1e-12)
