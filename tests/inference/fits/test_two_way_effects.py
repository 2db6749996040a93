"""Two-way regressions: batched block estimates, regressors that cannot be told apart, shared regressors."""

from __future__ import annotations

import numpy as np
import pytest
from slow_regression import Slow

from whatworks import errors
from whatworks.did.regression.reassign import block_estimates
from whatworks.inference.fits import two_way_effects


def test_many_block_estimates_at_once_are_the_regressions_one_by_one():
    rng = np.random.default_rng(1)
    outcomes, weight = rng.normal(size=(2, 8, 6)), rng.uniform(0.5, 2, size=8)
    post = np.arange(6) >= 2
    sets = np.array(
        [[1, 0, 0, 0, 0, 0, 0, 0], [1, 1, 0, 0, 1, 0, 0, 0], [0, 1, 1, 1, 1, 1, 1, 1]], dtype=bool
    )
    for w in (None, weight):
        fast = block_estimates(outcomes, sets, post, w)
        assert fast.shape == (2, 3)
        for r in range(2):
            for b in range(3):
                D = (sets[b][:, None] & post).astype(float)[None]
                slow = Slow(outcomes[r], D, np.arange(8), w)
                assert fast[r, b] == pytest.approx(slow.coefficients(slow.y)[0], rel=1e-9)


def test_regressors_that_fixed_effects_or_each_other_explain_are_named():
    rng = np.random.default_rng(2)
    y, x = rng.normal(size=(6, 5)), rng.normal(size=(6, 5))
    constant = np.repeat(rng.normal(size=(6, 1)), 5, axis=1)
    with pytest.raises(errors.DesignError, match="explain all of deprivation"):
        two_way_effects.fit(y, np.stack([x, 1e6 * constant]), names=("x", "deprivation"))
    with pytest.raises(errors.DesignError, match="told apart: one, two"):
        two_way_effects.fit(y, np.stack([x, 1e5 * x + constant]), names=("one", "two"))


def test_units_of_measurement_do_not_matter():
    rng = np.random.default_rng(3)
    y, X = rng.normal(size=(8, 6)), rng.normal(size=(2, 8, 6))
    plain = two_way_effects.fit(y, X, names="ab")
    scaled = two_way_effects.fit(y, X * np.array([1e8, 1e-8])[:, None, None], names="ab")
    np.testing.assert_allclose(scaled.coefficients * [1e8, 1e-8], plain.coefficients, rtol=1e-9)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("clustered", [False, True])
def test_regressors_shared_within_groups_give_the_fit_of_all_their_rows(weighted: bool, clustered: bool):
    rng = np.random.default_rng(4)
    group, y = np.array([0, 2, 1, 0, 2, 2, 1, 0, 1]), rng.normal(size=(9, 6))
    shared, names = rng.normal(size=(2, 3, 6)), ("a", "b")
    options = {
        "names": names,
        "weight": rng.uniform(0.3, 3, size=9) if weighted else None,
        "cluster": np.array([0, 0, 1, 1, 2, 2, 3, 3, 3]) if clustered else None,
    }
    short = two_way_effects.fit_by_group(y, shared, group, **options)
    long = two_way_effects.fit(y, shared[:, group], **options)
    for name in ("coefficients", "bread", "scores", "residual_norm", "n_obs", "n_nested", "n_crossing"):
        np.testing.assert_allclose(getattr(short, name), getattr(long, name), rtol=1e-11, atol=1e-13)
    for name in ("gram", "cross", "carry"):
        np.testing.assert_allclose(
            getattr(short.moments(), name), getattr(long.moments(), name), rtol=1e-11, atol=1e-13
        )
    np.testing.assert_allclose(short.rows().X, long.rows().X, atol=1e-14)
    exact = shared[0][group] * 2 + rng.normal(size=(9, 1))
    assert two_way_effects.fit_by_group(exact, shared, group, **options).residual_norm == 0


def test_a_unit_and_a_period_without_a_cell_change_nothing():
    rng = np.random.default_rng(5)
    y, X, seen = rng.normal(size=(8, 6)), rng.normal(size=(2, 8, 6)), np.ones((8, 6), dtype=bool)
    seen[3] = seen[:, 4] = seen[0, 0] = False
    keep = np.ix_(np.delete(np.arange(8), 3), np.delete(np.arange(6), 4))
    long = two_way_effects.fit(np.where(seen, y, np.nan), X, names="ab", observed=seen)
    short = two_way_effects.fit(y[keep], np.stack([x[keep] for x in X]), names="ab", observed=seen[keep])
    for name in ("coefficients", "bread", "residual_norm", "n_obs", "n_nested", "n_crossing"):
        np.testing.assert_allclose(getattr(long, name), getattr(short, name), rtol=1e-11)


def test_groups_may_have_gaps_in_common():
    rng = np.random.default_rng(6)
    group, shared = np.array([0, 2, 1, 0, 2, 2, 1, 0, 1]), rng.normal(size=(2, 3, 6))
    seen = (rng.random((3, 6)) < 0.8)[group]
    y = np.where(seen, rng.normal(size=(9, 6)), np.nan)
    options = {"names": "ab", "weight": rng.uniform(0.3, 3, size=9), "observed": seen}
    short = two_way_effects.fit_by_group(y, shared, group, **options)
    long = two_way_effects.fit(y, shared[:, group], **options)
    for name in ("coefficients", "bread", "scores", "residual_norm", "n_obs", "n_nested", "n_crossing"):
        np.testing.assert_allclose(getattr(short, name), getattr(long, name), rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(short.moments().cross, long.moments().cross, atol=1e-12)
