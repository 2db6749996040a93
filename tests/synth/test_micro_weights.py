"""Calibration weights against a slow general solver, with ties, degenerate and infeasible targets."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.support.slow_calibration import least_violation, nearest_to_equal

from whatworks.errors import EstimationError
from whatworks.synth.micro_weights import calibrate


def made(seed: int, units: int, columns: int, whole: bool) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if whole:
        return rng.integers(0, 3, size=(units, columns)).astype(float)
    return rng.normal(size=(units, columns))


def level(columns: int, value: int = 0) -> np.ndarray:
    return np.full(columns, value)


@settings(max_examples=20)
@given(st.integers(0, 10**6), st.integers(3, 14), st.integers(1, 5), st.booleans())
def test_targets_inside_are_met_by_the_weights_nearest_to_equal(seed, units, columns, whole):
    features = made(seed, units, columns, whole)
    target = np.random.default_rng(seed + 1).dirichlet(np.ones(units)) @ features
    found = calibrate(features, target, level(columns))
    assert (found.weights >= 0).all()
    assert found.weights.sum() == pytest.approx(1, abs=1e-14)
    np.testing.assert_allclose(found.weights @ features, target, atol=1e-10)
    assert not found.missed.any()
    slow = nearest_to_equal(features, target)
    assume(np.abs(slow @ features - target).max() < 1e-8)
    assert (found.weights**2).sum() <= (slow**2).sum() + 1e-8
    np.testing.assert_allclose(found.weights, slow, atol=1e-5)


@settings(max_examples=20)
@given(st.integers(0, 10**6), st.integers(1, 9), st.integers(1, 4), st.booleans())
def test_targets_outside_are_missed_by_as_little_as_possible(seed, units, columns, whole):
    features = made(seed, units, columns, whole)
    target = features.mean(axis=0) + 3 * np.random.default_rng(seed + 1).normal(size=columns)
    found = calibrate(features, target, level(columns))
    slow = least_violation(features, target)
    assume(np.isfinite(slow))
    assert (found.missed**2).sum() == pytest.approx(slow, abs=1e-7)


@settings(max_examples=20)
@given(st.integers(0, 10**6), st.integers(3, 9), st.booleans())
def test_the_second_priority_is_served_without_giving_up_any_of_the_first(seed, units, whole):
    features = made(seed, units, 4, whole)
    rng = np.random.default_rng(seed + 1)
    target = features.mean(axis=0) + rng.normal(size=4) * [2, 2, 1, 1]
    found = calibrate(features, target, np.array([0, 0, 1, 1]))
    first, second = slice(0, 2), slice(2, 4)
    assert (found.missed[first] ** 2).sum() <= least_violation(features[:, first], target[first]) + 1e-9
    goal = found.weights @ features[:, first]
    slow = least_violation(features[:, second], target[second], features[:, first], goal)
    assume(np.isfinite(slow))
    assert (found.missed[second] ** 2).sum() <= slow + 1e-6 * (1 + slow)


@settings(max_examples=12)
@given(st.integers(0, 10**6), st.booleans())
def test_order_scale_and_twins_do_not_matter(seed, feasible):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(12, 3))
    target = rng.dirichlet(np.ones(12)) @ features if feasible else features.max(axis=0) + 0.5
    found = calibrate(features, target, level(3)).weights
    order = rng.permutation(12)
    np.testing.assert_allclose(calibrate(features[order], target, level(3)).weights, found[order], atol=1e-9)
    np.testing.assert_allclose(
        calibrate(features * 7 + 2, target * 7 + 2, level(3)).weights, found, atol=1e-8
    )
    twice = calibrate(np.concatenate([features, features]), target, level(3)).weights
    np.testing.assert_allclose(twice[:12], found / 2, atol=1e-9)
    np.testing.assert_allclose(twice[:12], twice[12:], atol=1e-12)


def test_redundant_constraints_change_nothing():
    rng = np.random.default_rng(5)
    features = rng.normal(size=(40, 4))
    target = rng.dirichlet(np.ones(40)) @ features
    more = np.column_stack([features, features.sum(axis=1), features[:, 0]])
    aim = np.append(target, [target.sum(), target[0]])
    alone = calibrate(features, target, level(4)).weights
    np.testing.assert_allclose(calibrate(more, aim, level(6)).weights, alone, atol=1e-9)


def test_a_single_area_takes_all_the_weight():
    found = calibrate(np.array([[1.0, 2.0]]), np.array([1.0, 5.0]), level(2))
    assert found.weights.tolist() == [1.0]
    np.testing.assert_allclose(found.missed, [0.0, 3.0], atol=1e-12)


def test_more_constraints_than_areas():
    rng = np.random.default_rng(3)
    features = rng.normal(size=(5, 20))
    found = calibrate(features, features[2], level(20))
    np.testing.assert_allclose(found.weights, np.eye(5)[2], atol=1e-9)


def test_numbers_that_are_not_finite_are_refused():
    with pytest.raises(EstimationError, match="not finite"):
        calibrate(np.array([[np.nan], [1.0]]), np.array([1.0]), level(1))


def test_many_areas_meet_many_constraints_to_rounding():
    rng = np.random.default_rng(1)
    features = rng.gamma(0.3, 1.0, size=(4000, 60))
    features = (features - features.mean(axis=0)) / features.std(axis=0)
    target = features[:40].mean(axis=0)
    found = calibrate(features[40:], target, level(60))
    np.testing.assert_allclose(found.weights @ features[40:], target, atol=1e-11)
