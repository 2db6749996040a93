"""Cluster-robust errors against fixest 0.14.2, clubSandwich (tests/reference) and dummies."""

from __future__ import annotations

import numpy as np
import pytest
from reference_numbers import borough_panel, entries, fit_twfe
from slow_regression import Slow

from whatworks import errors, inference
from whatworks.inference import ClusterRobust, WildCluster
from whatworks.inference.fits import two_way_effects

ONE = np.eye(1)


CASES = [
    ("twfe.y", borough_panel("y", "start"), "cluster_unit"),
    ("twfe.y", borough_panel("y", "start", "bcu"), "cluster_bcu"),
    ("twfe.y_bcu", borough_panel("y_bcu", "start_bcu"), "cluster_unit"),
    ("twfe.y_bcu", borough_panel("y_bcu", "start_bcu", "bcu"), "cluster_bcu"),
    ("twfe.y.weights_population", borough_panel("y", "start", None, "population"), "cluster_unit"),
    ("twfe.y.weights_population", borough_panel("y", "start", "bcu", "population"), "cluster_bcu"),
]


@pytest.mark.parametrize(("entry", "panel", "vcov"), CASES, ids=lambda value: str(value)[:30])
def test_fixest_convention_prints_what_fixest_prints(entry, panel, vcov):
    theirs = entries("fixest")[entry]["results"][f"{vcov}.default"]
    ours = ClusterRobust(correction="fixest").from_regression(fit_twfe(panel), ONE)
    assert ours.df == theirs["df_t"]
    for name, column in (("value", "estimate"), ("std_error", "se"), ("p_value", "p"), ("low", "ci_low")):
        assert getattr(ours, name)[0] == pytest.approx(theirs[column][0], rel=1e-7), name


@pytest.mark.parametrize(("entry", "panel", "vcov"), CASES, ids=lambda value: str(value)[:30])
def test_cr0_is_fixest_without_small_sample_factor(entry, panel, vcov):
    theirs = entries("fixest")[entry]["results"][f"{vcov}.raw"]
    ours = ClusterRobust("CR0").from_regression(fit_twfe(panel), ONE)
    assert ours.std_error[0] == pytest.approx(theirs["se"][0], rel=1e-7)


@pytest.mark.parametrize("cluster", [None, "bcu"])
def test_cr1_is_fixest_with_the_cluster_factor_alone(cluster):
    theirs = entries("fixest")["twfe.y"]["results"]["ssc_variants"]["G_adj_only"]
    ours = ClusterRobust().from_regression(fit_twfe(borough_panel(cluster=cluster)), ONE)
    assert ours.std_error[0] == pytest.approx(theirs[f"cluster_{cluster or 'unit'}"]["se"][0], rel=1e-7)


@pytest.mark.parametrize("cluster", [None, "bcu"])
def test_stata_convention_is_fixest_with_every_effect_counted(cluster):
    theirs = entries("fixest")["twfe.y"]["results"]["ssc_variants"]["K_full"]
    ours = ClusterRobust(correction="stata").from_regression(fit_twfe(borough_panel(cluster=cluster)), ONE)
    assert ours.std_error[0] == pytest.approx(theirs[f"cluster_{cluster or 'unit'}"]["se"][0], rel=1e-7)


@pytest.mark.parametrize(
    ("kind", "ours"),
    [("CR0", ClusterRobust("CR0")), ("CR1", ClusterRobust()), ("CR1S", ClusterRobust(correction="stata"))],
)
@pytest.mark.parametrize("weight", [None, "population"])
@pytest.mark.parametrize("cluster", ["bcu", "borough"])
def test_clubsandwich(kind, ours, weight, cluster):
    name = f"clubSandwich.y_bcu{'.weights_population' if weight else ''}.{cluster}.{kind}"
    theirs = entries("fewclusters")[name]["results"]
    panel = borough_panel("y_bcu", "start_bcu", "bcu" if cluster == "bcu" else None, weight)
    found = ours.from_regression(fit_twfe(panel), ONE)
    assert found.value[0] == pytest.approx(theirs["estimate"], rel=1e-7)
    assert found.std_error[0] == pytest.approx(theirs["se"], rel=1e-7)
    assert found.p_value[0] == pytest.approx(theirs["p_naive_t_Gm1"], rel=1e-7)


def test_several_regressors_and_weights_against_dummies():
    rng = np.random.default_rng(5)
    y, X = rng.normal(size=(9, 6)), rng.normal(size=(3, 9, 6))
    weight, cluster = rng.uniform(0.5, 2, size=9), np.array([0, 0, 1, 1, 2, 2, 3, 3, 3])
    fit = two_way_effects.fit(y, X, names="abc", weight=weight, cluster=cluster)
    slow = Slow(y, X, cluster, weight)
    np.testing.assert_allclose(fit.coefficients, slow.coefficients(slow.y)[:3], rtol=1e-9)
    np.testing.assert_allclose(
        ClusterRobust("CR0").covariance(fit), slow.covariance(slow.y)[:3, :3], rtol=1e-8, atol=1e-14
    )
    contrast = np.array([[0.5, 0.5, -1.0]])
    expected = np.sqrt(contrast[0] @ slow.covariance(slow.y)[:3, :3] @ contrast[0])
    assert ClusterRobust("CR0").from_regression(fit, contrast).std_error[0] == pytest.approx(
        expected, rel=1e-9
    )


@pytest.mark.parametrize("noise", [0.0, 1e-15])
def test_no_variation_has_a_reason_not_a_zero(noise):
    effect = np.zeros((6, 5))
    effect[:2, 2:] = 1
    y = 0.3 * effect + 0.7 + 0.1 * np.arange(5) + noise * np.random.default_rng(0).normal(size=(6, 5))
    fit = two_way_effects.fit(y, effect[None], names=("D",))
    for method in (ClusterRobust(), WildCluster()):
        found = method.from_regression(fit, ONE)
        assert found.value[0] == pytest.approx(0.3)
        assert np.isnan([found.std_error[0], found.low[0], found.high[0], found.p_value[0]]).all()
        assert "variation" in found.reason[0]


def test_one_cluster_against_one_has_only_rounding_left():
    # the residuals of either side sum to zero period by period, so both scores are zero but for rounding
    D = ((np.arange(7)[:, None] < 3) & (np.arange(6) >= 2))[None].astype(float)
    y = 100 + np.random.default_rng(1).normal(size=(7, 6))
    fit = two_way_effects.fit(y, D, names=("D",), cluster=np.arange(7) // 3 > 0)
    assert fit.residual_norm > 1
    for method in (ClusterRobust(), WildCluster()):
        assert np.isnan(method.from_regression(fit, ONE).std_error[0])


def test_options_are_checked():
    with pytest.raises(errors.OptionError, match="CR1"):
        ClusterRobust("CR9")
    with pytest.raises(errors.OptionError, match="would be ignored"):
        ClusterRobust("CR0", correction="stata")
    with pytest.raises(errors.OptionError, match=r"0\.95"):
        ClusterRobust().from_regression(fit_twfe(borough_panel()), ONE, level=95)


def test_names_of_the_study_parameters():
    assert inference.choose("cluster") == ClusterRobust()
    assert inference.choose("wild", draws=999, seed=3) == WildCluster(draws=999, seed=3)
    assert inference.choose("default", draws=999, seed=3) == inference.Default(999, 3)
    with pytest.raises(errors.OptionError, match="'wild'"):
        inference.choose("wld")
