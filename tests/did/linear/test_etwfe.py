"""did.etwfe against a dense regression, against did.imputation where they are the same, and its refusals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.did.dense import cell_weights, dummies, least_squares, summed_squares
from tests.did.linear.test_interaction_weighted import CLUSTERS, RAW, STARTS, rich
from tests.did.staggered import staggered

from whatworks.did import imputation
from whatworks.did.etwfe import etwfe
from whatworks.did.linear.by_event_time import aims
from whatworks.did.linear.saturated import coefficients
from whatworks.did.linear.scores import null_scores
from whatworks.errors import DesignError, OptionError
from whatworks.inference.errors.influence import Analytical
from whatworks.results import NotAvailable

Floats = npt.NDArray[np.float64]


def test_matches_a_dense_regression() -> None:
    panel = rich()
    start, period = np.repeat(panel.start, 8), np.tile(panel.periods, len(STARTS))
    y, w = np.nan_to_num(panel.outcome).ravel(), cell_weights(panel)
    there = np.isfinite(panel.outcome.ravel())
    pairs = [(g, t) for g in panel.cohorts for t in panel.periods if t >= g]
    own = np.column_stack([(start == g) & (period == t) for g, t in pairs]).astype(float)
    X = np.hstack([own, dummies(panel)])
    beta = least_squares(X[there], y[there], w[there])
    residual = np.where(there, y - X @ beta, 0)
    rows = np.zeros((len(pairs), len(y)))
    inverse = np.linalg.pinv((X[there] * w[there, None]).T @ X[there], rcond=1e-11)
    rows[:, there] = (inverse @ (X[there] * w[there, None]).T)[: len(pairs)]
    mass = own[there].T @ w[there]
    a = mass / mass.sum() @ rows
    result = etwfe(panel, inference=RAW)
    assert result.headline.value == pytest.approx(mass / mass.sum() @ beta[: len(pairs)], rel=1e-8)
    assert result.headline.std_error == pytest.approx(summed_squares(a * residual, panel), rel=1e-8)
    np.testing.assert_allclose(result.detail.estimates, beta[: len(pairs)], rtol=1e-8)


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), weighted=st.booleans(), anticipation=st.integers(0, 2))
def test_is_imputation_without_gaps_and_covariates(seed: int, weighted: bool, anticipation: int) -> None:
    panel = staggered(STARTS, periods=8, seed=seed, cluster=CLUSTERS, effect=1.0)
    if weighted:
        panel = replace(panel, weight=np.random.default_rng(seed).uniform(0.5, 3, len(STARTS)))
    ours = etwfe(panel, anticipation=anticipation, inference=RAW)
    theirs = imputation(panel, anticipation=anticipation, leads=0, inference=Analytical())
    assert ours.headline.value == pytest.approx(theirs.headline.value, rel=1e-9)
    np.testing.assert_allclose(ours.effects["event_time"], theirs.effects["event_time"])
    np.testing.assert_allclose(ours.effects["estimate"], theirs.effects["estimate"], rtol=1e-8, atol=1e-10)


def test_wild_is_that_of_imputation_without_gaps_and_covariates() -> None:
    panel = staggered(STARTS, periods=8, cluster=CLUSTERS, effect=1.0)
    ours, theirs = etwfe(panel), imputation(panel, leads=0)
    for name in ("low", "high", "p_value"):
        np.testing.assert_allclose(ours.effects[name], theirs.effects[name], rtol=1e-8)


def test_is_not_imputation_with_gaps() -> None:
    panel = replace(rich(), covariates=np.empty((0, 16, 8)), covariate_names=())
    assert etwfe(panel).headline.value != pytest.approx(imputation(panel).headline.value, rel=1e-4)


def test_scores_ignore_effects_elsewhere() -> None:
    panel = rich()
    late = panel.periods == panel.start[:, None] + 1
    at = []
    for one in (panel, panel.with_outcome(panel.outcome + 50.0 * late)):
        detail = etwfe(one).detail
        row = detail.shares[detail.event_times == 0]
        a = coefficients(detail.model, row @ detail.cells.contrast)[0]
        assert np.abs(a * late).max() > 1e-4
        at.append(null_scores(detail.model.sample, a, aims(detail.model, detail.cells, row)[0])[0])
    np.testing.assert_allclose(at[0], at[1], atol=1e-9)
    assert at[0].sum() == pytest.approx(detail.fit.coefficients[detail.event_times == 0][0], rel=1e-8)


def test_effects_without_comparison_are_listed_and_leads_are_not_tested() -> None:
    result = etwfe(staggered([4, 4, 6, 6, 8, 8], periods=9, effect=1.0))
    assert any("not identified" in note and "cohort 4 in 8" in note for note in result.notes)
    assert result.effects["event_time"].max() == 3
    assert isinstance(result.detail.pretrend, NotAvailable)
    assert "did.imputation" in result.detail.pretrend.reason


def test_scale_carries_over_to_percent() -> None:
    panel = staggered(STARTS, periods=8, cluster=CLUSTERS, effect=4.0)
    result = etwfe(panel)
    observed = panel.outcome[panel.treated].mean()
    expected = 100 * result.headline.value / (observed - result.headline.value)
    assert not isinstance(result.relative, NotAvailable)
    assert result.relative.value == pytest.approx(expected)


def test_one_treated_unit_has_no_error_and_refusals() -> None:
    assert isinstance(etwfe(staggered([5] + [None] * 8)).headline.std_error, NotAvailable)
    with pytest.raises(DesignError, match="no effect after the start"):
        etwfe(staggered([5] * 6))
    with pytest.raises(OptionError):
        etwfe(staggered([5] * 3 + [None] * 3), anticipation=-1)
    with pytest.raises(OptionError, match="does not apply to a regression"):
        etwfe(staggered([5] * 3 + [None] * 3), inference=Analytical())
