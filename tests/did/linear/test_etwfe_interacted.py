"""did.etwfe with constant covariates interacted: against imputation, all dummies, and what it refuses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from slow_regression import newton_poisson
from tests.did.counts.test_etwfe_counts import counts, gaps
from tests.did.staggered import staggered

from whatworks.did import etwfe, imputation
from whatworks.errors import DesignError, OptionError
from whatworks.inference import ClusterRobust
from whatworks.inference.errors.influence import Analytical
from whatworks.results import NotAvailable

RAW = ClusterRobust("CR0")
STARTS = [5] * 5 + [6] * 4 + [None] * 7


def steady(panel, columns=1, seed=0):
    x = np.random.default_rng(seed).normal(size=(columns, panel.n_units, 1)).repeat(panel.n_periods, axis=2)
    return replace(panel, covariates=x, covariate_names=tuple(f"x{p}" for p in range(columns)))


def drawn_out(panel):
    """The same panel with each covariate times every period but the first, for did.imputation."""
    t = panel.n_periods
    parts = [x * (np.arange(t) == j) for x in panel.covariates for j in range(1, t)]
    names = tuple(f"c{j}" for j in range(len(parts)))
    return replace(panel, covariates=np.array(parts), covariate_names=names)


@pytest.mark.parametrize("columns", [1, 2])
def test_is_imputation_with_covariates_times_periods(columns):
    panel = steady(staggered(STARTS, periods=8, effect=1.0), columns)
    panel = replace(panel, weight=1.0 + np.arange(16) % 3)
    ours = etwfe(panel, covariates="interacted", inference=RAW)
    theirs = imputation(drawn_out(panel), leads=0, inference=Analytical())
    assert ours.headline.value == pytest.approx(theirs.headline.value, rel=1e-8)
    np.testing.assert_allclose(ours.effects["estimate"], theirs.effects["estimate"], rtol=1e-7)
    assert ours.spec["interacted"] is True


def dense(panel):
    """Cells, their interactions around the cohort's mean, covariates by period, unit and period dummies."""
    n, t = panel.outcome.shape
    there = np.isfinite(panel.outcome)
    x = panel.covariates[0, :, 0]
    weight = np.ones(n) if panel.weight is None else panel.weight
    cells, slopes = [], []
    for g in panel.cohorts:
        for j in np.flatnonzero(panel.periods >= g):
            inside = (panel.start == g) & there[:, j]
            mark = np.zeros((n, t))
            mark[inside, j] = 1
            cells.append(mark.ravel())
            around = np.zeros((n, t))
            around[inside, j] = (x - np.average(x[inside], weights=weight[inside]))[inside]
            slopes.append(around.ravel())
    by_period = [np.outer(x, np.arange(t) == j).ravel() for j in range(1, t)]
    X = np.column_stack([*cells, *slopes, *by_period])
    X = np.hstack([X, np.kron(np.eye(n), np.ones((t, 1))), np.kron(np.ones((n, 1)), np.eye(t))[:, 1:]])
    rows = there.ravel()
    keep = (np.repeat(panel.start, t) <= np.tile(panel.periods, n))[rows]
    return X[rows], panel.outcome.ravel()[rows], np.repeat(weight, t)[rows], keep, len(cells)


def test_matches_all_dummies_with_gaps_and_weights():
    panel = gaps(steady(staggered(STARTS, periods=8, effect=1.0)), [(0, 5), (6, 2), (12, 6)])
    panel = replace(panel, weight=1.0 + np.arange(16) % 3)
    X, y, w, _, cells = dense(panel)
    root = np.sqrt(w)
    beta = np.linalg.lstsq(X * root[:, None], y * root, rcond=1e-12)[0]
    mass = X[:, :cells].T @ w
    result = etwfe(panel, covariates="interacted", inference=RAW)
    assert result.headline.value == pytest.approx(mass @ beta[:cells] / mass.sum(), rel=1e-8)
    bread = np.linalg.pinv((X * w[:, None]).T @ X, rcond=1e-12)
    f = X @ bread @ np.concatenate([mass / mass.sum(), np.zeros(X.shape[1] - cells)]) * w * (y - X @ beta)
    unit = np.repeat(np.arange(16), 8)[np.isfinite(panel.outcome).ravel()]
    error = np.sqrt((np.bincount(unit, f) ** 2).sum())
    assert result.headline.std_error == pytest.approx(error, rel=1e-7)


def test_counts_match_all_dummies():
    cluster = [*range(9), 9, 9, 10, 10, 11, 11, 12]
    panel = steady(gaps(counts(STARTS, cluster, periods=8, mean=60.0), [(1, 6), (11, 3)]))
    X, y, w, keep, cells = dense(panel)
    beta = newton_poisson(y, np.zeros(len(y)), X, w)
    lift = X[:, : 2 * cells] @ beta[: 2 * cells]
    mu = np.exp(X @ beta)
    one, none = mu * keep, mu * np.exp(-lift) * keep
    result = etwfe(panel, model="poisson", covariates="interacted", inference=RAW)
    assert result.headline.value == pytest.approx(one.sum() / none.sum(), rel=1e-8)
    plain = X.copy()
    plain[:, : 2 * cells] = 0
    gradient = one @ X / one.sum() - none @ plain / none.sum()
    f = X @ np.linalg.inv((X * mu[:, None]).T @ X) @ gradient * (y - mu)
    codes = np.repeat(cluster, 8)[np.isfinite(panel.outcome).ravel()]
    error = np.sqrt((np.bincount(codes, f) ** 2).sum())
    assert result.detail.log_effect.std_error == pytest.approx(error, rel=1e-7)
    wild = etwfe(panel, model="poisson", covariates="interacted").headline
    assert wild.low < wild.value < wild.high


def test_origin_and_unit_of_a_covariate_do_not_matter():
    panel = steady(staggered(STARTS, periods=8, effect=1.0), 2)
    moved = replace(panel, covariates=panel.covariates * np.array([1e3, 1e-3])[:, None, None] + 50)
    for model in ("linear", "poisson"):
        one, two = (etwfe(p, model=model, covariates="interacted", inference=RAW) for p in (panel, moved))
        assert one.headline.value == pytest.approx(two.headline.value, rel=1e-7)
        assert one.headline.std_error == pytest.approx(two.headline.std_error, rel=1e-6)


def test_small_cohorts_get_as_many_slopes_as_they_can_tell_apart_and_no_sandwich_error():
    starts = [5, 5, 6, 6, 6, *[None] * 9]
    panel = steady(staggered(starts, periods=8, effect=1.0), 2)
    result = etwfe(panel, covariates="interacted", inference=RAW)
    theirs = imputation(drawn_out(panel), leads=0, inference=Analytical())
    assert result.headline.value == pytest.approx(theirs.headline.value, rel=1e-8)
    assert isinstance(result.headline.std_error, NotAvailable)
    assert "no more than 3 units" in result.headline.std_error.reason


def test_refusals():
    panel = staggered(STARTS, periods=8)
    with pytest.raises(DesignError, match="no covariate to interact"):
        etwfe(panel, covariates="interacted")
    moving = replace(
        panel, covariates=np.random.default_rng(1).normal(size=(1, 16, 8)), covariate_names=("x",)
    )
    for model in ("linear", "poisson"):
        with pytest.raises(DesignError, match="must not vary over time: x"):
            etwfe(moving, model=model, covariates="interacted")
    with pytest.raises(OptionError, match="covariates"):
        etwfe(panel, covariates="all")
