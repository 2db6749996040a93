"""Cluster scores for the wild bootstrap: their sums, and that a cohort of one cluster still has them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from tests.did.staggered import london, staggered

from whatworks.did.aggregate import aggregate
from whatworks.did.att_gt import att_gt
from whatworks.did.group_time import scores
from whatworks.did.group_time.effects import GroupTime
from whatworks.did.group_time.summary import summarise
from whatworks.inference.errors.influence import Analytical
from whatworks.inference.errors.multiplier import MultiplierBootstrap
from whatworks.inference.errors.wild import WildCluster

CLUSTERED = staggered(
    [4, 4, 4, 6, 6, 6, 6, 8, 8, None, None, None, None, None],
    cluster=[0, 0, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7],
)
WEIGHTED = replace(CLUSTERED, weight=np.linspace(1, 3, 14))
PANELS = {"clustered": CLUSTERED, "weighted": WEIGHTED, "london": london()}


@cache
def effects(name: str, anticipation: int) -> GroupTime:
    """Every cell of a panel; what is asked of them is asked often, errors are not."""
    result = att_gt(PANELS[name], comparison="not_yet", anticipation=anticipation, inference=Analytical())
    return result.detail.effects


@pytest.mark.parametrize("name", PANELS)
@pytest.mark.parametrize("by", ["overall", "event_time", "cohort", "period"])
@pytest.mark.parametrize("anticipation", [0, 2])
def test_scores_sum_to_the_estimate(name: str, by: str, anticipation: int) -> None:
    detail = effects(name, anticipation)
    summary = summarise(detail, by, None, None, None)
    at_null, slope = scores.cluster_scores(detail, summary.terms.weights, anticipation=anticipation)
    np.testing.assert_allclose(at_null.sum(axis=0), summary.terms.value(detail), rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(slope.sum(axis=0), 1, rtol=1e-9)


def test_coefficients_reproduce_every_cell_from_the_raw_outcomes() -> None:
    result = att_gt(WEIGHTED, comparison="not_yet", base="universal")
    detail = result.detail.effects
    pieces = scores.pieces(detail, 0)
    for c, weights in enumerate(np.eye(len(detail.att))):
        a = scores.aim(detail, pieces, weights).coefficient
        assert (a * pieces.outcome).sum() == pytest.approx(detail.att[c], abs=1e-10)
        np.testing.assert_allclose(a.sum(axis=0), 0, atol=1e-12)
        np.testing.assert_allclose(a.sum(axis=1), 0, atol=1e-12)


def test_a_cohort_of_one_cluster_still_has_scores() -> None:
    result = att_gt(london(), comparison="not_yet", anticipation=3)
    detail = result.detail.effects
    summary = summarise(detail, "cohort", None, None, None)
    alone = list(summary.keys).index(2018 * 12 + 4)
    at_null, slope = scores.cluster_scores(detail, summary.terms.weights, anticipation=3)
    unit = detail.panel.cluster[detail.panel.start == 2018 * 12 + 4][0]
    assert abs(at_null[unit, alone]) > 0.1
    assert slope[unit, alone] > 0.3
    # its influence contributions, summed over the command unit, are nothing
    sums = summary.terms.contributions(detail)[detail.panel.cluster == unit, alone].sum()
    assert abs(sums) < 1e-12


def test_the_interval_holds_what_the_test_does_not_reject() -> None:
    result = att_gt(CLUSTERED, comparison="not_yet", inference=WildCluster())
    for end, step in ((result.headline.low, -1), (result.headline.high, 1)):
        inside, outside = (
            att_gt(
                CLUSTERED.with_outcome(CLUSTERED.outcome - (end + s * step * 0.01) * CLUSTERED.treated),
                comparison="not_yet",
                inference=WildCluster(),
            ).headline.p_value
            for s in (-1, 1)
        )
        assert inside > 0.05 >= outside


def test_cells_and_averages_of_one_cell_agree() -> None:
    panel = staggered([6, 6, 6, 6, None, None, None, None, None, None])
    result = att_gt(panel, inference=WildCluster(draws=999))
    cell = result.effects.set_index("event_time")
    average = aggregate(result, by="event_time").effects.set_index("event_time")
    names = ["estimate", "std_error", "low", "high", "p_value"]
    np.testing.assert_allclose(cell[names].to_numpy(), average[names].to_numpy(), rtol=1e-9)


def test_one_draw_multiplies_the_same_unit_in_headline_and_cells() -> None:
    # with a single post cell the headline is that cell: the same draws must give the same error
    panel = staggered([10, 10, 10, None, None, 10, None, 10, None, None, None, None], periods=10)
    result = att_gt(panel, inference=MultiplierBootstrap(draws=499))
    cell = result.effects.set_index("event_time").loc[0]
    assert cell["std_error"] == pytest.approx(result.headline.std_error, rel=1e-6)
    average = aggregate(result, by="event_time", first=0)
    assert average.effects["std_error"][0] == pytest.approx(average.headline.std_error, rel=1e-6)
