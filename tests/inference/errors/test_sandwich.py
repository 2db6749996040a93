"""Two-way, Driscoll–Kraay, Conley and jackknife errors against fixest 0.14.2 and refits in R."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from reference_numbers import borough_panel, entries, fit_twfe

from whatworks import errors
from whatworks.inference import ClusterRobust, WildCluster
from whatworks.inference.errors.jackknife import Jackknife
from whatworks.inference.errors.sandwich import EARTH_KM, Conley, DriscollKraay, TwoWay
from whatworks.inference.fits import two_way_effects
from whatworks.inference.fits.regression import Regression
from whatworks.inference.fits.rows import Rows

ONE = np.eye(1)


def agrees(ours, theirs):
    assert ours.df == theirs["df_t"]
    for name, column in (("value", "estimate"), ("std_error", "se"), ("p_value", "p"), ("low", "ci_low")):
        assert getattr(ours, name)[0] == pytest.approx(theirs[column][0], rel=1e-7), name


CASES = [
    ("twfe.y", "t", ("y", "start", None)),
    ("twfe.y", "bcu", ("y", "start", "bcu")),
    ("twfe.y_bcu", "t", ("y_bcu", "start_bcu", None)),
    ("twfe.y_bcu", "bcu", ("y_bcu", "start_bcu", "bcu")),
    ("twfe.y.weights_population", "t", ("y", "start", None, "population")),
    ("twfe.y.missing", "t", "missing"),
    ("twfe.y.missing", "bcu", "missing bcu"),
]


def fit_case(roles):
    if isinstance(roles, str):
        return fit_twfe(borough_panel(cluster="bcu" if "bcu" in roles else None, missing=True))
    return fit_twfe(borough_panel(*roles))


@pytest.mark.parametrize(("entry", "cluster", "roles"), CASES, ids=lambda value: str(value)[:25])
@pytest.mark.parametrize("factor", ["default", "raw"])
def test_two_way_clusters_as_fixest(entry, cluster, roles, factor):
    name = "twoway_unit_t" if cluster == "t" else "twoway_bcu_t"
    ours = TwoWay(correction="fixest") if factor == "default" else TwoWay("CR0")
    agrees(
        ours.from_regression(fit_case(roles), ONE), entries("fixest")[entry]["results"][f"{name}.{factor}"]
    )


def test_two_way_default_is_fixest_with_the_cluster_factor_alone():
    theirs = entries("fixest")["twfe.y"]["results"]["ssc_variants"]["G_adj_only"]["twoway_unit_t"]
    assert TwoWay().from_regression(fit_twfe(borough_panel()), ONE).std_error[0] == pytest.approx(
        theirs["se"][0], rel=1e-7
    )


UNWEIGHTED = [case for case in CASES if "weights" not in case[0]]


@pytest.mark.parametrize(("entry", "cluster", "roles"), UNWEIGHTED, ids=lambda value: str(value)[:25])
@pytest.mark.parametrize("factor", ["default", "raw"])
def test_driscoll_kraay_as_fixest(entry, cluster, roles, factor):
    theirs = entries("fixest")[entry]["results"][f"driscoll_kraay_lag2.{factor}"]
    ours = DriscollKraay(2, correction="fixest" if factor == "default" else "none")
    agrees(ours.from_regression(fit_case(roles), ONE), theirs)


@pytest.mark.parametrize("name", ["y_bcu.bcu", "y.bcu", "y_bcu.borough", "y.borough"])
def test_jackknife_against_refits(name):
    theirs = entries("fewclusters")[f"jackknife.{name}"]["results"]
    outcome, cluster = name.split(".")
    start = "start" if outcome == "y" else "start_bcu"
    fit = fit_twfe(borough_panel(outcome, start, "bcu" if cluster == "bcu" else None))
    for centre, column in (("estimate", "se_CV3_G_minus_1_over_G"), ("mean", "se_CV3J_around_mean")):
        found = Jackknife(centre).from_regression(fit, ONE)
        assert found.std_error[0] == pytest.approx(theirs[column], rel=1e-7)
        assert found.df == fit.n_clusters - 1


@pytest.mark.parametrize("km", [50, 100, 200])
def test_conley_as_fixest_on_quakes(reference_public, km):
    quakes = pd.read_csv(reference_public / "data" / "quakes.csv")
    stored = json.loads(
        (reference_public / "goldens" / "quakes__fixest_conley.json").read_text(encoding="utf-8")
    )
    X = np.column_stack([np.ones(len(quakes)), quakes["mag"], quakes["stations"]]).T[:, :, None]
    y = quakes["depth"].to_numpy(dtype=float)[:, None]
    n = len(y)
    bread = np.linalg.inv(np.einsum("knt,lnt->kl", X, X))
    beta = bread @ np.einsum("knt,nt->k", X, y)
    residual = y - np.tensordot(beta, X, axes=1)
    rows = Rows(X, residual, np.ones(n), np.arange(n), np.ones((n, 1), bool), unit_effects=False)
    scores = np.einsum("knt,nt->nk", X, residual)
    fit = Regression(beta, bread, scores, 1.0, n, 0, 0, lambda: None, lambda: rows)
    same_pairs = km * EARTH_KM / 6376  # fixest takes a larger Earth
    found = Conley(same_pairs, quakes[["lat", "long"]].to_numpy(), "fixest").from_regression(fit, np.eye(3))
    theirs = stored["results"][f"spherical_{km}km"]
    assert found.df == theirs["dof_t"]
    np.testing.assert_allclose(found.value, theirs["estimate"], rtol=1e-7)
    np.testing.assert_allclose(found.std_error, theirs["se"], rtol=1e-7)
    np.testing.assert_allclose(found.low, theirs["ci_low"], rtol=1e-7)


def test_conley_between_no_correlation_and_clusters():
    fit = fit_twfe(borough_panel())
    places = np.column_stack([np.linspace(50, 51, 32), np.zeros(32)])
    alone = Conley(0.001, places, "none").from_regression(fit, ONE)
    assert alone.std_error[0] == pytest.approx(ClusterRobust("CR0").from_regression(fit, ONE).std_error[0])
    default = Conley(0.001, places).from_regression(fit, ONE)
    assert default.std_error[0] == pytest.approx(np.sqrt(32 / 31) * alone.std_error[0])
    assert default.df == 31
    by_bcu = fit_twfe(borough_panel(cluster="bcu"))
    codes = borough_panel(cluster="bcu").cluster
    together = Conley(1, np.column_stack([codes * 2.0, codes * 0.0]), "none").from_regression(fit, ONE)
    assert together.std_error[0] == pytest.approx(
        ClusterRobust("CR0").from_regression(by_bcu, ONE).std_error[0]
    )


def test_one_degree_of_latitude_is_111_km():
    pair = np.array([[51.0, 0.0], [52.0, 0.0]])
    assert not Conley(111.1, pair).near()[0, 1]
    assert Conley(111.3, pair).near()[0, 1]


def test_driscoll_kraay_without_lags_clusters_by_period():
    panel = borough_panel()
    fit = fit_twfe(panel)
    influence = fit.rows().influence(fit.bread[0]).sum(axis=0)
    found = DriscollKraay(0, correction="none").from_regression(fit, ONE)
    assert found.std_error[0] == pytest.approx(np.sqrt(influence @ influence))
    # 4·(48/100)^(2/9) = 3.40
    assert "3 lags" in DriscollKraay().from_regression(fit, ONE).sentence


def test_a_negative_variance_has_a_reason():
    # each cluster's scores cancel over periods and each period's over clusters: only the cells remain
    y = np.outer([1.0, -1.0, 1.0, -1.0], [1.0, -1.0, 1.0, -1.0])
    X = np.outer([1.0, 1.0, -1.0, -1.0], [1.0, 1.0, -1.0, -1.0])
    found = TwoWay().from_regression(two_way_effects.fit(y, X[None], names="x"), ONE)
    assert np.isnan([found.std_error[0], found.low[0], found.p_value[0]]).all()
    assert "negative" in found.reason[0]


def test_options_are_checked():
    fit = fit_twfe(borough_panel())
    with pytest.raises(errors.OptionError, match="would be ignored"):
        TwoWay("CR0", correction="fixest")
    with pytest.raises(errors.OptionError, match="lags=-1"):
        DriscollKraay(-1)
    with pytest.raises(errors.OptionError, match="48 periods"):
        DriscollKraay(48).from_regression(fit, ONE)
    with pytest.raises(errors.OptionError, match="metres"):
        Conley(10, np.array([[530000.0, 180000.0]]))
    with pytest.raises(errors.OptionError, match="2 coordinates for 32 units"):
        Conley(10, np.array([[51.0, 0.0], [52.0, 0.0]])).from_regression(fit, ONE)
    with pytest.raises(errors.OptionError, match="centre"):
        Jackknife("median")


def test_wild_bootstrap_beside_two_way_needs_no_rows():
    fit = fit_twfe(borough_panel(cluster="bcu"))
    assert WildCluster().from_regression(fit, ONE).value[0] == TwoWay().from_regression(fit, ONE).value[0]
