"""Regression to the mean: the peak by hand, what passes by itself by formula and by simulation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import toy

from whatworks import did
from whatworks.checks import peaks, regression_to_the_mean
from whatworks.errors import OptionError
from whatworks.inference import ClusterRobust
from whatworks.panel import NEVER, Panel

pytestmark = pytest.mark.filterwarnings("ignore:Precision loss:RuntimeWarning")


def block(p):
    return did.block(p, inference=ClusterRobust())


def by_hand():
    """Two treated and three comparison units, eight periods before the start and two after; run-up of two."""
    outcome = np.full((5, 10), 10.0)
    outcome[0, 6:8] += 5
    outcome[1, 6:8] += 3
    outcome[2, 6:8] += 1
    outcome[3, 6:8] -= 1
    outcome[4, 0:6] += 3
    start = np.where(np.arange(5) < 2, 8, NEVER)
    return Panel(tuple("stabc"), np.arange(10), "integer", outcome, start)


def noise(rng, n, t, rho):
    """(n, t) stationary first-order noise with unit variance."""
    u = rng.normal(size=(n, t))
    for j in range(1, t):
        u[:, j] = rho * u[:, j - 1] + np.sqrt(1 - rho**2) * u[:, j]
    return u


def simulated(seed, *, rho=0.5, n=60, t=40, start=30, chosen=20, on=None, periods=6, effect=0.0):
    """A panel without effect unless said; the treated drawn, or those with the highest run-up or rise."""
    rng = np.random.default_rng(seed)
    u = noise(rng, n, t, rho)
    run, earlier = u[:, start - periods : start].mean(axis=1), u[:, : start - periods].mean(axis=1)
    score = {"level": run, "rise": run - earlier, None: rng.random(n)}[on]
    treated = score >= np.sort(score)[-chosen]
    outcome = 20 + 10 * rng.random((n, 1)) + np.sin(np.arange(t)) + u
    outcome += effect * (treated[:, None] & (np.arange(t) >= start))
    names = tuple(f"u{i:02d}" for i in range(n))
    return Panel(names, np.arange(t), "integer", outcome, np.where(treated, start, NEVER))


def test_the_peak_worked_by_hand():
    found = peaks.find_peak(by_hand(), 2, ratio=False)
    assert found.size.value == pytest.approx(4 - (1 - 1 - 3) / 3)
    np.testing.assert_allclose(found.contrast, [5, 3, 1, -1, -3])


def test_the_peak_of_a_staggered_design_averages_its_cohorts():
    outcome = np.zeros((5, 10))
    outcome[0, 5], outcome[1, 7], outcome[2, 5], outcome[3, 7], outcome[3, 8] = 4, 6, 1, 2, 99
    start = np.array([6, 8, NEVER, NEVER, NEVER])
    panel = Panel(tuple("stabc"), np.arange(10), "integer", outcome, start)
    # first cohort: 4 less the mean of 1, 0, 0; second: 6 less the mean of −1/7, 2, 0
    first, second = 4 - 1 / 3, 6 - (2 - 1 / 7) / 3
    assert peaks.find_peak(panel, 1, ratio=False).size.value == pytest.approx((first + second) / 2)


def test_the_peak_of_effects_that_multiply_is_a_share():
    outcome = np.array([[10, 10, 20, 5], [30, 30, 20, 5], [8, 8, 10, 5], [32, 32, 34, 5]], dtype=float)
    panel = Panel(tuple("stab"), np.arange(4), "integer", outcome, np.array([3, 3, NEVER, NEVER]))
    assert peaks.find_peak(panel, 1, ratio=True).size.value == pytest.approx(40 / 40 - 44 / 40)
    doubled = replace(panel, outcome=2 * outcome, exposure=np.full((4, 4), 7.0))
    assert peaks.find_peak(doubled, 1, ratio=True).size.value == pytest.approx(40 / 40 - 44 / 40)


@pytest.mark.parametrize("rho", [0.0, 0.3, 0.7])
def test_the_correlation_is_found_though_means_are_taken_out(rho):
    values = [
        peaks.persistence(simulated(seed, rho=rho, n=60, t=30, start=20), ratio=False) for seed in range(30)
    ]
    spread = np.std(values) / np.sqrt(len(values))
    assert abs(np.mean(values) - rho) < 4 * spread + 0.02 * (rho == 0)  # nothing below 0 is looked for


def test_without_correlation_the_block_baseline_carries_its_share_of_the_run_up():
    panel = by_hand()
    peak = peaks.find_peak(panel, 2, ratio=False)
    freed = peaks.freed(panel, peak, 0.0, "level")
    np.testing.assert_allclose((panel.outcome - freed.outcome)[0], [0, 0, 0, 0, 0, 0, 5, 5, 0, 0])
    np.testing.assert_array_equal(freed.outcome[2:], panel.outcome[2:])
    # two of eight periods of the baseline stood 5 too high
    gone = block(panel).headline.value - block(freed).headline.value
    assert gone == pytest.approx(-5 * 2 / 8)
    # chosen on the rise, the earlier periods were as much too low: the baseline is right
    rise = peaks.freed(panel, peak, 0.0, "rise")
    assert block(panel).headline.value - block(rise).headline.value == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose((panel.outcome - rise.outcome)[0], [-5 / 4] * 6 + [15 / 4] * 2 + [0, 0])


def test_a_baseline_of_one_period_carries_all_of_it():
    panel = by_hand()
    peak = peaks.find_peak(panel, 1, ratio=False)
    freed = peaks.freed(panel, peak, 0.0, "level")
    gone = did.att_gt(panel).headline.value - did.att_gt(freed).headline.value
    assert gone == pytest.approx(-peak.size.value)


@pytest.mark.parametrize("on", ["level", "rise"])
def test_the_expected_deviations_are_those_of_simulated_choices(on):
    rho, t, start, periods = 0.6, 12, 9, 3
    u = noise(np.random.default_rng(7), 200_000, t, rho)
    run, earlier = u[:, start - periods : start].mean(axis=1), u[:, : start - periods].mean(axis=1)
    score = run if on == "level" else run - earlier
    left = u[score > np.quantile(score, 0.8)].mean(axis=0)
    shown = left[start - periods : start].mean() - left[: start - periods].mean()
    outcome = np.zeros((4, t))
    outcome[:2, start - periods : start] = shown
    panel = Panel(tuple("stab"), np.arange(t), "integer", outcome, np.array([start, start, NEVER, NEVER]))
    freed = peaks.freed(panel, peaks.find_peak(panel, periods, ratio=False), rho, on)
    np.testing.assert_allclose((panel.outcome - freed.outcome)[0], left, atol=0.015)


def test_effects_that_multiply_are_freed_by_division():
    counts = np.full((4, 8), 100.0)
    counts[:, 4:6] = [[140], [160], [95], [105]]
    panel = Panel(tuple("stab"), np.arange(8), "integer", counts, np.array([6, 6, NEVER, NEVER]))
    freed = peaks.freed(panel, peaks.find_peak(panel, 2, ratio=True), 0.0, "level")
    np.testing.assert_allclose(freed.outcome[:, 4:6].T, [[140 / 1.5, 160 / 1.5, 95, 105]] * 2)
    assert did.poisson(freed, inference=ClusterRobust()).headline.value == pytest.approx(1, rel=1e-6)
    found = regression_to_the_mean(panel, lambda p: did.poisson(p, inference=ClusterRobust()), run_up=2)
    assert found.table["estimate"][1] == pytest.approx(6 / 7, rel=1e-6)  # 100 over (400 + 300) / 6
    assert found.table["estimate"][3] == pytest.approx(1, rel=1e-6)
    assert "50% above" in found.reason


SHORT = {"start": 10, "periods": 5, "rho": 0.3}
"""Half of a short time before the start was the run-up, so that the baseline carries much of it."""


@pytest.fixture(scope="module")
def chosen():
    """What is found on 40 panels whose treated were chosen on a peak, without any effect."""
    panels = (simulated(seed, on="level", **SHORT) for seed in range(40))
    return [regression_to_the_mean(panel, toy.estimate, run_up=5) for panel in panels]


def test_it_speaks_up_when_the_treated_were_chosen_on_a_peak(chosen):
    verdicts = [found.verdict for found in chosen]
    assert verdicts.count("pass") == 0
    assert verdicts.count("fail") >= 20


def test_the_part_expected_is_what_the_estimate_is_off_by(chosen):
    off, freed, without = np.array([found.table["estimate"].to_numpy()[1:4] for found in chosen]).T
    error = np.std(freed) / np.sqrt(len(chosen))
    assert off.mean() < -8 * error
    assert abs(freed.mean()) < 3 * error
    assert abs(without.mean()) < abs(off.mean()) / 2


def test_it_is_seldom_heard_when_they_were_drawn():
    panels = [simulated(seed, **SHORT) for seed in range(60)]
    verdicts = [regression_to_the_mean(panel, toy.estimate, run_up=5).verdict for panel in panels]
    assert verdicts.count("fail") <= 1
    assert (
        52 <= verdicts.count("not_informative") < 60
    )  # 57 of 60 are expected; no effect is there to support


def test_it_passes_only_where_a_peak_that_explains_half_would_have_been_seen():
    weak, strong = (
        regression_to_the_mean(simulated(3, effect=effect, **SHORT), toy.estimate, run_up=5)
        for effect in (-0.5, -40.0)
    )
    assert (weak.verdict, strong.verdict) == ("not_informative", "pass")
    assert strong.would_have_seen == pytest.approx(weak.would_have_seen)


def test_an_effect_beyond_the_peak_is_a_concern_and_says_how_much_would_pass():
    found = regression_to_the_mean(simulated(1, on="level", effect=-5), block, run_up=6)
    assert found.verdict == "concern"
    assert "in the 6 periods before the start they stood" in found.reason
    assert "above their earlier mean" in found.reason
    assert "regression to the mean alone would give -0." in found.reason
    assert "against the 20 comparison units" in found.reason
    assert found.would_change_if == "the run-up gave a p of 0.05 or more"


def test_a_dip_is_found_as_well():
    panel = simulated(1, on="level")
    mirrored = panel.with_outcome(50 - panel.outcome)
    found = regression_to_the_mean(mirrored, block, run_up=6)
    assert found.verdict in ("concern", "fail")
    assert "below their earlier mean" in found.reason


def test_the_run_up_left_out_is_the_data_without_it():
    panel = by_hand()
    found = regression_to_the_mean(panel, block, run_up=2)
    keep = np.r_[0:6, 8:10]
    bare = replace(
        panel,
        outcome=panel.outcome[:, keep],
        periods=np.arange(8),
        start=panel.start - 2 * (panel.start < 99),
    )
    assert found.table["estimate"][3] == pytest.approx(block(bare).headline.value)
    closed = peaks.without_run_up(panel, 2)
    assert closed.periods.tolist() == list(range(2, 10))
    np.testing.assert_array_equal(closed.outcome, bare.outcome)


def test_the_like_peaks_are_the_closest():
    panel = by_hand()
    found = regression_to_the_mean(panel, block, run_up=2)
    assert found.table["estimate"][4] == pytest.approx(block(panel.select([0, 1, 2, 3])).headline.value)
    assert found.table["what"][4] == "against 2 units with a run-up 1 above the others'"


def test_the_run_up_is_a_quarter_of_the_time_before():
    found = regression_to_the_mean(simulated(3), block)
    assert "in the 7 periods before the start" in found.reason  # 30 periods
    with pytest.raises(OptionError, match="run_up=29 is not a whole number from 1 to 28"):
        regression_to_the_mean(simulated(3), block, run_up=29)
    with pytest.raises(OptionError, match="run_up=True"):
        regression_to_the_mean(simulated(3), block, run_up=True)
    with pytest.raises(OptionError, match="chosen_on='peak'"):
        regression_to_the_mean(simulated(3), block, chosen_on="peak")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda p: p.select(range(1, 5)), "1 treated and 3 comparison units"),
        (lambda p: p.select([0, 1, 2]), "2 treated and 1 comparison units"),
        (lambda p: p.select(range(2, 5)), "There is no estimate"),
        (lambda p: p.select([0, 1]), "There is no estimate"),
        (lambda p: p.select([0, 2]), "1 treated and 1 comparison units"),
        (lambda p: p.with_start(np.where(p.start == 8, 0, NEVER)), "There is no estimate"),
        (lambda p: p.window(5), "Only 3 periods come before a start"),
    ],
    ids=[
        "one treated",
        "one comparison",
        "none treated",
        "all treated",
        "two units",
        "none before",
        "few before",
    ],
)
def test_it_says_when_it_cannot(make, words):
    found = regression_to_the_mean(make(by_hand()), toy.estimate)
    assert found.verdict == "not_applicable"
    assert words in found.reason


def test_a_short_window_tests_the_peak_but_cannot_reckon():
    found = regression_to_the_mean(by_hand().window(3), toy.estimate)
    assert found.verdict in ("not_informative", "concern")
    assert "cannot be reckoned: 3 complete comparison units over 7 periods" in found.reason


@pytest.mark.parametrize(
    "estimate",
    [lambda p: did.aggregate(did.att_gt(p), by="overall"), did.imputation],
    ids=["att_gt", "imputation"],
)
def test_staggered_methods_can_be_asked(estimate):
    panel = replace(toy.panel(units=12, months=30), cluster=None, cluster_labels=())
    start = panel.start + np.where(panel.start == NEVER, 0, np.arange(12) % 2 * 2)
    found = regression_to_the_mean(panel.with_start(start), estimate)
    assert found.verdict in ("pass", "concern", "fail")
    assert found.table["estimate"].notna().all()
