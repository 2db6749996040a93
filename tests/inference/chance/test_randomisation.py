"""Randomisation inference: by hand, by brute force, over whole clusters and blocks, with timing."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from tests.did.staggered import staggered

from whatworks import errors
from whatworks.did.aggregate import aggregate
from whatworks.did.att_gt import att_gt
from whatworks.did.event_study import event_study
from whatworks.did.group_time.reassign import over_assignments, reweighed
from whatworks.did.group_time.summary import summarise
from whatworks.did.regression.reassign import event_estimates
from whatworks.inference.chance.randomisation import RandomisationInference
from whatworks.inference.errors.cluster import ClusterRobust
from whatworks.inference.errors.influence import Analytical

NEVER = np.iinfo(np.int64).max


def difference(y, last=9):
    """Difference of means of y between units that start and units that never do, batched over starts."""

    def theta(starts):
        treated = starts <= last
        mean = [(side * y).sum(axis=1) / side.sum(axis=1) for side in (treated, ~treated)]
        return mean[0] - mean[1]

    return theta


def test_six_units_by_hand():
    # treated 7, 8, 9 against 1, 2, 3: of the 20 ways to choose three, only this one and its mirror reach 6
    y, start = np.array([7.0, 8, 9, 1, 2, 3]), np.array([5, 5, 5, NEVER, NEVER, NEVER])
    D = (start == 5).astype(float)
    found = RandomisationInference().test(difference(y), start, slope=difference(D), level=0.85)
    assert found.value[0] == pytest.approx(6)
    assert found.p_value[0] == pytest.approx(2 / 20)
    assert np.isnan(found.std_error[0])
    assert "standard error" in found.reason[0]
    assert "all 20 assignments" in found.sentence
    low, high = brute_interval(y, D, start, 0.85)
    assert (found.low[0], found.high[0]) == (pytest.approx(low), pytest.approx(high))


def brute_p(y, D, start, tau, orders=None):
    orders = np.array(list(orders or set(itertools.permutations(start.tolist()))))
    drawn = np.abs(difference(y - tau * D)(orders))
    actual = abs(difference(y - tau * D)(start[None])[0])
    return np.mean(drawn >= actual - 1e-12)


def brute_interval(y, D, start, level):
    """Ends of the set of effects with p above 1 − level, by bisection outward from the estimate."""
    middle, ends = difference(y)(start[None])[0], []
    for sign in (-1, 1):
        near, far = 0.0, 1e3
        for _ in range(80):
            half = (near + far) / 2
            inside = brute_p(y, D, start, middle + sign * half) > 1 - level + 1e-12
            near, far = (half, far) if inside else (near, half)
        ends.append(middle + sign * near)
    return ends


@pytest.mark.parametrize("seed", range(4))
def test_p_value_and_interval_against_brute_force(seed):
    rng = np.random.default_rng(seed)
    y, start = rng.normal(size=7), np.array([5, 5, 5, NEVER, NEVER, NEVER, NEVER])
    D = (start == 5).astype(float)
    found = RandomisationInference().test(difference(y), start, slope=difference(D), level=0.9)
    assert found.p_value[0] == pytest.approx(brute_p(y, D, start, 0.0))
    np.testing.assert_allclose([found.low[0], found.high[0]], brute_interval(y, D, start, 0.9), rtol=1e-9)


def test_random_draws_come_close_to_enumeration_and_repeat():
    rng = np.random.default_rng(2)
    y = rng.normal(size=16) + np.r_[np.ones(8), np.zeros(8)]
    start = np.array([5] * 8 + [NEVER] * 8)
    D = (start == 5).astype(float)
    exact = RandomisationInference(draws=12870).test(difference(y), start, slope=difference(D))
    drawn = RandomisationInference(draws=9999, seed=4).test(difference(y), start, slope=difference(D))
    assert "all 12,870" in exact.sentence
    assert "seed 4" in drawn.sentence
    p = exact.p_value[0]
    assert drawn.p_value[0] == pytest.approx(p, abs=4 * np.sqrt(p * (1 - p) / 9999))
    assert drawn.p_value[0] * 10000 == pytest.approx(
        round(drawn.p_value[0] * 10000)
    )  # (1 + count)/(1 + draws)
    again = RandomisationInference(draws=9999, seed=4).test(difference(y), start, slope=difference(D))
    assert (again.low, again.high, again.p_value) == (drawn.low, drawn.high, drawn.p_value)


def test_whole_clusters_blocks_and_timing_are_kept():
    # two blocks; in the first, clusters a b c start at 3, 5, never; in the second d e at 3, never
    start = np.array([3, 3, 5, NEVER, NEVER, 3, NEVER, NEVER])
    cluster = np.array([0, 0, 1, 2, 2, 3, 4, 4])
    within = ["x"] * 5 + ["y"] * 3
    design = RandomisationInference(within=within).assignments(start, cluster)
    assert design.possible == 6 * 2
    rows = np.concatenate(list(design))
    assert len({tuple(row) for row in rows.tolist()}) == 12
    assert start.tolist() in rows.tolist()
    for row in rows:
        assert row[0] == row[1]
        assert row[3] == row[4]
        assert row[6] == row[7]
        assert sorted(row[[0, 2, 3]]) == [3, 5, NEVER]
        assert sorted(row[[5, 6]]) == [3, NEVER]


def test_random_assignments_keep_the_design_too():
    start = np.repeat(np.array([3] * 4 + [5] * 4 + [NEVER] * 8), 2)
    cluster, within = np.repeat(np.arange(16), 2), np.tile(np.repeat(["n", "s"], 2), 8)
    design = RandomisationInference(draws=500, within=within).assignments(start, cluster)
    assert not design.every
    rows = np.concatenate(list(design))
    assert rows.shape == (500, 32)
    for row in rows:
        for block in "ns":
            assert sorted(row[within == block]) == sorted(start[within == block])
        assert (row[::2] == row[1::2]).all()
    # each cluster starts at 3 in about a quarter of the draws
    assert np.abs((rows == 3).mean(axis=0) - 0.25).max() < 4 * np.sqrt(0.25 * 0.75 / 500)


def test_too_few_assignments_leave_the_interval_open_with_a_reason():
    y, start = np.array([7.0, 8, 1, 2]), np.array([5, 5, NEVER, NEVER])
    D = (start == 5).astype(float)
    found = RandomisationInference().test(difference(y), start, slope=difference(D))
    assert np.isnan([found.low[0], found.high[0]]).all()
    assert "6 possible assignments" in found.reason[0]
    assert found.p_value[0] == pytest.approx(2 / 6)


def test_a_statistic_without_slope_has_a_p_value_and_no_interval():
    y, start = np.array([7.0, 8, 9, 1, 2, 3]), np.array([5, 5, 5, NEVER, NEVER, NEVER])
    found = RandomisationInference().test(lambda s: np.abs(difference(y)(s)), start)
    assert found.p_value[0] == pytest.approx(2 / 20)
    assert np.isnan(found.low[0])
    assert "not linear" in found.reason[0]


def test_what_is_refused():
    y, start = np.array([7.0, 8, 1, 2]), np.array([5, 5, NEVER, NEVER])
    chance = RandomisationInference()
    with pytest.raises(errors.DesignError, match="start at different dates"):
        chance.assignments(start, np.array([0, 1, 1, 2]))
    with pytest.raises(errors.DesignError, match="one assignment only"):
        RandomisationInference(within=("a", "a", "b", "b")).assignments(start)
    with pytest.raises(errors.OptionError, match="3 labels for 4 units"):
        RandomisationInference(within=("a", "b", "b")).assignments(start)
    with pytest.raises(errors.OptionError, match="splits a cluster"):
        RandomisationInference(within=("a", "b", "b", "a")).assignments(start, np.array([0, 0, 1, 1]))
    with pytest.raises(errors.EstimationError, match="no value for 6 of 6"):
        chance.test(lambda s: np.where((s == start).all(), 1.0, np.nan) * np.ones(len(s)), start)
    with pytest.raises(errors.EstimationError, match="slope"):
        chance.test(difference(y), start, slope=difference(y))
    with pytest.raises(errors.OptionError, match="draws=5"):
        RandomisationInference(draws=5)


STAGGERED = staggered(
    [4, 4, 4, 6, 6, 6, 6, 8, 8, None, None, None, None, None],
    cluster=[0, 0, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7],
)
WEIGHTED = replace(STAGGERED, weight=np.linspace(1, 3, 14))


@pytest.mark.parametrize("panel", [STAGGERED, WEIGHTED])
@pytest.mark.parametrize("by", ["overall", "event_time", "cohort", "period"])
def test_group_time_effects_against_refits(panel, by):
    chance = RandomisationInference(draws=99, seed=2)
    found = aggregate(att_gt(panel, comparison="not_yet", inference=chance), by=by)
    starts = np.concatenate(list(chance.assignments(panel.start, panel.cluster)))
    assert found.design.allocations == len(starts) == 1680

    def statistics(outcome, start):
        refit = att_gt(
            panel.with_outcome(outcome).with_start(start), comparison="not_yet", inference=Analytical()
        )
        result = aggregate(refit, by=by)
        return np.array([result.headline.value, *result.effects["estimate"]])

    some = np.random.default_rng(0).choice(len(starts), 12, replace=False)
    collected = np.array([statistics(panel.outcome, starts[b]) for b in some])
    detail = found.detail.effects
    summary = summarise(detail, by, None, None, None)
    theta = over_assignments(
        detail,
        panel.outcome,
        lambda att, share: np.column_stack(
            [reweighed(a, detail, att, share) for a in (summary.overall, summary.terms)]
        ),
    )
    np.testing.assert_allclose(theta(starts[some]), collected, rtol=1e-9, atol=1e-9)
    actual, values = theta(panel.start[None])[0], theta(starts)
    np.testing.assert_allclose(actual, [found.headline.value, *found.effects["estimate"]], atol=1e-9)
    share = (np.abs(values) >= np.abs(actual) - 1e-9).mean(axis=0)
    live = found.effects["reason"].str.startswith("randomisation").to_numpy()
    np.testing.assert_allclose(found.effects["p_value"][live], share[1:][live])
    assert found.headline.p_value == pytest.approx(share[0])
    assert found.seed is None


def test_the_interval_of_group_time_effects_holds_what_is_not_rejected():
    chance = RandomisationInference()
    one = att_gt(STAGGERED, comparison="not_yet", inference=chance, level=0.9)
    for end, step in ((one.headline.low, -1), (one.headline.high, 1)):
        inside, outside = (
            att_gt(
                STAGGERED.with_outcome(STAGGERED.outcome - (end + s * step * 1e-6) * STAGGERED.treated),
                comparison="not_yet",
                inference=chance,
            ).headline.p_value
            for s in (-1, 1)
        )
        assert inside > 0.1 >= outside
    before = one.effects[one.effects["event_time"] < 0]
    assert before["p_value"].notna().all()
    assert before["low"].isna().all()
    assert before["reason"].str.contains("before the start").all()


def test_adjusted_group_time_effects_are_refused():
    panel = replace(
        STAGGERED,
        covariates=np.random.default_rng(1).normal(size=(1, *STAGGERED.outcome.shape)),
        covariate_names=("x",),
    )
    with pytest.raises(errors.OptionError, match="RandomisationInference needs an estimate"):
        att_gt(panel, adjust="outcome", inference=RandomisationInference())


@pytest.mark.parametrize("panel", [STAGGERED, WEIGHTED, "covariate", "pooled"])
def test_event_study_against_refits(panel):
    ends = (-3, 4) if isinstance(panel, str) and panel == "pooled" else None
    if isinstance(panel, str):
        x = np.random.default_rng(1).normal(size=(1, *STAGGERED.outcome.shape))
        covariates = {"covariates": x, "covariate_names": ("x",)} if panel == "covariate" else {}
        panel = replace(WEIGHTED, **covariates)
    ends = ends or (-3, 5)
    found = event_study(panel, ends=ends, inference=RandomisationInference())
    times = found.detail.event_times
    starts = np.concatenate(list(RandomisationInference().assignments(panel.start, panel.cluster)))
    assert found.design.allocations == len(starts)
    values = event_estimates(panel, panel.outcome, times, ends, starts)
    for b in np.random.default_rng(0).choice(len(starts), 8, replace=False):
        refit = event_study(panel.with_start(starts[b]), ends=ends, inference=ClusterRobust())
        np.testing.assert_allclose(values[b], refit.detail.fit.coefficients[: len(times)], atol=1e-9)
    table = found.effects[found.effects["event_time"] != -1]
    actual = table["estimate"].to_numpy()
    np.testing.assert_allclose(table["p_value"], (np.abs(values) >= np.abs(actual) - 1e-9).mean(axis=0))
    after = times >= 0
    assert np.isnan(table["low"].to_numpy()[~after]).all()
    share = after * found.detail.pooled / found.detail.pooled[after].sum()
    assert found.headline.value == pytest.approx(actual @ share)
    p_value = (np.abs(values @ share) >= abs(actual @ share) - 1e-9).mean()
    assert found.headline.p_value == pytest.approx(p_value)
    scale = np.sqrt((np.vstack([actual, values]) ** 2).mean(axis=0))[~after]
    largest = (np.abs(values[:, ~after]) / scale).max(axis=1)
    joint = (largest >= (np.abs(actual[~after]) / scale).max() - 1e-9).mean()
    assert found.detail.pretrend.p_value == pytest.approx(joint)
    assert found.seed is None
    assert found.spec["inference"].startswith("RandomisationInference(")
