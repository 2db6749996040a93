"""Bands for several estimates at once: closed forms, brute force over all sign vectors, limits."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from whatworks.inference.errors.uniform import (
    largest_normals,
    normal_band,
    regression_terms,
    score_terms,
    wild_band,
)
from whatworks.inference.errors.wild import WildCluster
from whatworks.inference.fits.regression import Moments, Regression
from whatworks.inference.uncertainty import Uncertainty
from whatworks.results import NotAvailable

NORMAL = NotAvailable("normal")


def estimates(k, *, df=NORMAL, level=0.95):
    value, error = np.arange(k, dtype=float), np.linspace(1, 2, k)
    return Uncertainty(value, error, value, value, value, ("",) * k, level, df, "")


def critical(found, band):
    return (band.high - found.value) / found.std_error


@pytest.mark.parametrize("level", [0.9, 0.95])
def test_independent_estimates_get_the_value_of_sidak(level):
    found = estimates(8, level=level)
    c = critical(found, normal_band(found, np.diag(found.std_error**2)))
    # 9,999 draws leave about 0.02 of Monte Carlo error on this quantile
    np.testing.assert_allclose(c, stats.norm.ppf((1 + level ** (1 / 8)) / 2), atol=0.06)
    assert np.ptp(c) < 1e-12


def test_estimates_that_move_as_one_get_the_pointwise_value():
    found = estimates(5)
    c = critical(found, normal_band(found, np.outer(found.std_error, found.std_error)))
    np.testing.assert_allclose(c, 1.96, atol=0.04)


def test_degrees_of_freedom_carry_the_tail_over_to_t():
    few, many = estimates(8, df=15.0), estimates(8)
    wide, narrow = (critical(f, normal_band(f, np.eye(8)))[0] for f in (few, many))
    assert stats.t.sf(wide, 15) == pytest.approx(stats.norm.sf(narrow), rel=1e-9)
    one = estimates(1, df=15.0)
    assert critical(one, normal_band(one, np.eye(1)))[0] >= stats.t.ppf(0.975, 15)


def test_scale_of_the_covariance_does_not_matter_and_missing_errors_stand_outside():
    found = estimates(6)
    gap = np.arange(6) == 2
    holed = Uncertainty(
        found.value, np.where(gap, np.nan, found.std_error), found.value, found.value, found.value,
        tuple("no noise" if g else "" for g in gap), 0.95, NORMAL, "",
    )  # fmt: skip
    covariance = np.eye(6) + 0.4
    covariance[2] = covariance[:, 2] = 0
    band, again = normal_band(holed, covariance), normal_band(holed, 7 * covariance)
    np.testing.assert_allclose(band.low, again.low, rtol=1e-12)
    assert np.isnan(band.low[2])
    assert np.isnan(band.high[2])
    assert band.reason == ("", "", "no noise", "", "", "")
    assert "all 5 event times" in band.sentence


def test_largest_normals_come_from_the_seed():
    one, two = (largest_normals(np.eye(3), 500, seed) for seed in (1, 2))
    np.testing.assert_array_equal(one, largest_normals(np.eye(3), 500, 1))
    assert not np.array_equal(one, two)


def scores(g=9, k=3, seed=1):
    draw = np.random.default_rng(seed)
    at_null = draw.standard_normal((g, k)) + 0.3
    slope = draw.uniform(0.5, 1.5, (g, k))
    return at_null, slope / slope.sum(axis=0)


def test_one_estimate_alone_gets_its_own_interval():
    at_null, slope = scores(k=1)
    wild = WildCluster()
    band = wild_band(wild, [score_terms(wild, at_null, slope)], 9, level=0.95)
    found = wild.from_scores(at_null, slope, level=0.95)
    assert (band.low[0], band.high[0]) == (found.low[0], found.high[0])


def test_copies_of_one_estimate_cost_nothing():
    at_null, slope = scores(k=1)
    wild = WildCluster()
    band = wild_band(wild, [score_terms(wild, at_null[:, [0] * 4], slope[:, [0] * 4])], 9, level=0.9)
    found = wild.from_scores(at_null, slope, level=0.9)
    np.testing.assert_allclose(band.low, np.repeat(found.low, 4), rtol=1e-12)


def test_against_all_sign_vectors_one_by_one():
    at_null, slope = scores()
    signs = np.array(list(itertools.product([1.0, -1.0], repeat=9)))

    def p_values(theta):
        """p-value of each estimate's own theta."""
        tested = at_null - theta * slope
        drawn = np.abs(signs @ tested)
        return (drawn >= np.abs(tested.sum(axis=0)) * (1 - 1e-9)).mean(axis=0)

    estimate = at_null.sum(axis=0)
    drawn = np.abs(signs @ (at_null - estimate * slope))
    own = np.stack([(drawn >= row * (1 - 1e-9)).mean(axis=0) for row in drawn])
    smallest = np.sort(own.min(axis=1))
    wild = WildCluster()
    band = wild_band(wild, [score_terms(wild, at_null, slope)], 9, level=0.9)
    bar = smallest[int(np.floor(0.1 * len(smallest)))]
    # fewer than a tenth of all draws has a p-value below the bar, and more than a tenth up to it
    assert (smallest < bar).mean() <= 0.1 < (smallest <= bar).mean()
    for ends, outward in ((band.low, -1e-6), (band.high, 1e-6)):
        assert (p_values(ends - outward) >= bar).all()
        assert (p_values(ends + outward) < bar).all()


