"""Published results on few clusters and on all assignments: the regression core of trials gives them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.support.reference_numbers import borough_panel, entries

from whatworks import Trial, rct
from whatworks.inference import ClusterRobust, RandomisationInference, WildCluster
from whatworks.inference.fits import least_squares
from whatworks.inference.fits.regression import Regression

NAMES = ["(Intercept)", "D", "treat", "post"]
KINDS = {
    "CR0": ClusterRobust("CR0"),
    "CR1": ClusterRobust("CR1"),
    "CR1S": ClusterRobust("CR1", correction="stata"),
    "CR2": ClusterRobust("CR2"),
}


def golden(folder: Path, name: str) -> dict[str, Any]:
    return json.loads((folder / "goldens" / f"{name}.json").read_text(encoding="utf-8"))["results"]


@pytest.fixture(scope="module")
def sandwich(reference_public: Path) -> dict[str, Any]:
    return golden(reference_public, "few_clusters__clubSandwich")


@pytest.fixture(scope="module")
def wild(reference_public: Path) -> dict[str, Any]:
    return golden(reference_public, "few_clusters__fwildclusterboot")


@pytest.fixture(scope="module")
def forces(reference_public: Path) -> pd.DataFrame:
    return pd.read_csv(reference_public / "data" / "sim_few_clusters.csv")


def pooled(frame: pd.DataFrame, shift: float = 0.0, weight: str | None = None) -> Regression:
    design = np.column_stack([np.ones(len(frame)), frame[["D", "treat", "post"]]])
    w = None if weight is None else frame[weight].to_numpy(float)
    y, force = (frame["y"] - shift * frame["D"]).to_numpy(float), frame["force"].to_numpy() - 1
    return least_squares.fit(y, design, names=NAMES, where="test", weight=w, cluster=force)


def dummies(frame: pd.DataFrame, shift: float = 0.0) -> Regression:
    force, period = (pd.get_dummies(frame[name], dtype=float).to_numpy()[:, 1:] for name in ("force", "t"))
    design = np.column_stack([np.ones(len(frame)), frame["D"], force, period])
    names = [f"x{k}" for k in range(design.shape[1])]
    y = (frame["y"] - shift * frame["D"]).to_numpy(float)
    return least_squares.fit(y, design, names=names, where="test", cluster=frame["force"].to_numpy() - 1)


def second(fit: Regression) -> np.ndarray:
    return np.eye(len(fit.coefficients))[1:2]


@pytest.mark.parametrize("kind", KINDS)
def test_dummies_of_forces_and_periods(sandwich, forces, kind) -> None:
    theirs = sandwich["few_clusters_lsdv"][kind]
    fit = dummies(forces)
    found = KINDS[kind].from_regression(fit, second(fit))
    assert found.value[0] == pytest.approx(theirs["naive-t"]["beta"], rel=1e-9)
    assert found.std_error[0] == pytest.approx(theirs["naive-t"]["SE"], rel=1e-7)
    shown = ("Satterthwaite", "Satt") if kind == "CR2" else ("naive-t", "t")
    assert found.p_value[0] == pytest.approx(theirs[shown[0]][f"p_{shown[1]}"], rel=1e-7)
    assert np.broadcast_to(found.df, 1)[0] == pytest.approx(theirs[shown[0]][f"df_{shown[1]}"], rel=1e-7)


@pytest.mark.parametrize("kind", ["CR1", "CR2"])
def test_without_dummies(sandwich, forces, kind) -> None:
    theirs = sandwich["few_clusters_pooled"][kind]
    found = KINDS[kind].from_regression(pooled(forces), np.eye(4))
    name, ending = ("Satterthwaite", "Satt") if kind == "CR2" else ("naive-t", "t")
    for ours, column in ((found.value, "beta"), (found.std_error, "SE"), (found.p_value, f"p_{ending}")):
        np.testing.assert_allclose(ours, theirs[name][column], rtol=1e-7)
    if kind == "CR2":
        np.testing.assert_allclose(found.df, theirs[name]["df_Satt"], rtol=1e-7)


def test_interval_weights_and_covariance(sandwich, forces) -> None:
    theirs, fit = sandwich["few_clusters_CI_CR2"], pooled(forces)
    found = KINDS["CR2"].from_regression(fit, second(fit))
    assert found.low[0] == pytest.approx(theirs["CI_L"], rel=1e-7)
    assert found.high[0] == pytest.approx(theirs["CI_U"], rel=1e-7)
    heavy, weighted = sandwich["few_clusters_weighted_CR2"], pooled(forces, weight="w")
    found = KINDS["CR2"].from_regression(weighted, np.eye(4))
    np.testing.assert_allclose(found.value, heavy["z"]["beta"], rtol=1e-7)
    np.testing.assert_allclose(
        KINDS["CR2"].covariance(fit), sandwich["vcovCR_few"]["values"], rtol=1e-7, atol=1e-12
    )


@pytest.mark.parametrize("form", [pooled, dummies])
def test_wild_bootstrap_of_every_sign_vector(wild, forces, form) -> None:
    """256 vectors of signs. The sample and its mirror tie with themselves; one of their engines counts both,
    as ours does, the other neither. With the null free the sample is not among the vectors and joins them.
    """
    fit, other, engines = form(forces), form(forces, -0.5), wild["enumerated_lm"]
    found = WildCluster().from_regression(fit, second(fit))
    assert found.value[0] == pytest.approx(wild["pooled_ptypes"]["two-tailed"]["est"], rel=1e-9)
    assert found.p_value[0] == engines["rademacher_WCR_11"]["p"]
    assert found.p_value[0] == engines["rademacher_WCR_fnw11"]["p"] + 2 / 256
    moved = WildCluster().from_regression(other, second(other))
    assert moved.p_value[0] == wild["pooled_r_minus0.5"]["p"] + 2 / 256
    free = WildCluster(null="free").from_regression(fit, second(fit))
    assert free.p_value[0] == pytest.approx((1 + 256 * engines["rademacher_WCU_11"]["p"]) / 257, rel=1e-12)


def test_refits_without_each_force(wild, forces) -> None:
    theirs, fit = wild["summclust"], pooled(forces)
    # CRV3 has the jackknife's factor (G - 1)/G, CR3 has none
    ours = 7 / 8 * ClusterRobust("CR3").covariance(fit)
    np.testing.assert_allclose(ours, theirs["CRV3"]["values"], rtol=1e-7)


def test_all_assignments_of_a_small_trial(reference_public) -> None:
    theirs = golden(reference_public, "ri_small__ri2")["complete_exact"]
    frame = pd.read_csv(reference_public / "data" / "ri_small.csv").reset_index(names="unit")
    trial = Trial.from_frame(frame, unit="unit", arm="z", outcome="y", control=0)
    found = rct.randomisation_test(trial)
    assert found.design.allocations == theirs["nperm"]
    assert found.headline.value == pytest.approx(theirs["estimate"], rel=1e-12)
    assert found.headline.p_value == pytest.approx(theirs["p_two"], rel=1e-12)
    assert found.detail.p_lower == pytest.approx(theirs["p_lower"], rel=1e-12)
    assert found.detail.p_upper == theirs["p_upper"]
    same = rct.itt(trial, inference=RandomisationInference()).headline
    assert (same.value, same.p_value) == (found.headline.value, found.headline.p_value)


@pytest.mark.parametrize("cluster", ["bcu", "borough"])
@pytest.mark.parametrize("kind", ["CR0", "CR1", "CR1S"])
def test_boroughs_without_dummies_of_their_own(cluster, kind) -> None:
    theirs = entries("fewclusters")[f"clubSandwich.y_bcu.pooled.{cluster}.{kind}"]["results"]
    panel = borough_panel("y_bcu", "start_bcu", "bcu" if cluster == "bcu" else None)
    n, t = panel.outcome.shape
    treated = panel.treated.astype(float)
    ever = np.repeat(treated.any(axis=1), t).astype(float)
    design = np.column_stack([np.tile(np.eye(t), (n, 1)), treated.ravel(), ever])
    codes = np.repeat(np.arange(n) if panel.cluster is None else panel.cluster, t)
    names = [f"x{k}" for k in range(t + 2)]
    fit = least_squares.fit(panel.outcome.ravel(), design, names=names, where="test", cluster=codes)
    found = KINDS[kind].from_regression(fit, np.eye(t + 2)[[t]])
    assert found.value[0] == pytest.approx(theirs["estimate"], rel=1e-9)
    assert found.std_error[0] == pytest.approx(theirs["se"], rel=1e-9)
    assert found.p_value[0] == pytest.approx(theirs["p_naive_t_Gm1"], rel=1e-8)
