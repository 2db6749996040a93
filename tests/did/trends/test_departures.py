"""did.departures and pooled event times: blocks the covariance can carry, words that keep to the numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from whatworks import did, errors
from whatworks.inference import ClusterRobust
from whatworks.panel import NEVER, Panel
from whatworks.results import NotAvailable


def monthly(clusters: int, *, before: int = 24, after: int = 24, effect: float = 3.0, seed: int = 3) -> Panel:
    """Thirty units in so many clusters, half of the clusters treated from one month."""
    n = 30
    rng = np.random.default_rng(seed)
    code = np.arange(n) % clusters
    treated = code < clusters // 2
    months = 2015 * 12 + np.arange(before + after)
    start = np.where(treated, months[before], NEVER)
    noise = rng.normal(size=(clusters, len(months)))[code] + rng.normal(size=(n, len(months)))
    return Panel(
        units=tuple(f"u{i:02d}" for i in range(n)),
        periods=months,
        period_kind="month",
        outcome=10 + noise + effect * (months >= start[:, None]),
        start=start,
        cluster=code,
        cluster_labels=tuple(f"c{c:02d}" for c in range(clusters)),
    )


def by_month(panel: Panel):
    return did.event_study(panel, inference=ClusterRobust())


@pytest.fixture(scope="module")
def twelve():
    return by_month(monthly(12))


def test_blocks_are_the_event_study_of_block_means(twelve) -> None:
    """Averaging the outcome over blocks first gives the same effects and the same covariance."""
    panel, width = monthly(12), 6
    coarse = panel.outcome.reshape(panel.n_units, -1, width).mean(axis=2)
    first = np.arange(1, coarse.shape[1] + 1)
    start = np.where(panel.never_treated, NEVER, first[24 // width])
    blocks = replace(panel, outcome=coarse, periods=first, period_kind="integer", start=start)
    expected = did.event_time_covariance(by_month(blocks))
    found = did.event_time_covariance(twelve).pooled(width)
    np.testing.assert_array_equal(found.times, expected.times)
    np.testing.assert_allclose(found.estimates, expected.estimates, rtol=1e-9)
    np.testing.assert_allclose(found.covariance, expected.covariance, rtol=1e-8, atol=1e-12)


def test_event_times_that_fill_no_block_are_left_out(twelve) -> None:
    found = did.event_time_covariance(twelve).pooled(5)
    assert found.times.tolist() == [-4, -3, -2, 0, 1, 2, 3]
    assert sorted(found.left_out) == [-24, -23, -22, -21, 20, 21, 22, 23]
    assert did.event_time_covariance(twelve).pooled(30).times.size == 0


@pytest.mark.parametrize(("clusters", "width"), [(30, 6), (12, 12), (8, 12), (6, 12)])
def test_the_shortest_blocks_that_the_clusters_can_carry(clusters: int, width: int) -> None:
    found = did.departures(by_month(monthly(clusters)), period="month")
    assert found.width == width
    assert len(found.bounds.event_times) <= min(clusters // 2, 12)
    assert found.window is None
    assert f"blocks of {width} months" in found.basis


def test_far_leads_are_left_out_where_no_block_is_long_enough() -> None:
    """60 months before and 3 after, 8 clusters: blocks of 3 at most, so only the nearest of their leads."""
    found = did.departures(by_month(monthly(8, before=60, after=3)), period="month")
    assert found.width == 1
    assert found.window == (-2, 2)
    coarse = did.departures(by_month(monthly(6, before=60, after=3)), period="month")
    assert coarse.width == 3
    assert coarse.window == (-9, 2)
    assert coarse.bounds.event_times == (-3, -2, 0)
    assert "from event time -9 on" in coarse.basis


def test_the_bounds_are_those_of_did_honest_and_pretrend_power(twelve) -> None:
    found = did.departures(twelve, period="month", level=0.9)
    bounds = did.honest(twelve, pool=12, level=0.9)
    assert found.bounds.table.equals(bounds.table)
    assert found.bounds.breakdown == bounds.breakdown
    power = did.pretrend_power(twelve, pool=12, level=0.9)
    assert found.power.table.equals(power.table)


def test_the_answer_names_the_breakdown_value() -> None:
    found = did.departures(by_month(monthly(12, effect=1.0)), period="month")
    assert 0 < found.bounds.breakdown < 2
    assert found.answer == (
        "The finding would survive departures from parallel trends up to "
        f"{found.bounds.breakdown:.2g} times the largest seen before the start."
    )
    assert "fewer than 40 clusters" in found.caveat
    assert found.sentences == (found.answer, found.basis, found.caveat, found.drift)


def test_a_large_effect_survives_the_whole_grid_and_none_has_nothing_to_lose() -> None:
    strong = did.departures(by_month(monthly(12, effect=300.0)), period="month")
    assert isinstance(strong.bounds.breakdown, NotAvailable)
    assert "up to at least 2 times" in strong.answer
    none = did.departures(by_month(monthly(12, effect=0.0)), period="month")
    assert none.bounds.breakdown == 0
    assert "no finding to undo" in none.answer


def test_a_slope_is_per_period_whatever_the_block(twelve) -> None:
    """With one lead the slope for a given power has a closed form: it scales with the block's distance."""
    one = did.pretrend_power(twelve, window=(-24, 23), pool=12, test="any", power=(0.5,))
    found = did.event_time_covariance(twelve).pooled(12)
    error = float(np.sqrt(found.covariance[0, 0]))
    assert found.times.tolist() == [-2, 0, 1]
    assert one.table["slope"].iloc[0] == pytest.approx(1.959964 * error / 12, rel=1e-4)
    # blocks 0 and 1 lie 12 and 24 months after the reference block
    assert one.table["bias"].iloc[0] == pytest.approx(18 * one.table["slope"].iloc[0], rel=1e-9)


def test_a_design_that_cannot_carry_it_says_why() -> None:
    panel = monthly(12)
    late = did.event_study(panel.window("2016-12", "2018-12"), inference=ClusterRobust())
    found = did.departures(late, period="month")
    assert isinstance(found.bounds, NotAvailable)
    assert isinstance(found.power, NotAvailable)
    assert found.sentences == (found.answer,)
    assert found.bounds.reason in found.answer
    block = did.departures(did.block(panel, inference=ClusterRobust()))
    assert "holds no effects by event time" in block.answer


def test_pool_is_refused_where_no_block_is_whole(twelve) -> None:
    with pytest.raises(errors.OptionError, match="no whole block of 25 event times"):
        did.honest(twelve, pool=25)
    with pytest.raises(errors.OptionError, match="whole number"):
        did.honest(twelve, pool=0)
    with pytest.raises(errors.OptionError):
        did.departures(twelve, level=2.0)
