"""What the wild bootstrap of group-time effects takes to be no effect, by a slow regression with dummies."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from tests.did.staggered import staggered

from whatworks.did.aggregate import aggregate
from whatworks.did.att_gt import att_gt
from whatworks.did.group_time import scores
from whatworks.did.group_time.cells import lay_out
from whatworks.did.group_time.effects import GroupTime, estimate
from whatworks.did.group_time.summary import summarise
from whatworks.inference.errors.wild import WildCluster
from whatworks.panel import Panel

Floats = npt.NDArray[np.float64]

NEIGHBOURS = staggered(
    [5, 5, 5, 6, 6, 6, 7, 7, 8, 13, None, None, None, None],
    periods=11,
    cluster=[0, 0, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7],
)
WEIGHTED = replace(NEIGHBOURS, weight=np.linspace(1, 3, 14))


def effects(panel: Panel, anticipation: int, base: str) -> GroupTime:
    """Group-time effects without errors."""
    layout = lay_out(panel, comparison="not_yet", base=base, anticipation=anticipation)
    return estimate(panel, layout, "none")


def weights_of(detail: GroupTime, e: int) -> Floats:
    """(1, C) weights of the average at one event time."""
    summary = summarise(detail, "event_time", None, None, None)
    return summary.terms.weights[summary.keys == e]


def coefficients(panel: Panel, e: int, anticipation: int, base: str) -> Floats:
    """(N, T) what one more in each outcome adds to the lead, which is linear in them."""
    weights = weights_of(effects(panel, anticipation, base), e)[0]
    out = np.empty(panel.outcome.shape)
    for at in np.ndindex(*out.shape):
        one = np.zeros(out.shape)
        one[at] = 1.0
        out[at] = weights @ effects(panel.with_outcome(one), anticipation, base).att
    return out


def oracle(panel: Panel, e: int, anticipation: int, base: str) -> Floats:
    """(G,) sums of a·û: a the lead's coefficients, û what no effect leaves of the outcomes.

    A unit may carry any effect from `anticipation` periods before its start, its cohort's own in every
    period. The lead says how this effect changes from the base to event time e; none: it is the same there.
    So a dummy for every unit, one for every period, and one for each cohort's common effect in these two
    periods, unless the base comes before all anticipation: then both are zero. Cells that no part of the
    lead rests on say nothing.
    """
    a = coefficients(panel, e, anticipation, base)
    event = panel.periods[None, :] - panel.start[:, None]
    before = e - 1 if base == "varying" else -anticipation - 1
    carries = (event >= -anticipation) & (a != 0)
    rows, columns = np.nonzero((event < -anticipation) | carries)
    dummies = [rows == i for i in range(len(panel.start))] + [columns == t for t in range(panel.n_periods)]
    if e >= -anticipation and before >= -anticipation:
        dummies += [carries[rows, columns] & (panel.start[rows] == g) for g in np.unique(panel.start)]
    root = np.sqrt(np.ones(len(a)) if panel.weight is None else panel.weight)[rows]
    design, y = np.array(dummies, dtype=float).T, panel.outcome[rows, columns]
    left = y - design @ np.linalg.lstsq(design * root[:, None], y * root, rcond=None)[0]
    out = np.zeros(panel.n_clusters)
    np.add.at(out, panel.cluster[rows], a[rows, columns] * left)
    return out


@pytest.mark.parametrize("base", ["varying", "universal"])
@pytest.mark.parametrize(
    ("anticipation", "e"), [(0, -2), (1, -1), (2, -4), (2, -2), (2, -1), (3, -2), (3, -1)]
)
def test_scores_without_effect(base: str, anticipation: int, e: int) -> None:
    expected = oracle(WEIGHTED, e, anticipation, base)
    detail = effects(WEIGHTED, anticipation, base)
    found, _ = scores.cluster_scores(detail, weights_of(detail, e), anticipation=anticipation)
    np.testing.assert_allclose(found[:, 0], expected, atol=1e-8)
    assert np.abs(expected).max() > 0.01


@pytest.mark.parametrize("panel", [NEIGHBOURS, WEIGHTED])
@pytest.mark.parametrize("own", [0.0, 5.0])
def test_an_effect_that_does_not_change_within_the_anticipation_is_no_news(panel: Panel, own: float) -> None:
    """Whatever each cohort does throughout its anticipation, the test of a change within it stays."""
    event = panel.periods[None, :] - panel.start[:, None]
    level = 8.0 + own * np.where(panel.start % 2 == 0, -1.0, 1.0)[:, None]
    moved = panel.with_outcome(panel.outcome + level * ((event >= -2) & (event < 0)))
    names = ["estimate", "std_error", "low", "high", "p_value"]
    calm, after = (
        aggregate(
            att_gt(p, comparison="not_yet", anticipation=2, inference=WildCluster()), by="event_time"
        ).effects.set_index("event_time")
        for p in (panel, moved)
    )
    np.testing.assert_allclose(after.loc[-1, names], calm.loc[-1, names].to_numpy(dtype=float), rtol=1e-7)
    # the first anticipated period is where the effect begins
    assert after.loc[-2, "estimate"] - calm.loc[-2, "estimate"] > 2
