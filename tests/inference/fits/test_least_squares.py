"""Least squares on one row a unit: every error of estimatr's, from the same rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from tests.support.reference_numbers import HERE, entries

from whatworks.errors import DesignError, OptionError
from whatworks.inference import ClusterRobust, Heteroskedastic
from whatworks.inference.fits import least_squares
from whatworks.inference.fits.regression import Regression

A = pd.read_csv(HERE / "data" / "trial_blocked.csv")
C = pd.read_csv(HERE / "data" / "trial_cluster.csv")
BLOCKS = pd.get_dummies(A.block, drop_first=True).to_numpy(float)


def columns(*parts: npt.ArrayLike) -> npt.NDArray[np.float64]:
    return np.column_stack([np.ones(len(np.asarray(parts[0]))), *parts]).astype(float)


def ols(frame: pd.DataFrame, *parts: npt.ArrayLike, **options: Any) -> Regression:
    X = columns(*parts)
    names = [f"x{j}" for j in range(X.shape[1])]
    return least_squares.fit(frame.y.to_numpy(float), X, names=names, where="test", **options)


def agree(fit: Regression, inference: Any, entry: str, term: str) -> None:
    """Coefficient 1, its error, interval, p and degrees of freedom against a stored entry."""
    wanted = entries("trial")[entry]["results"]
    at = wanted["terms"].index(term)
    k = len(fit.coefficients)
    found = inference.from_regression(fit, np.eye(k)[1:2])
    df = np.broadcast_to(wanted["df"], (len(wanted["terms"]),))[at]
    assert found.value[0] == pytest.approx(wanted["estimate"][at], rel=1e-10)
    assert found.std_error[0] == pytest.approx(wanted["se"][at], rel=1e-10)
    assert float(np.atleast_1d(found.df)[0]) == pytest.approx(df, rel=1e-9)
    assert found.low[0] == pytest.approx(wanted["ci_low"][at], rel=1e-9)
    assert found.high[0] == pytest.approx(wanted["ci_high"][at], rel=1e-9)
    assert found.p_value[0] == pytest.approx(wanted["p"][at], rel=1e-7)


@pytest.mark.parametrize("kind", ["classical", "HC0", "HC1", "HC2", "HC3"])
@pytest.mark.parametrize("adjusted", [True, False])
def test_heteroskedastic_errors_are_estimatrs(kind: str, adjusted: bool) -> None:
    fit = ols(A, A.z, A.x, BLOCKS) if adjusted else ols(A, A.z)
    entry = f"lm_robust.{'adjusted' if adjusted else 'simple'}.{kind}"
    agree(fit, Heteroskedastic(kind), entry, "z")


def test_welch_and_weights_are_estimatrs() -> None:
    agree(ols(A, A.z), Heteroskedastic(df="welch"), "dim.simple", "z")
    share = A.groupby("block").z.transform("mean")
    weight = np.where(A.z == 1, 1 / share, 1 / (1 - share))
    agree(ols(A, A.z, weight=weight), Heteroskedastic(), "lm_robust.ipw_blocks.HC2", "z")


@pytest.mark.parametrize(
    ("inference", "entry"),
    [
        (ClusterRobust("CR0"), "lm_robust.cluster.CR0"),
        (ClusterRobust("CR1", correction="stata"), "lm_robust.cluster.stata"),
        (ClusterRobust("CR2"), "lm_robust.cluster.CR2"),
    ],
)
def test_clustered_errors_are_estimatrs(inference: ClusterRobust, entry: str) -> None:
    agree(ols(C, C.z, C.x, cluster=C.cluster.to_numpy() - 1), inference, entry, "z")


@pytest.mark.parametrize("kind", ["classical", "HC0", "HC1", "HC2"])
def test_two_stages_are_estimatrs(kind: str) -> None:
    fit = ols(A, A.takeup, A.x, BLOCKS, instruments=columns(A.z, A.x, BLOCKS))
    agree(fit, Heteroskedastic(kind), f"cace.iv.{kind}", "takeup")


@pytest.mark.parametrize("kind", ["CR0", "CR2"])
def test_two_stages_in_clusters_are_estimatrs(kind: str) -> None:
    dosed = ((C.z == 1) & (C.x > -0.5)).to_numpy(float)
    fit = ols(C, dosed, cluster=C.cluster.to_numpy() - 1, instruments=columns(C.z))
    agree(fit, ClusterRobust(kind), f"cace.iv.cluster.{kind}", "dosed")


def test_satterthwaite_is_bell_and_mccaffrey_with_clusters_of_one() -> None:
    fit = ols(A, A.z, A.x, BLOCKS)
    fast = Heteroskedastic(df="satterthwaite").from_regression(fit, np.eye(8))
    slow = ClusterRobust("CR2").from_regression(fit, np.eye(8))
    np.testing.assert_allclose(fast.std_error, slow.std_error, rtol=1e-10)
    np.testing.assert_allclose(np.asarray(fast.df), np.asarray(slow.df), rtol=1e-8)


def test_satterthwaite_with_weights_is_the_trace_formula() -> None:
    rng = np.random.Generator(np.random.PCG64(4))
    X, w = columns(rng.normal(size=30), rng.normal(size=30)), rng.uniform(0.5, 2, 30)
    fit = least_squares.fit(rng.normal(size=30), X, names=list("abc"), where="test", weight=w)
    found = Heteroskedastic(df="satterthwaite").from_regression(fit, np.eye(3))
    M = np.linalg.inv(X.T @ (X * w[:, None]))
    H = X @ M @ (X * w[:, None]).T
    room = 1 / np.sqrt(1 - np.diag(H))
    for j in range(3):
        G = ((M @ (X * w[:, None]).T)[j] * room)[:, None] * (np.eye(30) - H)
        P = G @ G.T
        assert np.asarray(found.df)[j] == pytest.approx(np.trace(P) ** 2 / (P**2).sum(), rel=1e-10)


def test_what_cannot_be_told_apart_or_lacks_rows_is_refused() -> None:
    with pytest.raises(DesignError, match="cannot be told apart"):
        ols(A, A.z, A.z)
    with pytest.raises(OptionError, match="leave nothing to learn"):
        Heteroskedastic().from_regression(ols(A[:2], A.z[:2]), np.eye(2))
    with pytest.raises(DesignError, match="difference in means"):
        Heteroskedastic(df="welch").from_regression(ols(A, A.x), np.eye(2))
    with pytest.raises(OptionError, match="belongs to HC2"):
        Heteroskedastic("HC3", df="welch")


@pytest.mark.parametrize("unit", [1e-12, 1e-7, 1e7, 1e12])
@pytest.mark.parametrize(
    "inference",
    [
        Heteroskedastic("HC2"),
        Heteroskedastic("HC2", df="satterthwaite"),
        Heteroskedastic("HC3"),
        ClusterRobust("CR2"),
        ClusterRobust("CR3"),
    ],
)
def test_the_unit_of_a_regressor_moves_no_other_error(inference: Any, unit: float) -> None:
    codes = None if isinstance(inference, Heteroskedastic) else C.cluster.to_numpy() - C.cluster.min()
    plain, scaled = (
        inference.from_regression(ols(C, C.z, factor * C.x, cluster=codes), np.eye(3)[1:])
        for factor in (1.0, unit)
    )
    factors = np.array([1.0, 1 / unit])
    assert scaled.std_error == pytest.approx(factors * plain.std_error, rel=1e-8)
    assert np.asarray(scaled.df) == pytest.approx(np.asarray(plain.df), rel=1e-7)
