"""Alternative comparison group: every rule worked by hand, and verdicts on made-up intervals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import toy
from scipy.stats import norm

from whatworks import did
from whatworks.checks import alternative_comparison
from whatworks.errors import OptionError
from whatworks.inference import ClusterRobust
from whatworks.panel import NEVER, Panel

pytestmark = pytest.mark.filterwarnings("ignore:Precision loss:RuntimeWarning")


def small(treated_change=-10.0):
    """Two treated and six untreated units over four periods, the last of them after the start.

    Before: level and slope of the treated 20 and 0; of the others as listed, with their change after.
    """
    level = np.array([19, 21, 22, 25, 40, 50, 60, 17.0])
    slope = np.array([-1, 1, 5, 4, 0.5, -0.5, 1.5, 9.0])
    change = np.array([treated_change - 1, treated_change + 1, 1, 2, 4, 8, 16, 32.0])
    before = level[:, None] + slope[:, None] * np.array([-1, 0, 1])
    outcome = np.concatenate([before, (level + change)[:, None]], axis=1)
    names = ("t1", "t2", "a", "b", "c", "d", "e", "f")
    return Panel(names, np.arange(4), "integer", outcome, np.where(np.arange(8) < 2, 3, NEVER))


def rows(found, column="estimate"):
    return dict(zip(found.table["rule"], found.table[column], strict=True))


def test_the_closest_halves_worked_by_hand():
    found = alternative_comparison(small(), toy.estimate)
    assert rows(found)["closest half by level"] == pytest.approx(-10 - (1 + 2 + 32) / 3)  # a, b, f
    assert rows(found)["closest half by trend"] == pytest.approx(-10 - (4 + 8 + 16) / 3)  # c, d, e
    assert rows(found, "comparison units")["closest half by level"] == 3
    assert rows(found, "beside")["closest half by level"] == pytest.approx(-10 - 63 / 6)
    change = rows(found, "change")["closest half by level"]
    assert change == pytest.approx(63 / 6 - 35 / 3)
    error = toy.estimate(small()).headline.std_error
    assert rows(found, "in errors")["closest half by level"] == pytest.approx(change / error)


def test_neighbours_are_left_out_where_borders_are_known():
    found = alternative_comparison(small(), toy.estimate, neighbours={"t1": ["f"], "t2": ["e"]})
    assert rows(found)["neighbours left out"] == pytest.approx(-10 - (1 + 2 + 4 + 8) / 4)
    unknown = alternative_comparison(small(), toy.estimate)
    assert np.isnan(rows(unknown)["neighbours left out"])
    assert "Give `neighbours`" in rows(unknown, "reason")["neighbours left out"]
    none = alternative_comparison(small(), toy.estimate, neighbours={"t1": [], "t2": ["t1"]})
    assert rows(none, "reason")["neighbours left out"] == "no comparison unit is a neighbour"
    with pytest.raises(OptionError, match="these treated units: t1, t2"):
        alternative_comparison(small(), toy.estimate, neighbours={"a": ["b"]})


def test_level_and_trend_end_before_anticipated_effects():
    panel = small()
    outcome = panel.outcome.copy()
    outcome[0:2, 2] += 500  # anticipation moves level and trend of the treated
    moved = panel.with_outcome(outcome)
    seen = rows(alternative_comparison(moved, toy.estimate, anticipation=1), "comparison units")
    assert seen["closest half by level"] == 3
    found = alternative_comparison(moved, toy.estimate, anticipation=1)
    without = moved.select([0, 1, 2, 3, 7])
    assert rows(found)["closest half by level"] == pytest.approx(toy.estimate(without).headline.value)
    assert "2 periods before the first start are too few" in rows(found, "reason")["closest half by trend"]


def staggered(later=False):
    """Four cohorts of two and four never treated; with `later`, the last cohort starts after the window."""
    rng = np.random.default_rng(5)
    start = np.repeat([6, 8, 10, NEVER, NEVER] if not later else [6, 8, 14, NEVER, NEVER], 2)
    names = tuple(f"u{i}" for i in range(10))
    outcome = rng.normal(20, 1, (10, 12)) - 3.0 * (np.arange(12)[None, :] >= start[:, None])
    return Panel(names, np.arange(12), "integer", outcome, start)


def test_never_treated_only_is_each_cohort_against_the_never_treated():
    panel = staggered()
    found = alternative_comparison(panel, did.imputation)
    parts = [
        did.imputation(panel.select(np.isin(panel.start, [g, NEVER]))).headline.value for g in (6, 8, 10)
    ]
    assert rows(found)["never treated only"] == pytest.approx(np.average(parts, weights=[6, 4, 2]))
    assert rows(found, "beside")["never treated only"] == did.imputation(panel).headline.value
    assert rows(found, "reason")["never treated only"] == "an average over cohorts; no error is formed"
    assert rows(found, "comparison units")["never treated only"] == 4


def test_not_yet_treated_only_ends_before_the_last_start():
    panel = staggered()
    found = alternative_comparison(panel, did.imputation)
    cut = panel.window(0, 9)
    cut = cut.with_start(np.where(cut.start == 10, NEVER, cut.start))
    alone = did.imputation(cut.select(range(6))).headline.value
    assert rows(found)["not yet treated only"] == pytest.approx(alone)
    assert rows(found, "beside")["not yet treated only"] == pytest.approx(did.imputation(cut).headline.value)
    assert rows(found, "comparison units")["not yet treated only"] == 2


def test_units_treated_after_the_window_are_the_not_yet_treated():
    panel = staggered(later=True)
    found = alternative_comparison(panel, did.imputation)
    alone = did.imputation(panel.select(range(6))).headline.value
    assert rows(found)["not yet treated only"] == pytest.approx(alone)
    assert rows(found, "beside")["not yet treated only"] == did.imputation(panel).headline.value
    assert rows(found, "comparison units")["not yet treated only"] == 2
    assert rows(found, "comparison units")["never treated only"] == 4


def test_one_date_and_nobody_later_has_no_rules_of_timing():
    assert not {"never treated only", "not yet treated only"} & set(
        alternative_comparison(small(), toy.estimate).table["rule"]
    )
    everyone = staggered().select(range(6))
    assert "never treated only" not in set(alternative_comparison(everyone, did.imputation).table["rule"])


def with_ends(whole, rule, parted):
    """The toy estimator with half-widths on the whole panel and on rules, and a p of the units left out."""

    def estimate(p):
        found = toy.estimate(p)
        width = whole if p.n_units == 8 else rule
        value = found.headline.value
        ends = replace(found.headline, low=value - width, high=value + width, std_error=width / 2)
        apart = p.n_units == 6  # nobody truly treated is there
        return replace(found, headline=replace(ends, p_value=parted) if apart else ends)

    return estimate


MOVES = [
    (-10.0, 3.0, 1.0, "pass", "None changes the answer"),  # moves by 1.2, less than one error
    (-10.0, 1.0, 1.5, "concern", "“closest half by level”: outside the interval"),
    (11.0, 0.4, 0.1, "fail", "“closest half by level”: the sign turns"),  # 0.5 becomes −0.67
    (9.0, 1.4, 1.0, "concern", "“closest half by trend”: no longer shows an effect"),  # −1.5 becomes −0.33
    (
        8.0,
        2.4,
        4.0,
        "not_informative",
        "hide more than half",
    ),  # −2.5 ± 2.4 becomes −3.7 ± 4: within an error
    (8.7, 1.9, 4.0, "concern", "another size"),  # −1.8 becomes −2.97 ± 4
    (10.2, 1.0, 1.0, "concern", "shows an effect now"),  # −0.3 ± 1 becomes −1.47 ± 1
]


@pytest.mark.parametrize(("change", "whole", "rule", "verdict", "words"), MOVES)
def test_verdicts_where_the_units_left_out_part_from_those_kept(change, whole, rule, verdict, words):
    found = alternative_comparison(small(change), with_ends(whole, rule, 0.024))
    assert found.verdict == verdict, (found.reason, found.table.to_string())
    assert words in found.reason
    assert rows(found, "p, left out")["closest half by level"] == pytest.approx(0.048)


@pytest.mark.parametrize("move", MOVES)
def test_a_move_alone_is_noise_and_two_rules_are_two_looks(move):
    found = alternative_comparison(small(move[0]), with_ends(*move[1:3], 0.026))
    assert found.verdict in ("pass", "not_informative")
    assert "by more than its own noise" in found.reason


def test_it_passes_only_where_half_of_the_effect_would_have_been_seen():
    """Half of 6 comparison units left out: they would have been seen to part by 1.43 (0.51 * 2.8)."""
    panel = small(-10.0)
    found = alternative_comparison(panel, with_ends(3.0, 1.0, 0.9))
    error = 1.0 / norm.ppf(0.975)
    least = 0.5 * error * (norm.ppf(0.975) + norm.ppf(0.8))
    assert rows(found, "would have seen")["closest half by level"] == pytest.approx(max(least, 1.5))
    assert found.would_have_seen == pytest.approx(max(least, 1.5))
    assert found.verdict == "pass"
    weak = alternative_comparison(panel, with_ends(3.0, 40.0, 0.9))
    assert weak.would_have_seen == pytest.approx(40 * least)
    assert weak.verdict == "not_informative"


def test_the_units_left_out_are_set_against_those_kept():
    panel, seen = small(), []

    def spy(p):
        seen.append({u: int(s) for u, s in zip(p.units, p.start, strict=True) if s != NEVER})
        return toy.estimate(p)

    alternative_comparison(panel, spy)
    assert [marked for marked in seen if "t1" not in marked] == [
        {"c": 3, "d": 3, "e": 3},
        {"a": 3, "b": 3, "f": 3},
    ]


def test_a_single_unit_beyond_the_neighbours_is_no_comparison():
    borders = {"t1": list("abcde"), "t2": []}
    found = alternative_comparison(small(), toy.estimate, neighbours=borders)
    assert rows(found, "reason")["neighbours left out"] == "1 of 6 comparison units would be left"


def test_effects_that_multiply_are_compared_by_logs_and_trends_by_shares():
    level = np.array([100, 100, 10, 20, 1000, 2000, 10, 20.0])
    share = np.array([0.1, 0.1, 0.1, 0.1, 0.1, 0.0, 0.0, 0.0])
    change = np.array([0.5, 0.5, 1, 1, 1, 2, 2, 2.0])
    before = level[:, None] * (1 + share[:, None] * np.array([-1, 0, 1]))
    outcome = np.concatenate([before, (level * change)[:, None]], axis=1)
    panel = Panel(tuple("stabcdef"), np.arange(4), "integer", outcome, np.where(np.arange(8) < 2, 3, NEVER))
    found = alternative_comparison(panel, lambda p: did.poisson(p, inference=ClusterRobust()))
    assert rows(found)["closest half by trend"] == pytest.approx(0.5, rel=1e-6)
    beside = rows(found, "beside")["closest half by trend"]
    assert rows(found, "change")["closest half by trend"] == pytest.approx(np.log(0.5 / beside))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda p: p.select(range(1, 8)), "no interval to judge that by"),
        (lambda p: p.select(range(2, 8)), "There is no estimate"),
        (lambda p: p.select([0, 1]), "There is no estimate"),
        (lambda p: p.select([0, 2]), "No other comparison group can be formed"),
        (lambda p: p.with_start(np.where(p.start == 3, 0, NEVER)), "There is no estimate"),
    ],
    ids=["one treated", "none treated", "all treated", "two units", "no period before"],
)
def test_it_says_when_it_cannot(make, words):
    found = alternative_comparison(make(small()), toy.estimate)
    assert found.verdict == "not_applicable"
    assert words in found.reason


@pytest.mark.parametrize(
    "estimate",
    [
        lambda p: did.block(p, inference=ClusterRobust()),
        lambda p: did.aggregate(did.att_gt(p), by="overall"),
        did.imputation,
    ],
    ids=["block", "att_gt", "imputation"],
)
def test_every_method_can_be_asked(estimate):
    panel = replace(toy.panel(units=12, months=30), cluster=None, cluster_labels=())
    found = alternative_comparison(panel, estimate)
    assert found.verdict in ("pass", "concern")
    assert rows(found, "reason")["closest half by level"] == ""
    assert rows(found, "reason")["closest half by trend"] == ""
