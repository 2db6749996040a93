"""The simplex solver against enumeration of supports, on ties, twins and degenerate pools."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slow_simplex import by_enumeration

from whatworks.errors import EstimationError
from whatworks.synth.simplex import minimise, nearest, unique


@st.composite
def programmes(draw):
    """A programme of up to six donors; small whole numbers make ties, twins and flat directions common."""
    donors, rows = draw(st.integers(1, 6)), draw(st.integers(1, 5))
    cells = st.integers(-3, 3).map(float)
    if draw(st.booleans()):
        cells = st.floats(-3, 3, allow_subnormal=False)
    paths = np.array(draw(st.lists(cells, min_size=donors * rows, max_size=donors * rows)))
    linear = np.array(draw(st.lists(cells, min_size=donors, max_size=donors)))
    allowed = np.array(draw(st.lists(st.booleans(), min_size=donors, max_size=donors)))
    allowed[draw(st.integers(0, donors - 1))] = True
    return paths.reshape(rows, donors), linear, allowed


@settings(max_examples=300)
@given(programmes(), st.sampled_from([1e-6, 1.0, 1e6]))
def test_no_other_weights_have_a_lower_objective(programme, size):
    paths, linear, allowed = programme
    gram = paths.T @ paths
    slow = by_enumeration(gram, linear, allowed)[1]
    found = minimise(size * gram[None], size * linear[None], allowed=allowed[None])
    weights = found.weights[0]
    assert weights.sum() == pytest.approx(1, abs=1e-12)
    assert (weights >= 0).all()
    assert not weights[~allowed].any()
    scale = max(np.abs(gram).max(), np.abs(linear).max(), 1e-300)
    assert abs(found.objective[0] / size - slow) <= 1e-10 * scale
    assert 0.5 * weights @ gram @ weights - linear @ weights == pytest.approx(
        found.objective[0] / size, abs=1e-11 * scale
    )


@settings(max_examples=100)
@given(programmes())
def test_weights_are_those_of_enumeration_where_the_optimum_is_the_only_one(programme):
    paths, linear, allowed = programme
    gram = paths.T @ paths
    found = minimise(gram[None], linear[None], allowed=allowed[None])
    if unique(gram[None], linear[None], found.weights, allowed=allowed[None])[0]:
        slow = by_enumeration(gram, linear, allowed)[0]
        np.testing.assert_allclose(found.weights[0], slow, atol=1e-6)


def test_many_programmes_at_once_are_those_one_by_one():
    rng = np.random.default_rng(7)
    donors, targets = rng.normal(size=(20, 15)), rng.normal(size=(12, 20))
    allowed = rng.random((12, 15)) < 0.7
    together = nearest(donors, targets, ridge=0.1, allowed=allowed)
    for b in range(12):
        alone = nearest(donors, targets[b : b + 1], ridge=0.1, allowed=allowed[b : b + 1])
        np.testing.assert_allclose(together.weights[b], alone.weights[0], atol=1e-10)


def test_a_target_that_is_a_donor_is_matched_by_it_alone():
    rng = np.random.default_rng(3)
    donors = rng.normal(size=(30, 8))
    found = nearest(donors, donors.T[[5]])
    np.testing.assert_allclose(found.weights[0], np.eye(8)[5], atol=1e-9)
    assert found.objective[0] == pytest.approx(0, abs=1e-12)


def test_a_target_inside_the_hull_is_reached_with_more_donors_than_rows():
    rng = np.random.default_rng(4)
    donors = rng.normal(size=(5, 60))
    found = nearest(donors, donors.mean(axis=1)[None])
    assert found.objective[0] == pytest.approx(0, abs=1e-12)
    gram = (donors - donors.mean(axis=1)[:, None]).T @ (donors - donors.mean(axis=1)[:, None])
    assert not unique(gram[None], np.zeros((1, 60)), found.weights)[0]


def test_twin_donors_are_told_as_not_unique_and_single_ones_as_unique():
    rng = np.random.default_rng(5)
    donors = rng.normal(size=(12, 4))
    target = donors @ np.array([0.6, 0.4, 0.0, 0.0])
    for paths, expected in ((donors, True), (np.column_stack([donors, donors[:, 0]]), False)):
        apart = paths - target[:, None]
        found = nearest(paths, target[None])
        zero = np.zeros((1, paths.shape[1]))
        assert unique((apart.T @ apart)[None], zero, found.weights)[0] == expected


def test_ridge_spreads_weights_towards_equality():
    rng = np.random.default_rng(6)
    donors, target = rng.normal(size=(10, 6)), rng.normal(size=(1, 10))
    assert nearest(donors, target, ridge=1e9).weights[0] == pytest.approx(np.full(6, 1 / 6), abs=1e-6)


def test_no_allowed_donor_and_numbers_that_are_not_finite_are_refused():
    gram, linear = np.eye(2)[None], np.zeros((1, 2))
    with pytest.raises(EstimationError, match="no donor left"):
        minimise(gram, linear, allowed=np.zeros((1, 2), dtype=bool))
    with pytest.raises(EstimationError, match="not finite"):
        minimise(gram * np.nan, linear)


def test_a_programme_of_zeros_has_weights_that_sum_to_one():
    found = minimise(np.zeros((1, 3, 3)), np.zeros((1, 3)))
    assert found.weights[0].sum() == 1
    assert found.objective[0] == 0
