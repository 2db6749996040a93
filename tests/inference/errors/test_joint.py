"""Joint tests by the largest |t|: from a loop over bootstrap regressions and from fixest's own covariance."""

from __future__ import annotations

import numpy as np
import pytest
from reference_numbers import borough_panel, entries
from slow_regression import Slow

from whatworks import did
from whatworks.inference import ClusterRobust, WildCluster
from whatworks.inference.errors import joint
from whatworks.inference.fits import two_way_effects
from whatworks.results import NotAvailable


@pytest.mark.parametrize("seed", range(2))
def test_largest_t_by_one_regression_per_sign_vector(seed):
    rng = np.random.default_rng(seed)
    cluster = np.sort(np.arange(12) % 6)
    y, X = rng.normal(size=(12, 7)), rng.normal(size=(3, 12, 7))
    y = y + 0.15 * X[1]
    slow = Slow(y, X, cluster)
    tested = np.eye(3)[1:]
    fitted = slow.restricted(tested, [0.0, 0.0])
    largest = [max(abs(slow.t(s, c)) for c in tested) for s in slow.samples(fitted)]
    observed = max(abs(slow.t(slow.y, c)) for c in tested)
    fit = two_way_effects.fit(y, X, names="abc", cluster=cluster)
    found = joint.joint_test(fit, np.array([1, 2]), WildCluster())
    assert found.p_value == np.mean(np.array(largest) >= observed * (1 - 1e-9))
    assert found.statistic == pytest.approx(observed * np.sqrt(5 / 6), rel=1e-9)
    assert found.n_tested == 2


def test_statistic_is_the_largest_t_that_fixest_prints():
    stored = entries("fixest")["eventstudy.y.binned"]["results"]["cluster_unit.raw"]
    found = did.event_study(borough_panel(), ends=(-12, 18)).detail.pretrend
    # fixest without small-sample factor is CR0; ours divides by the root of 32/31 as CR1 does
    assert found.statistic == pytest.approx(np.abs(stored["stat"][:11]).max() * np.sqrt(31 / 32), rel=1e-7)


def test_normal_reference_agrees_with_a_simulation_from_the_stored_covariance():
    stored = entries("fixest")["eventstudy.y.binned"]["results"]
    V = np.array(stored["vcov_matrix.cluster_unit.default"]["values"])[:11, :11]
    R = V / np.sqrt(np.outer(np.diag(V), np.diag(V)))
    drawn = np.abs(np.random.default_rng(0).multivariate_normal(np.zeros(11), R, size=200_000)).max(axis=1)
    fit = did.event_study(borough_panel(), ends=(-12, 18)).detail.fit
    found = joint.largest_normal(fit, np.arange(11), draws=9999, seed=1)
    expected = np.mean(drawn >= found.statistic)
    assert found.p_value == pytest.approx(expected, abs=4 * np.sqrt(expected / 9999) + 1e-4)


def test_no_variation_has_no_p_value():
    X = np.random.default_rng(1).normal(size=(2, 8, 6))
    fit = two_way_effects.fit(np.zeros((8, 6)), X, names="ab")
    for found in (
        joint.largest_normal(fit, np.arange(2), draws=99, seed=1),
        joint.largest_t(fit, np.arange(2), WildCluster()),
    ):
        assert isinstance(found.p_value, NotAvailable)


def test_more_coefficients_than_clusters():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(9, 60, 5))
    fit = two_way_effects.fit(rng.normal(size=(60, 5)), X, names="abcdefghi", cluster=np.arange(60) % 8)
    found = joint.joint_test(fit, np.arange(9), ClusterRobust())
    assert 0 < found.p_value <= 1
    assert "8 clusters" in found.sentence


def test_beyond_a_thousand_clusters_nothing_is_refitted():
    rng = np.random.default_rng(0)
    fit = two_way_effects.fit(rng.normal(size=(1001, 4)), rng.normal(size=(2, 1001, 4)), names="ab")
    found = joint.joint_test(fit, np.arange(2), ClusterRobust())
    assert "normal variables" in found.sentence
    assert 0 < found.p_value <= 1