def test_parts_are_put_together_as_if_they_were_one():
    at_null, slope = scores(k=4)
    wild = WildCluster()
    whole = wild_band(wild, [score_terms(wild, at_null, slope)], 9, level=0.9)
    split = [score_terms(wild, at_null[:, part], slope[:, part]) for part in (slice(0, 1), slice(1, 4))]
    parts = wild_band(wild, split, 9, level=0.9)
    np.testing.assert_allclose(parts.low, whole.low, rtol=1e-12)
    assert parts.sentence == whole.sentence


def regression(g=10, k=2, seed=3):
    """g clusters of 4 rows, k regressors, nothing absorbed."""
    draw = np.random.default_rng(seed)
    X = draw.standard_normal((g, 4, k))
    u = draw.standard_normal((g, 4)) + 0.5 * draw.standard_normal((g, 1))
    gram = np.einsum("gik,gil->gkl", X, X)
    bread = np.linalg.inv(gram.sum(axis=0))
    beta = bread @ np.einsum("gik,gi->k", X, u)
    residual = u - X @ beta
    moments = Moments(gram, np.zeros((g, k, 0)), np.zeros((g, 0)))
    return Regression(
        beta, bread, np.einsum("gik,gi->gk", X, residual), float(np.sqrt((residual**2).sum())), 4 * g, 0, 0,
        lambda: moments,
    )  # fmt: skip


@pytest.mark.parametrize("null", ["imposed", "free"])
def test_regressions_invert_their_own_refits(null):
    fit, wild = regression(), WildCluster(null=null)
    terms = regression_terms(wild, fit, np.eye(2))
    found = wild.from_regression(fit, np.eye(2), level=0.8)
    np.testing.assert_array_equal(terms.ends(0.8), (found.low, found.high))
    band = wild_band(wild, [terms], fit.n_clusters, level=0.8)
    assert (band.low <= found.low).all()
    assert (band.high >= found.high).all()
    assert (band.high - band.low > found.high - found.low).any()


def test_too_few_clusters_leave_the_band_open_with_a_reason():
    at_null, slope = scores(g=6, k=8)
    wild = WildCluster()
    band = wild_band(wild, [score_terms(wild, at_null, slope)], 6, level=0.95)
    gap = np.isnan(band.low) | np.isnan(band.high)
    assert gap.any()
    assert all(("no end" in words) == open_ended for words, open_ended in zip(band.reason, gap, strict=True))
