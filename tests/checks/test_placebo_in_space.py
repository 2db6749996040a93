"""Placebo in space: ranks worked by hand, sets of the treated number, what few untreated places can say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import toy

from whatworks import did
from whatworks.checks import placebo_in_space
from whatworks.errors import OptionError
from whatworks.inference import ClusterRobust
from whatworks.panel import NEVER, Panel

pytestmark = pytest.mark.filterwarnings("ignore:Precision loss:RuntimeWarning")


def two_periods(treated, untreated, cluster=None):
    """Units that change by these numbers from period 0 to period 1, the first ones treated in period 1."""
    change = np.array([*treated, *untreated], dtype=float)
    start = np.where(np.arange(len(change)) < len(treated), 1, NEVER)
    names = tuple(f"u{i}" for i in range(len(change)))
    codes = None if cluster is None else np.asarray(cluster)
    labels = () if cluster is None else tuple(f"c{i}" for i in range(max(cluster) + 1))
    outcome = np.stack([np.full(len(change), 5.0), 5.0 + change], axis=1)
    return Panel(names, np.array([0, 1]), "integer", outcome, start, codes, labels)


def sure_of(panel, low, high):
    """The toy estimator, with this interval on the whole panel."""

    def estimate(p):
        found = toy.estimate(p)
        return replace(found, headline=replace(found.headline, low=low, high=high)) if p is panel else found

    return estimate


def test_the_rank_of_one_treated_unit_worked_by_hand():
    # placebos: 1 − 11/3, 2 − 10/3, 3 − 3, 6 − 2; the truth: 10 − 3
    found = placebo_in_space(two_periods([10], [1, 2, 3, 6]), toy.estimate)
    assert dict(zip(found.table["treated as if"], found.table["estimate"], strict=True)) == pytest.approx(
        {"the truly treated": 7, "u4": 4, "u1": -8 / 3, "u2": -4 / 3, "u3": 0}
    )
    assert found.table["rank"].tolist() == [1, 2, 3, 4, 5]
    assert found.verdict == "not_applicable"
    assert "0 of 4 pretended effects" in found.reason
    assert "p = 0.2; the smallest p that this many can give is 0.2" in found.reason
    assert found.would_change_if == "there were more untreated units"


def test_an_estimate_in_the_middle_is_a_concern_however_few_there_are():
    found = placebo_in_space(two_periods([6.5], [1, 2, 3, 6]), toy.estimate)  # 3.5 against 4
    assert found.verdict == "concern"
    assert "1 of 4 pretended effects" in found.reason
    assert "p = 0.4" in found.reason


def test_enough_untreated_units_let_it_pass():
    found = placebo_in_space(two_periods([99], range(25)), toy.estimate)
    assert found.verdict == "pass"
    assert "p = 0.038" in found.reason
    assert len(found.table) == 21  # the true one and the largest twenty
    assert not {"u11", "u12", "u13", "u14", "u15"} & set(found.table["treated as if"])  # nearest to the mean


def test_the_true_estimate_takes_its_place_among_the_largest():
    found = placebo_in_space(two_periods([18], range(25)), toy.estimate)  # 6 from the mean of 0..24
    assert found.table.set_index("treated as if")["rank"]["the truly treated"] == 15
    assert found.table["rank"].is_monotonic_increasing


def test_as_many_are_pretended_as_were_treated_and_the_treated_are_left_out():
    panel = two_periods([4, 5], [1, 2, 3, 6, 8])
    seen = []

    def spy(p):
        seen.append((p.units, tuple(np.flatnonzero(p.treated[:, 1]))))
        return toy.estimate(p)

    found = placebo_in_space(panel, spy)
    assert seen[0][0] == panel.units
    assert {units for units, _ in seen[1:]} == {("u2", "u3", "u4", "u5", "u6")}
    pairs = [chosen for _, chosen in seen[1:]]
    assert len(pairs) == len(set(pairs)) == 10
    assert {len(pair) for pair in pairs} == {2}
    assert "all 10 sets" in found.reason


def test_half_are_pretended_where_too_few_stay_untreated():
    found = placebo_in_space(two_periods([4, 5, 6], [1, 2, 3, 6]), toy.estimate)
    assert "2 of the 4 untreated units at a time; all 6 sets" in found.reason
    assert "3 treated and only 4 untreated units" in found.reason


@pytest.mark.parametrize("seed", range(4))
def test_rounding_does_not_decide_which_of_two_mirror_images_comes_first(seed):
    panel, dust = two_periods([9, 9], [1, 2, 3.5, 6]), np.random.default_rng(seed)

    def dusty(p):
        found = toy.estimate(p)
        value = found.headline.value * (1 + dust.uniform(-1e-14, 1e-14))
        return replace(found, headline=replace(found.headline, value=value))

    plain, dusted = placebo_in_space(panel, toy.estimate).table, placebo_in_space(panel, dusty).table
    assert dusted["treated as if"].tolist() == plain["treated as if"].tolist()


def test_starts_of_a_staggered_design_are_dealt_out():
    panel = toy.panel()
    start = np.where(
        np.arange(16) < 2, panel.start[0], np.where(np.arange(16) < 3, panel.start[0] + 2, NEVER)
    )
    seen = []

    def spy(p):
        seen.append(sorted(p.start[p.start != NEVER] - panel.start[0]))
        return toy.estimate(p)

    bare = replace(panel.with_start(start), cluster=None, cluster_labels=())
    found = placebo_in_space(bare, spy, draws=120)
    assert seen == [[0, 0, 2]] * 121
    assert "120 drawn of 858 sets" in found.reason  # 13 choose 3, times 3 ways to deal the late start


def test_whole_clusters_are_pretended_where_whole_clusters_were_treated():
    panel = two_periods([9, 9], [1, 1, 2, 2, 3, 3, 6, 6], cluster=[0, 0, 1, 1, 2, 2, 3, 3, 4, 4])
    found = placebo_in_space(panel, toy.estimate)
    by_name = dict(zip(found.table["treated as if"], found.table["estimate"], strict=True))
    assert by_name == pytest.approx({"the truly treated": 6, "c4": 4, "c1": -8 / 3, "c2": -4 / 3, "c3": 0})
    mixed = two_periods([9, 9], [1, 1, 2, 2, 3, 3, 6, 6], cluster=[0, 1, 1, 0, 2, 2, 3, 3, 4, 4])
    assert "2 of the 8 untreated units" in placebo_in_space(mixed, toy.estimate).reason


def test_an_effect_that_is_common_where_nothing_happened_fails():
    panel = two_periods([4, 5], [1, 9, 2, 8, 3, 7])
    assert placebo_in_space(panel, sure_of(panel, -0.9, -0.1)).verdict == "fail"
    honest = placebo_in_space(panel, sure_of(panel, -5.0, 5.0))
    assert honest.verdict == "not_informative"
    assert "claims no effect" in honest.reason
    panel = two_periods([8, 8], [1, 9, 2, 8, 3, 7])
    between = placebo_in_space(panel, sure_of(panel, 1.0, 5.0))
    assert between.verdict == "concern"
    assert "does not stand out" in between.reason


def test_the_same_seed_draws_the_same_sets():
    panel = two_periods([4, 5, 6, 7], np.arange(14) ** 1.5)
    first, again = (placebo_in_space(panel, toy.estimate, draws=99, seed=3) for _ in range(2))
    other = placebo_in_space(panel, toy.estimate, draws=99, seed=4)
    assert first.reason == again.reason
    assert first.table.equals(again.table)
    assert first.reason != other.reason
    assert "99 drawn of 1,001 sets" in first.reason


@pytest.mark.parametrize(
    ("panel", "words"),
    [
        (two_periods([], [1, 2, 3]), "nobody to compare with"),
        (two_periods([1, 2, 3], []), "nobody to compare with"),
        (two_periods([1], [2]), "1 unit stays untreated"),
        (two_periods([1, 2], [3, 4]).with_start(np.array([0, 0, NEVER, NEVER])), "nobody to compare with"),
    ],
    ids=["none treated", "all treated", "two units", "no period before"],
)
def test_it_says_when_it_cannot(panel, words):
    found = placebo_in_space(panel, toy.estimate)
    assert found.verdict == "not_applicable"
    assert words in found.reason


def test_a_set_without_an_estimate_is_counted():
    def picky(p):
        if p.n_units == 4 and p.treated[3, 1]:
            return toy.estimate(p.select([3]))
        return toy.estimate(p)

    found = placebo_in_space(two_periods([10], [1, 2, 3, 6]), picky)
    assert "1 set gave no estimate" in found.reason
    assert "of 3 pretended effects" in found.reason


def test_too_few_draws_are_refused():
    with pytest.raises(OptionError, match="draws=10"):
        placebo_in_space(two_periods([10], [1, 2, 3, 6]), toy.estimate, draws=10)


def test_a_rate_ratio_is_ranked_by_its_log():
    counts = np.array([[100, 50], [100, 190], [100, 100], [100, 100]])
    panel = Panel(("a", "b", "c", "d"), np.array([0, 1]), "integer", counts, np.array([1, *[NEVER] * 3]))
    found = placebo_in_space(panel, did.poisson)
    by_name = dict(zip(found.table["treated as if"], found.table["estimate"], strict=True))
    assert by_name == pytest.approx(
        {"the truly treated": 0.5 / 1.3, "b": 1.9, "c": 1 / 1.45, "d": 1 / 1.45}, rel=1e-6
    )
    assert found.table["rank"].tolist() == [1, 2, 3, 3]  # log 1.9 is less than −log(0.5 / 1.3)


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
    panel = replace(toy.panel(units=12, months=30), cluster=None, cluster_labels=()).select(range(4, 12))
    found = placebo_in_space(panel, estimate)
    assert found.verdict == "not_applicable", found.reason
    assert "0 of 15 pretended effects" in found.reason  # 6 choose 2: p is 1/16 at best
    pool = panel.select([2, 3, 4, 5, 6, 7])
    start = np.where(np.arange(6) < 2, panel.start[0], NEVER)
    row = found.table[found.table["treated as if"] == "u06, u07"]
    assert row["estimate"].item() == pytest.approx(estimate(pool.with_start(start)).headline.value)


def test_more_sets_than_anybody_reads_are_more_than_a_billion():
    many = two_periods([5.0] * 20, np.arange(40) % 7)  # 40 choose 20 is 137,846,528,820
    assert "99 drawn of more than a billion sets" in placebo_in_space(many, toy.estimate, draws=99).reason
    fewer = two_periods([5.0] * 6, np.arange(30) % 7)  # 30 choose 6
    assert "99 drawn of 593,775 sets" in placebo_in_space(fewer, toy.estimate, draws=99).reason
