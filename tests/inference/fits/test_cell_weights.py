"""Two-way least squares under cell weights: dummies by hand, agreement with unit weights, many at once."""

from __future__ import annotations

import numpy as np
import pytest

from whatworks.errors import DesignError
from whatworks.inference import ClusterRobust, WildCluster
from whatworks.inference.fits import two_way_effects
from whatworks.inference.fits.cell_weights import fit, functionals

N, T = 6, 5


def drawn(seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(N, T)), rng.normal(size=(2, N, T)), rng.uniform(1, 5, (N, T))


def by_hand(y: np.ndarray, X: np.ndarray, mass: np.ndarray) -> np.ndarray:
    units, periods = np.repeat(np.eye(N), T, axis=0), np.tile(np.eye(T), (N, 1))
    full = np.column_stack([*X.reshape(len(X), -1), units, periods[:, 1:]])
    root = np.sqrt(mass.ravel())
    return np.linalg.lstsq(full * root[:, None], y.ravel() * root, rcond=None)[0][: len(X)]


def test_it_is_the_regression_on_dummies_gaps_included():
    y, X, mass = drawn()
    mass[0, 2] = mass[3, 0] = 0
    found = fit(y, X, mass, np.arange(N), names="ab", where="test")
    np.testing.assert_allclose(found.coefficients, by_hand(y, X, mass), rtol=1e-10)
    moved = y + 1e6 * (mass == 0)
    np.testing.assert_allclose(
        fit(moved, X, mass, np.arange(N), names="ab", where="test").coefficients, found.coefficients
    )


@pytest.mark.parametrize("inference", [ClusterRobust("CR0"), ClusterRobust(), ClusterRobust("CR3")])
def test_with_unit_weights_every_error_is_that_of_the_other_fit(inference):
    y, X, _ = drawn()
    weight = np.array([1.0, 2, 1, 3, 2, 1])
    mine = fit(y, X, np.repeat(weight[:, None], T, axis=1), np.arange(N), names="ab", where="test")
    other = two_way_effects.fit(y, X, names="ab", weight=weight)
    ours, theirs = (inference.from_regression(one, np.eye(2)) for one in (mine, other))
    np.testing.assert_allclose(ours.std_error, theirs.std_error, rtol=1e-9)


def test_without_weights_cr2_is_that_of_the_other_fit():
    y, X, _ = drawn()
    mine = fit(y, X, np.ones((N, T)), np.arange(N), names="ab", where="test")
    ours = ClusterRobust("CR2").from_regression(mine, np.eye(2))
    theirs = ClusterRobust("CR2").from_regression(two_way_effects.fit(y, X, names="ab"), np.eye(2))
    np.testing.assert_allclose(ours.std_error, theirs.std_error, rtol=1e-9)
    np.testing.assert_allclose(ours.df, theirs.df, rtol=1e-8)


def test_the_wild_bootstrap_is_that_of_the_other_fit():
    y, X, _ = drawn()
    mine = fit(y, X, np.ones((N, T)), np.arange(N), names="ab", where="test")
    ours = WildCluster().from_regression(mine, np.eye(2)[:1])
    theirs = WildCluster().from_regression(two_way_effects.fit(y, X, names="ab"), np.eye(2)[:1])
    np.testing.assert_allclose([ours.low, ours.high], [theirs.low, theirs.high], rtol=1e-8)


def test_many_designs_at_once_are_those_one_by_one():
    rng = np.random.default_rng(3)
    y, mass = rng.normal(size=(N, T)), rng.uniform(1, 2, (4, N, T)) * (rng.random((4, N, T)) > 0.1)
    designs = rng.normal(size=(4, 2, N, T))
    contrast = np.array([0.3, 0.7])
    many = functionals(designs, mass, contrast) @ y.ravel()
    wide = functionals(np.swapaxes(designs, 2, 3), np.swapaxes(mass, 1, 2), contrast) @ y.T.ravel()
    for b in range(4):
        one = fit(y, designs[b], mass[b], np.arange(N), names="ab", where="test").coefficients
        assert many[b] == pytest.approx(contrast @ one, rel=1e-9)
        assert wide[b] == pytest.approx(contrast @ one, rel=1e-9)


def test_what_the_effects_explain_is_refused_or_has_no_value():
    y, X, mass = drawn()
    X[1] = np.arange(N)[:, None]
    with pytest.raises(DesignError, match="explain all of b"):
        fit(y, X, mass, np.arange(N), names="ab", where="test")
    assert np.isnan(functionals(np.stack([X, X[::-1]]), np.stack([mass, mass]), np.ones(2))).all()
