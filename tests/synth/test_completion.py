"""Matrix completion against a slow solver of the same programme, invariances, the choice of the penalty."""

from __future__ import annotations

import numpy as np
import pytest
from tests.synth.panels import factor_panel, panel_of, reference_panel

from whatworks import did, synth
from whatworks.errors import OptionError
from whatworks.synth.completion import Completed
from whatworks.synth.pool import pool_of
from whatworks.synth.problems import actual, each_as_treated


def slow(outcome, known, penalty, rounds=20_000):
    """Unit and period effects by least squares on known cells, then one soft threshold, in turns."""
    n, t = outcome.shape
    rows, columns = np.nonzero(known)
    dummies = np.zeros((len(rows), n + t))
    dummies[np.arange(len(rows)), rows] = dummies[np.arange(len(rows)), n + columns] = 1
    inverse = np.linalg.pinv(dummies)
    pattern = np.zeros((n, t))
    for _ in range(rounds):
        effects = inverse @ (outcome - pattern)[rows, columns]
        plain = effects[:n, None] + effects[None, n:]
        u, s, v = np.linalg.svd(np.where(known, outcome - plain, pattern), full_matrices=False)
        pattern = (u * np.maximum(s - penalty, 0)) @ v
    return plain + pattern


@pytest.mark.parametrize("penalty", [0.3, 1.5, 6.0])
def test_the_filled_row_is_that_of_the_slow_solver(penalty):
    panel = factor_panel(units=6, periods=9, start=7, effect=2.0, seed=3)
    known = np.ones((6, 9), dtype=bool)
    known[0, 6:] = False
    ours = Completed(penalty)(actual(pool_of(panel, "test"))).counterfactual[0]
    np.testing.assert_allclose(ours, slow(panel.outcome, known, penalty)[0], atol=2e-6)


def test_a_penalty_that_leaves_no_pattern_is_the_difference_in_differences():
    panel = factor_panel(units=12, effect=2.0)
    none = synth.completion(panel, penalty=1e9, level=0.9)
    assert none.headline.value == pytest.approx(did.block(panel).headline.value, rel=1e-6)


def test_a_table_of_one_pattern_is_completed_as_the_penalty_vanishes():
    rng = np.random.default_rng(2)
    loading, factor = rng.normal(size=10), rng.normal(size=40).cumsum()
    outcome = 20 + np.outer(loading, factor) + rng.normal(size=(10, 1))
    moved = outcome.copy()
    moved[0, 30:] += 3.0
    panel = panel_of(moved, [31] + [None] * 9)
    assert synth.completion(panel, penalty=0.02, level=0.8).headline.value == pytest.approx(3.0, abs=0.02)


def test_the_penalty_is_the_one_that_predicts_donors_best():
    result = synth.completion(reference_panel())
    own = result.detail.method
    pool = result.detail.pool
    each = each_as_treated(pool, np.eye(33, dtype=bool)[pool.donors])
    assert own.penalty == own.errors.idxmin()
    again = (Completed(own.penalty)(each).gaps[:, pool.post] ** 2).mean()
    assert own.errors[own.penalty] == pytest.approx(again, rel=1e-4)  # the choice settles less finely
    assert own.errors.min() < 0.5 * own.errors.iloc[0]
    assert result.headline.p_value == pytest.approx(1 / 33)
    assert result.headline.value == pytest.approx(-3.5, abs=0.4)


def test_units_periods_and_scale():
    panel = factor_panel(units=12, effect=2.0, seed=5)
    starts = [21] + [None] * 11
    plain = synth.completion(panel, level=0.9).headline.value
    wave = np.sin(np.arange(30.0))
    for outcome, size in (
        (panel.outcome + np.arange(12.0)[:, None], 1.0),
        (panel.outcome + wave, 1.0),
        (panel.outcome * 4, 4.0),
    ):
        moved = synth.completion(panel_of(outcome, starts), level=0.9).headline.value
        assert moved == pytest.approx(size * plain, abs=1e-5)


def test_problems_together_are_problems_alone():
    pool = pool_of(factor_panel(units=9, seed=6), "test")
    sets = np.eye(9, dtype=bool)[1:]
    together = Completed(1.0)(each_as_treated(pool, sets)).counterfactual
    for b in (0, 5):
        alone = Completed(1.0)(each_as_treated(pool, sets[b : b + 1])).counterfactual[0]
        np.testing.assert_allclose(together[b], alone, atol=1e-7)


@pytest.mark.parametrize("penalty", [0, -1.0, np.nan, True])
def test_a_penalty_that_cannot_be_is_refused(penalty):
    with pytest.raises(OptionError, match="not a number above 0"):
        synth.completion(factor_panel(), penalty=penalty)
