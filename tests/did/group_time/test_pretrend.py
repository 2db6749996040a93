"""The joint test of the effects before the start, for group-time effects put together by event time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from whatworks import NotAvailable, did
from whatworks.data.synthetic import expected_counts, london, simulate_counts
from whatworks.inference import choose
from whatworks.inference.errors.joint import largest_score
from whatworks.inference.errors.wild import WildCluster
from whatworks.panel import NEVER, Panel

FIRST, MONTHS = 2013 * 12, 48
CITY = london()
NAMES, CODES = np.unique(np.array(CITY.bcu), return_inverse=True)
PEOPLE = np.array(CITY.population)


def panels(replications: int, seed: int) -> list[Panel]:
    """Panels without any effect: 8 of 12 command units in four cohorts of two, drawn anew each time."""
    mean = expected_counts("burglary", seed=7, first=FIRST, months=MONTHS)
    counts = simulate_counts(mean, seed=seed, replications=replications).counts
    rng = np.random.default_rng(seed)
    made = []
    for one in counts:
        order, start = rng.permutation(12), np.full(12, NEVER)
        for i, month in enumerate((24, 30, 36, 40)):
            start[order[2 * i : 2 * i + 2]] = FIRST + month
        made.append(
            Panel(
                units=CITY.codes,
                periods=np.arange(MONTHS) + FIRST,
                period_kind="month",
                outcome=1000 * one / PEOPLE[:, None],
                start=start[CODES],
                cluster=CODES.astype(np.int64),
                cluster_labels=tuple(NAMES),
            )
        )
    return made


def test(panel: Panel, **choices: object) -> object:
    result = did.att_gt(panel, comparison="not_yet", **choices)
    return did.aggregate(result, by="event_time").detail.pretrend


test.__test__ = False


def test_a_drift_before_the_start_is_found_and_a_calm_panel_is_not() -> None:
    (panel,) = panels(1, 3)
    calm = test(panel)
    assert calm.p_value > 0.05
    assert calm.n_tested == 39
    treated = panel.start != NEVER
    drift = panel.with_outcome(panel.outcome + 0.03 * treated[:, None] * np.arange(MONTHS))
    assert test(drift, base="universal").p_value < 0.05


def test_anticipated_periods_are_not_part_of_the_trend() -> None:
    (panel,) = panels(1, 3)
    jump = panel.outcome + 5.0 * (panel.periods[None, :] == panel.start[:, None] - 1)
    assert test(panel.with_outcome(jump)).p_value < 0.05
    assert test(panel.with_outcome(jump), anticipation=2).p_value > 0.05


def test_the_test_does_not_follow_errors_that_are_too_small() -> None:
    (panel,) = panels(1, 4)
    draws = choose("wild", draws=1999)
    assert test(panel, inference=choose("analytical")).p_value == test(panel, inference=draws).p_value


def test_no_test_with_covariates_and_few_clusters_nor_for_other_averages() -> None:
    (panel,) = panels(1, 5)
    covariate = np.broadcast_to(PEOPLE[None, :, None] / 1e5, (1, 32, MONTHS)).copy()
    adjusted = replace(panel, covariates=covariate, covariate_names=("people",))
    missing = test(adjusted, adjust="outcome")
    assert isinstance(missing, NotAvailable)
    assert "12 clusters" in missing.reason
    overall = did.aggregate(did.att_gt(panel, comparison="not_yet"), by="overall")
    assert isinstance(overall.detail.pretrend, NotAvailable)


def test_scores_by_hand() -> None:
    scores = np.array([[1.0, 0.5], [2.0, -1.0], [-0.5, 0.25], [1.5, 0.75]])
    found = largest_score(scores, WildCluster())
    z = scores / np.sqrt((scores**2).sum(axis=0))
    signs = np.array(np.meshgrid(*[[1, -1]] * 4)).reshape(4, -1).T
    largest = np.abs(signs @ z).max(axis=1)
    observed = np.abs(z.sum(axis=0)).max()
    assert found.statistic == pytest.approx(observed, rel=1e-12)
    assert found.p_value == pytest.approx((largest >= observed - 1e-12).mean(), rel=1e-12)


def test_it_rejects_a_true_null_about_as_often_as_it_says() -> None:
    # the errors of the effects play no part in the test (above), so the quickest will do
    quick = choose("analytical")
    rejected = np.mean([test(panel, inference=quick).p_value < 0.05 for panel in panels(24, 11)])
    # 24 panels at a size of 5%: more than 5 rejections happen once in a thousand
    assert rejected <= 5 / 24
