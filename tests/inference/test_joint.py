"""Joint tests: Wald from fixest's own covariance, largest |t| from a loop over bootstrap regressions."""

from __future__ import annotations

import numpy as np
import pytest
from reference_numbers import borough_panel, entries
from scipy import stats
from slow_regression import Slow

from whatworks import did
from whatworks.did import twoway_core
from whatworks.inference import ClusterRobust, WildCluster, joint


def test_wald_from_the_stored_covariance():
    # 32 boroughs are too few for the rule, so the rule is set aside to compare the arithmetic
    stored = entries("fixest")["eventstudy.y.binned"]["results"]
    beta = np.array(stored["cluster_unit.default"]["estimate"])[:11]
    V = np.array(stored["vcov_matrix.cluster_unit.default"]["values"])[:11, :11]
    expected = beta @ np.linalg.solve(V, beta) / 11
    fit = did.event_study(borough_panel(), ends=(-12, 18)).detail.fit
    found = joint.wald(fit, np.arange(11), ClusterRobust(small_sample="fixest"))
    assert found.statistic == pytest.approx(expected, rel=1e-7)
    assert found.p_value == pytest.approx(stats.f.sf(expected, 11, 31), rel=1e-7)
    assert found.df == (11, 31)


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
    fit = twoway_core.fit(y, X, names="abc", cluster=cluster)
    found = joint.joint_test(fit, np.array([1, 2]), WildCluster())
    assert found.p_value == np.mean(np.array(largest) >= observed * (1 - 1e-9))
    assert found.statistic == pytest.approx(observed * np.sqrt(5 / 6), rel=1e-9)


def test_which_test_is_used():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(9, 60, 5))
    fit = twoway_core.fit(rng.normal(size=(60, 5)), X, names="abcdefghi")
    assert joint.joint_test(fit, np.arange(9), ClusterRobust()).df == (9, 59)
    assert joint.joint_test(fit, np.arange(9), WildCluster(draws=99)).df == ()
    few = twoway_core.fit(rng.normal(size=(60, 5)), X, names="abcdefghi", cluster=np.arange(60) % 8)
    found = joint.joint_test(few, np.arange(9), ClusterRobust())
    assert found.df == ()
    assert 0 < found.p_value <= 1
