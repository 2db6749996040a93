"""Wild bootstrap from scores: against a loop over all sign vectors, and its edge cases."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whatworks import errors
from whatworks.inference import WildCluster
from whatworks.inference.fits import two_way_effects
from whatworks.inference.fits.projection import residuals


def scores(seed, clusters, k=1, effect=0.0):
    """Scores of k estimators linear in the outcome: sums over clusters are the estimates; slopes sum to 1."""
    rng = np.random.default_rng(seed)
    slope = rng.uniform(0.2, 1, size=(clusters, k))
    slope /= slope.sum(axis=0)
    return rng.normal(size=(clusters, k)) + effect * slope, slope


def slow_p(at_null, slope, null):
    """Share of all sign vectors whose absolute sum is not below the sample's, at one null."""
    s = at_null - null * slope
    observed = abs(s.sum())
    sums = [abs(np.dot(row, s)) for row in itertools.product([1, -1], repeat=len(s))]
    return np.mean(np.array(sums) >= observed - 1e-9 * np.abs(s).sum())


@pytest.mark.parametrize("seed", range(5))
def test_p_value_by_a_loop_over_all_sign_vectors(seed):
    at_null, slope = scores(seed, 8, k=3, effect=1.0)
    found = WildCluster().from_scores(at_null, slope)
    for j in range(3):
        assert found.p_value[j] == slow_p(at_null[:, j], slope[:, j], 0.0)
        assert found.value[j] == pytest.approx(at_null[:, j].sum())


@settings(max_examples=60)
@given(seed=st.integers(0, 100_000), clusters=st.integers(6, 9), level=st.sampled_from([0.9, 0.95]))
def test_interval_ends_are_exactly_where_p_crosses(seed, clusters, level):
    at_null, slope = scores(seed, clusters, effect=2.0)
    found = WildCluster().from_scores(at_null, slope, level=level)
    for end, sign in ((found.low[0], -1), (found.high[0], 1)):
        assert sign * (end - found.value[0]) >= 0
        # well beyond the margin for ties of `slow_p`, which grows with the distance
        step = 1e-5 * max(found.std_error[0], abs(end))
        assert slow_p(at_null[:, 0], slope[:, 0], end - sign * step) > 1 - level
        assert slow_p(at_null[:, 0], slope[:, 0], end + sign * step) <= 1 - level + 1e-12


def test_a_cluster_without_slope_still_gives_the_right_end():
    at_null, slope = scores(3, 8, effect=2.0)
    slope[0] = 0
    slope /= slope.sum()
    found = WildCluster().from_scores(at_null, slope, level=0.9)
    step = 1e-7 * found.std_error[0]
    for end, sign in ((found.low[0], -1), (found.high[0], 1)):
        assert slow_p(at_null[:, 0], slope[:, 0], end - sign * step) > 0.1
        assert slow_p(at_null[:, 0], slope[:, 0], end + sign * step) <= 0.1


def test_clusters_that_carry_nothing_change_nothing():
    at_null, slope = scores(1, 7, effect=2.0)
    more = [np.vstack([x, np.zeros((3, 1))]) for x in (at_null, slope)]
    one, other = WildCluster().from_scores(at_null, slope), WildCluster().from_scores(*more)
    assert one.p_value[0] == other.p_value[0]
    np.testing.assert_allclose([one.low[0], one.high[0]], [other.low[0], other.high[0]], rtol=1e-12)


def test_two_clusters_never_reject():
    found = WildCluster().from_scores(np.array([[5.0], [5.1]]), np.array([[0.5], [0.5]]))
    assert found.p_value[0] == 0.5
    assert np.isnan(found.low[0])
    assert "does not reject" in found.reason[0]


@pytest.mark.parametrize("weights", ["rademacher", "webb"])
def test_random_draws_count_the_sample_itself(weights):
    at_null, slope = scores(2, 30, effect=50.0)
    found = WildCluster(draws=999, weights=weights).from_scores(at_null, slope)
    assert 1 / 1000 <= found.p_value[0] <= 3 / 1000
    assert found.low[0] < found.value[0] < found.high[0]


@settings(max_examples=20)
@given(seed=st.integers(0, 1000), shift=st.floats(-5, 5), scale=st.floats(0.01, 100))
def test_shift_and_scale(seed, shift, scale):
    at_null, slope = scores(seed, 8)
    one = WildCluster().from_scores(at_null, slope, level=0.9)
    other = WildCluster().from_scores(scale * (at_null + shift * slope), slope, level=0.9)
    for name in ("value", "low", "high"):
        expected = scale * (getattr(one, name)[0] + shift)
        assert getattr(other, name)[0] == pytest.approx(expected, rel=1e-6, abs=1e-6 * scale)


def test_agrees_with_the_regression_form_on_balanced_clusters():
    # one unit a cluster, half treated: refits then differ little in their denominators, and so do the tests
    rng = np.random.default_rng(8)
    D = ((np.arange(12)[:, None] < 6) & (np.arange(10) >= 5)).astype(float)
    y = rng.normal(size=(12, 10)) + 0.4 * D
    every = np.ones((len(D), 1))
    x = residuals(D, every)
    a = x / (x**2).sum()
    at_null, slope = ((a * residuals(v, every)).sum(axis=1)[:, None] for v in (y, D))
    one = WildCluster().from_scores(at_null, slope)
    other = WildCluster().from_regression(two_way_effects.fit(y, D[None], names=("D",)), np.eye(1))
    assert one.value[0] == pytest.approx(other.value[0], rel=1e-12)
    assert one.std_error[0] == pytest.approx(other.std_error[0], rel=1e-12)
    assert one.p_value[0] == pytest.approx(other.p_value[0], abs=0.02)
    assert one.low[0] == pytest.approx(other.low[0], abs=0.2 * other.std_error[0])


def test_scores_that_do_not_add_up_are_refused():
    at_null, slope = scores(0, 8)
    with pytest.raises(errors.EstimationError, match="instead of 1"):
        WildCluster().from_scores(at_null, 2 * slope)
    with pytest.raises(errors.EstimationError, match="shape"):
        WildCluster().from_scores(at_null[:, 0], slope[:, 0])
    with pytest.raises(errors.OptionError, match="needs a regression"):
        WildCluster(null="free").from_scores(at_null, slope)
