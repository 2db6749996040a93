"""Placebos that fit their own past perfectly: the rank takes dust neither above nor below the line."""

from __future__ import annotations

import numpy as np
import pytest
from tests.synth.panels import panel_of

from whatworks import synth
from whatworks.inference.synthetic.placebo import Placebo, precision

START = 19
METHODS = ["classic", "penalised", "augmented", "staggered", "interactive", "completion"]


def path(rng, units):
    return 5 + 0.3 * rng.normal(size=(units, 24)).cumsum(axis=1) + rng.normal(size=(units, 24))


def constant_donors(scale=1.0, seed=2):
    """The first unit rises by 12; eight of twenty donors never move at all, most at the same level."""
    rng = np.random.default_rng(seed)
    outcome = path(rng, 21)
    outcome[0, START - 1 :] += 12
    outcome[13:] = np.array([4, 4, 4, 5, 5, 5, 6, 6])[:, None]
    return panel_of(scale * outcome, [START] + [None] * 20)


@pytest.mark.parametrize("scale", [1.0, 0.1, 1e6])
@pytest.mark.parametrize("method", METHODS)
def test_donors_that_never_move_have_no_gap_to_rank(method, scale):
    found = getattr(synth, method)(constant_donors(scale))
    assert found.headline.p_value == pytest.approx(1 / 21)
    assert np.isfinite(found.headline.low)
    assert np.isfinite(found.detail.space.rank.statistic).all()


def test_a_treated_unit_that_never_moves_has_a_rank_of_one():
    found = synth.penalised(
        panel_of(np.vstack([np.full(24, 0.1), 0.1 * np.ones((6, 24))]), [19] + [None] * 6)
    )
    assert found.headline.p_value == 1


@pytest.mark.parametrize("method", ["classic", "augmented", "staggered"])
@pytest.mark.parametrize("seed", [1, 2])
def test_perfect_fits_rank_alike_however_their_rounding_falls(method, seed):
    # every other unit is an average of six: each fits its past but for the last digits, and so do they all
    rng = np.random.default_rng(seed)
    base = 100 + 10 * rng.normal(size=(6, 24)).cumsum(axis=1)
    outcome = np.vstack([rng.dirichlet(np.ones(6), size=6) @ base, base])
    outcome[:6, START - 1 :] += rng.normal(size=(6, 6))
    found = getattr(synth, method)(panel_of(outcome, [START] + [None] * 11))
    perfect = found.detail.space.rank.before == 0
    assert perfect[0]
    assert perfect.sum() >= 6
    assert found.headline.p_value == pytest.approx(perfect.mean())


def test_what_counts_as_no_gap():
    pre = np.arange(4) < 2
    gaps = np.array([[1.0, -1, 3, 3], [1e-9, 1e-9, 1e-9, 1e-9], [1e-9, -1e-9, 1, 1], [1, 1, 1, 1]])
    rank = Placebo().rank(gaps, pre, ~pre, none_below=1e-8)
    assert rank.statistic.tolist() == [3, 0, np.inf, 1]
    assert Placebo().rank(gaps / 1e9, pre, ~pre, none_below=1e-8).p_value == 1
    assert precision(np.array([[1.0, np.nan], [101.0, 3.0]])) == pytest.approx(1e-6)
    assert precision(np.full((2, 3), 1e6)) == pytest.approx(1e-6)
